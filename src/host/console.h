/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console -- handing descriptors to a manager, and a foreground terminal.
 *
 * The pty is made inside the container from its own devpts; the master comes out over the talk
 * socket and goes either to --console-socket or to a foreground run, which copies bytes between it
 * and the caller's terminal. Also carries pidfds to --pidfd-socket.
 */
#pragma once

#include "../base/error.h"

#include <sys/types.h>

/* Connect to a unix stream socket by a path of any length (through its directory's fd), with a
 * deadline. Relative to the caller's directory. `option` names it in messages ("--console-socket").
 * Returns an owned fd. */
int socket_connect(const char *path, const char *option, struct error *e);

/* Send one fd with `name` as the data (at least one byte), SCM_RIGHTS; never SIGPIPE, never an
 * endless wait for a socket that nobody reads. */
int socket_send_fd(int sock, int fd, const char *name, const char *option, struct error *e);
