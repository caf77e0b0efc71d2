/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * destroy -- the end of a container's cgroup.
 *
 * One rmdir(2) per hierarchy when all is well. Otherwise somebody is left inside: sub-cgroups go
 * first, processes are killed, and waited for by what the kernel offers: a pidfd, cgroup.events.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#define PATIENCE_MS 10000

/* ---- waiting --------------------------------------------------------------------------------- */

static void wait_for(int *pidfds, size_t n, int64_t deadline)
{
	for (size_t i = 0; i < n; i++) {
		struct pollfd p = { .fd = pidfds[i], .events = POLLIN };
		int64_t left = deadline - cgroup_now_ms();

		while (left > 0 && poll(&p, 1, (int)left) < 0 && errno == EINTR)
			left = deadline - cgroup_now_ms();
		close(pidfds[i]);
	}
}

/* Nobody is in it or below any more, for all we can do until the deadline. */
static int clear_out(int dir, int64_t deadline)
{
	int *pidfds = NULL;
	size_t n = 0;
	int r = cgroup_signal_in(dir, SIGKILL, &pidfds, &n);

	if (pidfds) {
		wait_for(pidfds, n, deadline);
		free(pidfds);
	}
	return r;
}

/* ---- removing -------------------------------------------------------------------------------- */

static int first_child(int dir, const char *name, void *out)
{
	(void)dir;
	snprintf(out, NAME_MAX + 1, "%s", name);
	return 1; /* enough */
}

static int enter(int *at, const char *name)
{
	int next = openat(*at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (next < 0)
		return -errno;
	fd_close(at);
	*at = next;
	return 0;
}

/* A process that has ended is not at once out of its cgroup; v2 says when. */
static void wait_until_empty(int dir, unsigned int *round)
{
	if (cgroup_wait_event(dir, "populated", 0, 100) == -ENOENT)
		cgroup_back_off(round);
}

/*
 * All that is below, the deepest first. Who was inside may have nested them without end, so one of them
 * is open at a time: the way up is "..", and what goes next is always the first that is there.
 */
static int remove_below(int top, int64_t deadline)
{
	auto_close int at = fcntl(top, F_DUPFD_CLOEXEC, 0);
	unsigned int depth = 0, round = 0;
	bool in_vain = false;

	if (at < 0)
		return -errno;
	while (cgroup_now_ms() <= deadline) {
		char name[NAME_MAX + 1];
		int r = cgroup_each_child(at, first_child, name);

		if (r == 0) {
			r = clear_out(at, deadline);
			if (r < 0 || depth == 0)
				return r;
			if (in_vain)
				wait_until_empty(at, &round);
			in_vain = true;
			depth--;
			r = enter(&at, "..");
		} else if (r > 0) {
			r = unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
			in_vain &= r < 0;
			if (r == -EBUSY || r == -ENOTEMPTY) {
				r = enter(&at, name);
				depth += r == 0;
			}
		}
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return -EBUSY;
}

static int remove_one(int parent, const char *name, int dir, int64_t deadline)
{
	unsigned int round = 0;

	for (;;) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		if (cgroup_now_ms() > deadline)
			return -EBUSY;
		int r = remove_below(dir, deadline);

		if (r < 0 && r != -ENOENT && r != -ENODEV && r != -EBUSY)
			return r;
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		wait_until_empty(dir, &round);
	}
}

/* The parents that we made, as far as nobody else has come to use them. */
static void remove_parents(const struct cgroup *c, int mount, uint16_t kept)
{
	for (uint16_t k = c->depth - 1; k > kept; k--) {
		auto_free char *path = cgroup_components(c, k);

		if (!path || unlinkat(mount, path, AT_REMOVEDIR) < 0)
			return;
	}
}

static int cannot_remove(struct cgroup *c, size_t i, int err, struct error *e)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int dir = cgroup_dir(c, i);

	fail(e, err, "cannot remove the cgroup %s%s", c->host->h[i].mount, c->path);
	if (err == -EBUSY && dir >= 0 && cgroup_pids_in(dir, &pids, &n) == 0 && n > 0)
		return hint(e, "process %d does not die: it may hang in the kernel (state D in ps)",
			    (int)pids[0]);
	return -e->code;
}

static int remove_from(struct cgroup *c, size_t i, int64_t deadline, struct error *e)
{
	struct cgroup_place *p = &c->at[i];

	if (p->kept >= c->depth) {
		int dir = c->host->h[i].v2 ? cgroup_dir(c, i) : -1;

		if (dir >= 0)
			(void)cgroup_filter_detach(dir);
		return 0;
	}

	int mount = cgroup_top(c, i);

	if (mount < 0)
		return mount == -ENOENT ? 0 : fail(e, mount, "cannot open %s", c->host->h[i].mount);
	if (unlinkat(mount, c->path + 1, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		int r = errno == EBUSY || errno == ENOTEMPTY ? cgroup_dir(c, i) : -errno;

		if (r >= 0) {
			cgroup_thaw_quietly(c); /* the frozen do not die */
			r = remove_one(mount, c->path + 1, r, deadline);
		}
		if (r < 0 && r != -ENOENT)
			return cannot_remove(c, i, r, e);
	}
	fd_close(&p->dir);
	remove_parents(c, mount, p->kept);
	return 0;
}

int cgroup_destroy(struct cgroup *c, struct error *e)
{
	const int64_t deadline = cgroup_now_ms() + PATIENCE_MS;
	int first = 0;

	if (c->driver == CGROUP_DISABLED || !c->path || c->awaits)
		return 0;
	/* One that cannot be removed is no reason to leave the others. */
	for (size_t i = 0; i < c->host->n; i++) {
		struct error other;

		if (!c->at[i].used)
			continue;
		int r = remove_from(c, i, deadline, first ? &other : e);

		first = first ? first : r;
	}
	/* Without processes the unit ends by itself; systemd forgets here that it failed, if so. */
	if (c->scope > 0 && c->at[c->host->v2].kept < c->scope && first == 0) {
		struct error gone;

		/* A bus that is not there now must not keep a container from ever being deleted. */
		if (systemd_stop(c, &gone) < 0)
			log_warning("the cgroup is removed, but systemd may remember its unit: %s",
				    gone.text);
	}
	return first;
}
