/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * freezer -- stop all processes of a cgroup, and let them go on.
 *
 * v2 tells when all have stopped (cgroup.events can be polled). v1 does not: its freezer.state
 * finds out when it is read, so it is read until it says so.
 */
#include "parts.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <poll.h>
#include <time.h>

#define PATIENCE_MS 10000 /* for processes in uninterruptible sleep */

int64_t cgroup_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cgroup_back_off(unsigned int *round)
{
	struct timespec t = { .tv_nsec = 20000L << MIN(*round, 9u) };

	++*round;
	nanosleep(&t, NULL);
}

bool cgroup_keyed(const char *text, const char *key, uint64_t *out)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return number_u64_n(line + n + 1, strcspn(line + n + 1, "\n"), UINT64_MAX,
					    out) == 0;
	}
	return false;
}

/* Where the freezer is: a borrowed directory, -errno. */
static int find(struct cgroup *c, bool *v2)
{
	int h = c->driver == CGROUP_DISABLED ? -1 : cgroup_find(c->host, "freezer");

	if (h < 0)
		return -EOPNOTSUPP;
	*v2 = c->host->h[h].v2;
	return cgroup_dir(c, (size_t)h);
}

static int find_or_fail(struct cgroup *c, const char *what, bool *v2, struct error *e)
{
	int r = cgroup_none(c, what, e);

	if (r < 0)
		return r;
	int dir = find(c, v2);

	if (dir == -EOPNOTSUPP) {
		fail(e, -dir, "cannot %s: this host has no freezer", what);
		return hint(e, "mkdir /sys/fs/cgroup/freezer; "
			       "mount -t cgroup -o freezer freezer /sys/fs/cgroup/freezer");
	}
	if (dir < 0) {
		fail(e, dir, "cannot %s: no cgroup %s", what, c->path);
		return hint_if(e, ENOENT,
			       "the user that made the container may not make cgroups, "
			       "or somebody has removed it");
	}
	return dir;
}

/* ---- v2 -------------------------------------------------------------------------------------- */

int cgroup_wait_event(int dir, const char *key, uint64_t value, int patience_ms)
{
	auto_close int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int64_t deadline = cgroup_now_ms() + patience_ms;

	if (events < 0)
		return -errno;
	for (;;) {
		char text[256];
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		uint64_t is;

		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (cgroup_keyed(text, key, &is) && is == value)
			return 0;
		struct pollfd p = { .fd = events, .events = POLLPRI };
		int64_t left = deadline - cgroup_now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

static int freeze_v2(int dir)
{
	int r = file_write(dir, "cgroup.freeze", "1");

	return r < 0 ? r : cgroup_wait_event(dir, "frozen", 1, PATIENCE_MS);
}

/* ---- v1 -------------------------------------------------------------------------------------- */

static int freeze_v1(int dir)
{
	unsigned int round = 0;
	int64_t deadline = cgroup_now_ms() + PATIENCE_MS;

	for (;;) {
		/* Written again each time: a process forked meanwhile may have slipped through. */
		char state[32];
		int r = file_write(dir, "freezer.state", "FROZEN");

		if (r == 0)
			r = (int)MIN(file_read(dir, "freezer.state", state, sizeof(state)), 0);
		if (r < 0)
			return r;
		if (streq(state, "FROZEN\n"))
			return 0;
		if (cgroup_now_ms() > deadline)
			return -ETIMEDOUT;
		cgroup_back_off(&round);
	}
}

/* ---- both ------------------------------------------------------------------------------------ */

static int thaw(int dir, bool v2)
{
	return v2 ? file_write(dir, "cgroup.freeze", "0")
		  : file_write(dir, "freezer.state", "THAWED");
}

int cgroup_freeze(struct cgroup *c, struct error *e)
{
	bool v2;
	int dir = find_or_fail(c, "pause", &v2, e);

	if (dir < 0)
		return dir;
	int r = v2 ? freeze_v2(dir) : freeze_v1(dir);

	if (r < 0)
		(void)thaw(dir, v2); /* half a pause is none */
	if (r == -ETIMEDOUT) {
		fail(e, -r, "cannot pause: not all processes of %s stop", c->path);
		return hint(e, "one of them may hang in the kernel (state D in ps); try again");
	}
	return r < 0 ? fail(e, r, "cannot pause: %s", c->path) : 0;
}

int cgroup_thaw(struct cgroup *c, struct error *e)
{
	bool v2;
	int dir = find_or_fail(c, "resume", &v2, e);

	if (dir < 0)
		return dir;
	int r = thaw(dir, v2);

	return r < 0 ? fail(e, r, "cannot resume: %s", c->path) : 0;
}

void cgroup_thaw_quietly(struct cgroup *c)
{
	bool v2;
	int dir = find(c, &v2);

	if (dir >= 0)
		(void)thaw(dir, v2);
}

void cgroup_hold(struct cgroup *c)
{
	bool v2;
	int dir = find(c, &v2);

	if (dir >= 0)
		(void)(v2 ? file_write(dir, "cgroup.freeze", "1")
			  : file_write(dir, "freezer.state", "FROZEN"));
}

int cgroup_is_frozen(struct cgroup *c, struct error *e)
{
	char state[32];
	bool v2;
	int dir = find(c, &v2);

	if (dir == -EOPNOTSUPP || dir == -ENOENT)
		return 0; /* nobody can have paused it */
	if (dir < 0)
		return fail(e, dir, "cannot open the cgroup %s", c->path);
	ssize_t r = file_read(dir, v2 ? "cgroup.freeze" : "freezer.state", state, sizeof(state));

	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return fail(e, (int)r, "cannot read the freezer's state of %s", c->path);
	return v2 ? state[0] == '1' : !streq(state, "THAWED\n");
}

int cgroup_would_freeze(struct cgroup *c)
{
	char text[256];
	uint64_t frozen;
	bool v2;
	int dir = find(c, &v2);

	if (dir < 0 ||
	    file_read(dir, v2 ? "cgroup.events" : "freezer.state", text, sizeof(text)) < 0)
		return 0;
	return v2 ? cgroup_keyed(text, "frozen", &frozen) && frozen : !streq(text, "THAWED\n");
}
