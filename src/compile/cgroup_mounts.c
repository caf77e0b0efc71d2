/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup_mounts -- what a mount of type "cgroup" becomes on this host.
 *
 * With a cgroup namespace of its own the container mounts the hierarchies afresh and sees its own
 * cgroup as their root. Without one that would show the whole host, so its own directory of each
 * is bound instead. Where it has no cgroup of its own, what it sees is read-only.
 *
 * cgroup v2 is one file system. Of v1 the container gets what people expect below /sys/fs/cgroup:
 * a tmpfs with a directory for each hierarchy, named as on the host, and a link for each of those
 * controllers that share one:
 *
 *	/sys/fs/cgroup              tmpfs, read-only once it is complete
 *	/sys/fs/cgroup/cpu,cpuacct  cgroup
 *	/sys/fs/cgroup/cpu          -> cpu,cpuacct
 *	/sys/fs/cgroup/systemd      cgroup, name=systemd
 *
 * The cgroup2 of a hybrid host is not among them: a systemd that finds it takes it for its own, and
 * managers hand it name=systemd.
 */
#include "parts.h"

#include "../base/sys.h"
#include "../cgroup/cgroup.h"

struct view {
	const struct compile_input *in;
	const struct plan *p;
	const struct plan_mount *wanted; /* destination, attributes */
	struct mount_list *list;
};

/* Can the hierarchies be mounted, with the container's cgroup as their root? */
static bool mountable(const struct plan *p)
{
	if (namespaces_new(p) & CLONE_NEWCGROUP)
		return true;
	/* One that was joined belongs to whoever made it. */
	return (namespaces_joined(p) & CLONE_NEWCGROUP) && !p->userns;
}

static bool own_cgroup(const struct compile_input *in, size_t i)
{
	return in->cgroup && in->cgroup->path && in->cgroup->at[i].used;
}

/* "cpu,cpuacct" to flags, "name=systemd" to a key and its value. */
static int controller_options(struct arena *a, const char *controllers, struct plan_mount *m)
{
	struct plan_option *options = arena_new_array(a, struct plan_option, strlen(controllers));
	const char *name = after(controllers, "name=");

	if (!options)
		return -ENOMEM;
	m->options = options;
	if (name) {
		m->n_options = 1;
		options->key = arena_strdup(a, "name");
		options->value = arena_strdup(a, name);
		return options->key && options->value ? 0 : -ENOMEM;
	}
	while (*controllers) {
		size_t n = strcspn(controllers, ",");
		struct plan_option *o = &options[m->n_options++];

		o->key = arena_strndup(a, controllers, n);
		if (!o->key)
			return -ENOMEM;
		controllers += n + (controllers[n] == ',');
	}
	return 0;
}

