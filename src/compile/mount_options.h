/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount_options -- the words of mounts[].options.
 *
 * One table has every word of the specification, and what runc and crun understand besides. What
 * is in no row is the file system's own and goes to fsconfig(2). Opposites: the last one wins.
 */
#pragma once

#include "../base/error.h"
#include "../plan/plan.h"

struct arena;

/* What the words ask for besides the members of struct plan_mount. */
struct mount_wishes {
	bool bind, rbind, remount;
	bool no_iversion;
	bool source_nofollow, destination_nofollow;
};

/*
 * Fills attributes, propagation, the flags of the superblock, options and data of `m`, which
 * begins without them. Messages begin with "options[2]".
 */
int mount_options(struct arena *a, const char *const *words, size_t n, struct plan_mount *m,
		  struct mount_wishes *wishes, struct error *e);

/* The value of a file system option, "" for a bare one, NULL when it is not there. */
const char *mount_option_value(const struct plan_mount *m, const char *key);

/* Take an option out again. */
void mount_option_drop(struct plan_mount *m, const char *key);

/* Options whose values fsconfig(2) does not take get the one string of mount(2), too. */
int mount_option_data(struct arena *a, struct plan_mount *m, struct error *e);
