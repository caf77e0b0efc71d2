/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lifecycle -- start, kill, delete, pause, resume, update: what is done to a container that is
 * there. Each opens its state under the lock, asks for the status, and acts on a pidfd.
 */
#include "host/child.h"
#include "host/evict.h"
#include "host/notify.h"
#include "host/points.h"
#include "host/state.h"

#include "base/file.h"
#include "base/log.h"
#include "base/names.h"
#include "base/sys.h"
#include "compile/compile.h"
#include "plan/talk.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- start ----------------------------------------------------------------------------------- */

static int connect_to_init(struct container *c, struct error *e)
{
	int sock = state_connect(c, 0);

	if (sock >= 0)
		return sock;
	fail(e, sock, "cannot reach the container's first process");
	return hint_if(e, ECONNREFUSED, "it has just ended");
}

static int refuse(enum status status, const char *what, struct error *e)
{
	fail(e, 0, "cannot %s a container that is %s", what, status_name(status));
	return -EINVAL;
}

static int end(const struct settings *s, struct container *c, struct error *e);

/* A service manager waits for READY=1, and wants to hear it from us. */
static int open_notify(struct container *c, const char *socket, struct error *e)
{
	if (!socket || !*socket || faccessat(c->dir, NOTIFY_DIRECTORY, F_OK, 0) < 0)
		return -1;
	int fd = notify_open(c->dir, e);

	if (fd < 0)
		log_warning("%s", e->text);
	return fd;
}

static int start_created(const struct settings *s, struct container *c, struct error *e)
{
	const struct oci_hooks *h = c->config->hooks;
	struct talk_record go = { .type = TALK_STATE };
	struct error ignored = { 0 };
	auto_close int state = h && h->n_startContainer ? points_inner_state(c, "created", e) : -1;

	if (h && h->n_startContainer && state < 0)
		return state;
	auto_close int sock = connect_to_init(c, e);

	if (sock < 0)
		return sock;
	const char *manager = getenv("NOTIFY_SOCKET");
	auto_close int notify = open_notify(c, manager, &ignored);
	auto_close int pidfd = state_pidfd(c);
	int r = talk_send(sock, &go, state);

	if (r < 0) {
		fail(e, r, "cannot reach the container's first process");
		return hint_if(e, EPIPE, "it has just ended");
	}
	/* From here on it is not "created" any more, whatever comes. */
	unlinkat(c->dir, "start", 0);
	r = child_executed(sock, c, c->record.state->pid.v, e);
	if (r == 0)
		r = points_run(c, POINT_POSTSTART, e);
	if (r == 0 && notify >= 0) {
		state_unlock(c); /* this may take as long as the program pleases */
		r = notify_wait_ready(notify, pidfd, manager, c->record.state->pid.v, e);
		r = r > 0 ? 0 : r;
	}
	/* runtime.md, Lifecycle 8 and 9: a failing hook stops the container and ends its life. */
	if (r < 0 && h && (h->n_startContainer || h->n_poststart) && strstr(e->text, "hook #"))
		end(s, c, &ignored);
	return r;
}

int container_start(const struct settings *s, const char *id, struct error *e)
{
	struct container c;
	int r = state_open(s, id, LOCK_WRITE, &c, e);

	if (r < 0)
		return r;
	enum status status;

	r = state_status(s, &c, &status, e);
	if (r == 0 && status != STATUS_CREATED)
		r = refuse(status, "start", e);
	if (r == 0)
		r = state_load_config(&c, e);
	if (r == 0 && !c.config->process) {
		fail(e, 0, "cannot start the container: its config.json has no process");
		r = -EINVAL;
	}
	if (r == 0)
		r = start_created(s, &c, e);
	state_close(&c);
	return r;
}

/* ---- kill ------------------------------------------------------------------------------------ */

/* Without a pid namespace of its own the kernel does not end the rest with the first process. */
static bool needs_all(struct container *c, int sig)
{
	struct error ignored = { 0 };

	return sig == SIGKILL && state_load_config(c, &ignored) == 0 && !own_pid_namespace(c);
}

/* What ends the program by its image's own wish, or as usual. */
#define STOP_SIGNAL "org.opencontainers.image.stopSignal"
static int stop_signal(const struct container *c, struct error *e)
{
	const struct oci_state *st = c->record.state; /* NULL: half made */
	const char *name = st ? oci_map_get(st->annotations, STOP_SIGNAL) : NULL;
	int sig = name && *name ? signal_number(name) : SIGTERM;

	return sig >= 0
		       ? sig
		       : fail(e, 0, "annotations[\"" STOP_SIGNAL "\"]: '%s' is not a signal", name);
}

