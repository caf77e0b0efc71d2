/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd_properties -- limits as systemd's properties: what is written to files of v2, put otherwise.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>

bool systemd_controls(const char *controller)
{
	return cgroup_has_word("cpu cpuset io memory pids", controller, ' ');
}

/* The property for a file of v2: the table has those of the specification's resources. */
static const char *property_of(const char *file, const char *key)
{
	static const struct {
		const char *file, *property;
	} others[] = { { "memory.high", "MemoryHigh" }, { "memory.min", "MemoryMin" } };
	size_t n = strlen(file);

	for (size_t i = 0; i < array_len(others); i++)
		if (streq(others[i].file, file))
			return others[i].property;
	for (size_t i = 0; i < cgroup_n_rows; i++) {
		const char *v2 = cgroup_rows[i].v2;

		if (!v2 || !cgroup_rows[i].systemd || strncmp(v2, file, n) != 0)
			continue;
		if (key ? v2[n] == ':' && streq(v2 + n + 1, key) : v2[n] == '\0')
			return cgroup_rows[i].systemd;
	}
	return NULL;
}

/* "0-2,4" as the bits 0x17, the lowest byte first. */
static void add_set(struct systemd_request *q, const char *property, const char *list)
{
	uint8_t bits[1024] = { 0 };
	char text[sizeof(bits) * 5 + 1];
	size_t most = 0, n = 0;

	for (const char *p = list; *p; p += *p == ',') {
		char *end;
		unsigned long low = strtoul(p, &end, 10), high = low;

		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		/* The file says what is wrong with it. */
		if (end == p || (*end && *end != ',' && *end != '\n') || high >= sizeof(bits) * 8)
			return;
		for (; low <= high; low++) {
			bits[low / 8] |= (uint8_t)(1u << low % 8);
			most = MAX(most, low / 8 + 1);
		}
		if (*end == '\n')
			break;
		p = end;
	}
	for (size_t i = 0; i < most; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? "," : "", bits[i]);
	if (most > 0)
		systemd_add(q, "%s=@ay [%s]", property, text);
}

/* "QUOTA PERIOD" or "QUOTA". */
static void add_quota(struct systemd_request *q, struct cgroup *c, const char *text)
{
	char now[64];
	int dir = cgroup_dir(c, (size_t)c->host->v2);
	const char *space = strchr(text, ' ');
	uint64_t quota, period = 0;

	if (space)
		period = strtoull(space + 1, NULL, 10);
	else if (dir >= 0 && file_read(dir, "cpu.max", now, sizeof(now)) > 0 && strchr(now, ' '))
		period = strtoull(strchr(now, ' ') + 1, NULL, 10);
	period = period ? period : 100000;
	if (after(text, "max")) {
		systemd_add(q, "CPUQuotaPerSecUSec=uint64 %" PRIu64, UINT64_MAX);
	} else {
		quota = strtoull(text, NULL, 10);
		/* systemd has whole percents only: rounded up, for the exact value is further down. */
		uint64_t per_second = (quota * 1000000 + period - 1) / period;

		systemd_add(q, "CPUQuotaPerSecUSec=uint64 %" PRIu64,
			    (per_second + 9999) / 10000 * 10000);
	}
	if (space)
		systemd_add(q, "CPUQuotaPeriodUSec=uint64 %" PRIu64, period);
}

/* "254:0 rbps=1048576 wiops=max" */
static void add_throttle(struct systemd_request *q, const char *text)
{
	int device = (int)strcspn(text, " ");

	for (const char *p = text + device; *(p += strspn(p, " \n")); p += strcspn(p, " \n")) {
		const char *value = strchr(p, '=');
		char key[16];

		if (!value)
			return;
		snprintf(key, sizeof(key), "%.*s", (int)(value - p), p);
		const char *property = property_of("io.max", key);

		if (property)
			systemd_add(q, "%s=[('/dev/block/%.*s', uint64 %" PRIu64 ")]", property,
				    device, text,
				    after(value, "=max") ? UINT64_MAX
							 : (uint64_t)strtoull(value + 1, NULL, 10));
	}
}

static void add_limit(struct systemd_request *q, struct cgroup *c, const struct cg_write *w)
{
	/* Of "A|B" the second is what systemd knows: io.weight rather than io.bfq.weight. */
	const char *file = w->other_file ? w->other_file : w->file;
	const char *text = w->other_file ? w->other_text : w->text;
	const char *property;

	if (streq(file, "io.max")) {
		add_throttle(q, text);
	} else if (streq(file, "cpu.max")) {
		add_quota(q, c, text);
	} else if (streq(file, "io.weight")) {
		const char *weight = after(text, "default ");

		weight = weight ? weight : text;
		if (!strchr(weight, ':'))
			systemd_add(q, "IOWeight=uint64 %s", weight);
	} else if (streq(file, "cpu.idle")) {
		if (*text == '1')
			systemd_add(q, "CPUWeight=uint64 0");
	} else if (after(file, "cpuset.") && (property = property_of(file, NULL))) {
		add_set(q, property, text);
	} else if ((property = property_of(file, NULL))) {
		uint64_t v = 0;

		if (after(text, "max") || number_u64(text, UINT64_MAX, &v) == 0)
			systemd_add(q, "%s=uint64 %" PRIu64, property,
				    after(text, "max") ? UINT64_MAX : v);
	}
}

size_t systemd_add_limits(struct systemd_request *q, struct cgroup *c, const struct cg_writes *all)
{
	size_t before = q->n;

	for (size_t i = 0; i < all->n; i++)
		if (c->host->h[all->w[i].at].v2)
			add_limit(q, c, &all->w[i]);
	return q->n - before;
}
