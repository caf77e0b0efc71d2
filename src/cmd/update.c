/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"
#include "libocispec/ocispec.h"

#include <fcntl.h>

#define RESOURCES_LIMIT ((size_t)4 << 20)

/* What the options name, in the specification's own structs: the rows point at their members. */
struct update_options {
	const char *file;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
	struct oci_block_io block_io;
	struct oci_intel_rdt rdt;
	const char *kernel_memory;
};

/* A kind of number, and how one that is not of it is called. */
struct scale {
	int (*read)(const char *text, int64_t *out);
	int64_t min, max;
	const char *otherwise;
};

static int take(const struct scale *s, const char *value, int64_t *out, struct error *e)
{
	int r = s->read(value, out);

	if (r == -ERANGE)
		return fail(e, 0, "'%s' is too large", value);
	if (r < 0 || *out < s->min || *out > s->max)
		return fail(e, 0, "'%s' is %s", value, s->otherwise);
	return 0;
}

static int take_i64(const struct scale *s, void *target, const char *value, struct error *e)
{
	struct opt_i64 *out = target;

	out->set = true;
	return take(s, value, &out->v, e);
}

static int set_number(void *target, const char *value, struct error *e)
{
	static const struct scale s = { number_i64, 0, INT64_MAX, "not a number" };
	struct opt_u64 *out = target;
	int64_t n;

	if (take(&s, value, &n, e) < 0)
		return -EINVAL;
	*out = (struct opt_u64){ true, (uint64_t)n };
	return 0;
}

static int set_limit(void *target, const char *value, struct error *e)
{
	static const struct scale s = { number_i64, -1, INT64_MAX,
					"neither a number nor -1 (no limit)" };

	return take_i64(&s, target, value, e);
}

static int set_size(void *target, const char *value, struct error *e)
{
	static const struct scale s = { number_size, -1, INT64_MAX,
					"no size: 512, 50M, 1G, or -1 for no limit" };

	return take_i64(&s, target, value, e);
}

static int set_idle(void *target, const char *value, struct error *e)
{
	static const struct scale s = { number_i64, 0, 1, "neither 0 nor 1" };

	return take_i64(&s, target, value, e);
}

static int set_weight(void *target, const char *value, struct error *e)
{
	static const struct scale s = { number_i64, 10, 1000, "not a number from 10 to 1000" };
	struct opt_u16 *out = target;
	int64_t n;

	if (take(&s, value, &n, e) < 0)
		return -EINVAL;
	*out = (struct opt_u16){ true, (uint16_t)n };
	return 0;
}

/* "7" or "0-3". */
static bool is_range(const char *text, size_t len)
{
	size_t first = strcspn(text, ",-");
	uint64_t from, to;

	if (number_u64_n(text, first, UINT32_MAX, &from) < 0)
		return false;
	if (first == len)
		return true;
	return number_u64_n(text + first + 1, len - first - 1, UINT32_MAX, &to) == 0 && from <= to;
}

/* "0-3,7": the grammar of cpuset's files, as far as anybody uses it. */
static int set_ranges(void *target, const char *value, struct error *e)
{
	const char *at = value;

	do {
		size_t len = strcspn(at, ",");

		if (!is_range(at, len))
			return fail(e, 0, "'%s' is not a list such as 0-3,7", value);
		at += len;
	} while (*at++);
	*(const char **)target = value;
	return 0;
}

