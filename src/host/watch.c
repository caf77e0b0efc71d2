/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/watch.h"

#include "host/state.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/timerfd.h>

/* An open container of which statistics can be had; without a lock, like all who only look. */
static int open_living(const struct settings *s, const char *id, struct container *c,
		       struct error *e)
{
	int r = state_open(s, id, LOCK_NOT, c, e);

	if (r < 0)
		return r;
	enum status status;

	r = state_status(s, c, &status, e);
	if (r == 0 && (status == STATUS_STOPPED || status == STATUS_CREATING)) {
		fail(e, 0, "container not running: it is %s", status_name(status));
		r = -ESRCH;
	}
	if (r == 0)
		r = state_open_cgroup(s, c, e);
	if (r == 0 && !c->has_cgroup) {
		fail(e, 0,
		     "the container was made with cgroups disabled: nobody counts what it uses");
		r = -EOPNOTSUPP;
	}
	if (r < 0)
		state_close(c);
	return r;
}

/* ---- network interfaces ---------------------------------------------------------------------- */

#define NET_DEV_LIMIT (4u << 20)

static bool shares_network(pid_t pid)
{
	char path[32], theirs[64], ours[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	ssize_t n = readlink(path, theirs, sizeof(theirs));
	ssize_t m = readlink("/proc/self/ns/net", ours, sizeof(ours));

	return n <= 0 || m <= 0 || (n == m && memcmp(theirs, ours, (size_t)n) == 0);
}

/* "  eth0: " and 16 numbers, of which the first four of each half are for us. */
static bool read_interface(struct arena *a, char *line, struct interface_stats *out)
{
	char *name = line + strspn(line, " "), *colon = strrchr(name, ':');

	if (!colon)
		return false;
	*colon = '\0';
	line = colon + 1;
	for (size_t i = 0; i < 16; i++) {
		uint64_t n;

		line += strspn(line, " ");
		size_t len = strcspn(line, " ");

		if (number_u64_n(line, len, UINT64_MAX, &n) < 0)
			return false;
		if (i % 8 < 4)
			out->counters[i / 8 * 4 + i % 8] = n;
		line += len;
	}
	out->name = arena_strdup(a, name);
	return !streq(name, "lo");
}

static void read_interfaces(const struct container *c, struct arena *a, struct container_stats *out)
{
	pid_t pid = c->record.state->pid.v;
	auto_free char *text = NULL;
	char path[32], *line, *rest;
	size_t lines = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	if (shares_network(pid) || file_read_all(AT_FDCWD, path, NET_DEV_LIMIT, &text) < 0)
		return;
	/* Looked at last: until here the number cannot have become somebody else's. */
	auto_close int pidfd = state_pidfd(c);

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	if (pidfd < 0 || !(out->interfaces = arena_new_array(a, struct interface_stats, lines)))
		return;
	for (rest = text; (line = strsep(&rest, "\n")) && out->n_interfaces < lines;)
		out->n_interfaces += read_interface(a, line, &out->interfaces[out->n_interfaces]);
}

static void read_rdt(const struct container *c, struct arena *a, struct container_stats *out)
{
	const struct resctrl class = state_resctrl(c);
	struct error ignored = { 0 };
	auto_close int root = class.class ? resctrl_open(&ignored) : -1;

	if (root >= 0 && (out->rdt = arena_new(a, struct resctrl_stats)))
		resctrl_read(root, &class, a, out->rdt);
}

static int read_stats(struct container *c, struct arena *a, struct container_stats *out,
		      struct error *e)
{
	*out = (struct container_stats){ 0 };
	int r = cgroup_stats(&c->cgroup, a, &out->cgroup, e);

	if (r == 0)
		read_interfaces(c, a, out);
	if (r == 0)
		read_rdt(c, a, out);
	return r;
}

int container_stats(const struct settings *s, const char *id, struct arena *a,
		    struct container_stats *out, struct error *e)
{
	struct container c;
	int r = open_living(s, id, &c, e);

	if (r < 0)
		return r;
	r = read_stats(&c, a, out, e);
	state_close(&c);
	return r;
}

/* ---- watching -------------------------------------------------------------------------------- */

enum { ENDED, TICK, OOM, SOURCES };

static int tell_stats(struct container *c, const struct watcher *w, struct error *e)
{
	struct container_stats stats;
	struct arena a;
	int r = arena_open_private(&a, 0);

	if (r < 0)
		return fail(e, r, "no memory");
	r = read_stats(c, &a, &stats, e);
	if (r == 0)
		r = w->stats(w->arg, &stats, e);
	arena_close(&a);
	return r;
}

/* One round. Returns 1 when the container has ended. */
static int attend(struct container *c, struct pollfd *fds, struct cgroup_oom *oom,
		  const struct watcher *w, struct error *e)
{
	uint64_t ticks;
	int r = 0;

	if (poll(fds, SOURCES, -1) < 0)
		return errno == EINTR ? 0 : fail(e, errno, "cannot wait for the container");
	/* Also at the end: what has ended it may be just that. */
	if ((fds[OOM].revents || fds[ENDED].revents) && cgroup_oom_happened(oom))
		r = w->oom(w->arg, e);
	if (r < 0 || fds[ENDED].revents)
		return r < 0 ? r : 1;
	if (!fds[TICK].revents || read(fds[TICK].fd, &ticks, sizeof(ticks)) < 0)
		return 0;
	return tell_stats(c, w, e);
}

static int watch(struct container *c, int pidfd, int timer, const struct watcher *w,
		 struct error *e)
{
	struct cgroup_oom oom;
	int r = cgroup_oom_open(&c->cgroup, &oom);

	if (r < 0)
		log_warning("events: the kernel does not tell when memory runs out: %s",
			    strerror(-r));

	struct pollfd fds[SOURCES] = {
		[ENDED] = { .fd = pidfd, .events = POLLIN },
		[TICK] = { .fd = timer, .events = POLLIN },
		[OOM] = { .fd = oom.fd, .events = oom.events },
	};

	r = tell_stats(c, w, e);
	while (r == 0)
		r = attend(c, fds, &oom, w, e);
	cgroup_oom_close(&oom);
	return MIN(r, 0);
}

static int start_timer(uint64_t interval_ns, struct error *e)
{
	const struct timespec t = { .tv_sec = (time_t)(interval_ns / 1000000000),
				    .tv_nsec = (long)(interval_ns % 1000000000) };
	const struct itimerspec every = { .it_interval = t, .it_value = t };
	auto_close int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		return fail(e, errno, "cannot make a timer");
	return fd_take(&timer);
}

int container_watch(const struct settings *s, const char *id, uint64_t interval_ns,
		    const struct watcher *w, struct error *e)
{
	struct container c;
	int r = open_living(s, id, &c, e);

	if (r < 0)
		return r;
	auto_close int pidfd = state_pidfd(&c);
	auto_close int timer = pidfd < 0 ? -1 : start_timer(interval_ns, e);

	if (pidfd >= 0) /* else it has ended just now */
		r = timer < 0 ? timer : watch(&c, pidfd, timer, w, e);
	/* It may end, and be removed, while its numbers are read. */
	if (r == -ENOENT && state_pidfd(&c) < 0)
		r = 0;
	state_close(&c);
	return r;
}