int container_kill(const struct settings *s, const char *id, int sig, bool all, struct error *e)
{
	struct container c;
	int r = state_open(s, id, LOCK_NOT, &c, e);

	if (r < 0)
		return r;
	if (sig < 0)
		sig = r = stop_signal(&c, e);
	if (r < 0) {
		state_close(&c);
		return r;
	}
	r = 0;
	auto_close int pidfd = state_pidfd(&c);

	if (all || needs_all(&c, sig)) {
		r = state_open_cgroup(s, &c, e);
		if (r == 0 && c.has_cgroup)
			r = cgroup_kill_all(&c.cgroup, sig, e);
	}
	if (r == 0 && pidfd >= 0 && !(all && c.has_cgroup)) {
		r = sys_pidfd_send_signal(pidfd, sig);
		if (r == -ESRCH)
			r = 0; /* ended just now */
		if (r < 0)
			fail(e, r, "cannot send signal %d", sig);
	} else if (r == 0 && pidfd < 0 && pidfd != -ESRCH && !(all && c.has_cgroup)) {
		r = fail(e, pidfd, "cannot look at the container's process");
	} else if (r == 0 && pidfd < 0 && !all) {
		enum status status = STATUS_STOPPED;

		state_status(s, &c, &status, e);
		fail(e, 0, "container not running: it is %s", status_name(status));
		r = -ESRCH;
	}
	state_close(&c);
	return r;
}

/* ---- delete ---------------------------------------------------------------------------------- */

/* SIGKILL has no deadline of its own: a process in uninterruptible sleep may take its time. */
#define KILL_DEADLINE_MS 10000

static int kill_and_wait(struct container *c, struct error *e)
{
	auto_close int pidfd = state_pidfd(c);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	int r;

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return fail(e, pidfd, "cannot look at the container's process");
	r = sys_pidfd_send_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return fail(e, r, "cannot kill the container");
	do
		r = poll(&gone, 1, KILL_DEADLINE_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0) {
		fail(e, ETIMEDOUT, "the container does not end after SIGKILL");
		return hint(e, "look at /proc/%d/stack for what it waits for",
			    c->record.state->pid.v);
	}
	return 0;
}

/* What was made in resctrl; where it is not mounted any more, nothing is left. */
static int remove_class(const struct container *c, struct error *e)
{
	const struct resctrl r = state_resctrl(c);
	struct error ignored = { 0 };
	auto_close int root = r.made || r.monitor ? resctrl_open(&ignored) : -1;

	return root < 0 ? 0 : resctrl_remove(root, &r, e);
}

/* Undo all that create made, in the order that lets a second try succeed after a failure. */
static int end(const struct settings *s, struct container *c, struct error *e)
{
	struct error later = { 0 };
	int r = state_open_cgroup(s, c, e);

	/* A frozen process does not even die. Thawing one that may not be frozen does no harm. */
	if (r == 0 && c->has_cgroup && cgroup_is_frozen(&c->cgroup, &later) != 0)
		r = cgroup_thaw(&c->cgroup, e);
	if (r == 0)
		r = kill_and_wait(c, e);
	if (r == 0 && c->has_cgroup)
		r = cgroup_destroy(&c->cgroup, e);
	if (r == 0)
		r = remove_class(c, e);
	/* Read before the copy goes; that it cannot be read must not keep the container. */
	int config = c->record.state ? state_load_config(c, &later) : -ENOENT;

	if (r == 0)
		r = state_remove(s, c, e);
	if (r == 0 && config == 0)
		points_run(c, POINT_POSTSTOP, &later);
	return r;
}

int container_delete(const struct settings *s, const char *id, bool force, struct error *e)
{
	struct container c;
	int r = force ? evict_holder(s, id, e) : 0;

	if (r == 0)
		r = state_open(s, id, LOCK_WRITE, &c, e);
	if (r == -ENOENT && force) {
		memset(e, 0, sizeof(*e));
		return 0;
	}
	if (r < 0)
		return r;
	enum status status = STATUS_STOPPED;

	if (!force)
		r = state_status(s, &c, &status, e);
	if (status == STATUS_RUNNING || status == STATUS_PAUSED) {
		fail(e, 0, "cannot delete container '%s' that is not stopped: it is %s", id,
		     status_name(status));
		hint(e, "'ocirt delete --force %s' kills it first", id);
		r = -EINVAL;
	}
	if (r == 0)
		r = end(s, &c, e);
	state_close(&c);
	return r;
}

/* ---- pause, resume, update ------------------------------------------------------------------- */

static int open_live_cgroup(const struct settings *s, const char *id, struct container *c,
			    enum status *status, struct error *e)
{
	int r = state_open(s, id, LOCK_WRITE, c, e);

