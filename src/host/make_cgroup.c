/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make_cgroup -- the cgroup of a container: planned, made, given to the container's user where it may
 * manage cgroups of its own, joined.
 */
#include "host/making.h"

#include "base/util.h"

#include <unistd.h>

int find_cgroup(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;
	int r;

	if (m->s->driver == CGROUP_DISABLED)
		return 0;
	r = cgroup_host_detect(&m->cgroup_host, e);
	if (r < 0)
		return r;
	m->cgroup_host.tolerant = m->s->rootless;
	m->cgroup_host.annotations = m->config->annotations;
	r = cgroup_plan(&m->cgroup_host, l ? l->cgroupsPath : NULL, m->o->id, m->s->driver,
			&m->cgroup, e);
	if (r < 0)
		return r;
	m->have_cgroup = true;
	return cgroup_check(&m->cgroup_host, l ? l->resources : NULL, e);
}

/* ---- whose it is ----------------------------------------------------------------------------- */

/* A cgroup file system that it can write to, and a namespace that ends at its own cgroup. */
static bool manages_cgroups(const struct oci_config *config)
{
	const struct oci_namespace *ns = oci_namespace_get(config->linux, "cgroup");

	if (!ns || ns->path)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct oci_mount *mount = &config->mounts[i];
		bool read_only = false;

		if (!mount->type ||
		    !(streq(mount->type, "cgroup") || streq(mount->type, "cgroup2")))
			continue;
		for (size_t k = 0; k < mount->n_options; k++)
			read_only |= streq(mount->options[k], "ro");
		if (!read_only)
			return true;
	}
	return false;
}

/* Who stands for the container's user on this host; false: only a namespace that is joined knows. */
static bool host_user(const struct oci_linux *l, uint32_t uid, uid_t *out)
{
	const struct oci_namespace *ns = oci_namespace_get(l, "user");

	*out = uid;
	for (size_t i = 0; ns && !ns->path && i < l->n_uidMappings; i++) {
		const struct oci_id_mapping *m = &l->uidMappings[i];

		if (uid >= m->containerID && uid - m->containerID < m->size) {
			*out = m->hostID + (uid - m->containerID);
			return true;
		}
	}
	return !ns;
}

/* config-linux.md, Cgroup ownership. On v1 it would let the container out of its limits. */
static int delegate_cgroup(struct making *m, struct error *e)
{
	const struct oci_process *p = m->config->process;
	uid_t user;

	if (m->cgroup_host.mode != CGROUP_V2 || !m->config->linux || !p || !p->user ||
	    !manages_cgroups(m->config) || !host_user(m->config->linux, p->user->uid, &user) ||
	    user == geteuid())
		return 0;
	return cgroup_delegate(&m->cgroup, user, e);
}

/* ---- making, joining, removing --------------------------------------------------------------- */

int make_cgroup(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;

	if (!m->have_cgroup)
		return 0;
	m->cgroup_made = true;
	int r = cgroup_create(&m->cgroup, l ? l->resources : NULL, e);

	if (r == 0 && m->s->driver != CGROUP_SYSTEMD)
		r = delegate_cgroup(m, e);
	return r < 0 ? r : child_enter_cgroup(&m->child, &m->cgroup, e);
}

int attach_cgroup(struct making *m, struct error *e)
{
	int r = 0;

	if (m->have_cgroup && child_outside(&m->child))
		r = cgroup_attach(&m->cgroup, m->child.pid, e);
	/* systemd has made it only now, around the process. */
	if (r == 0 && m->have_cgroup && m->s->driver == CGROUP_SYSTEMD)
		r = delegate_cgroup(m, e);
	if (r == 0 && m->plan->wait_late && !m->plan->wait_early)
		r = child_go_on(&m->child, -1, e);
	return r;
}

int remove_cgroup(struct making *m, struct error *e)
{
	return m->cgroup_made ? cgroup_destroy(&m->cgroup, e) : 0;
}

bool out_of_memory(struct making *m, struct cgroup_trouble *t)
{
	return m->have_cgroup && cgroup_trouble(&m->cgroup, t) == 0 && t->oom_kills;
}
