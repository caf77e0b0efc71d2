/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts -- mounts[] to plan mounts, in the same order.
 */
#include "mount_options.h"
#include "parts.h"

#include "../base/log.h"
#include "../base/sys.h"
#include "../base/weakened.h"

struct plan_mount *mount_add(struct mount_list *l, const struct plan_mount *from)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct plan_mount *items = arena_new_array(l->arena, struct plan_mount, room);

		if (!items)
			return NULL;
		if (l->n)
			memcpy(items, l->items, l->n * sizeof(*items));
		l->items = items;
		l->room = room;
	}
	l->items[l->n] = *from;
	return &l->items[l->n++];
}

/* ---- what may be where ----------------------------------------------------------------------- */

/*
 * What runs inside believes /proc, and so do we when we set sysctls and labels through it. lxcfs
 * puts its own files over these; everything else over /proc is an attack or a mistake
 * (CVE-2019-16884).
 */
static int check_proc(const struct plan_mount *m, struct error *e)
{
	static const char *const lxcfs[] = {
		"cpuinfo",
		"diskstats",
		"meminfo",
		"stat",
		"swaps",
		"uptime",
		"loadavg",
		"slabinfo",
		"net/dev",
		"sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled",
	};
	const char *below = after(m->destination, "/proc");

	if (!PROTECT(proc_mounts))
		return 0;
	if (!below || (*below && *below != '/') || m->kind == PLAN_MOUNT_REMOUNT ||
	    (m->kind == PLAN_MOUNT_NEW && streq(m->type, "proc")))
		return 0;
	if (!*below) {
		if (m->kind == PLAN_MOUNT_BIND && streq(m->source, "/proc"))
			return 0;
		return fail(e, 0,
			    "destination: /proc takes a file system of type proc, or the "
			    "host's /proc");
	}
	for (size_t i = 0; i < array_len(lxcfs); i++)
		if (streq(below + 1, lxcfs[i]))
			return 0;
	fail(e, 0, "destination: '%s' is inside /proc", m->destination);
	return hint(e,
		    "only what lxcfs provides may be mounted there: /proc/meminfo, /proc/stat ...");
}

static int destination(struct arena *a, const struct oci_mount *o, struct plan_mount *m,
		       struct error *e)
{
	if (!o->destination || !*o->destination)
		return fail(e, 0, "destination: is %s", o->destination ? "empty" : "required");
	if (*o->destination != '/')
		log_warning("mounts[%zu].destination: '%s' is not absolute, taken to be below '/'",
			    m->index, o->destination);
	m->destination = clean_path(a, o->destination);
	if (!m->destination)
		return no_room(e);
	if (streq(m->destination, "/") && m->kind != PLAN_MOUNT_REMOUNT)
		return fail(e, 0, "destination: '%s' would hide the root file system",
			    o->destination);
	m->real_directory = streq(m->destination, "/proc") || streq(m->destination, "/sys");
	return check_proc(m, e);
}

/* ---- the kinds ------------------------------------------------------------------------------- */

static int bind_mount(struct arena *a, const struct compile_input *in, const struct oci_mount *o,
		      struct plan_mount *m, struct error *e)
{
	if (!o->source || !*o->source)
		return fail(e, 0, "source: is required for a bind mount");
	m->source = path_from(a, in->bundle, o->source);
	if (!m->source)
		return no_room(e);
	/* They would change the file system for the host, too; it is custom to leave them out. */
	for (size_t i = 0; i < m->n_options; i++)
		log_warning("mounts[%zu].options: '%s' means nothing to a bind mount", m->index,
			    m->options[i].key);
	m->n_options = 0;
	return 0;
}

