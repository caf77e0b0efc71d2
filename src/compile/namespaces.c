/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * namespaces -- which are made, which are joined, and what may be asked of the others.
 *
 * Everything that changes a namespace (a host name, a sysctl, a clock) is refused here when the
 * container shares that namespace with the host: it would change the host.
 */
#include "parts.h"

#include "../base/sys.h"

#include <stdio.h>

#define TYPES "user ipc uts network pid cgroup time mount"

/*
 * In the order in which they are joined: the user namespace first, for the rights over the others;
 * the mount namespace last, because it takes away the paths.
 */
/* clang-format off */
static const struct {
	const char *name;
	int flag;
} types[] = {
	{ "user",    CLONE_NEWUSER },
	{ "ipc",     CLONE_NEWIPC },
	{ "uts",     CLONE_NEWUTS },
	{ "network", CLONE_NEWNET },
	{ "pid",     CLONE_NEWPID },
	{ "cgroup",  CLONE_NEWCGROUP },
	{ "time",    CLONE_NEWTIME },
	{ "mount",   CLONE_NEWNS },
};
/* clang-format on */

const struct oci_linux *linux_part(const struct oci_config *c)
{
	static const struct oci_linux nothing;

	return c->linux ? c->linux : &nothing;
}

uint64_t namespaces_new(const struct plan *p)
{
	return p->clone_flags | p->unshare_flags;
}

uint64_t namespaces_joined(const struct plan *p)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < p->n_joins; i++)
		flags |= (uint64_t)p->joins[i].type;
	return flags;
}

uint64_t namespaces_listed(const struct oci_linux *l)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < l->n_namespaces; i++)
		for (size_t k = 0; k < array_len(types); k++)
			if (streq(l->namespaces[i].type, types[k].name))
				flags |= (uint64_t)types[k].flag;
	return flags;
}

const char *namespace_type(int flag)
{
	for (size_t k = 0; k < array_len(types); k++)
		if (types[k].flag == flag)
			return types[k].name;
	return "unknown";
}

static bool have(const struct plan *p, uint64_t flag)
{
	return ((namespaces_new(p) | namespaces_joined(p)) & flag) != 0;
}

/* ---- linux.namespaces ------------------------------------------------------------------------ */

static int type_flag(const struct oci_namespace *ns, size_t i, struct error *e)
{
	char similar[16];

	if (!ns->type || !*ns->type)
		return fail(e, 0, "linux.namespaces[%zu].type: is required", i);
	for (size_t k = 0; k < array_len(types); k++)
		if (streq(ns->type, types[k].name))
			return types[k].flag;
	fail(e, 0, "linux.namespaces[%zu].type: unknown type '%s'", i, ns->type);
	/* The kernel's own names in /proc/PID/ns are what people write most. */
	if (streq(ns->type, "mnt") || streq(ns->type, "net"))
		return hint(e, "did you mean '%s'?", streq(ns->type, "mnt") ? "mount" : "network");
	if (oci_did_you_mean_word(TYPES, ns->type, similar, sizeof(similar)))
		return hint(e, "did you mean '%s'?", similar);
	return hint(e, "the types are: " TYPES);
}

/* Splits the list into flags to make and a table to join, in that table's order. */
static int sort_namespaces(struct arena *a, const struct oci_linux *l, struct plan *p,
			   uint64_t *new_flags, struct error *e)
{
	size_t at[array_len(types)];
	uint64_t seen = 0;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];
		int flag = type_flag(ns, i, e);

		if (flag < 0)
			return flag;
		if (seen & (uint64_t)flag)
			return fail(e, 0, "linux.namespaces[%zu].type: '%s' is given twice", i,
				    ns->type);
		seen |= (uint64_t)flag;
		if (!ns->path || !*ns->path) {
			*new_flags |= (uint64_t)flag;
			continue;
		}
		if (*ns->path != '/') {
			fail(e, 0, "linux.namespaces[%zu].path: '%s' is not an absolute path", i,
			     ns->path);
			return hint(e, "it looks like /proc/PID/ns/%s, or is a bind mount of that",
				    flag == CLONE_NEWNS    ? "mnt"
				    : flag == CLONE_NEWNET ? "net"
							   : ns->type);
		}
		for (size_t k = 0; k < array_len(types); k++)
			if (types[k].flag == flag)
				at[k] = i;
		p->n_joins++;
	}
	if (p->n_joins == 0)
		return 0;

	struct plan_join *joins = arena_new_array(a, struct plan_join, p->n_joins);
	size_t n = 0;

	if (!joins)
		return no_room(e);
	for (size_t k = 0; k < array_len(types); k++)
		if (seen & ~*new_flags & (uint64_t)types[k].flag)
			joins[n++] = (struct plan_join){ .fd = -1,
							 .type = types[k].flag,
							 .path = l->namespaces[at[k]].path,
							 .index = at[k] };
	p->joins = joins;
	return 0;
}

