/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sched -- how the kernel shall treat the process: scheduler, I/O priority, CPUs, memory nodes,
 * personality.
 *
 * The kernel answers each mistake here with the same EINVAL, so its rules are checked beforehand
 * where there is a name for what is wrong.
 */
#include "process.h"

#include "parts.h"
#include "words.h"

#include "../base/number.h"

#include <limits.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>

/* ---- process.scheduler ----------------------------------------------------------------------- */

#define ISO 4 /* the kernel reserves the number, and refuses it */

/* clang-format off */
static const struct name policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },   { "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },  { "SCHED_ISO", ISO },           { "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
};

static const struct name sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK",  SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM",        SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN",     SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY",    SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS",    SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};
/* clang-format on */

/* FIFO and RR have a priority, the others none. */
static int check_priority(const struct oci_scheduler *s, uint32_t policy, struct error *e)
{
	if (policy == SCHED_FIFO || policy == SCHED_RR) {
		if (s->priority.v >= 1 && s->priority.v <= 99)
			return 0;
		return fail(
			e, 0,
			"process.scheduler.priority: %d is not between 1 and 99, as %s needs it",
			s->priority.v, s->policy);
	}
	if (s->priority.v == 0)
		return 0;
	fail(e, 0, "process.scheduler.priority: %d is given, but %s has no priority", s->priority.v,
	     s->policy);
	return hint(e, "SCHED_FIFO and SCHED_RR have one; for others there is 'nice'");
}

#define SHORTEST_RUNTIME 1024 /* nanoseconds; the kernel's DL_SCALE */

static int check_deadline(const struct oci_scheduler *s, uint32_t policy, struct error *e)
{
	uint64_t runtime = s->runtime.v, deadline = s->deadline.v;
	uint64_t period = s->period.v ? s->period.v : deadline;

	if (policy != SCHED_DEADLINE) {
		const char *member = runtime ? "runtime" : deadline ? "deadline" : "period";

		if (!runtime && !deadline && !s->period.v)
			return 0;
		fail(e, 0, "process.scheduler.%s: is given, but the policy is %s", member,
		     s->policy);
		return hint(e, "runtime, deadline and period are for SCHED_DEADLINE");
	}
	if (runtime < SHORTEST_RUNTIME)
		return fail(e, 0,
			    "process.scheduler.runtime: %llu ns is less than %d, the shortest that "
			    "SCHED_DEADLINE takes",
			    (unsigned long long)runtime, SHORTEST_RUNTIME);
	if (deadline < runtime)
		return fail(e, 0,
			    "process.scheduler.deadline: %llu ns is shorter than the runtime of "
			    "%llu ns",
			    (unsigned long long)deadline, (unsigned long long)runtime);
	if (period < deadline)
		return fail(
			e, 0,
			"process.scheduler.period: %llu ns is shorter than the deadline of %llu "
			"ns",
			(unsigned long long)period, (unsigned long long)deadline);
	if (period > INT64_MAX)
		return fail(e, 0, "process.scheduler.%s: %llu ns is more than 2^63",
			    s->period.v ? "period" : "deadline", (unsigned long long)period);
	return 0;
}

int compile_scheduler(const struct oci_scheduler *s, struct plan_process *out, struct error *e)
{
	struct plan_sched *p = &out->sched;
	const struct name *policy;
	int r;

	out->has_sched = false;
	if (!s)
		return 0;
	*p = (struct plan_sched){ .size = sizeof(*p) };
	if (!s->policy)
		return fail(e, 0, "process.scheduler.policy: is missing");
	policy = word_find(WORDS_OF(policies), s->policy);
	if (!policy) {
		fail(e, 0, "process.scheduler.policy: unknown policy '%s'", s->policy);
		return hint_words(e, WORDS_OF(policies), s->policy);
	}
	p->policy = (uint32_t)policy->number;
	for (size_t i = 0; i < s->n_flags; i++) {
		const struct name *flag = word_find(WORDS_OF(sched_flags), s->flags[i]);

		if (!flag) {
			fail(e, 0, "process.scheduler.flags[%zu]: unknown flag '%s'", i,
			     s->flags[i]);
			return hint_words(e, WORDS_OF(sched_flags), s->flags[i]);
		}
		p->flags |= (uint64_t)flag->number;
	}
	/* The configuration has no values for these: -1 takes the clamp off. */
	if (p->flags & SCHED_FLAG_UTIL_CLAMP_MIN)
		p->util_min = UINT32_MAX;
	if (p->flags & SCHED_FLAG_UTIL_CLAMP_MAX)
		p->util_max = UINT32_MAX;
	if (s->nice.v < -20 || s->nice.v > 19)
		return fail(e, 0, "process.scheduler.nice: %d is not between -20 and 19",
			    s->nice.v);
	r = check_priority(s, p->policy, e);
	if (r == 0)
		r = check_deadline(s, p->policy, e);
	if (r < 0)
		return r;
	p->nice = s->nice.v;
	p->priority = (uint32_t)s->priority.v;
	p->runtime = s->runtime.v;
	p->deadline = s->deadline.v;
	p->period = s->period.v;
	out->has_sched = true;
	return 0;
}

