/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats_read.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <stdio.h>

#define TEXT_LIMIT (4u << 20) /* a line per device and operation, and hosts have many devices */

struct stats_source stats_place(struct cgroup *c, struct arena *a, int h)
{
	int dir = h < 0 ? -1 : cgroup_dir(c, (size_t)h);

	return (struct stats_source){ a, MAX(dir, -1), h >= 0 && c->host->h[h].v2 };
}

struct stats_source stats_controller(struct cgroup *c, struct arena *a, const char *name)
{
	return stats_place(c, a, cgroup_find(c->host, name));
}

char *stats_text(const struct stats_source *p, const char *file)
{
	auto_free char *text = NULL;

	if (p->dir < 0 || file_read_all(p->dir, file, TEXT_LIMIT, &text) < 0)
		return NULL;
	return arena_strdup(p->a, text);
}

bool stats_value(const char *text, size_t n, uint64_t *out)
{
	if (n == 3 && memcmp(text, "max", 3) == 0) {
		*out = STATS_NO_LIMIT;
		return true;
	}
	return number_u64_n(text, n, UINT64_MAX, out) == 0;
}

struct opt_u64 stats_number(const struct stats_source *p, const char *file)
{
	char text[64];
	struct opt_u64 r = { 0 };

	if (p->dir >= 0 && file_read(p->dir, file, text, sizeof(text)) >= 0)
		r.set = stats_value(text, strcspn(text, "\n"), &r.v);
	return r;
}

/* v1 has no word for "none", but the largest number of whole pages. */
struct opt_u64 stats_limit_v1(const struct stats_source *p, const char *file)
{
	struct opt_u64 r = stats_number(p, file);

	if (r.v > INT64_MAX - ((uint64_t)1 << 30))
		r.v = STATS_NO_LIMIT;
	return r;
}

struct opt_u64 stats_keyed(const char *text, const char *key)
{
	struct opt_u64 r = { 0 };

	r.set = text && cgroup_keyed(text, key, &r.v);
	return r;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure_line(char *line, struct stats_pressure_line *out)
{
	struct {
		const char *key;
		const char **to;
	} averages[] = { { "avg10=", &out->avg10 },
			 { "avg60=", &out->avg60 },
			 { "avg300=", &out->avg300 } };

	for (char *word; (word = strsep(&line, " "));) {
		const char *total = after(word, "total=");

		if (total)
			(void)number_u64(total, UINT64_MAX, &out->total);
		for (size_t i = 0; i < array_len(averages); i++) {
			const char *text = after(word, averages[i].key);

			/* It becomes JSON as it is. */
			if (text && *text && !text[strspn(text, "0123456789.")])
				*averages[i].to = text;
		}
	}
	if (!out->avg10 || !out->avg60 || !out->avg300)
		*out = (struct stats_pressure_line){ 0 };
}

void stats_pressure_of(struct cgroup *c, struct arena *a, const char *file,
		       struct stats_pressure *out)
{
	struct stats_source p = stats_place(c, a, c->host->v2);
	char *line, *rest = stats_text(&p, file);

	while ((line = strsep(&rest, "\n"))) {
		if (after(line, "some "))
			pressure_line(line, &out->some);
		else if (after(line, "full "))
			pressure_line(line, &out->full);
	}
}

struct stats_entry stats_counter_v1(const struct stats_source *p, const char *prefix)
{
	char usage[64], peak[64], limit[64], failures[64];

	snprintf(usage, sizeof(usage), "%s.usage_in_bytes", prefix);
	snprintf(peak, sizeof(peak), "%s.max_usage_in_bytes", prefix);
	snprintf(limit, sizeof(limit), "%s.limit_in_bytes", prefix);
	snprintf(failures, sizeof(failures), "%s.failcnt", prefix);
	return (struct stats_entry){ stats_number(p, usage), stats_number(p, peak),
				     stats_limit_v1(p, limit), stats_number(p, failures) };
}