/* Who makes which: clone3(2) at birth, or ocirt-init once it can. */
static void divide(const struct compile_input *in, struct plan *p, uint64_t new_flags)
{
	uint64_t later = CLONE_NEWTIME; /* the offsets come before the first process */

	/* Its root is where its maker is at that moment. */
	if (!in->clone_into_cgroup)
		later |= CLONE_NEWCGROUP;
	/* A namespace belongs to the user namespace in which it is made, and here that one is joined
	 * first. The pid namespace cannot wait: it is for children only. */
	if (namespaces_joined(p) & CLONE_NEWUSER)
		later = ~(uint64_t)CLONE_NEWPID;
	p->clone_flags = new_flags & ~later;
	p->unshare_flags = new_flags & later;
}

/* ---- id mappings ----------------------------------------------------------------------------- */

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

int check_id_mappings(const struct oci_id_mapping *m, size_t n, const char *name, struct error *e)
{
	if (n > 340) {
		fail(e, 0, "%s: %zu ranges, the kernel takes at most 340", name, n);
		return hint(e, "user_namespaces(7)");
	}
	for (size_t i = 0; i < n; i++) {
		if (m[i].size == 0)
			return fail(e, 0, "%s[%zu].size: is 0", name, i);
		/* 2^32 - 1 is "no id" to the kernel and cannot be mapped. */
		if ((uint64_t)m[i].containerID + m[i].size > UINT32_MAX)
			return fail(e, 0,
				    "%s[%zu]: containerID %u and size %u go beyond the last id",
				    name, i, m[i].containerID, m[i].size);
		if ((uint64_t)m[i].hostID + m[i].size > UINT32_MAX)
			return fail(e, 0, "%s[%zu]: hostID %u and size %u go beyond the last id",
				    name, i, m[i].hostID, m[i].size);
		for (size_t k = 0; k < i; k++) {
			if (overlap(m[k].containerID, m[k].size, m[i].containerID, m[i].size))
				return fail(e, 0, "%s: ranges %zu and %zu both map container id %u",
					    name, k, i, MAX(m[k].containerID, m[i].containerID));
			if (overlap(m[k].hostID, m[k].size, m[i].hostID, m[i].size))
				return fail(e, 0, "%s: ranges %zu and %zu both map host id %u",
					    name, k, i, MAX(m[k].hostID, m[i].hostID));
		}
	}
	return 0;
}

bool id_is_mapped(const struct oci_id_mapping *m, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= m[i].containerID && id - m[i].containerID < m[i].size)
			return true;
	return false;
}

static int user_namespace(const struct oci_linux *l, struct plan *p, struct error *e)
{
	p->new_userns = (namespaces_new(p) & CLONE_NEWUSER) != 0;
	p->userns = have(p, CLONE_NEWUSER);
	if (!p->userns && (l->n_uidMappings || l->n_gidMappings)) {
		fail(e, 0, "linux.%s: is given, but there is no user namespace to map into",
		     l->n_uidMappings ? "uidMappings" : "gidMappings");
		return hint(e, "add {\"type\": \"user\"} to linux.namespaces");
	}
	int r = check_id_mappings(l->uidMappings, l->n_uidMappings, "uidMappings", e);

	if (r == 0)
		r = check_id_mappings(l->gidMappings, l->n_gidMappings, "gidMappings", e);
	if (r < 0)
		return within(e, "linux");
	if (!p->new_userns || (l->n_uidMappings && l->n_gidMappings))
		return 0;
	fail(e, 0, "linux.%s: is required for a new user namespace",
	     l->n_uidMappings ? "gidMappings" : "uidMappings");
	return hint(e, "for example [{\"containerID\": 0, \"hostID\": 100000, \"size\": 65536}]");
}

/* ---- what belongs to a namespace ------------------------------------------------------------- */

