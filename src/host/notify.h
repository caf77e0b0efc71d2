/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify -- sd_notify(3) messages of the container, passed on to the host's $NOTIFY_SOCKET.
 *
 *   service manager            ocirt                            container
 *   $NOTIFY_SOCKET       <--   checks, translates pids    <--   /run/notify/notify.sock
 *
 * The container gets a socket of its own, in the directory "notify" of the container's state, which
 * the caller binds at NOTIFY_MOUNT. A directory and not the socket, so that `start` can put a new
 * socket where the one of `create` was. What arrives is from inside and not trusted: only the words
 * of a short list go on, and MAINPID only when it is a process of the container.
 *
 * In the foreground supervise.h passes messages on for as long as the container runs. Detached,
 * `start` stays until READY=1, tells the manager the container's pid along with it, and ends.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

#define NOTIFY_DIRECTORY "notify" /* in the state directory */
#define NOTIFY_MOUNT     "/run/notify"
#define NOTIFY_PATH      NOTIFY_MOUNT "/notify.sock" /* the container's $NOTIFY_SOCKET */

/* The directory, for `create` to bind. Fine when it is there already. */
int notify_prepare(int state_dir, struct error *e);

/* The socket in it; replaces the one of a process that is gone. Returns an owned fd. */
int notify_open(int state_dir, struct error *e);

/*
 * Pass on what has arrived; never waits for the container. `pid` is the container's process: with
 * `adopt` the service manager is told to watch it when READY=1 comes. Returns 1 once READY=1 was
 * among it, else 0. What the host does not take is a warning: it must not stop a container.
 */
int notify_forward(int fd, const char *host_socket, pid_t pid, bool adopt);

/*
 * Pass on until READY=1, and wait until the service manager has seen it, since it looks at who sent
 * it. Returns 0 when ready, 1 when the process ended before.
 */
int notify_wait_ready(int fd, int pidfd, const char *host_socket, pid_t pid, struct error *e);
