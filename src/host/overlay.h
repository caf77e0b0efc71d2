/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay -- what the layers of a root need on the host before ocirt-init mounts them: that they are
 * there, and directories for one that is kept.
 */
#pragma once

#include "base/error.h"
#include "ocispec.h"
#include "plan/plan.h"

/*
 * Look at all layers, and make "upper" and "work" in the directory that keeps what is changed, where
 * they are missing. They stay when the create fails: they may be somebody's by then.
 */
int overlay_prepare(const struct plan *p, const struct oci_linux *l, struct error *e);
