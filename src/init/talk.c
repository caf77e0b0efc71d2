/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* talk -- the container side of plan/talk.h: one record, at most one descriptor. */
#include "stage.h"

#include <sys/socket.h>
#include <sys/uio.h>

union fd_message {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int talk_send(int sock, const struct talk_record *r, int fd)
{
	struct iovec iov = { .iov_base = (void *)r, .iov_len = sizeof(*r) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_message control = { 0 };

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	ssize_t n;

	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int talk_receive(int sock, struct talk_record *r, int *fd)
{
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };
	union fd_message control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(fd, CMSG_DATA(c), sizeof(int));
	if (n != sizeof(*r)) {
		fd_close(fd);
		return -EPROTO;
	}
	return 0;
}

int tell(struct stage *s, enum talk_type type, int fd)
{
	struct talk_record r = { .type = type };
	int e = talk_send(s->talk, &r, fd);

	return e < 0 ? stage_fail(s, WHERE_TALK, 0, e, NULL) : 0;
}

int expect(struct stage *s, enum talk_type type, int *fd)
{
	struct talk_record r;
	int e = talk_receive(s->talk, &r, fd);

	if (e == 0 && r.type != (uint32_t)type) {
		fd_close(fd);
		e = -EPROTO;
	}
	return e < 0 ? stage_fail(s, WHERE_TALK, 0, e, NULL) : 0;
}

void warn_host(struct stage *s, enum talk_where where, int index, int err, const char *detail)
{
	struct talk_record kept = s->failure;

	stage_fail(s, where, index, err, detail);
	s->failure.type = TALK_WARNING;
	talk_send(s->talk, &s->failure, -1); /* a host side that is gone is noticed elsewhere */
	s->failure = kept;
}

int wait_go_on(const struct plan *p, struct stage *s)
{
	if (s->gone_on || !(p->wait_early || p->wait_late))
		return 0;
	int r = expect(s, TALK_GO_ON, &s->state);

	if (r < 0)
		return r;
	s->gone_on = true;
	return 0;
}

static void append(char *to, size_t size, const char *text)
{
	size_t n = strnlen(to, size - 1);

	while (*text && n < size - 1)
		to[n++] = *text++;
	to[n] = '\0';
}

int stage_fail2(struct stage *s, enum talk_where where, long index, int err, const char *first,
		const char *second)
{
	struct talk_record *f = &s->failure;

	f->type = TALK_FAILED;
	f->where = where;
	f->index = (int32_t)index;
	f->err = err < 0 ? -err : err;
	f->detail[0] = '\0';
	if (first)
		append(f->detail, sizeof(f->detail), first);
	if (first && second)
		append(f->detail, sizeof(f->detail), ": ");
	if (second)
		append(f->detail, sizeof(f->detail), second);
	return f->err ? -f->err : -EINVAL;
}

int stage_fail(struct stage *s, enum talk_where where, long index, int err, const char *detail)
{
	return stage_fail2(s, where, index, err, detail, NULL);
}
