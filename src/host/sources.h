/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sources -- what a plan takes from the host, opened: namespaces to join, trees to bind.
 *
 * The container side gets descriptors, not paths, wherever the two sides may see different things.
 */
#pragma once

#include "base/error.h"
#include "host/child.h"
#include "host/container.h"
#include "plan/plan.h"

struct sources {
	const struct settings *s;
	const struct oci_config *config;
	struct child *child; /* has the plan and its arena; is told what to keep */
	int *fds;
	size_t n;
};

/* Room for all that the plan may need. child_init() comes first. */
int sources_begin(struct sources *src, struct error *e);

/* The most descriptors that sources will keep, for child_init(). */
size_t sources_most(const struct plan *p);

/* Open the namespaces to join and see that they are of the type that is asked for. */
int sources_open_namespaces(struct sources *src, struct error *e);

/* Clone the trees that the container side cannot, or must not, clone itself. */
int sources_clone_trees(struct sources *src, struct error *e);

/* The child has them. */
void sources_close(struct sources *src);
