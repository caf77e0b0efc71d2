/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * idmapped -- mounts whose files change owners on the way in (mount_setattr(2), MOUNT_ATTR_IDMAP).
 *
 * The kernel takes the mapping as a user namespace. One is made for it, by a child that does
 * nothing else; it lives on as the descriptor only.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"
#include "plan/plan.h"

/*
 * The user namespace for a mount that is to be idmapped: from its option's text
 * ("uids=FROM-TO-LENGTH#...;gids=...", a mapping that begins with '@' counts TO in the container's
 * ids), else from its own mappings, else from the container's. Returns an owned fd; messages begin
 * with "mounts[N]".
 */
int idmapped_namespace(const struct oci_config *config, const struct plan_mount *mount,
		       struct arena *a, struct error *e);