	if (r < 0)
		return r;
	r = state_status(s, c, status, e);
	if (r == 0)
		r = state_open_cgroup(s, c, e);
	if (r == 0 && !c->record.state) {
		fail(e, 0, "container not running: its create has not come far");
		r = -EINVAL;
	} else if (r == 0 && !c->has_cgroup) {
		fail(e, 0, "the container was made with cgroups disabled");
		r = -EOPNOTSUPP;
	}
	if (r < 0)
		state_close(c);
	return r;
}

int container_pause(const struct settings *s, const char *id, struct error *e)
{
	struct container c;
	enum status status;
	int r = open_live_cgroup(s, id, &c, &status, e);

	if (r < 0)
		return r;
	if (status != STATUS_RUNNING && status != STATUS_CREATED)
		r = refuse(status, "pause", e);
	else
		r = cgroup_freeze(&c.cgroup, e);
	state_close(&c);
	return r;
}

int container_resume(const struct settings *s, const char *id, struct error *e)
{
	struct container c;
	enum status status;
	int r = open_live_cgroup(s, id, &c, &status, e);

	if (r < 0)
		return r;
	if (status != STATUS_PAUSED) {
		fail(e, 0, "container not paused: it is %s", status_name(status));
		r = -EINVAL;
	} else {
		r = cgroup_thaw(&c.cgroup, e);
	}
	state_close(&c);
	return r;
}

/*
 * What the container will have, beside its copy of config.json: the file is complete before the
 * first limit changes, so that only a rename is left to do after the last, which needs no space.
 */
#define NEXT_CONFIG "config.next"

static int write_next_config(struct container *c, const struct oci_resources *before,
			     const struct oci_resources *res, const struct oci_intel_rdt *rdt,
			     struct error *e)
{
	struct oci_config config = *c->config;
	struct oci_linux linux_part = config.linux ? *config.linux : (struct oci_linux){ 0 };
	struct oci_resources merged;
	size_t len;
	int r = cgroup_merge(&c->arena, before, res, &merged, e);

	if (r < 0)
		return r;
	linux_part.resources = &merged;
	if (rdt)
		linux_part.intelRdt = (struct oci_intel_rdt *)rdt;
	config.linux = &linux_part;
	auto_free char *text = ocispec_write(&oci_config_schema, &config, false, &len);

	r = text ? file_replace(c->dir, NEXT_CONFIG, text, len, 0600) : -ENOMEM;
	return r < 0 ? fail(e, r, "cannot keep the new limits") : 0;
}

/* What intelRdt of the container will be; only of one that has it already. */
static int merge_rdt(const struct container *c, const struct oci_intel_rdt *changes,
		     struct oci_intel_rdt *out, struct error *e)
{
	if (!c->record.resctrlClass || !c->config->linux || !c->config->linux->intelRdt) {
		fail(e, 0, "linux.intelRdt: the container was made without it");
		return -EINVAL;
	}
	*out = *c->config->linux->intelRdt;
	if (changes->l3CacheSchema)
		out->l3CacheSchema = changes->l3CacheSchema;
	if (changes->memBwSchema)
		out->memBwSchema = changes->memBwSchema;
	return compile_intel_rdt(changes, e);
}

static int update(struct container *c, const struct oci_resources *res,
		  const struct oci_intel_rdt *rdt, struct error *e)
{
	const struct resctrl class = state_resctrl(c);
	auto_free char *shares_before = NULL;
	auto_close int root = -1;
	struct oci_intel_rdt merged;
	int r = state_load_config(c, e);

	if (r == 0 && rdt && (r = merge_rdt(c, rdt, &merged, e)) == 0)
		r = root = resctrl_open(e);
	if (r < 0)
		return r;
	const struct oci_linux *l = c->config->linux;
	const struct oci_resources none = { 0 }, *before = l && l->resources ? l->resources : &none;

	r = write_next_config(c, before, res, rdt ? &merged : NULL, e);
	if (r < 0)
		return r;
	if (rdt)
		r = resctrl_update(root, rdt, &class, &shares_before, e);
	if (r == 0 && (r = cgroup_update(&c->cgroup, res, before, e)) < 0 && rdt)
		resctrl_restore(root, &class, shares_before);
	if (r == 0 && renameat(c->dir, NEXT_CONFIG, c->dir, "config.json") < 0)
		return fail(e, errno, "cannot keep the new limits");
	if (r < 0)
		unlinkat(c->dir, NEXT_CONFIG, 0);
	return r;
}

int container_update(const struct settings *s, const char *id, const struct oci_resources *res,
		     const struct oci_intel_rdt *rdt, struct error *e)
{
	struct container c;
	enum status status;
	int r = open_live_cgroup(s, id, &c, &status, e);

	if (r < 0)
		return r;
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		r = refuse(status, "update", e);
	if (r == 0)
		r = cgroup_check(c.cgroup_host, res, e);
	if (r == 0)
		r = update(&c, res, rdt, e);
	state_close(&c);
	return r;
}