/* What is covered by, or depends on, a user namespace: fields that the kernel would refuse. */
static int new_mount(const struct compile_input *in, const struct plan *p,
		     const struct oci_mount *o, struct plan_mount *m, struct error *e)
{
	uint64_t made = namespaces_new(p);
	bool nested = p->userns || !in->privileged;

	if (!o->type || !*o->type) {
		fail(e, 0, "type: is required");
		return hint(e, "only with 'bind', 'rbind' or 'remount' in options it is not");
	}
	m->type = o->type;
	m->source = o->source && *o->source ? o->source : NULL;
	m->directory = true;
	/* mount(2) made both read-only. A file system without a device is shared by nobody, or by
	 * other mounts that stay writable: there the mount alone is enough. */
	m->superblock_ro = (m->attr_set & MOUNT_ATTR_RDONLY) && m->source && *m->source == '/';
	if (streq(m->type, "sysfs"))
		m->sysfs_fallback = nested || !(made & CLONE_NEWNET);
	if (streq(m->type, "proc"))
		m->sysfs_fallback = nested && !(made & CLONE_NEWPID);
	if (streq(m->type, "tmpfs"))
		m->inherit_mode = !mount_option_value(m, "mode");
	if (streq(m->type, "cgroup2"))
		m->needs_cgroup = true;
	return 0;
}

static int id_mapped(const struct plan *p, const struct oci_mount *o, struct plan_mount *m,
		     struct error *e)
{
	if (!o->n_uidMappings != !o->n_gidMappings)
		return fail(e, 0, "%s: is required when %s is given",
			    o->n_uidMappings ? "gidMappings" : "uidMappings",
			    o->n_uidMappings ? "uidMappings" : "gidMappings");
	int r = check_id_mappings(o->uidMappings, o->n_uidMappings, "uidMappings", e);

	if (r == 0)
		r = check_id_mappings(o->gidMappings, o->n_gidMappings, "gidMappings", e);
	if (r < 0)
		return r;
	m->idmap |= o->n_uidMappings > 0;
	if (!m->idmap)
		return 0;
	if (m->kind == PLAN_MOUNT_REMOUNT)
		return fail(e, 0, "options: a mount that is there already cannot be idmapped");
	if (o->n_uidMappings || m->idmap_text || p->userns)
		return 0;
	fail(e, 0, "options: '%s' without a mapping", m->idmap_recursive ? "ridmap" : "idmap");
	return hint(e, "give uidMappings and gidMappings here, or the container a user namespace");
}

/*
 * linux.mountLabel: what is in the new file system has this SELinux context. Not for those whose files
 * the policy labels one by one, and not beside a context of the mount's own.
 */
static int labelled(struct arena *a, const struct compile_input *in, struct plan_mount *m,
		    struct error *e)
{
	static const char *const by_policy[] = { "proc", "sysfs", "cgroup", "cgroup2", "mqueue" };
	static const char *const own[] = { "context", "fscontext", "defcontext", "rootcontext" };
	const struct oci_linux *l = linux_part(in->config);

	if (!l->mountLabel || !*l->mountLabel || m->kind != PLAN_MOUNT_NEW)
		return 0;
	for (size_t i = 0; i < array_len(by_policy); i++)
		if (streq(m->type, by_policy[i]))
			return 0;
	for (size_t i = 0; i < array_len(own); i++)
		if (mount_option_value(m, own[i]))
			return 0;
	struct plan_option *options = arena_new_array(a, struct plan_option, m->n_options + 1);

	if (!options)
		return no_room(e);
	for (size_t i = 0; i < m->n_options; i++)
		options[i] = m->options[i];
	options[m->n_options].key = arena_strdup(a, "context");
	options[m->n_options].value = arena_strdup(a, l->mountLabel);
	if (!options[m->n_options].key || !options[m->n_options].value)
		return no_room(e);
	m->options = options;
	m->n_options++;
	return 0;
}

