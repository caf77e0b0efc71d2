/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * confined -- lookups and creations that cannot leave a directory.
 *
 * Everything inside a root file system is hostile: any component may be a symbolic link, and may
 * change between two calls. So every lookup is one openat2(2) beneath the fd of the root, and
 * every creation is by one name in a directory fd that such a lookup gave. No path string of the
 * container is ever joined to a path of the host. Used by both sides.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Open `path` inside `root` as a process chrooted there would see it (symbolic links stay inside,
 * magic links are refused). `flags` as in open(2), O_CLOEXEC is added. Returns an owned fd or
 * -errno. openat2(2), RESOLVE_IN_ROOT.
 */
int confined_open(int root, const char *path, int flags);

/*
 * The same without following any symbolic link at all: -ELOOP when there is one on the way.
 * For places where the specification wants a directory and an image could plant a link.
 */
int confined_open_plain(int root, const char *path, int flags);

/* The directory of `path` and its components, made with `mode` where missing. Returns an owned
 * O_PATH fd of the directory. A component that is a dangling symbolic link is -ENOENT: nothing is
 * ever created through a link. */
int confined_mkdirs(int root, const char *path, mode_t mode);

/*
 * The directory that holds `path`'s last component (made where missing), with that component's
 * name in `*name` (points into path). Returns an owned O_PATH fd.
 */
int confined_parent(int root, const char *path, mode_t mode, const char **name);

/*
 * A mount target: `path` opened O_PATH. Where it is missing it is made, as a directory or as an
 * empty file. Returns an owned fd or -errno; -ENOTDIR / -EISDIR when it is of the other kind.
 */
int confined_target(int root, const char *path, bool directory);
