/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parts -- what the files of compile/ that deal with namespaces and mounts share.
 */
#pragma once

#include "compile.h"

#include "../base/util.h"

/* The arena is full: 64 MB of plan means that the configuration is not an honest one. */
static inline int no_room(struct error *e)
{
	return fail(e, ENOMEM, "no room for the plan");
}

/* ---- namespaces.c ---------------------------------------------------------------------------- */

/* linux.*, all absent when `linux` is. */
const struct oci_linux *linux_part(const struct oci_config *c);

/* The CLONE_NEW* of linux.namespaces[] that are made, and of those that have a path. */
uint64_t namespaces_new(const struct plan *p);
uint64_t namespaces_joined(const struct plan *p);

/* All of linux.namespaces[], which has been checked when the container was made. */
uint64_t namespaces_listed(const struct oci_linux *l);

/* uidMappings or gidMappings, `name` says which: sizes, ranges, no id twice on either side. */
int check_id_mappings(const struct oci_id_mapping *m, size_t n, const char *name, struct error *e);
bool id_is_mapped(const struct oci_id_mapping *m, size_t n, uint32_t id);

/* ---- fs.c ------------------------------------------------------------------------------------ */

/*
 * An absolute path without "//", "." and "..": ".." goes up as far as the root and no further.
 * Only for names inside the container, where the container side resolves symbolic links under the
 * root, too. NULL: no memory.
 */
char *clean_path(struct arena *a, const char *path);

/* `path` as it is when absolute, else below `base`, without "//" and "." but with "..": which
 * directory that is depends on links. NULL: no memory. */
char *path_from(struct arena *a, const char *base, const char *path);

/* Is `path` below `directory` (both cleaned)? */
bool path_below(const char *path, const char *directory);

/* ---- overlay.c ------------------------------------------------------------------------------- */

/* Layers over the root, when an annotation asks for them. */
int compile_overlay(struct arena *a, const struct compile_input *in, struct plan_fs *fs,
		    struct error *e);

/* ---- mounts.c, cgroup_mounts.c, devices.c ---------------------------------------------------- */

/* Plan mounts while they are being counted: one of the configuration may become a dozen. */
struct mount_list {
	struct arena *arena;
	struct plan_mount *items;
	size_t n, room;
};

/* A new last element, a copy of `from`, whose memory moves when the list grows. NULL: no memory. */
struct plan_mount *mount_add(struct mount_list *l, const struct plan_mount *from);

int compile_mounts(struct arena *a, const struct compile_input *in, const struct plan *p,
		   struct plan_fs *fs, struct error *e);

/* A mount of type "cgroup". `m` has destination, index and attributes. */
int compile_cgroup_mount(const struct compile_input *in, const struct plan *p,
			 const struct plan_mount *m, struct mount_list *l, struct error *e);

/* After the mounts: they decide whether /dev is ours. */
int compile_devices(struct arena *a, const struct compile_input *in, const struct plan *p,
		    struct plan_fs *fs, struct error *e);
