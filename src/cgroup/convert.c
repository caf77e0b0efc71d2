/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert -- from a number of the specification to the text of a file.
 *
 * The specification speaks cgroup v1; v2 has other ranges and, for some, other meanings.
 */
#include "table.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_SIZE 64

int cg_plain(struct compile *c, const struct row *r, int64_t v, char *text)
{
	(void)c, (void)r;
	snprintf(text, TEXT_SIZE, "%" PRId64, v);
	return 1;
}

int cg_or_max(struct compile *c, const struct row *r, int64_t v, char *text)
{
	if (v >= 0)
		return cg_plain(c, r, v, text);
	snprintf(text, TEXT_SIZE, "max");
	return 1;
}

/* A limit of 0 would refuse even the container's own process: the least that works is meant. */
int cg_pids(struct compile *c, const struct row *r, int64_t v, char *text)
{
	return cg_or_max(c, r, v == 0 ? 1 : v, text);
}

int cg_only_false(struct compile *c, const struct row *r, int64_t v, char *text)
{
	(void)text;
	return v ? cg_not_on_v2(c, r->json) : 0;
}

int cg_only_true(struct compile *c, const struct row *r, int64_t v, char *text)
{
	(void)text;
	return v ? 0 : cg_not_on_v2(c, r->json);
}

/* What the specification itself does not recommend is not worth a failure. */
int cg_ignored(struct compile *c, const struct row *r, int64_t v, char *text)
{
	(void)v, (void)text;
	if (!c->dry)
		log_warning("linux.resources.%s: ignored, it has no counterpart in cgroup v2",
			    r->json);
	return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int64_t or_zero(const struct opt_i64 *o)
{
	return o->set ? o->v : 0;
}

int cg_limit_v1(struct compile *c, const struct row *r, int64_t v, char *text)
{
	/* No limit at all, while memory+swap has one, is refused by the kernel; and whoever lifts
	 * the first has no use for the second. */
	if (v == -1 && c->now && or_zero(&c->r->memory->swap) == 0) {
		int h = cgroup_find(c->host, "memory");

		c->optional = true;
		int err = cg_add(c, r, r->json, h, cg_row("memory.swap")->v1, "-1", NULL);

		if (err < 0)
			return err;
	}
	return cg_plain(c, r, v, text);
}

static int check_swap(struct compile *c, const struct row *r, int64_t swap, int64_t limit)
{
	if (swap < 0 || limit == 0)
		return 0;
	if (limit < 0) {
		cg_wrong(c, r->json, "%" PRId64 " needs a limit in linux.resources.memory.limit",
			 swap);
		return hint(c->e, "swap is the sum of memory and swap space");
	}
	if (swap < limit) {
		cg_wrong(c, r->json,
			 "%" PRId64 " is smaller than linux.resources.memory.limit (%" PRId64 ")",
			 swap, limit);
		return hint(c->e, "swap is the sum of memory and swap space");
	}
	return 0;
}

int cg_swap_v1(struct compile *c, const struct row *r, int64_t v, char *text)
{
	int err = check_swap(c, r, v, or_zero(&c->r->memory->limit));

	if (err < 0)
		return err;
	c->optional = v < 0; /* a kernel without swap accounting has no limit to lift */
	return cg_plain(c, r, v, text);
}

/* A number in a file of the cgroup as it is now; `missing` when there is none ("max", no file). */
static int64_t in_force(struct compile *c, const char *file, int64_t missing)
{
	char text[TEXT_SIZE];
	int64_t v;
	int dir = c->now ? cgroup_dir(c->now, (size_t)c->host->v2) : -1;

	if (dir < 0 || file_read(dir, file, text, sizeof(text)) < 0)
		return missing;
	text[strcspn(text, " \n")] = '\0';
	return number_i64(text, &v) < 0 ? missing : v;
}

int cg_swap_v2(struct compile *c, const struct row *r, int64_t v, char *text)
{
	int64_t limit = or_zero(&c->r->memory->limit);

	if (limit == 0 && v > 0) {
		if (c->dry)
			return 0; /* what is in force will decide */
		limit = in_force(c, cg_row("memory.limit")->v2, -1);
	}
	int err = check_swap(c, r, v, limit);

	if (err < 0)
		return err;
	/* Without swap in the kernel there is no file, and nothing that "none" or "all" would change. */
	c->optional = v < 0 || v == limit;
	return cg_or_max(c, r, v < 0 ? -1 : v - limit, text);
}

int put_check_before_update(struct compile *c, const struct row *row)
{
	const struct oci_memory *m = c->r->memory;

	if (!m || !m->checkBeforeUpdate.v || !c->now || c->dry)
		return 0;
	int h = cgroup_find(c->host, row->controller);

	if (h < 0 || !c->host->h[h].v2)
		return 0; /* v1 refuses such a limit by itself */
	int64_t usage = in_force(c, "memory.current", 0), limit = or_zero(&m->limit);

	if (limit > 0 && limit < usage)
		return cg_wrong(c, "memory.limit",
				"rejecting memory limit %" PRId64 ": %" PRId64 " are in use", limit,
				usage);
	int64_t swap = or_zero(&m->swap), swapped = in_force(c, "memory.swap.current", 0);

	if (swap > 0 && swap < usage + swapped)
		return cg_wrong(c, "memory.swap",
				"rejecting memory+swap limit %" PRId64 ": %" PRId64 " are in use",
				swap, usage + swapped);
	return 0;
}

/* ---- cpu ------------------------------------------------------------------------------------- */

/* log2 and 10^x to some 15 digits, as libm is not worth loading for one number. */
static double log2_of(double x)
{
	int exponent = 0;

	for (; x >= 2; x /= 2)
		exponent++;
	/* ln x = 2 atanh((x - 1) / (x + 1)) */
	double z = (x - 1) / (x + 1), power = z, sum = 0;

	for (int k = 1; k < 40; k += 2, power *= z * z)
		sum += power / k;
	return exponent + 2 * sum / 0.693147180559945309;
}

static double ten_to(double x)
{
	double whole = 1, rest = 1, term = 1;

	for (; x >= 1; x -= 1)
		whole *= 10;
	x *= 2.302585092994045684;
	for (int k = 1; k < 30; k++) {
		term *= x / k;
		rest += term;
	}
	return whole * rest;
}

/*
 * cpu.shares (2 to 262144, default 1024) to cpu.weight (1 to 10000, default 100). A straight line
 * from end to end would make 1024 shares a weight of 39, less than any process outside has; this
 * is the parabola (of logarithms) through both ends and through the two defaults.
 */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2_of((double)shares);
	double weight = ten_to((l * l + 125 * l) / 612.0 - 7.0 / 34.0);

	return (uint64_t)(weight - 1e-9) + 1; /* rounded up */
}

