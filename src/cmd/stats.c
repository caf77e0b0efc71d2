/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/util.h"
#include "format.h"
#include "output.h"
#include "usage.h"

#include <inttypes.h>
#include <stdio.h>

struct stats_options {
	bool json;
};

static const struct option_row rows[] = {
	FORMAT_ROW(struct stats_options, json),
	{ 0 },
};

/* Of the names and meanings below. Adding a name leaves it as it is. */
#define SCHEMA_VERSION 1

/* ---- json ------------------------------------------------------------------------------------ */

static const struct usage_names words = {
	.pressure = "pressure",
	.pressure_total = "totalUsec",
	.interface = "name",
	.counters = { "rxBytes", "rxPackets", "rxErrors", "rxDropped", "txBytes", "txPackets",
		      "txErrors", "txDropped" },
};

/* null: there is no limit. Absent: nobody counts. */
static void put_limit(struct json_out *j, struct opt_u64 n)
{
	if (!n.set)
		return;
	json_key(j, "limit");
	if (n.v == STATS_NO_LIMIT)
		json_null(j);
	else
		json_uint(j, n.v);
}

static void put_members(struct json_out *j, const struct stats_entry *m)
{
	usage_number(j, "usage", m->usage);
	usage_number(j, "peak", m->peak);
	put_limit(j, m->limit);
	usage_number(j, "failures", m->failures);
}

static bool counted(const struct stats_entry *m)
{
	return m->usage.set || m->peak.set || m->limit.set || m->failures.set;
}

static void put_entry(struct json_out *j, const char *key, const struct stats_entry *m)
{
	if (!counted(m))
		return;
	json_key_object(j, key);
	put_members(j, m);
	json_close(j);
}

static void put_cpu(struct json_out *j, const struct cgroup_stats *s)
{
	const struct stats_cpu *c = &s->cpu;

	json_key_object(j, "cpu");
	usage_number(j, "totalNsec", c->total);
	usage_number(j, "userNsec", c->user);
	usage_number(j, "kernelNsec", c->kernel);
	usage_number(j, "periods", c->periods);
	usage_number(j, "throttledPeriods", c->throttled_periods);
	usage_number(j, "throttledNsec", c->throttled_time);
	usage_number(j, "bursts", c->bursts);
	usage_number(j, "burstNsec", c->burst_time);
	usage_text(j, "cpus", s->cpuset.cpus);
	usage_text(j, "mems", s->cpuset.mems);
	usage_pressure(j, &c->pressure, &words);
	json_close(j);
}

static void put_memory(struct json_out *j, const struct stats_memory *m)
{
	json_key_object(j, "memory");
	put_members(j, &m->memory);
	usage_number(j, "cache", m->cache);
	usage_number(j, "oomKills", m->oom_kills);
	put_entry(j, "swap", &m->swap);
	put_entry(j, "kernel", &m->kernel);
	put_entry(j, "kernelTCP", &m->kernel_tcp);
	usage_pressure(j, &m->pressure, &words);
	json_close(j);
}

/* One object per device: {"device":"8:0","readBytes":...}. The kernel's own sums are left out. */
static void put_device(struct json_out *j, const struct cgroup_stats *s, uint32_t major,
		       uint32_t minor)
{
	static const struct {
		enum stats_io_kind kind;
		const char *op, *name;
	} names[] = {
		{ STATS_IO_BYTES, "Read", "readBytes" },
		{ STATS_IO_BYTES, "Write", "writeBytes" },
		{ STATS_IO_BYTES, "Discard", "discardBytes" },
		{ STATS_IO_OPERATIONS, "Read", "reads" },
		{ STATS_IO_OPERATIONS, "Write", "writes" },
		{ STATS_IO_OPERATIONS, "Discard", "discards" },
	};
	char device[32];

	snprintf(device, sizeof(device), "%" PRIu32 ":%" PRIu32, major, minor);
	json_object(j);
	json_key_string(j, "device", device);
	for (size_t n = 0; n < array_len(names); n++) {
		const struct stats_io_list *l = &s->io[names[n].kind];

		for (size_t i = 0; i < l->n; i++)
			if (l->items[i].major == major && l->items[i].minor == minor &&
			    l->items[i].op && streq(l->items[i].op, names[n].op))
				json_key_uint(j, names[n].name, l->items[i].value);
	}
	json_close(j);
}

