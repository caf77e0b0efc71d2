/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devices -- device nodes and the links of /dev (config-linux.md, Default Devices and Devices).
 *
 * Names are made in a directory that was looked up beneath the root, never by a path: an image
 * whose /dev is a link gets them inside itself or not at all (CVE-2026-41579).
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The directory of the last node or link: mostly the next one goes into the same. */
struct place {
	const char *path; /* of `length` bytes matter; NULL: none yet */
	size_t length;
	int fd;
};

/* The directory of `path`, borrowed from `at`, and the last component's name. */
static int enter_parent(struct stage *s, struct place *at, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (at->path && at->length == n && memcmp(at->path, path, n) == 0 && at->fd >= 0) {
		*name = slash ? slash + 1 : path;
		return at->fd;
	}
	fd_close(&at->fd);
	*at = (struct place){ path, n, confined_parent(s->root, path, 0755, name) };
	return at->fd;
}

static int mismatch(struct stage *s, const struct plan_device *d)
{
	return stage_fail(s, WHERE_DEVICE_MISMATCH, d->index, EEXIST, d->path);
}

static int make_node(struct stage *s, const struct plan_device *d, int dir, const char *name)
{
	dev_t rdev = S_ISFIFO(d->mode) ? 0 : makedev(d->major, d->minor);
	struct stat st;

	if (mknodat(dir, name, d->mode, rdev) == 0) {
		if ((d->uid || d->gid) &&
		    fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return stage_fail(s, WHERE_DEVICE, d->index, errno, d->path);
		return 0;
	}
	if (errno != EEXIST)
		return stage_fail(s, WHERE_DEVICE, d->index, errno, d->path);
	/* What is there must be what was asked for; a link or another device is not. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return stage_fail(s, WHERE_DEVICE, d->index, errno, d->path);
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
	    (!S_ISFIFO(d->mode) && st.st_rdev != rdev))
		return mismatch(s, d);
	return 0;
}

/* In a user namespace mknod is refused: the host's own node is bound onto an empty file. */
static int bind_node(struct stage *s, const struct plan_device *d, int dir, const char *name)
{
	struct stat st;
	auto_close int tree = sys_open_tree(
		AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0)
		return stage_fail(s, WHERE_DEVICE, d->index, tree, d->path);
	if (fstat(tree, &st) < 0 || (st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
	    st.st_rdev != makedev(d->major, d->minor))
		return mismatch(s, d);
	if (mknodat(dir, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return stage_fail(s, WHERE_DEVICE, d->index, errno, d->path);
	auto_close int target =
		sys_openat2(dir, name, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	int r = target < 0 ? target
			   : sys_move_mount(tree, "", target, "",
					    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r < 0 ? stage_fail(s, WHERE_DEVICE, d->index, r, d->path) : 0;
}

static int make_device(struct stage *s, struct place *at, const struct plan_device *d)
{
	const char *name;
	int dir = enter_parent(s, at, d->path, &name);

	if (dir < 0)
		return stage_fail(s, WHERE_DEVICE, d->index, dir, d->path);
	return d->bind && !S_ISFIFO(d->mode) ? bind_node(s, d, dir, name)
					     : make_node(s, d, dir, name);
}

static int make_link(struct stage *s, struct place *at, const struct plan_link *l)
{
	const char *name;
	auto_close int there = l->optional ? confined_open(s->root, l->target, O_PATH) : -1;

	if (l->optional && there < 0)
		return 0;
	int dir = enter_parent(s, at, l->path, &name);

	if (dir < 0 || (symlinkat(l->target, dir, name) < 0 && errno != EEXIST))
		return stage_fail(s, WHERE_DEV_LINK, -1, dir < 0 ? dir : errno, l->path);
	return 0;
}

/* The multiplexer must be the one of the container's own devpts, whatever the image has there. */
static int make_ptmx(struct stage *s)
{
	auto_close int dev = confined_open(s->root, "dev", O_PATH | O_DIRECTORY);

	if (dev < 0)
		return stage_fail(s, WHERE_DEV_LINK, -1, dev, "/dev/ptmx");
	if ((unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT) ||
	    symlinkat("pts/ptmx", dev, "ptmx") < 0)
		return stage_fail(s, WHERE_DEV_LINK, -1, errno, "/dev/ptmx");
	return 0;
}

int make_devices(const struct plan *p, struct stage *s)
{
	const struct plan_fs *fs = p->fs;
	struct place at = { .fd = -1 };
	int r = 0;

	for (size_t i = 0; fs && r == 0 && i < fs->n_devices; i++)
		r = make_device(s, &at, &fs->devices[i]);
	for (size_t i = 0; fs && r == 0 && i < fs->n_links; i++)
		r = make_link(s, &at, &fs->links[i]);
	fd_close(&at.fd);
	if (fs && r == 0 && fs->ptmx)
		r = make_ptmx(s);
	return r;
}
