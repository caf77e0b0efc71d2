/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp_bpf -- rules about system calls as one classic BPF program.
 *
 * Written here and not taken from libseccomp because every container start pays for it: a usual
 * profile takes libseccomp over 20 ms and gives the kernel 1300 instructions to check, where a
 * search tree over ranges of numbers takes a fraction of a millisecond and is a third as long. It
 * also lets numbers without a rule have more than one answer, see seccomp_range. The unit test
 * holds the verdicts against libseccomp's. Used by seccomp.c; needs an arena and the kernel's headers.
 */
#pragma once

#include "libocispec/arena.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_op {
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ, /* (argument & mask) == value */
};

struct seccomp_condition {
	unsigned int index; /* which argument, 0 to 5 */
	enum seccomp_op op;
	uint64_t value, mask;
};

struct seccomp_rule {
	uint32_t nr;
	uint32_t action;                            /* SECCOMP_RET_* with its data */
	const struct seccomp_condition *conditions; /* all must hold */
	unsigned int n_conditions;
	bool wide; /* the arguments have 64 bits; of narrow ones only the lower half is looked at */
};

/* What holds for numbers without a rule, from `from` up to the next range. */
struct seccomp_range {
	uint32_t from, action;
};

/* All about one value of seccomp_data.arch. */
struct seccomp_arch {
	uint32_t audit_arch;
	struct seccomp_rule *rules; /* of those for one number, the first that holds wins */
	size_t n_rules;
	const struct seccomp_range *ranges; /* ascending, the first from 0 */
	size_t n_ranges;
};

/*
 * The program, in `out`. A rule without conditions beats all that have some, and of several such
 * rules for one number the first one wins: libseccomp has it so, and profiles are made by trying.
 * What it takes meanwhile is allocated in `scratch`. Returns the length, -ENOMEM, or -E2BIG when it
 * does not fit in `room` or in the kernel's limit.
 */
int seccomp_bpf(struct arena *scratch, struct seccomp_arch *archs, size_t n,
		uint32_t foreign_action, struct sock_filter *out, size_t room);
