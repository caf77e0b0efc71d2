/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * own_ids -- what ids this process may use: the user namespace of an ordinary user's container, when
 * config.json has none.
 *
 * Nothing can be made without one, and what it may map is known: oneself, and what /etc/subuid and
 * /etc/subgid grant.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

/*
 * For an ordinary user: adds the namespace where none is listed, and mappings to a new one without
 * any. Root inside is the user outside, the subordinate ids follow. Returns 1 when `config` was
 * changed, 0 when not.
 */
int own_ids_add(struct oci_config *config, struct arena *a, struct error *e);

/* setgroups(2) is denied in the user namespace that we are in. */
bool own_ids_groups_denied(void);