static int names(const struct compile_input *in, struct plan *p, struct error *e)
{
	const struct {
		const char *field, *value;
		const char **out;
	} both[] = {
		{ "hostname", in->config->hostname, &p->hostname },
		{ "domainname", in->config->domainname, &p->domainname },
	};

	for (size_t i = 0; i < array_len(both); i++) {
		const char *value = both[i].value;

		if (!value || !*value)
			continue;
		if (!have(p, CLONE_NEWUTS)) {
			fail(e, 0, "%s: '%s' would become the host's, there is no uts namespace",
			     both[i].field, value);
			return hint(e, "add {\"type\": \"uts\"} to linux.namespaces");
		}
		if (strlen(value) > 64)
			return fail(e, 0,
				    "%s: '%s' is longer than the 64 bytes that the kernel takes",
				    both[i].field, value);
		*both[i].out = value;
	}
	return 0;
}

static int time_offsets(struct arena *a, const struct oci_linux *l, struct plan *p, struct error *e)
{
	if (!l->timeOffsets)
		return 0;
	const struct {
		const char *name;
		const struct oci_time_offset *offset;
	} clocks[] = {
		{ "monotonic", l->timeOffsets->monotonic },
		{ "boottime", l->timeOffsets->boottime },
	};
	const char *lines = "";

	for (size_t i = 0; i < array_len(clocks); i++) {
		const struct oci_time_offset *o = clocks[i].offset;

		if (!o)
			continue;
		if (!(namespaces_new(p) & CLONE_NEWTIME)) {
			fail(e, 0, "linux.timeOffsets.%s: is given without a new time namespace",
			     clocks[i].name);
			return hint(e,
				    namespaces_joined(p) & CLONE_NEWTIME
					    ? "the offsets of a namespace that is joined are fixed"
					    : "add {\"type\": \"time\"} to linux.namespaces");
		}
		if (o->nanosecs.v > 999999999)
			return fail(e, 0, "linux.timeOffsets.%s.nanosecs: %u is a second or more",
				    clocks[i].name, o->nanosecs.v);
		lines = arena_printf(a, "%s%s %lld %u\n", lines, clocks[i].name,
				     (long long)o->secs.v, o->nanosecs.v);
		if (!lines)
			return no_room(e);
	}
	if (*lines)
		p->time_offsets = lines;
	return 0;
}

/* The kernel's dev_valid_name(), so that it cannot surprise us half way. */
static bool device_name(const char *s)
{
	return *s && strlen(s) <= 15 && !streq(s, ".") && !streq(s, "..") &&
	       !strpbrk(s, "/: \t\n\v\f\r");
}

/* "eth%d" stands for the first of eth0, eth1, ... that is free. */
static bool names_any(const char *s)
{
	const char *percent = strchr(s, '%');

	return percent && percent[1] == 'd' && !strchr(percent + 1, '%');
}

static int net_device_name(const struct oci_linux *l, size_t i, struct error *e)
{
	const struct oci_net_device *d = &l->netDevices[i];
	const char *name = d->name ? d->name : d->key;

	if (!device_name(d->key) || strchr(d->key, '%'))
		return fail(e, 0, "linux.netDevices.%s: '%s' is no device name", d->key, d->key);
	if (!device_name(name) || (strchr(name, '%') && !names_any(name)))
		return fail(e, 0, "linux.netDevices.%s.name: '%s' is no device name", d->key, name);
	if (streq(name, "lo"))
		return fail(e, 0,
			    "linux.netDevices.%s: 'lo' is the loopback device, which is "
			    "there in every network namespace",
			    d->key);
	for (size_t k = 0; k < i && !names_any(name); k++) {
		const struct oci_net_device *other = &l->netDevices[k];

		if (streq(name, other->name ? other->name : other->key))
			return fail(e, 0,
				    "linux.netDevices.%s: and linux.netDevices.%s would both "
				    "be '%s' in the container",
				    d->key, other->key, name);
	}
	return 0;
}

