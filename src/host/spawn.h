/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn -- start ocirt-init, straight into its namespaces and cgroup.
 *
 * One clone3(2) with CLONE_VM | CLONE_VFORK: no page table is copied, and the child's only work is
 * to choose which descriptors live on and to execute the sealed memfd that holds ocirt-init. The
 * program that a process of the container can reach through /proc/PID/exe is never the host's
 * (CVE-2019-5736).
 */
#pragma once

#include "base/error.h"
#include "plan/plan.h"

#include <sys/types.h>

struct spawn {
	const struct plan *plan;
	int arena;    /* the sealed memfd */
	int cgroup;   /* CLONE_INTO_CGROUP, -1: none */
	int userns;   /* entered before the child is born: what it makes belongs to it; -1: none */
	int pidns;    /* likewise: a pid namespace is entered by birth only; -1: none */
	int preserve; /* descriptors 3 .. 3 + n - 1 live on as well */
};

/* The child is ours to wait for; *pidfd is owned. Words its failure. */
int spawn(const struct spawn *s, pid_t *pid, int *pidfd, struct error *e);
