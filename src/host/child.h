/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * child -- the host's half of the talk: from a compiled plan to a process that is ready.
 *
 * Common to create, run and exec. The caller compiles a plan and opens what only it knows
 * (namespaces, trees, the listening socket); child_start() adds the talk, seals the arena and
 * spawns; child_attend() answers until ocirt-init says READY; child_go() lets it execute.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"
#include "plan/plan.h"

#include <sys/types.h>

struct cgroup;
struct container;

struct child {
	struct plan *plan;
	struct arena *arena;
	const struct oci_linux *maps; /* for id maps; NULL when none will be asked for */
	/* Called once, when the namespaces are there and nothing is mounted (NAMESPACES); *state
	 * may be left a memfd for createContainer hooks. NULL: nothing to do. */
	int (*at_namespaces)(void *arg, int *state, struct error *e);
	void *arg;
	int cgroup, userns, pidns; /* as in struct spawn; -1: none */
	bool born_in_v2; /* the part of a hybrid host's cgroup that ocirt-init cannot join */

	const struct container *container; /* for the seccomp agent; its config says where it is */

	int console_socket, pidfd_socket; /* of child_connect(); without one the master is kept */

	/* What comes out. */
	pid_t pid;
	int pidfd, talk, master;
	int proc;    /* ours, for ocirt-init */
	size_t room; /* of plan->keep */
};

/* What child_close() has nothing to do for. */
#define CHILD_NONE                                                                                 \
	{                                                                                          \
		.console_socket = -1, .pidfd_socket = -1, .cgroup = -1, .userns = -1, .pidns = -1, \
		.pid = -1, .pidfd = -1, .talk = -1, .master = -1, .proc = -1,                      \
	}

/* From CHILD_NONE. `more` is how many descriptors the caller will add with child_keep(). */
int child_init(struct child *c, struct plan *plan, struct arena *arena, size_t more,
	       struct error *e);

/* To --console-socket and --pidfd-socket; NULL: none. */
int child_connect(struct child *c, const char *console_socket, const char *pidfd_socket,
		  struct error *e);

/* Let `fd` live on in the child under the same number. Returns fd. */
int child_keep(struct child *c, int fd);

/* Before child_start(): the process is born in the cgroup, or ocirt-init joins it, where that is
 * possible. Otherwise child_outside() is true after it, for which there is cgroup_attach(). */
int child_enter_cgroup(struct child *c, struct cgroup *cgroup, struct error *e);
bool child_outside(const struct child *c);

int child_start(struct child *c, struct error *e);

/* GO_ON: the cgroup is attached. `state` as for at_namespaces, or -1. */
int child_go_on(struct child *c, int state, struct error *e);

/* Until READY (0), or the failure in words. */
int child_attend(struct child *c, struct error *e);

/*
 * For run and exec: execute now. `state` is a memfd for startContainer hooks, or -1. Returns when
 * execve has succeeded, or with the failure in words.
 */
int child_go(struct child *c, int state, struct error *e);

/* The same by a connection of `start`. `c` and the pid of the process are for the seccomp agent. */
int child_executed(int sock, const struct container *c, pid_t pid, struct error *e);

/* Tell the caller who it is: --pid-file (may be NULL), and --pidfd-socket. */
int child_announce(const struct child *c, const char *pid_file, struct error *e);

/* SIGKILL and wait; nothing when it was not started. */
void child_kill(struct child *c);

void child_close(struct child *c);

/* A memfd with this text, at its beginning; owned. */
int text_memfd(const char *text, size_t len, struct error *e);

/* The capabilities that this process may hand on, as a mask. In a user namespace of its own the
 * container has them all. */
uint64_t grantable(const struct oci_config *config);
