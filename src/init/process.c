/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process -- what the program is started with, but for its rights: limits, scheduling, memory
 * policy, working directory. All of it needs privileges that are dropped afterwards.
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef IOPRIO_WHO_PROCESS
#define IOPRIO_WHO_PROCESS 1
#endif

static int set_oom_score(const struct plan_process *process, struct stage *s)
{
	char text[12], *at = text + sizeof(text);
	int value = process->oom_score_adj;
	unsigned int digits = (unsigned int)(value < 0 ? -value : value);

	*--at = '\0';
	do
		*--at = (char)('0' + digits % 10);
	while (digits /= 10);
	if (value < 0)
		*--at = '-';
	return proc_write(s, "self/oom_score_adj", at);
}

int set_limits(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;

	if (!process)
		return 0;
	/* Lowering it below the caller's needs CAP_SYS_RESOURCE in the initial user namespace. */
	if (process->has_oom_score_adj) {
		int r = set_oom_score(process, s);

		if (r == -EACCES && p->userns)
			warn_host(s, WHERE_OOM_SCORE, -1, r, NULL);
		else if (r < 0)
			return stage_fail(s, WHERE_OOM_SCORE, -1, r, NULL);
	}
	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct plan_rlimit *l = &process->rlimits[i];
		const uint64_t limit[2] = { l->soft, l->hard };

		/* By the system call: libc's rlim_t may be narrower. */
		if (syscall(SYS_prlimit64, 0, l->resource, limit, NULL) < 0)
			return stage_fail(s, WHERE_RLIMIT, (long)l->index, errno, NULL);
	}
	return 0;
}

/*
 * The program may run wherever its cpuset lets it, not where the caller happened to be pinned. The
 * kernel cuts a mask that is too wide to the cpuset.
 */
static int set_affinity(const struct plan_process *process)
{
	unsigned long all[1024];
	const unsigned long *mask = process->affinity;
	size_t size = process->affinity_size;

	if (!mask) {
		memset(all, 0xff, sizeof(all));
		mask = all;
		size = sizeof(all);
	}
	return (int)nerrno(syscall(SYS_sched_setaffinity, 0, size, mask));
}

int set_scheduler(const struct plan_process *process, struct stage *s)
{
	if (process->has_sched && syscall(SYS_sched_setattr, 0, &process->sched, 0) < 0)
		return stage_fail(s, WHERE_SCHEDULER, -1, errno, NULL);
	return 0;
}

int set_scheduling(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;
	int r;

	if (!process)
		return 0;
	r = set_affinity(process);
	if (r < 0 && process->affinity)
		return stage_fail(s, WHERE_AFFINITY, -1, r, NULL);
	if (!p->born_inside && (r = set_scheduler(process, s)) < 0)
		return r;
	if (process->ioprio >= 0 &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, process->ioprio) < 0)
		return stage_fail(s, WHERE_IOPRIO, -1, errno, NULL);
	if (process->personality >= 0 && personality((unsigned long)process->personality) < 0)
		return stage_fail(s, WHERE_PERSONALITY, -1, errno, NULL);
	return 0;
}

int set_memory_policy(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;

	if (process && process->has_mempolicy &&
	    syscall(SYS_set_mempolicy, process->mempolicy_mode, process->mempolicy_nodes,
		    process->mempolicy_maxnode) < 0)
		return stage_fail(s, WHERE_MEMPOLICY, -1, errno, NULL);
	return 0;
}

/*
 * A path such as /proc/self/fd/7 could lead to a directory of the host (CVE-2024-21626). The
 * kernel says so itself: getcwd(2) gives "(unreachable)..." for what is not below our root.
 */
static int check_inside(const struct plan_process *process, struct stage *s)
{
	char path[PROGRAM_PATH_MAX];

	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return stage_fail(s, WHERE_CWD, -1, errno, process->cwd);
	if (path[0] != '/' && PROTECT(inside))
		return stage_fail(s, WHERE_CWD_OUTSIDE, -1, 0, process->cwd);
	s->cwd_entered = true;
	return 0;
}

/* We are inside the root: plain paths cannot leave it. A missing directory is made. */
int enter_cwd(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;

	if (!process)
		return 0;
	int r = chdir(process->cwd) < 0 ? -errno : 0;

	if (r == -ENOENT && p->kind != PLAN_EXEC) {
		auto_close int made = confined_mkdirs(s->root, process->cwd, 0755);

		r = made < 0 ? made : chdir(process->cwd) < 0 ? -errno : 0;
	}
	/* Perhaps the user may (a FUSE or NFS home): tried again as the user. */
	if (r == -EACCES)
		return 0;
	return r < 0 ? stage_fail(s, WHERE_CWD, -1, r, process->cwd) : check_inside(process, s);
}

int enter_cwd_as_user(const struct plan *p, struct stage *s)
{
	if (!p->process || s->cwd_entered)
		return 0;
	if (chdir(p->process->cwd) < 0)
		return stage_fail(s, WHERE_CWD, -1, errno, p->process->cwd);
	return check_inside(p->process, s);
}
