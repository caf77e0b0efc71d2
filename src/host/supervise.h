/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervise -- stay in the foreground with a container's process until it ends.
 *
 * One poll over its pidfd, the signals of this process and, with a terminal, two pairs of
 * descriptors: no polling with a period, no lost signal. With a terminal, SIGWINCH resizes it, and
 * the caller's is in raw mode meanwhile and restored on every way out.
 *
 *   struct supervise s;
 *
 *   supervise_begin(&s, ...);  signals wait from here
 *   ... make the container; set s.notify_fd and s.notify_socket, if there are any ...
 *       a signal that would have ended us interrupts this
 *   supervise_wait(&s, ...);   from here they are passed on
 *   ... delete the container ...
 *   supervise_end(&s);         what came since then takes effect now: the last call of all
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct supervise {
	int notify_fd;             /* of notify_open(), borrowed; -1: none */
	const char *notify_socket; /* the host's $NOTIFY_SOCKET */

	/* Private. */
	sigset_t inherited;
	int signal_fd;
	bool subreaper;
};

/*
 * Block the signals that will be passed on, before the process is made so that none is lost (the
 * child's mask is reset by ocirt-init). That is all of them but those of faults, SIGURG, and
 * SIGTTIN and SIGTTOU, which are between the caller's shell and us. SIGCHLD is ours: its
 * disposition becomes the default one, because a process whose parent ignores it leaves no status.
 */
int supervise_begin(struct supervise *s, bool subreaper, struct error *e);

/*
 * Between supervise_begin() and supervise_wait(): a descriptor that is readable once SIGINT,
 * SIGTERM, SIGHUP or SIGQUIT has come, for whoever waits for something that may never happen; at
 * other times -1, when these signals end us by themselves. When it is readable,
 * supervise_interrupted() says whether to give up (the caller undoes what it has made, and
 * supervise_end() lets the signal take effect) or to wait on, because we ignore that signal.
 */
int supervise_interrupts(void);
bool supervise_interrupted(void);

/*
 * Until the process ends; it must be our child, and is reaped. `master` is the pty's, borrowed, or
 * -1. *status is its exit status, or 128 + signal. With a subreaper every other child that ends
 * meanwhile is reaped too.
 */
int supervise_wait(struct supervise *s, pid_t pid, int pidfd, int master, int *status,
		   struct error *e);

/*
 * Make process.consoleSize the size of the caller's terminal, if there is one: the program would see
 * none, or another, in the time before supervise_wait(). For the configuration before it is compiled.
 */
void supervise_size(struct arena *a, struct oci_process *process);

/* Fine on what supervise_begin() failed to begin. */
void supervise_end(struct supervise *s);
