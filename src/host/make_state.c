/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make_state -- what create writes down: before anything is made, what will be; and at last who it
 * is.
 */
#include "host/making.h"
#include "host/notify.h"
#include "host/points.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "base/util.h"

#include <fcntl.h>
#include <stdlib.h>

static char *boot_id(struct arena *a)
{
	char text[64];

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return arena_strdup(a, text);
}

static char *rootfs_path(const struct making *m, struct arena *a)
{
	const char *path = m->config->root->path;

	return *path == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", m->bundle, path);
}

int make_state(struct making *m, struct error *e)
{
	struct container *c = &m->c;
	int r = state_make(m->s, m->o->id, c, e);

	if (r < 0) {
		state_close(c);
		return r;
	}
	m->state_made = true;

	char now[TIMESTAMP_SIZE];
	struct oci_state *st = arena_new(&c->arena, struct oci_state);
	auto_free char *cgroup = m->have_cgroup ? cgroup_to_text(&m->cgroup) : NULL;
	const bool own_class = m->class.made && !m->class.stays;

	if (!st || (m->have_cgroup && !cgroup))
		return fail(e, ENOMEM, "cannot write the state of container '%s'", m->o->id);
	*st = (struct oci_state){ .ociVersion = OCI_VERSION,
				  .id = m->o->id,
				  .status = "creating",
				  .bundle = m->bundle,
				  .rootfs = rootfs_path(m, &c->arena),
				  .created = arena_strdup(&c->arena, timestamp_now(now)),
				  .annotations = m->config->annotations,
				  .owner = owner_name(&c->arena) };
	c->record = (struct oci_record){ .state = st,
					 .bootID = boot_id(&c->arena),
					 .cgroup = arena_strdup(&c->arena, cgroup),
					 .init = { m->plan->stay, true },
					 .resctrlClass = m->class.class,
					 .resctrlMade = { own_class, own_class },
					 .resctrlMonitor = m->class.monitor };
	c->config = m->config;
	r = state_write(c, e);
	if (r == 0 && m->manager)
		r = notify_prepare(c->dir, e);
	if (r == 0 && m->manager && m->kind == PLAN_RUN)
		r = (m->notify = notify_open(c->dir, e)) < 0 ? m->notify : 0;
	return r;
}

/* What can be done while the process is at work. */
int complete_state(struct making *m, struct error *e)
{
	struct opt_u64 *start = &m->c.record.pidStart;
	bool zombie;
	int r = file_create(m->c.dir, "config.json", m->text, m->text_len, 0600);

	if (r < 0)
		return fail(e, r, "cannot keep a copy of config.json");
	r = process_start(m->child.pid, &start->v, &zombie);
	start->set = r == 0;
	return r < 0 ? fail(e, r, "cannot read /proc/%d/stat", m->child.pid) : 0;
}

/* It is ready: from here on every command finds it. */
int record_process(struct making *m, struct error *e)
{
	auto_free char *cgroup = m->have_cgroup ? cgroup_to_text(&m->cgroup) : NULL;

	if (cgroup)
		m->c.record.cgroup = cgroup;
	int r = state_write(&m->c, e);

	m->c.record.cgroup = NULL; /* freed with this scope */
	return r;
}

int remove_state(struct making *m, struct error *e)
{
	return m->state_made ? state_remove(m->s, &m->c, e) : 0;
}
