/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console -- handing descriptors to a manager over its unix socket.
 *
 * The pty is made inside the container from its own devpts; the master comes out over the talk
 * socket and goes to --console-socket, or to a foreground run (supervise.h). The same way a pidfd
 * goes to --pidfd-socket and a seccomp listener to linux.seccomp.listenerPath.
 */
#pragma once

#include "base/error.h"

/*
 * Connect to a unix stream socket by a path of any length, with a deadline. Relative to the
 * caller's directory. `option` names it in messages ("--console-socket"). Returns an owned fd.
 */
int socket_connect(const char *path, const char *option, struct error *e);

/*
 * Send one fd with `data`, a string of at least one byte and any length; SCM_RIGHTS. Never SIGPIPE,
 * never an endless wait for a socket that nobody reads.
 */
int socket_send_fd(int sock, int fd, const char *data, const char *option, struct error *e);
