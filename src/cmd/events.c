/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/number.h"
#include "base/util.h"
#include "output.h"
#include "usage.h"

struct events_options {
	uint64_t interval; /* in nanoseconds, 0: not said */
	bool stats;
};

/* ---- --interval ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },         { "us", 1000 },       { "µs", 1000 },         { "ms", 1000000 },
	{ "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
};

/* The digits behind a decimal point are so many nanoseconds. */
static uint64_t fraction(const char *digits, size_t n, uint64_t unit)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n && unit >= 10; i++) {
		unit /= 10;
		sum += (uint64_t)(digits[i] - '0') * unit;
	}
	return sum;
}

static const char *take_number(const char *text, uint64_t *whole, const char **point, size_t *n)
{
	static const char digits[] = "0123456789";
	size_t len = strspn(text, digits);

	*whole = 0;
	*n = 0;
	if (len && number_u64_n(text, len, UINT32_MAX, whole) < 0)
		return NULL;
	text += len;
	if (*text == '.') {
		*point = text + 1;
		*n = strspn(*point, digits);
		text = *point + *n;
	}
	return len + *n > 0 ? text : NULL;
}

/* "5s", "100ms", "1m30s", "1.5s". */
static int read_duration(const char *text, uint64_t *out)
{
	*out = 0;
	do {
		const char *point = NULL;
		uint64_t whole;
		size_t n, len, u = 0;

		text = take_number(text, &whole, &point, &n);
		if (!text)
			return -EINVAL;
		len = strcspn(text, "0123456789.");
		while (u < array_len(units) &&
		       (strlen(units[u].name) != len || memcmp(units[u].name, text, len) != 0))
			u++;
		if (u == array_len(units))
			return -EINVAL;
		if (whole > (INT64_MAX - *out) / units[u].ns - 1)
			return -ERANGE;
		*out += whole * units[u].ns + fraction(point, n, units[u].ns);
		text += len;
	} while (*text);
	return 0;
}

static int set_interval(void *target, const char *value, struct error *e)
{
	uint64_t *out = target;
	int r = read_duration(value, out);

	if (r == -ERANGE)
		return fail(e, 0, "'%s' is too long", value);
	if (r < 0)
		return fail(e, 0, "'%s' is no time such as 5s, 100ms or 1m30s", value);
	return *out ? 0 : fail(e, 0, "it must be longer than nothing");
}

/* clang-format off */
static const struct option_row rows[] = {
	OPTION_ROW(uint64_t, struct events_options, interval, "interval", 0, "TIME", set_interval,
		   "time between statistics: 100ms, 5s (the default), 1m30s"),
	OPTION_FLAG(struct events_options, stats, "stats", 0, "print the statistics once, and end"),
	{ 0 },
};
/* clang-format on */

/* ---- JSON, under the names that runc made known ---------------------------------------------- */

static const struct usage_names words = {
	.pressure = "psi",
	.pressure_total = "total",
	/* Capitals, as they were never given names for JSON. */
	.interface = "Name",
	.counters = { "RxBytes", "RxPackets", "RxErrors", "RxDropped", "TxBytes", "TxPackets",
		      "TxErrors", "TxDropped" },
};

static void put_array(struct json_out *j, const char *key, const uint64_t *values, size_t n)
{
	if (n == 0)
		return;
	json_key_array(j, key);
	for (size_t i = 0; i < n; i++)
		json_uint(j, values[i]);
	json_close(j);
}

static void put_cpu(struct json_out *j, const struct stats_cpu *c)
{
	json_key_object(j, "cpu");
	json_key_object(j, "usage");
	usage_number(j, "total", c->total);
	put_array(j, "percpu", c->percpu, c->n_percpu);
	put_array(j, "percpu_kernel", c->percpu_kernel, c->n_percpu_split);
	put_array(j, "percpu_user", c->percpu_user, c->n_percpu_split);
	json_key_uint(j, "kernel", c->kernel.v);
	json_key_uint(j, "user", c->user.v);
	json_close(j);
	json_key_object(j, "throttling");
	usage_number(j, "periods", c->periods);
	usage_number(j, "throttledPeriods", c->throttled_periods);
	usage_number(j, "throttledTime", c->throttled_time);
	json_close(j);
	usage_pressure(j, &c->pressure, &words);
	json_close(j);
}