/* clang-format off */
#define WORDS struct update_options
#define NUMBER(T, member, name, argument, set, help) \
	OPTION_ROW(struct opt_##T, WORDS, member, name, 0, argument, set, help)
/* Known to other runtimes; here only for a better answer than "unknown option". */
#define HIDDEN(NAME, SET)                                                   \
	{ .name = (NAME), .argument = "VALUE", .set = (SET), .hidden = true, \
	  .offset = offsetof(WORDS, kernel_memory) }
static const struct option_row rows[] = {
	OPTION_STRING(WORDS, file, "resources", 'r', "FILE",
		      "JSON of linux.resources, - is standard input; replaces the options for them"),
	NUMBER(i64, memory.limit, "memory", "SIZE", set_size,
	       "memory: bytes, or 50M, 1G; -1 is no limit"),
	NUMBER(i64, memory.swap, "memory-swap", "SIZE", set_size,
	       "memory and swap together; -1 is no limit"),
	NUMBER(i64, memory.reservation, "memory-reservation", "SIZE", set_size,
	       "memory that is left to the container when it is short"),
	NUMBER(i64, cpu.quota, "cpu-quota", "USEC", set_limit,
	       "CPU time in each period; -1 is no limit"),
	NUMBER(u64, cpu.period, "cpu-period", "USEC", set_number,
	       "length of the period"),
	NUMBER(u64, cpu.burst, "cpu-burst", "USEC", set_number,
	       "unused quota that may be saved for later"),
	NUMBER(u64, cpu.shares, "cpu-share", "N", set_number,
	       "share of the CPU against others (1024 is usual)"),
	NUMBER(i64, cpu.idle, "cpu-idle", "0|1", set_idle,
	       "1: only run when nobody else wants to"),
	NUMBER(u64, cpu.realtimePeriod, "cpu-rt-period", "USEC", set_number,
	       "period for real-time processes (v1)"),
	NUMBER(i64, cpu.realtimeRuntime, "cpu-rt-runtime", "USEC", set_limit,
	       "CPU time for real-time processes in it (v1)"),
	OPTION_ROW(const char *, WORDS, cpu.cpus, "cpuset-cpus", 0, "LIST", set_ranges,
		   "the CPUs to run on: 0-3,7"),
	OPTION_ROW(const char *, WORDS, cpu.mems, "cpuset-mems", 0, "LIST", set_ranges,
		   "the memory nodes to use"),
	NUMBER(i64, pids.limit, "pids-limit", "N", set_limit,
	       "number of processes; -1 is no limit"),
	NUMBER(u16, block_io.weight, "blkio-weight", "N", set_weight,
	       "share of disk bandwidth, 10 to 1000"),
	OPTION_STRING(WORDS, rdt.l3CacheSchema, "l3-cache-schema", 0, "SCHEMA",
		      "the share of the L3 caches (linux.intelRdt): L3:0=ff;1=f"),
	OPTION_STRING(WORDS, rdt.memBwSchema, "mem-bw-schema", 0, "SCHEMA",
		      "the share of memory bandwidth (linux.intelRdt): MB:0=50;1=100"),
	HIDDEN("kernel-memory", option_string),
	HIDDEN("kernel-memory-tcp", option_string),
	{ 0 },
};
#undef HIDDEN
#undef NUMBER
#undef WORDS
/* clang-format on */

/* From a file, or standard input ("-"). */
static int read_resources(const char *file, struct arena *a, struct oci_resources **out,
			  struct error *e)
{
	const char *name = streq(file, "-") ? "standard input" : file;
	struct ocispec_error where;
	auto_free char *text = NULL;
	ssize_t len = streq(file, "-") ? file_read_fd(STDIN_FILENO, RESOURCES_LIMIT, &text)
				       : file_read_all(AT_FDCWD, file, RESOURCES_LIMIT, &text);

	if (len < 0)
		return fail(e, (int)len, "--resources: cannot read '%s'", name);
	*out = oci_resources_read(a, text, (size_t)len, &where);
	if (*out)
		return 0;
	return fail(e, 0, "--resources: %s:%u:%u: %s%s%s", name, where.line, where.column,
		    where.path, where.path[0] ? ": " : "", where.text);
}

/* Only the objects of which a member was named: an empty one could mean something to a driver. */
static struct oci_resources named(struct update_options *o)
{
	struct oci_resources r = { 0 };

	if (o->memory.limit.set || o->memory.swap.set || o->memory.reservation.set)
		r.memory = &o->memory;
	if (o->cpu.quota.set || o->cpu.period.set || o->cpu.burst.set || o->cpu.shares.set ||
	    o->cpu.idle.set || o->cpu.realtimePeriod.set || o->cpu.realtimeRuntime.set ||
	    o->cpu.cpus || o->cpu.mems)
		r.cpu = &o->cpu;
	if (o->pids.limit.set)
		r.pids = &o->pids;
	if (o->block_io.weight.set)
		r.blockIO = &o->block_io;
	return r;
}

static int cmd_update(struct invocation *in)
{
	struct update_options *o = in->options;
	/* Not part of linux.resources, so beside either way to name that. */
	const struct oci_intel_rdt *rdt = o->rdt.l3CacheSchema || o->rdt.memBwSchema ? &o->rdt
										     : NULL;

	if (o->kernel_memory)
		log_warning("update: --kernel-memory is ignored: Linux has no such limit any more");
	if (!o->file) {
		struct oci_resources resources = named(o);

		return container_update(&in->settings, in->args[0], &resources, rdt, in->e);
	}

	struct oci_resources *resources;
	struct arena a;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = read_resources(o->file, &a, &resources, in->e);
	if (r >= 0)
		r = container_update(&in->settings, in->args[0], resources, rdt, in->e);
	arena_close(&a);
	return r;
}

const struct command update_command = {
	.name = "update",
	.arguments = "ID",
	.summary = "change the resource limits of a container",
	.description = "What is not named stays as it is.\n",
	.rows = rows,
	.options_size = sizeof(struct update_options),
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_update,
};
