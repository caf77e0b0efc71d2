/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * idmap -- the uid and gid maps of a user namespace.
 *
 * A process may not map ids that it does not own, so the container side asks and the host side
 * writes: /proc/PID/uid_map, gid_map and setgroups. user_namespaces(7).
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

#include <sys/types.h>

/*
 * Write both maps of `pid`. As root by one write(2) each; as an ordinary user a map of just
 * oneself is written directly (with setgroups denied), anything else by newuidmap(1) and
 * newgidmap(1), found in PATH, whose own message is quoted in the failure. When these cannot do
 * it, and our own id is among those to be mapped, only that one is, with a warning. The process
 * must still be dumpable, or an ordinary user may not write to its files in /proc.
 */
int idmap_write(pid_t pid, const struct oci_linux *linux_, struct error *e);