static void put_io(struct json_out *j, const struct cgroup_stats *s)
{
	const struct stats_io_list *l = &s->io[STATS_IO_BYTES];

	json_key_object(j, "io");
	json_key_array(j, "devices");
	for (size_t i = 0; i < l->n; i++) {
		const struct stats_io *d = &l->items[i];
		size_t first = 0;

		while (l->items[first].major != d->major || l->items[first].minor != d->minor)
			first++;
		if (first == i)
			put_device(j, s, d->major, d->minor);
	}
	json_close(j);
	usage_pressure(j, &s->io_pressure, &words);
	json_close(j);
}

static void put_hugetlb(struct json_out *j, const struct cgroup_stats *s)
{
	if (s->n_hugetlb == 0)
		return;
	json_key_object(j, "hugetlb");
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		json_key_object(j, s->hugetlb[i].size);
		put_members(j, &s->hugetlb[i].faulted);
		put_entry(j, "reserved", &s->hugetlb[i].reserved);
		json_close(j);
	}
	json_close(j);
}

static void put_scalars(struct json_out *j, const char *key, const struct stats_scalars *s)
{
	if (s->n == 0)
		return;
	json_key_array(j, key);
	for (size_t i = 0; i < s->n; i++) {
		json_object(j);
		usage_text(j, "device", s->items[i].device);
		json_key_string(j, "name", s->items[i].name);
		put_members(j, &s->items[i].entry);
		json_close(j);
	}
	json_close(j);
}

static void put_rdt(struct json_out *j, const struct resctrl_stats *s)
{
	if (!s)
		return;
	json_key_object(j, "intelRdt");
	usage_text(j, "l3CacheSchema", s->l3);
	usage_text(j, "memBwSchema", s->mb);
	json_key_array(j, "caches");
	for (size_t i = 0; i < s->n_domains; i++) {
		json_object(j);
		usage_number(j, "occupancy", s->domains[i].llc_occupancy);
		usage_number(j, "totalBytes", s->domains[i].mbm_total_bytes);
		usage_number(j, "localBytes", s->domains[i].mbm_local_bytes);
		json_close(j);
	}
	json_close(j);
	json_close(j);
}

static void put_stats(struct json_out *j, const char *id, const struct container_stats *all)
{
	const struct cgroup_stats *s = &all->cgroup;

	json_object(j);
	json_key_string(j, "id", id);
	put_cpu(j, s);
	put_memory(j, &s->memory);
	put_entry(j, "pids", &s->pids);
	put_io(j, s);
	put_hugetlb(j, s);
	put_scalars(j, "rdma", &s->rdma);
	put_scalars(j, "misc", &s->misc);
	put_rdt(j, all->rdt);
	if (all->n_interfaces) {
		json_key(j, "network");
		usage_interfaces(j, all, &words);
	}
	json_close(j);
}

/* ---- table ----------------------------------------------------------------------------------- */

enum { ID, CPU, MEMORY, PEAK, LIMIT, SWAP, PIDS, OOM, COLUMNS };

static void put_size(char *out, size_t size, struct opt_u64 n)
{
	static const char units[] = "BKMGTPE";
	uint64_t whole = n.v, tenths = 0;
	size_t u = 0;

	for (; whole >= 1024; u++) {
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
	}
	if (!n.set)
		snprintf(out, size, "-");
	else if (n.v == STATS_NO_LIMIT)
		snprintf(out, size, "none");
	else if (u > 0 && whole < 10)
		snprintf(out, size, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths, units[u]);
	else
		snprintf(out, size, "%" PRIu64 "%c", whole, units[u]);
}

static void put_count(char *out, size_t size, struct opt_u64 n)
{
	snprintf(out, size, n.set ? "%" PRIu64 : "-", n.v);
}

