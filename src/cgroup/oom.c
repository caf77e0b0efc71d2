/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * oom -- to be told when a container's memory has run out.
 *
 * v2: memory.events counts the processes that were killed, and poll(2) says when it has changed.
 * v1: an eventfd is signalled when the limit is met and nothing can be reclaimed; once more when
 * the cgroup is removed, which must not be taken for it.
 */
#include "stats.h"

#include "parts.h"

#include "base/file.h"
#include "base/util.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

#define V1_FILE "memory.oom_control"
#define V2_FILE "memory.events"

static uint64_t kills(int fd)
{
	char text[512];
	uint64_t n;
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		return 0;
	text[len] = '\0';
	return cgroup_keyed(text, "oom_kill", &n) ? n : 0;
}

static int open_v1(struct cgroup_oom *o)
{
	auto_close int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	auto_close int file = openat(o->dir, V1_FILE, O_RDONLY | O_CLOEXEC);
	char text[32];

	if (event < 0 || file < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d", event, file);
	int r = file_write(o->dir, "cgroup.event_control", text);

	if (r < 0)
		return r;
	o->fd = fd_take(&event);
	o->events = POLLIN;
	return 0;
}

static int open_v2(struct cgroup_oom *o)
{
	o->fd = openat(o->dir, V2_FILE, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0)
		return -errno;
	o->seen = kills(o->fd); /* poll(2) waits for changes after a read */
	o->events = POLLPRI;
	return 0;
}

int cgroup_oom_open(struct cgroup *c, struct cgroup_oom *out)
{
	int h = c->driver == CGROUP_DISABLED ? -1 : cgroup_find(c->host, "memory");

	*out = (struct cgroup_oom){ .fd = -1, .v2 = h >= 0 && c->host->h[h].v2 };
	out->dir = h < 0 ? -EOPNOTSUPP : cgroup_dir(c, (size_t)h);
	if (out->dir < 0)
		return out->dir;
	return out->v2 ? open_v2(out) : open_v1(out);
}

bool cgroup_oom_happened(struct cgroup_oom *o)
{
	uint64_t n;

	if (o->fd < 0)
		return false;
	if (o->v2) {
		n = kills(o->fd);
		bool more = n > o->seen;

		o->seen = MAX(n, o->seen);
		return more;
	}
	if (read(o->fd, &n, sizeof(n)) != sizeof(n))
		return false;
	return n > 1 || faccessat(o->dir, V1_FILE, F_OK, 0) == 0;
}

void cgroup_oom_close(struct cgroup_oom *o)
{
	fd_close(&o->fd);
}
