/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resctrl -- linux.intelRdt: shares of caches and of memory bandwidth.
 *
 * The kernel's resctrl file system has a directory for each class of service: `tasks` has
 * its processes, `schemata` what they may use, and mon_groups/ the groups that are counted apart. A
 * container goes into the class of its name, which is made for it; or into that of closID, which is
 * made when it is missing and compared with the configuration when it is not. The class of its name
 * and its monitoring group are removed with the container; one that closID names stays, as the
 * specification wants it, whoever made it.
 *
 * Where intelRdt is not set nothing here is looked at. All work below a descriptor of the file
 * system's root, which resctrl_open() finds.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

#include <sys/types.h>

/* Where a container is; state.json remembers it. */
struct resctrl {
	const char *class;   /* a directory below the root, "." is the root's own; NULL: nowhere */
	bool made;           /* for this container */
	bool stays;          /* after it all the same: closID names it */
	const char *monitor; /* its own group in the class's mon_groups, NULL: none */
};

/* The root of the file system, wherever it is mounted; or the failure in words. */
int resctrl_open(struct error *e);

/* Where a container shall be. All is checked that can be, nothing is made. Strings are borrowed. */
int resctrl_plan(int root, const struct oci_intel_rdt *c, const char *id, struct resctrl *out,
		 struct error *e);

/* What of it there is in the end is in *out, after a failure, too. */
int resctrl_make(int root, const struct oci_intel_rdt *c, const struct resctrl *wish,
		 struct resctrl *out, struct error *e);

int resctrl_join(int root, const struct resctrl *r, pid_t pid, struct error *e);

/* Other shares for a class that was made for the container. *before is what resctrl_restore() takes to
 * undo it; malloc'ed. */
int resctrl_update(int root, const struct oci_intel_rdt *c, const struct resctrl *r, char **before,
		   struct error *e);
void resctrl_restore(int root, const struct resctrl *r, const char *before);

/* What was made; its processes have ended. That it is gone already is fine. */
int resctrl_remove(int root, const struct resctrl *r, struct error *e);

/* ---- what is counted ------------------------------------------------------------------------- */

/* Of one cache, and what is behind it. */
struct resctrl_domain {
	struct opt_u64 llc_occupancy, mbm_total_bytes, mbm_local_bytes;
};

struct resctrl_stats {
	/* The lines of `schemata`, of the root and of the class; NULL: this machine has none. */
	const char *l3_root, *l3, *mb_root, *mb;
	const char *l3_mask;
	struct opt_u64 l3_min_bits, l3_classes;
	struct opt_u64 mb_granularity, mb_linear, mb_min, mb_classes;
	/* None, where the class is not the container's own and it has no group either. */
	struct resctrl_domain *domains;
	size_t n_domains;
};

/* What the machine does not have is absent. All memory is from `a`. */
void resctrl_read(int root, const struct resctrl *r, struct arena *a, struct resctrl_stats *out);