static void print_row(const char *id, const struct cgroup_stats *s, size_t id_width)
{
	char cell[COLUMNS][32];

	if (s->cpu.total.set)
		snprintf(cell[CPU], sizeof(cell[CPU]), "%" PRIu64 ".%02us",
			 s->cpu.total.v / 1000000000,
			 (unsigned int)(s->cpu.total.v % 1000000000 / 10000000));
	else
		snprintf(cell[CPU], sizeof(cell[CPU]), "-");
	put_size(cell[MEMORY], sizeof(cell[0]), s->memory.memory.usage);
	put_size(cell[PEAK], sizeof(cell[0]), s->memory.memory.peak);
	put_size(cell[LIMIT], sizeof(cell[0]), s->memory.memory.limit);
	put_size(cell[SWAP], sizeof(cell[0]), s->memory.swap.usage);
	put_count(cell[PIDS], sizeof(cell[0]), s->pids.usage);
	put_count(cell[OOM], sizeof(cell[0]), s->memory.oom_kills);
	output_padded(id, id_width);
	for (int c = CPU; c < COLUMNS; c++)
		output_padded(cell[c], c + 1 < COLUMNS ? 12 : 0);
	output("\n");
}

static void print_header(size_t id_width)
{
	static const char *const headers[COLUMNS] = { "ID",    "CPU",  "MEMORY", "PEAK",
						      "LIMIT", "SWAP", "PIDS",   "OOM-KILLS" };

	for (int c = 0; c < COLUMNS; c++)
		output_padded(headers[c], c == ID ? id_width : c + 1 < COLUMNS ? 12 : 0);
	output("\n");
}

/* ---- the containers -------------------------------------------------------------------------- */

/* One after the other, so that memory does not grow with their number. The header comes before the
 * first row. */
static int tell(struct invocation *in, const char *id, struct json_out *j, size_t id_width,
		bool *header, struct error *e)
{
	struct container_stats stats;
	struct arena a;
	int r = arena_open_private(&a, 0);

	if (r < 0)
		return fail(e, r, "no memory");
	r = container_stats(&in->settings, id, &a, &stats, e);
	if (r == 0 && j) {
		put_stats(j, id, &stats);
	} else if (r == 0) {
		if (!*header)
			print_header(id_width);
		*header = true;
		print_row(id, &stats.cgroup, id_width);
	}
	arena_close(&a);
	return r;
}

static size_t widest(const char *const *ids, size_t n)
{
	size_t width = 9;

	for (size_t i = 0; i < n; i++)
		width = MAX(width, strlen(ids[i]));
	return width + 3;
}

static int tell_all(struct invocation *in, const char *const *ids, size_t n, bool named)
{
	const struct stats_options *o = in->options;
	struct json_out j = { 0 };
	size_t width = widest(ids, n);
	bool header = false;
	int status = 0;

	if (o->json) {
		json_object(&j);
		json_key_int(&j, "schemaVersion", SCHEMA_VERSION);
		json_key_array(&j, "containers");
	}
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };

		/* Of all containers, those that run; of those that are named, every one. */
		if (tell(in, ids[i], o->json ? &j : NULL, width, &header, &e) == 0 || !named)
			continue;
		command_report(in->command, ids[i], &e);
		status = 1;
	}
	if (o->json) {
		json_close(&j);
		json_close(&j);
		int r = output_json(&j, in->e);

		return r < 0 ? r : status;
	}
	if (!header && !named)
		print_header(width);
	return status;
}

static int cmd_stats(struct invocation *in)
{
	const char **ids;
	struct arena a;
	size_t n;

	if (in->n_args > 0)
		return tell_all(in, in->args, in->n_args, true);
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = container_ids(&in->settings, &a, &ids, &n, in->e);
	if (r >= 0)
		r = tell_all(in, ids, n, false);
	arena_close(&a);
	return r;
}

const struct command stats_command = {
	.name = "stats",
	.arguments = "[ID...]",
	.summary = "show what containers use",
	.description = "Those named, or all that run.\n",
	.rows = rows,
	.options_size = sizeof(struct stats_options),
	.max_args = ANY_NUMBER,
	.run = cmd_stats,
};
