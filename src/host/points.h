/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * points -- the points of a container's life where hooks run (runtime.md, Lifecycle), with the
 * state that each kind is told.
 *
 * hooks.h runs programs; this knows which, when and with what. The two kinds that run inside are
 * run by ocirt-init and get their state as a memfd.
 */
#pragma once

#include "host/state.h"

enum point {
	POINT_PRESTART,       /* creating; namespaces are there, nothing is mounted */
	POINT_CREATE_RUNTIME, /* the same, after it */
	POINT_POSTSTART,      /* running */
	POINT_POSTSTOP,       /* stopped, and the container is gone; failures are only warned of */
};

/* Run the hooks of this point, if there are any. The container's config must be loaded. */
int points_run(const struct container *c, enum point point, struct error *e);

/* A memfd with the state for hooks that run inside, where the pid is another. Owned. */
int points_inner_state(const struct container *c, const char *status, struct error *e);

/* Whether the container has a new pid namespace: then its first process is 1 in it, and takes all
 * others with it when it ends. */
bool own_pid_namespace(const struct container *c);
