/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervise -- stay in the foreground with a container's process until it ends.
 *
 * One poll over its pidfd, the signals of this process and, with a terminal, two pairs of
 * descriptors: no polling with a period, no lost signal. All signals but SIGCHLD, SIGURG and those
 * of faults are passed on; with a terminal, SIGWINCH resizes it. The caller's terminal is in raw
 * mode meanwhile and restored on every way out.
 */
#pragma once

#include "../base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct supervise {
	sigset_t *inherited; /* opaque to callers: the mask to restore */
	int signal_fd;
	bool subreaper;
};

/* Block the signals that will be passed on. Before the process is made, so that none is lost.
 * The child's mask is reset by ocirt-init. */
int supervise_begin(struct supervise *s, bool subreaper, struct error *e);

/*
 * Until the process ends. `master` is the pty's, or -1. *status is its exit status, or 128 +
 * signal. With a subreaper every other child that ends meanwhile is reaped too.
 */
int supervise_wait(struct supervise *s, pid_t pid, int pidfd, int master, int *status,
		   struct error *e);

void supervise_end(struct supervise *s);
