/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats_read.h"

#include "base/number.h"
#include "base/util.h"

#include <stdio.h>

/* ---- cpu ------------------------------------------------------------------------------------- */

static struct opt_u64 scaled(struct opt_u64 n, uint64_t factor)
{
	n.v *= factor;
	return n;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; text && (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* "N N N ..." */
static void percpu(const struct stats_source *p, struct stats_cpu *out)
{
	char *word, *rest = stats_text(p, "cpuacct.usage_percpu");
	size_t room = 1;

	for (const char *s = rest; s && *s; s++)
		room += *s == ' ';
	if (!rest || !(out->percpu = arena_new_array(p->a, uint64_t, room)))
		return;
	while ((word = strsep(&rest, " \n")) && out->n_percpu < room)
		if (number_u64(word, UINT64_MAX, &out->percpu[out->n_percpu]) == 0)
			out->n_percpu++;
}

/* "cpu user system" and then a line per CPU. */
static void percpu_split(const struct stats_source *p, struct stats_cpu *out)
{
	char *line, *rest = stats_text(p, "cpuacct.usage_all");
	size_t room = count_lines(rest), n = 0;

	if (!rest || !(out->percpu_user = arena_new_array(p->a, uint64_t, room)) ||
	    !(out->percpu_kernel = arena_new_array(p->a, uint64_t, room)))
		return;
	while ((line = strsep(&rest, "\n")) && n < room) {
		strsep(&line, " ");
		const char *user = strsep(&line, " ");

		if (user && line && number_u64(user, UINT64_MAX, &out->percpu_user[n]) == 0 &&
		    number_u64(line, UINT64_MAX, &out->percpu_kernel[n]) == 0)
			n++;
	}
	out->n_percpu_split = n;
}

static void cpu(struct cgroup *c, struct arena *a, struct stats_cpu *out)
{
	struct stats_source acct = stats_controller(c, a, "cpuacct"),
			    v2 = stats_place(c, a, c->host->v2);
	struct stats_source sched = stats_controller(c, a, "cpu");
	uint64_t unit = sched.v2 ? 1000 : 1;
	const char *text;

	if (acct.dir >= 0 && !acct.v2) {
		out->total = stats_number(&acct, "cpuacct.usage");
		out->user = stats_number(&acct, "cpuacct.usage_user");
		out->kernel = stats_number(&acct, "cpuacct.usage_sys");
		percpu(&acct, out);
		percpu_split(&acct, out);
	} else if ((text = stats_text(&v2, "cpu.stat"))) { /* every v2 cgroup counts its time */
		out->total = scaled(stats_keyed(text, "usage_usec"), 1000);
		out->user = scaled(stats_keyed(text, "user_usec"), 1000);
		out->kernel = scaled(stats_keyed(text, "system_usec"), 1000);
	}
	text = stats_text(&sched, "cpu.stat");
	out->periods = stats_keyed(text, "nr_periods");
	out->throttled_periods = stats_keyed(text, "nr_throttled");
	out->bursts = stats_keyed(text, "nr_bursts");
	out->throttled_time =
		scaled(stats_keyed(text, sched.v2 ? "throttled_usec" : "throttled_time"), unit);
	out->burst_time = scaled(stats_keyed(text, sched.v2 ? "burst_usec" : "burst_time"), unit);
	stats_pressure_of(c, a, "cpu.pressure", &out->pressure);
}

static const char *list_of(const struct stats_source *p, const char *const files[])
{
	for (; *files; files++) {
		char *text = stats_text(p, *files);

		if (text && *text != '\n') {
			text[strcspn(text, "\n")] = '\0';
			return text;
		}
	}
	return NULL;
}

static void cpuset(struct cgroup *c, struct arena *a, struct stats_cpuset *out)
{
	static const char *const cpus[] = { "cpuset.cpus.effective", "cpuset.effective_cpus",
					    "effective_cpus", NULL };
	static const char *const mems[] = { "cpuset.mems.effective", "cpuset.effective_mems",
					    "effective_mems", NULL };
	static const char *const flags[] = {
		"cpuset.cpu_exclusive",   "cpuset.mem_exclusive",      "cpuset.mem_hardwall",
		"cpuset.memory_migrate",  "cpuset.memory_spread_page", "cpuset.memory_spread_slab",
		"cpuset.memory_pressure", "cpuset.sched_load_balance",
	};
	struct stats_source p = stats_controller(c, a, "cpuset");

	out->cpus = list_of(&p, cpus);
	out->mems = list_of(&p, mems);
	if (p.v2 || !(out->flags.items = arena_new_array(a, struct stats_pair, array_len(flags))))
		return;
	for (size_t i = 0; i < array_len(flags); i++) {
		struct opt_u64 n = stats_number(&p, flags[i]);

		if (n.set)
			out->flags.items[out->flags.n++] =
				(struct stats_pair){ after(flags[i], "cpuset."), n.v };
	}
}

/* ---- memory, pids ---------------------------------------------------------------------------- */

/* "KEY N" lines. */
static struct stats_pairs pairs_of(struct arena *a, char *text)
{
	struct stats_pairs r = { 0 };
	size_t lines = count_lines(text);

	r.items = lines ? arena_new_array(a, struct stats_pair, lines) : NULL;
	for (char *line, *rest = text; r.items && (line = strsep(&rest, "\n")) && r.n < lines;) {
		char *space = strchr(line, ' ');

		if (!space || number_u64(space + 1, UINT64_MAX, &r.items[r.n].value) < 0)
			continue;
		*space = '\0';
		r.items[r.n++].key = line;
	}
	return r;
}

static struct opt_u64 sum(struct opt_u64 a, struct opt_u64 b)
{
	if (!a.set || !b.set)
		return (struct opt_u64){ 0 };
	if (a.v == STATS_NO_LIMIT || b.v == STATS_NO_LIMIT)
		return (struct opt_u64){ true, STATS_NO_LIMIT };
	return (struct opt_u64){ true, a.v + b.v };
}

static struct opt_u64 difference(struct opt_u64 all, struct opt_u64 part)
{
	if (!all.set || !part.set)
		return (struct opt_u64){ 0 };
	if (all.v == STATS_NO_LIMIT || part.v == STATS_NO_LIMIT)
		return (struct opt_u64){ true, STATS_NO_LIMIT };
	return (struct opt_u64){ true, all.v > part.v ? all.v - part.v : 0 };
}

static void memory_v1(const struct stats_source *p, struct stats_memory *out)
{
	char *text = stats_text(p, "memory.stat");
	const char *oom = stats_text(p, "memory.oom_control");

	out->memory = stats_counter_v1(p, "memory");
	out->both = stats_counter_v1(p, "memory.memsw");
	out->kernel = stats_counter_v1(p, "memory.kmem");
	out->kernel_tcp = stats_counter_v1(p, "memory.kmem.tcp");
	out->cache = stats_keyed(text, "total_cache");
	if (out->both.usage.set) {
		out->swap.usage = stats_keyed(text, "total_swap");
		out->swap.limit = difference(out->both.limit, out->memory.limit);
	}
	out->oom_kills = stats_keyed(oom, "oom_kill");
	out->raw = pairs_of(p->a, text);
}

static void memory_v2(const struct stats_source *p, struct stats_memory *out)
{
	char *text = stats_text(p, "memory.stat");
	const char *events = stats_text(p, "memory.events"),
		   *swap = stats_text(p, "memory.swap.events");

	out->memory = (struct stats_entry){ stats_number(p, "memory.current"),
					    stats_number(p, "memory.peak"),
					    stats_number(p, "memory.max"),
					    stats_keyed(events, "max") };
	out->swap = (struct stats_entry){ stats_number(p, "memory.swap.current"),
					  stats_number(p, "memory.swap.peak"),
					  stats_number(p, "memory.swap.max"),
					  stats_keyed(swap, "max") };
	out->both = (struct stats_entry){ .usage = sum(out->memory.usage, out->swap.usage),
					  .limit = sum(out->memory.limit, out->swap.limit),
					  .failures = out->swap.failures };
	out->kernel.usage = stats_keyed(text, "kernel");
	out->kernel_tcp.usage = stats_keyed(text, "sock");
	out->cache = stats_keyed(text, "file");
	out->oom_kills = stats_keyed(events, "oom_kill");
	out->raw = pairs_of(p->a, text);
}

static void memory(struct cgroup *c, struct arena *a, struct stats_memory *out)
{
	struct stats_source p = stats_controller(c, a, "memory");

	if (p.dir >= 0)
		(p.v2 ? memory_v2 : memory_v1)(&p, out);
	stats_pressure_of(c, a, "memory.pressure", &out->pressure);
}

static void pids(struct cgroup *c, struct arena *a, struct stats_entry *out)
{
	struct stats_source p = stats_controller(c, a, "pids");

	*out = (struct stats_entry){ stats_number(&p, "pids.current"),
				     stats_number(&p, "pids.peak"), stats_number(&p, "pids.max"),
				     stats_keyed(stats_text(&p, "pids.events"), "max") };
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool any_place(struct cgroup *c)
{
	for (size_t i = 0; i < c->host->n; i++)
		if (c->at[i].used && cgroup_dir(c, i) >= 0)
			return true;
	return false;
}

int cgroup_stats(struct cgroup *c, struct arena *a, struct cgroup_stats *out, struct error *e)
{
	int r = cgroup_none(c, "tell what it has used", e);

	*out = (struct cgroup_stats){ 0 };
	if (r < 0)
		return r;
	if (!any_place(c)) {
		fail(e, ENOENT, "cannot tell what it has used: no cgroup %s", c->path);
		return hint(e, "the user that made the container may not make cgroups, "
			       "or somebody has removed it");
	}
	cpu(c, a, &out->cpu);
	cpuset(c, a, &out->cpuset);
	memory(c, a, &out->memory);
	pids(c, a, &out->pids);
	stats_disks(c, a, out);
	stats_hugetlb_of(c, a, out);
	stats_rdma_and_misc(c, a, out);
	return a->full ? fail(e, ENOMEM, "cannot hold the statistics of %s", c->path) : 0;
}
