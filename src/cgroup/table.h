/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table -- every resource of the specification: where it goes on v1, on v2, with systemd.
 *
 * One row per property of linux.resources. create, update, check and plan walk the rows in order;
 * a row's `put` turns the property into writes for the kind of hierarchy its controller is in. No
 * other file knows the name of a resource's file.
 */
#pragma once

#include "parts.h"

enum value_kind {
	VALUE_OTHER, /* an array, a map, or nothing that has a file: only `put` knows */
	VALUE_I64,
	VALUE_U64,
	VALUE_U32,
	VALUE_U16,
	VALUE_BOOL,
	VALUE_TEXT,
};

/* Writes of rows in the same group depend on each other in an order that only the kernel knows
 * (a memory limit may not pass memory+swap, neither on the way up nor down): see write.c. */
enum row_group { GROUP_NONE, GROUP_MEMORY, GROUP_WEIGHT, GROUP_CFS, GROUP_RT };

struct compile;
struct row;

/* The text of a number for a file. Returns 1, 0 when there is nothing to write, or a failure. */
typedef int convert_fn(struct compile *c, const struct row *r, int64_t value, char text[64]);

/* All writes of one row; none when `c->r` does not ask for it. */
typedef int put_fn(struct compile *c, const struct row *r);

struct row {
	const char *json;       /* below linux.resources */
	const char *controller; /* by its v1 name */
	/* Files. "A|B": B where the kernel has no A; "A+B": A, if there is one, and B. SIZE is the
	 * page size; what follows a colon is a key inside the file. NULL: no counterpart. */
	const char *v1;
	convert_fn *to_v1;
	const char *v2;
	convert_fn *to_v2;
	const char *systemd; /* property of the unit, for a driver to come */
	put_fn *put;
	uint8_t kind; /* enum value_kind */
	uint16_t object, member;
	uint8_t group;
	bool zero_is_value; /* elsewhere 0 means not set, as managers write it */
	bool best_effort;   /* a kernel that lacks the file is warned about, not failed on */
	int64_t neutral;    /* asks for nothing when the controller is missing; so does any < 0 */
	int64_t min, max;
};

extern const struct row cgroup_rows[];
extern const size_t cgroup_n_rows;

/* The row of a property, for those whose writes depend on another's. */
const struct row *cg_row(const char *json);

/* What is to be written, in order. */
struct cg_write {
	const struct row *row;
	const char *json; /* as in messages, without "linux.resources." */
	size_t at;        /* hierarchy */
	const char *file, *text;
	const char *other_file, *other_text; /* instead, where the kernel has no `file` */
	const struct device_rules *rules;    /* of the file "(bpf)": what the filter is made of */
	bool optional;                       /* fine when the kernel has neither */
};

struct cg_writes {
	struct arena memory; /* of all that is below, opened by cg_compile() */
	struct cg_write *w;
	size_t n;
};

struct compile {
	struct cgroup_host *host;
	const struct oci_resources *r;
	struct cgroup *now; /* update: what is in force can be looked up; else NULL */
	bool dry;           /* only to check or to show: no warnings, nothing is read */
	bool optional;      /* of the next cg_add() */
	struct cg_writes *out;
	struct error *e;
};

/* A failure about the property: "linux.resources." + json + ": " + text. */
int cg_wrong(struct compile *c, const char *json, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The number a scalar row has in `r`. False: absent. A number beyond int64_t is INT64_MAX. */
bool cg_number(const struct row *row, const struct oci_resources *r, int64_t *out);
const char *cg_text(const struct row *row, const struct oci_resources *r);

/* Add a write. `file` may be "A|B"; `other_text` is for B, NULL: the same text. */
int cg_add(struct compile *c, const struct row *row, const char *json, int h, const char *file,
	   const char *text, const char *other_text);

/* The hierarchy a row's writes go to, or a failure. */
int cg_where(struct compile *c, const struct row *row, const char *json);
int cg_not_on_v2(struct compile *c, const char *json);

/* Walk the table. */
int cg_compile(struct compile *c);
void cg_writes_free(struct cg_writes *w);

/* write.c: do all of it, each with its failure explained. */
int cg_write_all(struct cgroup *c, const struct cg_writes *all, struct error *e);

/* undo.c: what the files of `all` say now, and how to make them say it again. */
struct cg_undo {
	struct kept *k;
	size_t n;
};
int cg_undo_keep(struct cgroup *c, const struct cg_writes *all, struct cg_undo *u);
void cg_undo_do(struct cgroup *c, struct cg_undo *u); /* warns of what cannot be put back */
void cg_undo_free(struct cg_undo *u);

/* devices.c: do these writes let devices through that neither the old nor the new rules allow? */
bool cgroup_device_rules_lapse(const struct cg_writes *all);

/* explain.c: word the failure of a write, and why the kernel may have refused it. */
int cg_explain(struct cgroup *c, const struct cg_write *w, int err, struct error *e);

/* convert.c */
convert_fn cg_plain, cg_or_max, cg_pids, cg_limit_v1, cg_swap_v1, cg_swap_v2, cg_weight,
	cg_quota_v1, cg_quota_v2, cg_period_v2, cg_burst, cg_rt_runtime, cg_only_false,
	cg_only_true, cg_ignored;
uint64_t cgroup_weight_of_shares(uint64_t shares);

/* put.c, convert.c, devices.c */
put_fn put_number, put_list, put_swap, put_check_before_update, put_weight, put_weight_devices,
	put_leaf_weight_devices, put_throttle, put_hugepages, put_priorities, put_rdma, put_unified,
	put_devices;
