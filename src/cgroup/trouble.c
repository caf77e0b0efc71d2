/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trouble -- the counters that explain an early death.
 */
#include "table.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

static bool read_text(struct cgroup *c, int h, const char *file, char *text, size_t size)
{
	int dir = h < 0 ? -1 : cgroup_dir(c, (size_t)h);

	return dir >= 0 && file_read(dir, file, text, size) >= 0;
}

static uint64_t keyed(struct cgroup *c, int h, const char *file, const char *key)
{
	char text[1024];
	uint64_t n;

	return read_text(c, h, file, text, sizeof(text)) && cgroup_keyed(text, key, &n) ? n : 0;
}

static uint64_t alone(struct cgroup *c, int h, const char *file, uint64_t otherwise)
{
	char text[64];
	uint64_t n;

	if (!read_text(c, h, file, text, sizeof(text)))
		return otherwise;
	return number_u64_n(text, strcspn(text, "\n"), UINT64_MAX, &n) < 0 ? otherwise : n;
}

int cgroup_trouble(struct cgroup *c, struct cgroup_trouble *out)
{
	const struct row *limit = cg_row("memory.limit");

	*out = (struct cgroup_trouble){ .memory_limit = UINT64_MAX };
	if (c->driver == CGROUP_DISABLED)
		return -EOPNOTSUPP;
	int h = cgroup_find(c->host, "memory");

	if (h >= 0 && c->host->h[h].v2) {
		out->oom_kills = keyed(c, h, "memory.events", "oom_kill");
		out->memory_hits = keyed(c, h, "memory.events", "max");
		out->memory_limit = alone(c, h, limit->v2, UINT64_MAX);
	} else if (h >= 0) {
		out->oom_kills = keyed(c, h, "memory.oom_control", "oom_kill");
		out->memory_hits =
			alone(c, h, "memory.failcnt", 0) + alone(c, h, "memory.memsw.failcnt", 0);
		/* Newer kernels do not count those of memory+swap. */
		out->memory_hits = MAX(out->memory_hits, out->oom_kills);
		out->memory_limit = alone(c, h, limit->v1, UINT64_MAX);
		/* v1 has no word for none, but the largest number of whole pages. */
		if (out->memory_limit > INT64_MAX - 65536)
			out->memory_limit = UINT64_MAX;
	}
	out->pids_hits = keyed(c, cgroup_find(c->host, "pids"), "pids.events", "max");
	return 0;
}