/* Hierarchy i of the host at `destination`. */
static int hierarchy(const struct view *v, size_t i, const char *destination, struct error *e)
{
	const struct cgroup_hierarchy *h = &v->in->cgroup_host->h[i];
	struct arena *a = v->list->arena;
	struct plan_mount m = *v->wanted;
	bool own = own_cgroup(v->in, i);

	m.destination = destination;
	m.directory = true;
	m.needs_cgroup = true;
	m.superblock_ro = false; /* it is the host's, too */
	m.options = NULL;
	m.n_options = 0;
	m.type = m.source = NULL;
	if (mountable(v->p)) {
		m.kind = PLAN_MOUNT_NEW;
		m.type = arena_strdup(a, h->v2 ? "cgroup2" : "cgroup");
		m.source = arena_strdup(a, "cgroup");
		if (!m.type || (!h->v2 && controller_options(a, h->controllers, &m) < 0))
			return no_room(e);
	} else {
		m.kind = PLAN_MOUNT_BIND;
		m.source = path_from(a, h->mount, own ? v->in->cgroup->path + 1 : ".");
		m.optional = own;
	}
	if (!own) {
		m.attr_set |= MOUNT_ATTR_RDONLY;
		m.attr_clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
	return m.source && mount_add(v->list, &m) ? 0 : no_room(e);
}

static int add_link(const struct view *v, const char *controllers, size_t n, const char *directory,
		    struct error *e)
{
	struct arena *a = v->list->arena;
	const struct plan_mount m = {
		.kind = PLAN_MOUNT_LINK,
		.index = v->wanted->index,
		.destination =
			arena_printf(a, "%s/%.*s", v->wanted->destination, (int)n, controllers),
		.source = arena_strdup(a, directory),
		.tree_fd = -1,
		.idmap_fd = -1,
	};

	return m.destination && m.source && mount_add(v->list, &m) ? 0 : no_room(e);
}

/* One link for each controller that is not found under its own name. */
static int links(const struct view *v, const char *controllers, const char *directory,
		 struct error *e)
{
	if (!strchr(controllers, ','))
		return 0;
	while (*controllers) {
		size_t n = strcspn(controllers, ",");

		if (strlen(directory) != n || strncmp(directory, controllers, n) != 0) {
			int r = add_link(v, controllers, n, directory, e);

			if (r < 0)
				return r;
		}
		controllers += n + (controllers[n] == ',');
	}
	return 0;
}

static int tree_of_v1(const struct view *v, struct error *e)
{
	const struct cgroup_host *host = v->in->cgroup_host;
	struct arena *a = v->list->arena;
	struct plan_mount top = *v->wanted;
	struct plan_option *mode = arena_new(a, struct plan_option);
	bool some = false;

	if (!mode)
		return no_room(e);
	for (size_t i = 0; i < host->n; i++)
		some |= !host->h[i].v2 && own_cgroup(v->in, i);
	*mode = (struct plan_option){ arena_strdup(a, "mode"), arena_strdup(a, "755") };
	top.type = arena_strdup(a, "tmpfs");
	top.source = arena_strdup(a, "tmpfs");
	top.options = mode;
	top.n_options = 1;
	top.superblock_ro = false;
	top.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY; /* until everything is in it */
	top.tree_set = top.tree_clear = 0;            /* each has its own */
	if (!mode->key || !mode->value || !top.type || !top.source || !mount_add(v->list, &top))
		return no_room(e);

	for (size_t i = 0; i < host->n; i++) {
		const char *name = strrchr(host->h[i].mount, '/') + 1;
		const char *at = arena_printf(a, "%s/%s", v->wanted->destination, name);

		/* It is in others: this hierarchy is not its business (rootless, mostly). */
		if (host->h[i].v2 || (some && !own_cgroup(v->in, i)))
			continue;
		if (!at)
			return no_room(e);
		int r = hierarchy(v, i, at, e);

		if (r == 0)
			r = links(v, host->h[i].controllers, name, e);
		if (r < 0)
			return r;
	}
	if (!((v->wanted->attr_set | v->wanted->tree_set) & MOUNT_ATTR_RDONLY))
		return 0;
	const struct plan_mount seal = {
		.kind = PLAN_MOUNT_REMOUNT,
		.index = v->wanted->index,
		.destination = v->wanted->destination,
		.attr_set = MOUNT_ATTR_RDONLY,
		.tree_fd = -1,
		.idmap_fd = -1,
	};

	return mount_add(v->list, &seal) ? 0 : no_room(e);
}

int compile_cgroup_mount(const struct compile_input *in, const struct plan *p,
			 const struct plan_mount *m, struct mount_list *l, struct error *e)
{
	const struct cgroup_host *host = in->cgroup_host;
	const struct view v = { in, p, m, l };

	if (host && host->mode == CGROUP_V2 && host->v2 >= 0)
		return hierarchy(&v, (size_t)host->v2, m->destination, e);
	if (host && host->n > 0)
		return tree_of_v1(&v, e);

	/* Nothing is known of the host, or it has none mounted: the kernel can say no. */
	struct plan_mount fresh = *m;

	fresh.type = arena_strdup(l->arena, "cgroup2");
	fresh.n_options = 0;
	fresh.needs_cgroup = true;
	return fresh.type && mount_add(l, &fresh) ? 0 : no_room(e);
}
