/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats -- what a container has used, and when its memory ran out.
 *
 * The same numbers from v1, v2 and both at once; what this host does not count is absent
 * (`.set` false, NULL, or an empty list), which is no failure. Times are in nanoseconds, sizes in
 * bytes. `events` and `stats` print it, each under names of its own.
 */
#pragma once

#include "cgroup.h"

#define STATS_NO_LIMIT UINT64_MAX

struct stats_entry {
	struct opt_u64 usage, peak, limit; /* STATS_NO_LIMIT: none */
	struct opt_u64 failures;           /* times that the limit was met */
};

struct stats_pair {
	const char *key;
	uint64_t value;
};

struct stats_pairs {
	struct stats_pair *items;
	size_t n;
};

/* A line of a .pressure file; the averages are percentages, as text ("0.25"). NULL: no such line. */
struct stats_pressure_line {
	const char *avg10, *avg60, *avg300;
	uint64_t total; /* in microseconds, as the kernel and everybody has it */
};

struct stats_pressure {
	struct stats_pressure_line some, full;
};

struct stats_cpu {
	struct opt_u64 total, user, kernel;
	uint64_t *percpu, *percpu_user, *percpu_kernel; /* v1 only */
	size_t n_percpu, n_percpu_split;
	struct opt_u64 periods, throttled_periods, throttled_time, bursts, burst_time;
	struct stats_pressure pressure;
};

struct stats_cpuset {
	const char *cpus, *mems;  /* "0-3,7": those that it may use now */
	struct stats_pairs flags; /* v1: "cpu_exclusive" and so on */
};

struct stats_memory {
	struct stats_entry memory, swap, kernel, kernel_tcp;
	struct stats_entry both; /* memory and swap together, as v1 counts */
	struct opt_u64 cache, oom_kills;
	struct stats_pairs raw; /* memory.stat */
	struct stats_pressure pressure;
};

/* One number of one device; op is NULL where the kernel does not tell reads from writes. */
struct stats_io {
	uint32_t major, minor;
	const char *op; /* "Read", "Write", "Sync", "Async", "Discard", "Total" */
	uint64_t value;
};

enum stats_io_kind {
	STATS_IO_BYTES,
	STATS_IO_OPERATIONS,
	STATS_IO_QUEUED,
	STATS_IO_SERVICE_TIME,
	STATS_IO_WAIT_TIME,
	STATS_IO_MERGED,
	STATS_IO_TIME,
	STATS_IO_SECTORS,
	STATS_IO_COST_USAGE, /* v2 with iocost, in microseconds */
	STATS_IO_COST_WAIT,
	STATS_IO_COST_INDEBT,
	STATS_IO_COST_INDELAY,
	STATS_IO_KINDS,
};

struct stats_io_list {
	struct stats_io *items;
	size_t n;
};

struct stats_hugetlb {
	const char *size; /* "2MB" */
	struct stats_entry faulted, reserved;
};

/* A resource of rdma (device "mlx5_0", name "hca_handle") or misc (device NULL). */
struct stats_scalar {
	const char *device, *name;
	struct stats_entry entry;
};

struct stats_scalars {
	struct stats_scalar *items;
	size_t n;
};

struct cgroup_stats {
	struct stats_cpu cpu;
	struct stats_cpuset cpuset;
	struct stats_memory memory;
	struct stats_entry pids;
	struct stats_io_list io[STATS_IO_KINDS];
	struct stats_pressure io_pressure;
	struct stats_hugetlb *hugetlb;
	size_t n_hugetlb;
	struct stats_scalars rdma, misc;
};

/* All memory is from `a`. */
int cgroup_stats(struct cgroup *c, struct arena *a, struct cgroup_stats *out, struct error *e);

/* ---- running out of memory ------------------------------------------------------------------- */

struct cgroup_oom {
	int fd; /* poll it for `events`; -1 when closed */
	short events;
	bool v2;
	int dir;       /* borrowed from the cgroup */
	uint64_t seen; /* kills that were told of (v2), signals (v1) */
};

/* -EOPNOTSUPP where the kernel does not tell. */
int cgroup_oom_open(struct cgroup *c, struct cgroup_oom *out);

/* Has it happened since it was last asked? Ask when poll(2) says so, and once at the end. */
bool cgroup_oom_happened(struct cgroup_oom *o);
void cgroup_oom_close(struct cgroup_oom *o);