static int net_devices(const struct compile_input *in, const struct oci_linux *l,
		       const struct plan *p, struct error *e)
{
	for (size_t i = 0; i < l->n_netDevices; i++) {
		const char *key = l->netDevices[i].key;

		if (!have(p, CLONE_NEWNET)) {
			fail(e, 0,
			     "linux.netDevices.%s: there is no network namespace to move it to",
			     key);
			return hint(e, "add {\"type\": \"network\"} to linux.namespaces");
		}
		if (!in->privileged)
			return fail(e, EPERM,
				    "linux.netDevices.%s: moving it takes the host's root", key);
		int r = net_device_name(l, i, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- linux.sysctl ---------------------------------------------------------------------------- */

/*
 * As sysctl(8) reads it: the first separator says which of '.' and '/' separates; the other one is
 * then part of a name. "net.ipv4.conf.eth0/1.forwarding" is net/ipv4/conf/eth0.1/forwarding.
 */
static char *sysctl_file(struct arena *a, const char *key)
{
	char *file = arena_strdup(a, key);

	if (!file || file[strcspn(file, "./")] != '.')
		return file;
	for (char *c = file; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return file;
}

static bool plain_components(const char *file)
{
	for (const char *c = file;; c++) {
		size_t n = strcspn(c, "/");

		if (n == 0 || (n == 1 && *c == '.') || (n == 2 && c[0] == '.' && c[1] == '.'))
			return false;
		c += n;
		if (!*c)
			return true;
	}
}

/* The namespace that keeps a copy of the value; none: it is the host's. */
/* clang-format off */
static const struct {
	const char *prefix; /* "/" at the end: all below; "*": all that begin so */
	int flag;
	const char *type;
} sysctl_homes[] = {
	{ "net/",                CLONE_NEWNET, "network" },
	{ "fs/mqueue/",          CLONE_NEWIPC, "ipc" },
	{ "kernel/msg*",         CLONE_NEWIPC, "ipc" },
	{ "kernel/shm*",         CLONE_NEWIPC, "ipc" },
	{ "kernel/sem",          CLONE_NEWIPC, "ipc" },
	{ "kernel/sem_next_id",  CLONE_NEWIPC, "ipc" },
	{ "kernel/domainname",   CLONE_NEWUTS, "uts" },
	{ "user/",               CLONE_NEWUSER, "user" },
};
/* clang-format on */

static bool at_home(const char *file, const char *prefix)
{
	size_t n = strlen(prefix);

	if (prefix[n - 1] == '*')
		return strncmp(file, prefix, n - 1) == 0;
	return prefix[n - 1] == '/' ? strncmp(file, prefix, n) == 0 : streq(file, prefix);
}

static int sysctl(struct arena *a, const struct oci_pair *pair, const struct plan *p,
		  struct plan_sysctl *out, struct error *e)
{
	char *file = sysctl_file(a, pair->key);

	if (!file)
		return no_room(e);
	*out = (struct plan_sysctl){ .key = pair->key, .file = file, .value = pair->value };
	if (!plain_components(file))
		return fail(e, 0, "linux.sysctl: '%s' is no name of a sysctl", pair->key);
	if (streq(file, "kernel/hostname")) {
		fail(e, 0, "linux.sysctl: '%s' is not set this way", pair->key);
		return hint(e, "use the property 'hostname'");
	}
	for (size_t i = 0; i < array_len(sysctl_homes); i++) {
		if (!at_home(file, sysctl_homes[i].prefix))
			continue;
		if (have(p, (uint64_t)sysctl_homes[i].flag))
			return 0;
		fail(e, 0, "linux.sysctl: '%s' is the host's, there is no %s namespace", pair->key,
		     sysctl_homes[i].type);
		return hint(e, "add {\"type\": \"%s\"} to linux.namespaces", sysctl_homes[i].type);
	}
	fail(e, 0, "linux.sysctl: '%s' is the host's, no namespace has its own", pair->key);
	return hint(e, "those of a container are net.*, fs.mqueue.*, kernel.msg*, kernel.shm*, "
		       "kernel.sem, kernel.domainname and user.*");
}

static int sysctls(struct arena *a, const struct oci_linux *l, struct plan *p, struct error *e)
{
	size_t n = l->sysctl ? l->sysctl->n : 0;

	if (n == 0)
		return 0;
	struct plan_sysctl *all = arena_new_array(a, struct plan_sysctl, n);

	if (!all)
		return no_room(e);
	for (size_t i = 0; i < n; i++) {
		int r = sysctl(a, &l->sysctl->items[i], p, &all[i], e);

		if (r < 0)
			return r;
	}
	p->sysctl = all;
	p->n_sysctl = n;
	return 0;
}

int compile_namespaces(struct arena *a, const struct compile_input *in, struct plan *p,
		       struct error *e)
{
	const struct oci_linux *l = linux_part(in->config);
	uint64_t new_flags = 0;
	int r = sort_namespaces(a, l, p, &new_flags, e);

	if (r < 0)
		return r;
	divide(in, p, new_flags);
	p->new_netns = (new_flags & CLONE_NEWNET) != 0;
	r = user_namespace(l, p, e);
	if (r == 0)
		r = names(in, p, e);
	if (r == 0)
		r = time_offsets(a, l, p, e);
	if (r == 0)
		r = net_devices(in, l, p, e);
	return r < 0 ? r : sysctls(a, l, p, e);
}