/* "0-2,7" as an array of numbers. */
static void put_list(struct json_out *j, const char *key, const char *list)
{
	if (!list)
		return;
	json_key_array(j, key);
	while (*list) {
		size_t n = strcspn(list, ","), first = strcspn(list, "-,");
		uint64_t from, to;

		if (number_u64_n(list, first, UINT16_MAX, &from) < 0)
			break;
		to = from;
		if (first < n && number_u64_n(list + first + 1, n - first - 1, UINT16_MAX, &to) < 0)
			break;
		for (; from <= to; from++)
			json_uint(j, from);
		list += n + (list[n] == ',');
	}
	json_close(j);
}

static void put_cpuset(struct json_out *j, const struct stats_cpuset *c)
{
	json_key_object(j, "cpuset");
	put_list(j, "cpus", c->cpus);
	put_list(j, "mems", c->mems);
	for (size_t i = 0; i < c->flags.n; i++)
		json_key_uint(j, c->flags.items[i].key, c->flags.items[i].value);
	json_close(j);
}

static void put_entry(struct json_out *j, const char *key, const struct stats_entry *m)
{
	json_key_object(j, key);
	json_key_uint(j, "limit", m->limit.v);
	usage_number(j, "usage", m->usage);
	usage_number(j, "max", m->peak);
	json_key_uint(j, "failcnt", m->failures.v);
	json_close(j);
}

static void put_memory(struct json_out *j, const struct stats_memory *m)
{
	json_key_object(j, "memory");
	usage_number(j, "cache", m->cache);
	put_entry(j, "usage", &m->memory);
	put_entry(j, "swap", &m->both); /* together with memory: as v1 counts, so for all */
	put_entry(j, "kernel", &m->kernel);
	put_entry(j, "kernelTCP", &m->kernel_tcp);
	json_key_object(j, "raw");
	for (size_t i = 0; i < m->raw.n; i++)
		json_key_uint(j, m->raw.items[i].key, m->raw.items[i].value);
	json_close(j);
	usage_pressure(j, &m->pressure, &words);
	json_close(j);
}

static void put_pids(struct json_out *j, const struct stats_entry *p)
{
	json_key_object(j, "pids");
	usage_number(j, "current", p->usage);
	if (p->limit.set && p->limit.v != STATS_NO_LIMIT)
		usage_number(j, "limit", p->limit);
	json_close(j);
}

static void put_io(struct json_out *j, const struct cgroup_stats *s)
{
	static const char *const names[STATS_IO_KINDS] = {
		[STATS_IO_BYTES] = "ioServiceBytesRecursive",
		[STATS_IO_OPERATIONS] = "ioServicedRecursive",
		[STATS_IO_QUEUED] = "ioQueueRecursive",
		[STATS_IO_SERVICE_TIME] = "ioServiceTimeRecursive",
		[STATS_IO_WAIT_TIME] = "ioWaitTimeRecursive",
		[STATS_IO_MERGED] = "ioMergedRecursive",
		[STATS_IO_TIME] = "ioTimeRecursive",
		[STATS_IO_SECTORS] = "sectorsRecursive",
		[STATS_IO_COST_USAGE] = "ioCostUsage",
		[STATS_IO_COST_WAIT] = "ioCostWait",
		[STATS_IO_COST_INDEBT] = "ioCostIndebt",
		[STATS_IO_COST_INDELAY] = "ioCostIndelay",
	};

	json_key_object(j, "blkio");
	for (size_t kind = 0; kind < STATS_IO_KINDS; kind++) {
		const struct stats_io_list *l = &s->io[kind];

		if (l->n == 0)
			continue;
		json_key_array(j, names[kind]);
		for (size_t i = 0; i < l->n; i++) {
			json_object(j);
			json_key_uint(j, "major", l->items[i].major);
			json_key_uint(j, "minor", l->items[i].minor);
			if (l->items[i].op)
				json_key_string(j, "op", l->items[i].op);
			json_key_uint(j, "value", l->items[i].value);
			json_close(j);
		}
		json_close(j);
	}
	usage_pressure(j, &s->io_pressure, &words);
	json_close(j);
}

static void put_hugetlb(struct json_out *j, const struct cgroup_stats *s)
{
	json_key_object(j, "hugetlb");
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		const struct stats_hugetlb *h = &s->hugetlb[i];
		/* What is limited: reservations, where the kernel counts them. */
		const struct stats_entry *m = h->reserved.usage.set ? &h->reserved : &h->faulted;

		json_key_object(j, h->size);
		usage_number(j, "usage", m->usage);
		usage_number(j, "max", m->peak);
		json_key_uint(j, "failcnt", m->failures.v);
		json_close(j);
	}
	json_close(j);
}