/* ---- process.ioPriority ---------------------------------------------------------------------- */

int compile_io_priority(const struct oci_io_priority *p, struct plan_process *out, struct error *e)
{
	static const struct name classes[] = {
		{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
		{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
		{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	};
	const struct name *class;

	out->ioprio = -1;
	if (!p)
		return 0;
	if (!p->class)
		return fail(e, 0, "process.ioPriority.class: is missing");
	class = word_find(WORDS_OF(classes), p->class);
	if (!class) {
		fail(e, 0, "process.ioPriority.class: unknown class '%s'", p->class);
		return hint_words(e, WORDS_OF(classes), p->class);
	}
	if (p->priority.v < 0 || p->priority.v >= IOPRIO_NR_LEVELS)
		return fail(e, 0, "process.ioPriority.priority: %d is not between 0 and %d",
			    p->priority.v, IOPRIO_NR_LEVELS - 1);
	out->ioprio = class->number << IOPRIO_CLASS_SHIFT | p->priority.v;
	return 0;
}

/* ---- lists of numbers ------------------------------------------------------------------------ */

#define WORD_BITS (sizeof(unsigned long) * CHAR_BIT)

/* One element of a list: "5" or "0-3". */
static int read_span(const char *path, const char *list, const char *s, size_t n, uint64_t limit,
		     uint64_t *low, uint64_t *high, struct error *e)
{
	const char *dash = memchr(s, '-', n);
	size_t first = dash ? (size_t)(dash - s) : n;
	int r = number_u64_n(s, first, limit, low);

	*high = *low;
	if (r == 0 && dash)
		r = number_u64_n(dash + 1, n - first - 1, limit, high);
	if (r == -ERANGE)
		return fail(e, 0, "%s: '%.*s' is beyond %llu, the largest number possible", path,
			    (int)n, s, (unsigned long long)limit);
	if (r < 0) {
		fail(e, 0, "%s: '%s' is not a list of numbers", path, list);
		return hint(e, "it looks like '0-3,5': numbers and ranges with commas in between");
	}
	if (*low > *high)
		return fail(e, 0, "%s: '%.*s' is a range that runs backwards", path, (int)n, s);
	return 0;
}

/*
 * The list format of cpuset(7). Calls itself once the size is known: with bits NULL it only finds
 * the highest number. Blanks and empty elements are fine, as they are for the kernel.
 */
static int read_list(const char *path, const char *list, uint64_t limit, unsigned long *bits,
		     uint64_t *highest, struct error *e)
{
	bool empty = true;

	*highest = 0;
	for (const char *s = list; *s;) {
		size_t blank = strspn(s, " \t\n,"), n;
		uint64_t low = 0, high = 0;

		s += blank;
		n = strcspn(s, " \t\n,");
		if (n == 0)
			break;
		int r = read_span(path, list, s, n, limit, &low, &high, e);

		if (r < 0)
			return r;
		for (uint64_t i = low; bits && i <= high; i++)
			bits[i / WORD_BITS] |= 1ul << i % WORD_BITS;
		*highest = MAX(*highest, high);
		empty = false;
		s += n;
	}
	return empty ? fail(e, 0, "%s: '%s' has no number", path, list) : 0;
}

static int read_bits(struct arena *a, const char *path, const char *list, uint64_t limit,
		     const unsigned long **out, uint64_t *highest, struct error *e)
{
	unsigned long *bits;
	int r = read_list(path, list, limit, NULL, highest, e);

	if (r < 0)
		return r;
	bits = arena_new_array(a, unsigned long, *highest / WORD_BITS + 1);
	if (!bits)
		return no_room(e);
	*out = bits;
	return read_list(path, list, limit, bits, highest, e);
}

/* ---- process.execCPUAffinity ----------------------------------------------------------------- */

#define LAST_CPU 8191 /* the largest NR_CPUS of any architecture */

static int read_cpus(struct arena *a, const char *path, const char *list, const unsigned long **out,
		     size_t *size, struct error *e)
{
	uint64_t highest;

	*out = NULL;
	*size = 0;
	if (!list || !*list)
		return 0;
	int r = read_bits(a, path, list, LAST_CPU, out, &highest, e);

	if (r == 0)
		*size = (highest / WORD_BITS + 1) * sizeof(unsigned long);
	return r;
}

int compile_affinity(struct arena *a, const struct oci_exec_cpu_affinity *x,
		     struct plan_process *out, struct error *e)
{
	static const struct oci_exec_cpu_affinity nothing;
	int r;

	x = x ? x : &nothing;
	r = read_cpus(a, "process.execCPUAffinity.initial", x->initial, &out->initial_affinity,
		      &out->initial_affinity_size, e);
	if (r < 0)
		return r;
	return read_cpus(a, "process.execCPUAffinity.final", x->final, &out->affinity,
			 &out->affinity_size, e);
}

/* ---- linux.personality ----------------------------------------------------------------------- */

int compile_personality(const struct oci_personality *p, struct plan_process *out, struct error *e)
{
	static const struct name domains[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 } };
	const struct name *domain;

	out->personality = -1;
	if (!p)
		return 0;
	if (!p->domain)
		return fail(e, 0, "linux.personality.domain: is missing");
	domain = word_find(WORDS_OF(domains), p->domain);
	if (!domain) {
		fail(e, 0, "linux.personality.domain: unknown domain '%s'", p->domain);
		return hint_words(e, WORDS_OF(domains), p->domain);
	}
	if (p->n_flags > 0) {
		fail(e, 0, "linux.personality.flags[0]: unknown flag '%s'", p->flags[0]);
		return hint(e, "the specification has none so far");
	}
	out->personality = domain->number;
	return 0;
}

/* ---- linux.memoryPolicy ---------------------------------------------------------------------- */

#define PREFERRED_MANY      5 /* Linux 5.15 */
#define WEIGHTED_INTERLEAVE 6 /* Linux 6.9 */

/* set_mempolicy(2) takes a page of bits, and at least 4 KiB is a page. The last is not for use. */
#define LAST_NODE (4096 * CHAR_BIT - 2)

static int check_nodes(const struct oci_memory_policy *m, int mode, int flags, struct error *e)
{
	bool some = m->nodes && *m->nodes;

	if (some && (mode == MPOL_DEFAULT || mode == MPOL_LOCAL))
		return fail(e, 0, "linux.memoryPolicy.nodes: '%s' is given, but %s takes no nodes",
			    m->nodes, m->mode);
	if (!some && mode != MPOL_DEFAULT && mode != MPOL_LOCAL && mode != MPOL_PREFERRED) {
		fail(e, 0, "linux.memoryPolicy.nodes: is empty, but %s needs nodes", m->mode);
		return hint(e, "give the node numbers as a list, such as '0-1'");
	}
	if (!some && flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) {
		fail(e, 0, "linux.memoryPolicy.flags: %s is about nodes, but none are given",
		     flags & MPOL_F_STATIC_NODES ? "MPOL_F_STATIC_NODES" : "MPOL_F_RELATIVE_NODES");
		return hint(e, "remove the flag, or give linux.memoryPolicy.nodes");
	}
	return 0;
}

static int read_policy_flags(const struct oci_memory_policy *m, int mode, int *out, struct error *e)
{
	static const struct name known[] = {
		{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
		{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
		{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	};

	*out = 0;
	for (size_t i = 0; i < m->n_flags; i++) {
		const struct name *flag = word_find(WORDS_OF(known), m->flags[i]);

		if (!flag) {
			fail(e, 0, "linux.memoryPolicy.flags[%zu]: unknown flag '%s'", i,
			     m->flags[i]);
			return hint_words(e, WORDS_OF(known), m->flags[i]);
		}
		if (flag->number == MPOL_F_NUMA_BALANCING && mode != MPOL_BIND)
			return fail(e, 0,
				    "linux.memoryPolicy.flags[%zu]: MPOL_F_NUMA_BALANCING is for "
				    "MPOL_BIND, the mode is %s",
				    i, m->mode);
		*out |= flag->number;
		if (*out & MPOL_F_STATIC_NODES && *out & MPOL_F_RELATIVE_NODES)
			return fail(e, 0,
				    "linux.memoryPolicy.flags[%zu]: MPOL_F_STATIC_NODES and "
				    "MPOL_F_RELATIVE_NODES exclude each other",
				    i);
	}
	return 0;
}

int compile_memory_policy(struct arena *a, const struct oci_memory_policy *m,
			  struct plan_process *out, struct error *e)
{
	static const struct name modes[] = {
		{ "MPOL_DEFAULT", MPOL_DEFAULT },
		{ "MPOL_BIND", MPOL_BIND },
		{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
		{ "MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE },
		{ "MPOL_PREFERRED", MPOL_PREFERRED },
		{ "MPOL_PREFERRED_MANY", PREFERRED_MANY },
		{ "MPOL_LOCAL", MPOL_LOCAL },
	};
	const struct name *mode;
	uint64_t highest;
	int flags, r;

	out->has_mempolicy = false;
	out->mempolicy_nodes = NULL;
	out->mempolicy_maxnode = 0;
	if (!m)
		return 0;
	if (!m->mode || !*m->mode)
		return fail(e, 0, "linux.memoryPolicy.mode: is missing");
	mode = word_find(WORDS_OF(modes), m->mode);
	if (!mode) {
		fail(e, 0, "linux.memoryPolicy.mode: unknown mode '%s'", m->mode);
		return hint_words(e, WORDS_OF(modes), m->mode);
	}
	r = read_policy_flags(m, mode->number, &flags, e);
	if (r == 0)
		r = check_nodes(m, mode->number, flags, e);
	if (r < 0)
		return r;
	if (m->nodes && *m->nodes) {
		r = read_bits(a, "linux.memoryPolicy.nodes", m->nodes, LAST_NODE,
			      &out->mempolicy_nodes, &highest, e);
		if (r < 0)
			return r;
		out->mempolicy_maxnode = highest + 2; /* the kernel looks at one bit less */
	}
	out->mempolicy_mode = mode->number | flags;
	out->has_mempolicy = true;
	return 0;
}
