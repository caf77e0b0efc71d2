/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evict -- get past a command that holds a container's lock and does not end.
 *
 * A create whose hook hangs holds the lock for as long. `delete --force` gives it some seconds and
 * then ends it: the kernel says who holds the lock (proc_locks(5)).
 */
#pragma once

#include "base/error.h"
#include "host/container.h"

/* Returns when the lock on the container's state is free, or there is no such container. */
int evict_holder(const struct settings *s, const char *id, struct error *e);
