/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process -- the parts of struct plan_process that have files of their own.
 *
 * Messages begin with the whole JSON path. An absent object (NULL) leaves everything unset.
 */
#pragma once

#include "compile.h"

/* caps.c. What cannot be granted is warned of and left out, as the specification wants. */
void compile_caps(const struct oci_capabilities *c, uint64_t grantable, struct plan_process *out);

/* sched.c */
int compile_scheduler(const struct oci_scheduler *s, struct plan_process *out, struct error *e);
int compile_io_priority(const struct oci_io_priority *p, struct plan_process *out, struct error *e);
int compile_affinity(struct arena *a, const struct oci_exec_cpu_affinity *x,
		     struct plan_process *out, struct error *e);
int compile_personality(const struct oci_personality *p, struct plan_process *out, struct error *e);
int compile_memory_policy(struct arena *a, const struct oci_memory_policy *m,
			  struct plan_process *out, struct error *e);
