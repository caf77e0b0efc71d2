/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats_read -- the shapes that the kernel gives to numbers of a cgroup.
 *
 * What is not there, or is no number, is not set.
 */
#pragma once

#include "parts.h"
#include "stats.h"

/* One hierarchy of the container, while its files are read. */
struct stats_source {
	struct arena *a;
	int dir; /* -1: the container has none there */
	bool v2;
};

struct stats_source stats_place(struct cgroup *c, struct arena *a, int h);
struct stats_source stats_controller(struct cgroup *c, struct arena *a, const char *name);

/* The file's text in the arena, or NULL. */
char *stats_text(const struct stats_source *p, const char *file);

/* n bytes of text: a number, or "max". */
bool stats_value(const char *text, size_t n, uint64_t *out);

/* The only number of a file; the same, where v1 has the largest number for "none". */
struct opt_u64 stats_number(const struct stats_source *p, const char *file);
struct opt_u64 stats_limit_v1(const struct stats_source *p, const char *file);

/* "KEY N" in a text of such lines, which may be NULL. */
struct opt_u64 stats_keyed(const char *text, const char *key);

/* The four files that v1 has for what it counts in bytes. */
struct stats_entry stats_counter_v1(const struct stats_source *p, const char *prefix);

/* Only v2 has it: on a hybrid host even where the controller itself is in v1. */
void stats_pressure_of(struct cgroup *c, struct arena *a, const char *file,
		       struct stats_pressure *out);

/* ---- stats_devices.c ------------------------------------------------------------------------- */

void stats_disks(struct cgroup *c, struct arena *a, struct cgroup_stats *out);
void stats_hugetlb_of(struct cgroup *c, struct arena *a, struct cgroup_stats *out);
void stats_rdma_and_misc(struct cgroup *c, struct arena *a, struct cgroup_stats *out);
