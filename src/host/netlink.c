/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/netlink.h"

#include "base/util.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

/* The kernel fills no more of one datagram, whatever it dumps. */
#define ANSWER 32768

struct request {
	struct nlmsghdr head; /* nlmsg_len says how far it is filled */
	union {
		struct ifinfomsg device;
		struct ifaddrmsg address;
	};
	char attributes[512];
};

/* What to do with each message of an answer; a negative result ends it. */
typedef int take(void *arg, const struct nlmsghdr *message);

/* ---- the socket ------------------------------------------------------------------------------ */

static int open_in(int netns)
{
	auto_close int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ours < 0 || setns(netns, CLONE_NEWNET) < 0)
		return -errno;
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r = fd < 0 ? -errno : 0;

	if (setns(ours, CLONE_NEWNET) < 0)
		return -errno;
	return r < 0 ? r : fd_take(&fd);
}

int netlink_open(struct netlink *n, int netns)
{
	const int one = 1;

	*n = (struct netlink){ .fd = -1 };
	n->fd = netns >= 0
			? open_in(netns)
			: (int)nerrno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	if (n->fd < 0)
		return n->fd;
	/* Remarks on failures, and not the failed request over again. Old kernels have neither. */
	setsockopt(n->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(n->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void netlink_close(struct netlink *n)
{
	fd_close(&n->fd);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* The next attribute of those that end at `end`, or NULL. */
static const struct rtattr *next_attribute(const char *at, const char *end)
{
	const struct rtattr *a = (const struct rtattr *)at;

	return end - at >= (ptrdiff_t)sizeof(*a) && a->rta_len >= sizeof(*a) &&
			       a->rta_len <= end - at
		       ? a
		       : NULL;
}

#define FOR_EACH_ATTRIBUTE(a, from, end)                                            \
	for (const struct rtattr *a = next_attribute((const char *)(from), end); a; \
	     a = next_attribute((const char *)a + RTA_ALIGN(a->rta_len), end))

static const char *end_of(const struct nlmsghdr *m)
{
	return (const char *)m + m->nlmsg_len;
}

static struct request request(unsigned short type, unsigned short flags, size_t body)
{
	return (struct request){ .head = { .nlmsg_type = type,
					   .nlmsg_flags = NLM_F_REQUEST | flags,
					   .nlmsg_len = (uint32_t)NLMSG_LENGTH(body) } };
}

static int put(struct request *q, unsigned short type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(q->head.nlmsg_len), end = at + RTA_LENGTH(len);

	if (end > sizeof(*q))
		return -EMSGSIZE;
	struct rtattr *a = (struct rtattr *)((char *)q + at);

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->head.nlmsg_len = (uint32_t)end;
	return 0;
}

static int put_text(struct request *q, unsigned short type, const char *s)
{
	return put(q, type, s, strlen(s) + 1);
}

static int put_u32(struct request *q, unsigned short type, uint32_t v)
{
	return put(q, type, &v, sizeof(v));
}

/* A failure, or that all is well: 0 or -errno. */
static int read_verdict(struct netlink *n, const struct nlmsghdr *m)
{
	const struct nlmsgerr *v = NLMSG_DATA(m);

	if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*v)))
		return -EBADMSG;
	if (m->nlmsg_flags & NLM_F_ACK_TLVS && m->nlmsg_flags & NLM_F_CAPPED)
		FOR_EACH_ATTRIBUTE(a, v + 1, end_of(m))
	if ((a->rta_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
		snprintf(n->said, sizeof(n->said), "%.*s", (int)RTA_PAYLOAD(a),
			 (const char *)RTA_DATA(a));
	return v->error;
}

/* One datagram of an answer. 1: there is more to come. */
static int receive(struct netlink *n, take *message, void *arg)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER];
	ssize_t len;

	do
		len = recv(n->fd, answer, sizeof(answer), MSG_TRUNC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (len > (ssize_t)sizeof(answer))
		return -EMSGSIZE;
	for (struct nlmsghdr *m = (struct nlmsghdr *)answer; NLMSG_OK(m, (size_t)len);
	     m = NLMSG_NEXT(m, len)) {
		if (m->nlmsg_seq != n->sequence)
			continue; /* the rest of an answer that was given up */
		if (m->nlmsg_type == NLMSG_ERROR)
			return read_verdict(n, m);
		if (m->nlmsg_type == NLMSG_DONE)
			return 0;
		if (m->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN;
		int r = message ? message(arg, m) : 0;

		if (r < 0)
			return r;
	}
	return 1;
}

static int ask(struct netlink *n, struct request *q, take *message, void *arg)
{
	int r;

	n->said[0] = '\0';
	q->head.nlmsg_seq = ++n->sequence;
	if (send(n->fd, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	do
		r = receive(n, message, arg);
	while (r > 0);
	return r;
}

/* ---- devices --------------------------------------------------------------------------------- */

static int take_device(void *arg, const struct nlmsghdr *m)
{
	const struct ifinfomsg *device = NLMSG_DATA(m);
	struct netlink_device *out = arg;

	if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof(*device)))
		return -EBADMSG;
	out->index = device->ifi_index;
	out->up = (device->ifi_flags & IFF_UP) != 0;
	FOR_EACH_ATTRIBUTE(a, device + 1, end_of(m))
	{
		if (a->rta_type == IFLA_IFNAME)
			snprintf(out->name, sizeof(out->name), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
		if (a->rta_type == IFLA_MASTER && RTA_PAYLOAD(a) == sizeof(out->master))
			memcpy(&out->master, RTA_DATA(a), sizeof(out->master));
	}
	return 0;
}

int netlink_find(struct netlink *n, const char *name, struct netlink_device *out)
{
	struct request q = request(RTM_GETLINK, NLM_F_ACK, sizeof(q.device));
	int r = put_text(&q, IFLA_IFNAME, name);

	*out = (struct netlink_device){ 0 };
	return r < 0 ? r : ask(n, &q, take_device, out);
}

int netlink_change(struct netlink *n, int index, const struct netlink_change *c)
{
	struct request q = request(RTM_SETLINK, NLM_F_ACK, sizeof(q.device));
	int r = 0;

	q.device.ifi_index = index;
	if (c->up)
		q.device.ifi_flags = q.device.ifi_change = IFF_UP;
	if (c->netns >= 0)
		r = put_u32(&q, IFLA_NET_NS_FD, (uint32_t)c->netns);
	if (r == 0 && c->name)
		r = put_text(&q, IFLA_IFNAME, c->name);
	if (r == 0 && c->master)
		r = put_u32(&q, IFLA_MASTER, (uint32_t)c->master);
	return r < 0 ? r : ask(n, &q, NULL, NULL);
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct addresses {
	int index;
	char *text;
	size_t len;
};

/* The 8 bits of the header are not enough for all flags. */
static uint32_t flags_of(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *address = NLMSG_DATA(m);
	uint32_t flags = address->ifa_flags;

	FOR_EACH_ATTRIBUTE(a, address + 1, end_of(m))
	if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == sizeof(flags))
		memcpy(&flags, RTA_DATA(a), sizeof(flags));
	return flags;
}

static int take_address(void *arg, const struct nlmsghdr *m)
{
	const struct ifaddrmsg *address = NLMSG_DATA(m);
	struct addresses *all = arg;

	if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(*address)))
		return -EBADMSG;
	if ((int)address->ifa_index != all->index || address->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(flags_of(m) & IFA_F_PERMANENT))
		return 0;
	size_t len = NLMSG_ALIGN(m->nlmsg_len);
	char *more = realloc(all->text, all->len + len);

	if (!more)
		return -ENOMEM;
	memset(more + all->len, 0, len);
	memcpy(more + all->len, m, m->nlmsg_len);
	all->text = more;
	all->len += len;
	return 0;
}

int netlink_addresses(struct netlink *n, int index, char **out, size_t *len)
{
	struct request q = request(RTM_GETADDR, NLM_F_DUMP, sizeof(q.address));
	int r;

	/* The kernel says when others changed something in between. They will not do so forever. */
	for (int tries = 0; tries < 100; tries++) {
		struct addresses all = { .index = index };

		r = ask(n, &q, take_address, &all);
		if (r == 0) {
			*out = all.text;
			*len = all.len;
			return 0;
		}
		free(all.text);
		if (r != -EAGAIN)
			break;
	}
	return r;
}

/* "eth0" or "eth0:web", with the new name. One that gets too long is left out: the name is taken. */
static int put_label(struct request *q, const char *label, const char *from, const char *to)
{
	char text[IFNAMSIZ];
	const char *rest = after(label, from);

	if (!rest || (*rest && *rest != ':') ||
	    snprintf(text, sizeof(text), "%s%s", to, rest) >= (int)sizeof(text))
		return 0;
	return put_text(q, IFA_LABEL, text);
}

static int add_address(struct netlink *n, const struct nlmsghdr *saved, int index, const char *from,
		       const char *to)
{
	/* What somebody chose; the others tell what the kernel made of it. */
	const uint32_t chosen = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
				IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
	struct request q =
		request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(q.address));
	uint32_t flags = flags_of(saved) & chosen;
	int r = 0;

	q.address = *(const struct ifaddrmsg *)NLMSG_DATA(saved);
	q.address.ifa_index = (uint32_t)index;
	q.address.ifa_flags = 0;
	/* That nobody else has it was found out where it comes from. The program can use it at once. */
	if (q.address.ifa_family == AF_INET6 && !(flags_of(saved) & IFA_F_TENTATIVE))
		flags |= IFA_F_NODAD;
	FOR_EACH_ATTRIBUTE(a, (const struct ifaddrmsg *)NLMSG_DATA(saved) + 1, end_of(saved))
	{
		if (r < 0)
			break;
		switch (a->rta_type) {
		case IFA_LABEL:
			r = put_label(&q, RTA_DATA(a), from, to);
			break;
		case IFA_ADDRESS:
		case IFA_LOCAL:
		case IFA_BROADCAST:
		case IFA_RT_PRIORITY:
		case IFA_CACHEINFO: /* it may be deprecated */
			r = put(&q, a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
			break;
		default:
			break;
		}
	}
	if (r == 0)
		r = put_u32(&q, IFA_FLAGS, flags);
	return r < 0 ? r : ask(n, &q, NULL, NULL);
}

int netlink_add_addresses(struct netlink *n, const char *addresses, size_t len, int index,
			  const char *from, const char *to)
{
	const char *end = addresses + len;
	int r = 0;

	while (r == 0 && addresses < end) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)addresses;

		r = add_address(n, m, index, from, to);
		addresses += NLMSG_ALIGN(m->nlmsg_len);
	}
	return r;
}