/* What is filled first can be read-only only afterwards. */
static int copied_up(struct mount_list *list, const struct plan_mount *m, struct error *e)
{
	const struct plan_mount seal = {
		.kind = PLAN_MOUNT_REMOUNT,
		.index = m->index,
		.destination = m->destination,
		.attr_set = MOUNT_ATTR_RDONLY,
		.tree_fd = -1,
		.idmap_fd = -1,
	};
	struct plan_mount *filled = mount_add(list, m);

	if (!filled)
		return no_room(e);
	filled->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	filled->superblock_ro = false;
	if (!(m->attr_set & MOUNT_ATTR_RDONLY))
		return 0;
	return mount_add(list, &seal) ? 0 : no_room(e);
}

static int add_mount(struct arena *a, const struct compile_input *in, const struct plan *p,
		     size_t i, struct mount_list *list, struct error *e)
{
	const struct oci_mount *o = &in->config->mounts[i];
	struct plan_mount m = { .index = i, .tree_fd = -1, .idmap_fd = -1 };
	struct mount_wishes wishes;
	int r = mount_options(a, o->options, o->n_options, &m, &wishes, e);

	if (r < 0)
		return r;
	if (wishes.remount)
		m.kind = PLAN_MOUNT_REMOUNT;
	else if (wishes.bind || wishes.rbind || (o->type && streq(o->type, "bind")))
		m.kind = PLAN_MOUNT_BIND;
	m.recursive = m.kind == PLAN_MOUNT_BIND && wishes.rbind;
	if (m.kind == PLAN_MOUNT_BIND)
		r = bind_mount(a, in, o, &m, e);
	else if (m.kind == PLAN_MOUNT_NEW)
		r = new_mount(in, p, o, &m, e);
	else if (wishes.bind || wishes.rbind)
		m.n_options = 0; /* a remount of the mount alone, not of its file system */
	if (r == 0)
		r = destination(a, o, &m, e);
	if (r == 0)
		r = id_mapped(p, o, &m, e);
	if (r == 0 && m.copy_up && (m.kind != PLAN_MOUNT_NEW || !streq(m.type, "tmpfs")))
		r = fail(e, 0, "options: 'tmpcopyup' is for file systems of type tmpfs");
	if (r == 0 && m.copy_symlink && m.kind != PLAN_MOUNT_BIND)
		r = fail(e, 0, "options: 'copy-symlink' is for bind mounts");
	if (r == 0)
		r = labelled(a, in, &m, e);
	if (r == 0)
		r = mount_option_data(a, &m, e);
	if (r < 0)
		return r;
	if (m.kind == PLAN_MOUNT_NEW && streq(m.type, "cgroup"))
		return compile_cgroup_mount(in, p, &m, list, e);
	return m.copy_up ? copied_up(list, &m, e) : mount_add(list, &m) ? 0 : no_room(e);
}

/* Where programs look for $NOTIFY_SOCKET; the socket is made and read by the host side. */
static int notify_socket(const struct compile_input *in, struct mount_list *list, struct error *e)
{
	const struct plan_mount m = {
		.kind = PLAN_MOUNT_BIND,
		.index = SIZE_MAX,
		.destination = "/run/notify",
		.source = in->notify_socket,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
		.follow_source = true,
		.follow_destination = true,
		.tree_fd = -1,
		.idmap_fd = -1,
		.directory = true,
	};

	if (!in->notify_socket)
		return 0;
	struct plan_mount *added = mount_add(list, &m);

	if (!added)
		return no_room(e);
	/* Constants of this program are at no address that the container side knows. */
	added->destination = arena_strdup(list->arena, m.destination);
	added->source = arena_strdup(list->arena, m.source);
	return added->destination && added->source ? 0 : no_room(e);
}

int compile_mounts(struct arena *a, const struct compile_input *in, const struct plan *p,
		   struct plan_fs *fs, struct error *e)
{
	struct mount_list list = { .arena = a };

	for (size_t i = 0; i < in->config->n_mounts; i++)
		if (add_mount(a, in, p, i, &list, e) < 0)
			return within(e, "mounts[%zu]", i);
	if (notify_socket(in, &list, e) < 0)
		return during(e, "notify socket");
	fs->mounts = list.items;
	fs->n_mounts = list.n;
	return 0;
}
