/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/watch.h"

#include "host/state.h"

#include "base/log.h"
#include "base/util.h"

#include <poll.h>
#include <sys/timerfd.h>

/* An open container of which statistics can be had; without a lock, like all who only look. */
static int open_living(const struct settings *s, const char *id, struct container *c,
		       struct error *e)
{
	int r = state_open(s, id, LOCK_NOT, c, e);

	if (r < 0)
		return r;
	enum status status = state_status(s, c);

	if (status == STATUS_STOPPED || status == STATUS_CREATING) {
		fail(e, 0, "container not running: it is %s", status_name(status));
		r = -ESRCH;
	} else {
		r = state_open_cgroup(s, c, e);
	}
	if (r == 0 && !c->has_cgroup) {
		fail(e, 0,
		     "the container was made with cgroups disabled: nobody counts what it uses");
		r = -EOPNOTSUPP;
	}
	if (r < 0)
		state_close(c);
	return r;
}

int container_stats(const struct settings *s, const char *id, struct arena *a,
		    struct cgroup_stats *out, struct error *e)
{
	struct container c;
	int r = open_living(s, id, &c, e);

	if (r < 0)
		return r;
	r = cgroup_stats(&c.cgroup, a, out, e);
	state_close(&c);
	return r;
}

/* ---- watching -------------------------------------------------------------------------------- */

enum { ENDED, TICK, OOM, SOURCES };

static int tell_stats(struct container *c, const struct watcher *w, struct error *e)
{
	struct cgroup_stats stats;
	struct arena a;
	int r = arena_open_private(&a, 0);

	if (r < 0)
		return fail(e, r, "no memory");
	r = cgroup_stats(&c->cgroup, &a, &stats, e);
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
