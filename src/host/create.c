/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create -- from a bundle to a container that is ready; and run, which goes on from there.
 *
 * Nothing exists until the configuration is compiled and all that can be opened is open. From the
 * state directory on, whatever fails is undone, and what a SIGKILL leaves is undone by
 * `delete --force`, which reads the same record.
 */
#include "host/activation.h"
#include "host/making.h"
#include "host/notify.h"
#include "host/overlay.h"
#include "host/own_ids.h"
#include "host/points.h"
#include "host/supervise.h"

#include "base/log.h"
#include "base/util.h"
#include "compile/compile.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

/* ---- parts that are not worth a file --------------------------------------------------------- */

static int make_plan(struct making *m, struct error *e)
{
	struct activation a;
	int r = activation_read(&m->arena, m->o->preserve_fds, true, &a, e);

	if (r < 0)
		return r;
	m->manager = a.notify_socket;
	if (m->kind == PLAN_RUN && !m->o->detach && m->config->process)
		supervise_size(&m->arena, m->config->process);
	const struct compile_input in = {
		.config = m->config,
		.id = m->o->id,
		.bundle = m->bundle,
		.kind = m->kind,
		.no_pivot = m->o->no_pivot,
		.no_new_keyring = m->o->no_new_keyring,
		.preserve_fds = a.preserve_fds,
		.extra_env = a.env,
		.notify_socket = m->manager ? arena_printf(&m->arena, "%s/%s/" NOTIFY_DIRECTORY,
							   m->s->root, m->o->id)
					    : NULL,
		.cgroup_host = m->have_cgroup ? &m->cgroup_host : NULL,
		.cgroup = m->have_cgroup ? &m->cgroup : NULL,
		/* A unit of systemd is made around the process: it cannot be born in it. */
		.clone_into_cgroup = m->have_cgroup && m->cgroup_host.mode == CGROUP_V2 &&
				     m->s->driver != CGROUP_SYSTEMD,
		.bounding_caps = grantable(m->config),
		.privileged = m->s->privileged,
		.groups_denied = !m->s->privileged && own_ids_groups_denied(),
	};

	r = compile_container(&m->arena, &in, &m->plan, e);
	return r < 0 ? r : begin_process(m, e);
}

static int open_root_directory(struct making *m, struct error *e)
{
	const char *path = m->config->root->path;

	m->rootfs = openat(m->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->rootfs >= 0)
		return 0;
	fail(e, errno, "root.path: cannot open '%s'", path);
	hint_if(e, ENOENT, "unpack the root filesystem before 'create'");
	return hint_if(e, ENOTDIR, "the root filesystem is a directory");
}

static int open_root(struct making *m, struct error *e)
{
	m->sources = (struct sources){ .s = m->s, .config = m->config, .child = &m->child };
	int r = sources_begin(&m->sources, e);

	if (r == 0)
		r = open_root_directory(m, e);
	return r < 0 ? r : sources_open_namespaces(&m->sources, e);
}

static int make_root(struct making *m, struct error *e)
{
	int r = overlay_prepare(m->plan, m->config->linux, e);

	return r < 0 ? r : sources_clone_trees(&m->sources, e);
}

static int find_devices(struct making *m, struct error *e)
{
	return netdevs_find(&m->netdevs, m->config->linux, e);
}

static int move_devices(struct making *m, struct error *e)
{
	return netdevs_move(&m->netdevs, m->child.proc, m->child.pid, e);
}

static int give_devices_back(struct making *m, struct error *e)
{
	(void)e;
	netdevs_give_back(&m->netdevs);
	return 0;
}

static int run_first_hooks(struct making *m, struct error *e)
{
	int r = points_run(&m->c, POINT_PRESTART, e);

	return r < 0 ? r : points_run(&m->c, POINT_CREATE_RUNTIME, e);
}

static int run_last_hooks(struct making *m, struct error *e)
{
	return m->child.pid > 0 ? points_run(&m->c, POINT_POSTSTOP, e) : 0;
}

/* ---- the order of things --------------------------------------------------------------------- */

enum moment {
	READ, /* the configuration, what of the host it depends on, and the plan */
	OPEN, /* what the plan names. Till here no privileges are needed, and nothing is left */
	MAKE, /* what it asks for; at last the process */
	NAMESPACES, /* the process has them, and nothing is mounted yet */
	JOIN,       /* the process, to what was made; at last it is ready */
	READY,      /* every command finds it, and its manager is told */
	UNDO,       /* backwards: as if it had never been tried (runtime.md, Errors) */
	END,        /* backwards: a run is over */
	MOMENTS
};

/* A row is a part. What is needed by another comes before it, and goes after it. */
static int (*const parts[][MOMENTS])(struct making *m, struct error *e) = {
	{ [READ] = read_bundle },
	{ [UNDO] = run_last_hooks, [END] = run_last_hooks },
	{ [MAKE] = make_state,
	  [JOIN] = complete_state,
	  [READY] = record_process,
	  [UNDO] = remove_state,
	  [END] = remove_state },
	{ [OPEN] = open_root, [MAKE] = make_root },
	{ [OPEN] = find_class,
	  [MAKE] = make_class,
	  [JOIN] = join_class,
	  [UNDO] = remove_class,
	  [END] = leave_class },
	/* After the class: what is left in it dies with the cgroup. */
	{ [READ] = find_cgroup,
	  [MAKE] = make_cgroup,
	  [JOIN] = attach_cgroup,
	  [UNDO] = remove_cgroup,
	  [END] = remove_cgroup },
	{ [READ] = make_plan },
	{ [OPEN] = find_devices, [NAMESPACES] = move_devices, [UNDO] = give_devices_back },
	/* They see the devices. */
	{ [NAMESPACES] = run_first_hooks },
	{ [OPEN] = open_process,
	  [MAKE] = start_process,
	  [JOIN] = await_process,
	  [READY] = announce_process,
	  [UNDO] = kill_process },
};