static void put_rdt_domains(struct json_out *j, const struct resctrl_stats *s)
{
	if (s->n_domains == 0)
		return;
	json_key_array(j, "mbm_stats");
	for (size_t i = 0; i < s->n_domains; i++) {
		json_object(j);
		usage_number(j, "mbm_total_bytes", s->domains[i].mbm_total_bytes);
		usage_number(j, "mbm_local_bytes", s->domains[i].mbm_local_bytes);
		json_close(j);
	}
	json_close(j);
	json_key_array(j, "cmt_stats");
	for (size_t i = 0; i < s->n_domains; i++) {
		json_object(j);
		usage_number(j, "llc_occupancy", s->domains[i].llc_occupancy);
		json_close(j);
	}
	json_close(j);
}

static void put_rdt(struct json_out *j, const struct resctrl_stats *s)
{
	static const struct resctrl_stats none = { 0 };

	if (!s)
		s = &none;
	json_key_object(j, "intel_rdt");
	if (s->l3_root) {
		json_key_object(j, "l3_cache_info");
		usage_text(j, "cbm_mask", s->l3_mask);
		usage_number(j, "min_cbm_bits", s->l3_min_bits);
		usage_number(j, "num_closids", s->l3_classes);
		json_close(j);
		json_key_string(j, "l3_cache_schema_root", s->l3_root);
		usage_text(j, "l3_cache_schema", s->l3);
	}
	if (s->mb_root) {
		json_key_object(j, "mem_bw_info");
		usage_number(j, "bandwidth_gran", s->mb_granularity);
		usage_number(j, "delay_linear", s->mb_linear);
		usage_number(j, "min_bandwidth", s->mb_min);
		usage_number(j, "num_closids", s->mb_classes);
		json_close(j);
		json_key_string(j, "mem_bw_schema_root", s->mb_root);
		usage_text(j, "mem_bw_schema", s->mb);
	}
	put_rdt_domains(j, s);
	json_close(j);
}

static int print_stats(void *arg, const struct container_stats *all, struct error *e)
{
	const struct cgroup_stats *s = &all->cgroup;
	struct invocation *in = arg;
	struct json_out j = { 0 };

	json_object(&j);
	json_key_string(&j, "type", "stats");
	json_key_string(&j, "id", in->args[0]);
	json_key_object(&j, "data");
	put_cpu(&j, &s->cpu);
	put_cpuset(&j, &s->cpuset);
	put_memory(&j, &s->memory);
	put_pids(&j, &s->pids);
	put_io(&j, s);
	put_hugetlb(&j, s);
	put_rdt(&j, all->rdt);
	json_key(&j, "network_interfaces");
	if (all->n_interfaces)
		usage_interfaces(&j, all, &words);
	else
		json_null(&j);
	json_close(&j);
	json_close(&j);
	int r = output_json(&j, e);

	return r < 0 ? r : output_end(e); /* each line when it is true */
}

static int print_oom(void *arg, struct error *e)
{
	struct invocation *in = arg;
	struct json_out j = { 0 };

	json_object(&j);
	json_key_string(&j, "type", "oom");
	json_key_string(&j, "id", in->args[0]);
	json_close(&j);
	int r = output_json(&j, e);

	return r < 0 ? r : output_end(e);
}

static int print_once(struct invocation *in)
{
	struct container_stats stats;
	struct arena a;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = container_stats(&in->settings, in->args[0], &a, &stats, in->e);
	if (r == 0)
		r = print_stats(in, &stats, in->e);
	arena_close(&a);
	return r;
}

static int cmd_events(struct invocation *in)
{
	const struct events_options *o = in->options;
	const struct watcher w = { .stats = print_stats, .oom = print_oom, .arg = in };

	if (o->stats)
		return print_once(in);
	return container_watch(&in->settings, in->args[0], o->interval ? o->interval : 5000000000,
			       &w, in->e);
}

const struct command events_command = {
	.name = "events",
	.arguments = "ID",
	.summary = "print what a container uses, and when its memory runs out",
	.description =
		"One JSON object per line: statistics now and every interval, and an event each\n"
		"time that memory runs out. Ends when the container does.\n",
	.rows = rows,
	.options_size = sizeof(struct events_options),
	.by_id = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_events,
};
