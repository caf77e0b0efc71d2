/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * birth -- an exec becomes visible inside only when there is nothing to take from it.
 *
 * Who has CAP_SYS_PTRACE in the container, and no user namespace around it, may ptrace(2) whatever is
 * in its pid namespace, dumpable or not: the memory, descriptors and capabilities of a process that
 * enters are its own then (CVE-2016-9962). But that namespace is entered by birth alone, so the one
 * that enters everything else, with all rights, stays outside of it. At the end it has the program's
 * rights and descriptors, begets the process that executes the program, and is gone.
 *
 * CLONE_PARENT: the child is the host side's, like its parent. READY is its word, and the kernel tells
 * the host side whose it is.
 */
#include "steps.h"

#include "../base/sys.h"

#include <sched.h>

int be_born(const struct plan *p, struct stage *s)
{
	if (!p->born_inside)
		return 0;
	/* We are attached to the cgroup, the child inherits it. */
	int r = wait_go_on(p, s);

	if (r < 0)
		return r;
	/* What is left open is the talk, and the container's own root. */
	/* clone(2), by its number: a filter, which is in force by now, can look at its flags. */
	long pid = nerrno(syscall(SYS_clone, CLONE_PARENT, NULL, NULL, NULL, NULL));

	if (pid < 0)
		return stage_fail(s, WHERE_BIRTH, -1, (int)pid, NULL);
	if (pid > 0)
		_exit(0);
	r = begin_session(s, p->process->terminal);
	/* A policy may forbid to beget, or end with it. */
	return r < 0 ? r : set_scheduler(p->process, s);
}