int cg_weight(struct compile *c, const struct row *r, int64_t v, char *text)
{
	return cg_plain(c, r, (int64_t)cgroup_weight_of_shares((uint64_t)v), text);
}

static int check_quota(struct compile *c, const struct row *r, int64_t v)
{
	if (v > 0 && v < 1000) {
		cg_wrong(c, r->json, "%" PRId64 " is less than the kernel's least, 1000", v);
		return hint(c->e, "it is in microseconds of CPU time per period");
	}
	return 0;
}

int cg_quota_v1(struct compile *c, const struct row *r, int64_t v, char *text)
{
	int err = check_quota(c, r, v);

	return err < 0 ? err : cg_plain(c, r, v, text);
}

int cg_quota_v2(struct compile *c, const struct row *r, int64_t v, char *text)
{
	uint64_t period = c->r->cpu->period.v;
	int err = check_quota(c, r, v);

	if (err < 0)
		return err;
	cg_or_max(c, r, v, text);
	if (period) {
		size_t n = strlen(text);

		snprintf(text + n, TEXT_SIZE - n, " %" PRIu64, period);
	}
	return 1;
}

/* One file for both: with a quota it is written there; alone it must not change the quota. */
int cg_period_v2(struct compile *c, const struct row *r, int64_t v, char *text)
{
	if (or_zero(&c->r->cpu->quota) != 0)
		return 0;
	cg_or_max(c, r, in_force(c, r->v2, -1), text);
	size_t n = strlen(text);

	snprintf(text + n, TEXT_SIZE - n, " %" PRId64, v);
	return 1;
}

int cg_burst(struct compile *c, const struct row *r, int64_t v, char *text)
{
	int64_t quota = or_zero(&c->r->cpu->quota);

	if (quota > 0 && v > quota)
		return cg_wrong(c, r->json,
				"%" PRId64 " is larger than linux.resources.cpu.quota (%" PRId64
				")",
				v, quota);
	return cg_plain(c, r, v, text);
}

int cg_rt_runtime(struct compile *c, const struct row *r, int64_t v, char *text)
{
	uint64_t period = c->r->cpu->realtimePeriod.v;

	if (period && v > 0 && (uint64_t)v > period)
		return cg_wrong(c, r->json,
				"%" PRId64
				" is larger than linux.resources.cpu.realtimePeriod (%" PRIu64 ")",
				v, period);
	return cg_plain(c, r, v, text);
}