static int now(struct making *m, enum moment moment, struct error *e)
{
	const bool backwards = moment >= UNDO;
	int r = 0;

	for (size_t n = array_len(parts), i = 0; r == 0 && i < n; i++) {
		const size_t k = backwards ? n - 1 - i : i;

		if (parts[k][moment])
			r = parts[k][moment](m, e);
	}
	return r;
}

/* All of it: what fails is said, and goes on. */
static void undo(struct making *m)
{
	for (size_t i = array_len(parts); i-- > 0;) {
		struct error e = { 0 };

		if (parts[i][UNDO] && parts[i][UNDO](m, &e) < 0)
			log_warning("%s", e.text);
	}
}

static int at_namespaces(void *arg, int *state, struct error *e)
{
	struct making *m = arg;
	const struct oci_hooks *h = m->config->hooks;
	int r = now(m, NAMESPACES, e);

	if (r < 0 || !h || !h->n_createContainer)
		return r;
	*state = points_inner_state(&m->c, "creating", e);
	return *state < 0 ? *state : 0;
}

static int prepare(struct making *m, struct error *e)
{
	int r = now(m, READ, e);

	return r < 0 ? r : now(m, OPEN, e);
}

static int make(struct making *m, struct error *e)
{
	int r = now(m, MAKE, e);

	if (r == 0)
		r = now(m, JOIN, e);
	return r < 0 ? r : now(m, READY, e);
}

/* ---- the two commands ------------------------------------------------------------------------ */

static void begin(struct making *m, const struct settings *s, const struct create_options *o,
		  enum plan_kind kind)
{
	*m = (struct making){ .s = s, .o = o, .kind = kind, .child = CHILD_NONE };
	m->bundle_fd = m->listener = m->rootfs = m->notify = m->resctrl_root = m->c.dir = -1;
	m->child.at_namespaces = at_namespaces;
	m->child.arg = m;
}

static void finish(struct making *m)
{
	sources_close(&m->sources);
	fd_close(&m->listener);
	child_close(&m->child);
	netdevs_close(&m->netdevs);
	fd_close(&m->resctrl_root);
	fd_close(&m->notify);
	fd_close(&m->rootfs);
	fd_close(&m->bundle_fd);
	if (m->state_made)
		state_close(&m->c);
	if (m->have_cgroup)
		cgroup_free(&m->cgroup);
	cgroup_host_free(&m->cgroup_host);
	arena_close(&m->arena);
	free(m->text);
	free(m->bundle);
}

int container_create(const struct settings *s, const struct create_options *o, struct error *e)
{
	struct making m;

	begin(&m, s, o, PLAN_CREATE);
	int r = prepare(&m, e);

	if (r == 0 && (r = make(&m, e)) < 0)
		undo(&m);
	finish(&m);
	return r;
}

/* A hook that fails after the program runs ends the container (runtime.md, Lifecycle 8 and 9). */
static int go(struct making *m, struct error *e)
{
	const struct oci_hooks *h = m->config->hooks;
	auto_close int state = -1;

	if (h && h->n_startContainer && (state = points_inner_state(&m->c, "created", e)) < 0)
		return state;
	int r = child_go(&m->child, state, e);

	return r < 0 ? r : points_run(&m->c, POINT_POSTSTART, e);
}

/* Of a run that is not to be kept. */
static int end(struct making *m, struct error *e)
{
	int r = state_lock(&m->c, e);

	if (r == -ENOENT)
		return 0; /* deleted meanwhile: fine */
	return r < 0 ? r : now(m, END, e);
}

int container_run(const struct settings *s, const struct create_options *o, int *status,
		  struct error *e)
{
	struct supervise watch;
	struct making m;
	bool foreground = !o->detach;

	*status = 0;
	begin(&m, s, o, PLAN_RUN);
	int r = prepare(&m, e);

	if (r == 0 && foreground)
		r = supervise_begin(&watch, !o->no_subreaper, e);
	if (r < 0) {
		finish(&m);
		return r;
	}
	r = make(&m, e);
	if (r == 0)
		r = go(&m, e);
	if (r < 0) {
		undo(&m);
	} else if (foreground) {
		watch.notify_fd = m.notify;
		watch.notify_socket = m.manager;
		state_unlock(&m.c); /* others may look at it, and kill it, while it runs */
		r = supervise_wait(&watch, m.child.pid, m.child.pidfd, m.child.master, status, e);
		struct cgroup_trouble trouble;

		if (r == 0 && *status == 128 + SIGKILL && out_of_memory(&m, &trouble))
			log_warning("the kernel killed a process of it for lack of memory: "
				    "linux.resources.memory.limit is %" PRIu64 " bytes",
				    trouble.memory_limit);
		if (r == 0 && !o->keep)
			r = end(&m, e);
	}
	if (r == 0 && !foreground && m.notify >= 0) {
		state_unlock(&m.c);
		r = notify_wait_ready(m.notify, m.child.pidfd, m.manager, m.child.pid, e);
		r = r > 0 ? 0 : r;
	}
	finish(&m);
	if (foreground)
		supervise_end(&watch);
	return r;
}
