/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rootfs -- the container's root: attached, entered, and closed behind us.
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

static int set_propagation(int fd, const char *path, unsigned int flags, uint32_t propagation)
{
	struct mount_attr attr = { .propagation = propagation & ~(uint32_t)MS_REC };

	return sys_mount_setattr(fd, path, flags | (propagation & MS_REC ? AT_RECURSIVE : 0),
				 &attr);
}

/*
 * Our copy of the host's mounts must not send anything back: slave. The root is a clone of
 * root.path, private unless rootfsPropagation wants to hear of the host's mounts, and attached onto
 * the same directory, so that createContainer hooks find the container's files where the bundle
 * says. It has to be attached to take mounts: kernels before 6.15 refuse to mount onto a detached
 * tree.
 */
int attach_root(const struct plan *p, struct stage *s)
{
	const struct plan_fs *fs = p->fs;
	int r;

	if (!fs)
		return use_present_root(p, s);
	r = set_propagation(AT_FDCWD, "/", 0, MS_SLAVE | MS_REC);
	if (r < 0)
		return stage_fail(s, WHERE_ROOT_PROPAGATION, -1, r, NULL);

	if (fs->overlay)
		return open_layers(fs, s);
	auto_close int tree = fs->tree_fd;

	if (tree < 0)
		tree = sys_open_tree(AT_FDCWD, fs->rootfs,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return stage_fail(s, WHERE_ROOT_PATH, -1, tree, fs->rootfs);
	r = set_propagation(tree, "", AT_EMPTY_PATH,
			    (fs->propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE) | MS_REC);
	if (r < 0)
		return stage_fail(s, WHERE_ROOT_PROPAGATION, -1, r, NULL);
	r = sys_move_mount(tree, "", AT_FDCWD, fs->rootfs,
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	if (r < 0)
		return stage_fail(s, WHERE_ROOT_PATH, -1, r, fs->rootfs);
	s->root = fd_take(&tree);
	return 0;
}

int use_present_root(const struct plan *p, struct stage *s)
{
	(void)p;
	s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->root < 0 ? stage_fail(s, WHERE_ROOT_PATH, -1, errno, "/") : 0;
}

/*
 * pivot_root(".", ".") stacks the old root on the new one; detaching it takes the host's whole tree
 * away at once. pivot_root(2), NOTES.
 */
static int pivot(struct stage *s)
{
	int r = sys_pivot_root(".", ".");

	if (r < 0)
		return stage_fail(s, WHERE_PIVOT, -1, r, "pivot_root");
	r = sys_umount2(".", MNT_DETACH);
	if (r < 0)
		return stage_fail(s, WHERE_PIVOT, -1, r, "detaching the old root");
	return 0;
}

/*
 * --no-pivot: a root on initramfs cannot be pivoted. The tree is moved over "/" and chroot'ed to.
 * What lies beneath could be reached again by mounting a fresh proc or sysfs that shows the host,
 * so those of the host that are fully visible go first.
 */
static int move_and_chroot(struct stage *s)
{
	static const char *const revealing[] = { "/proc", "/sys" };

	for (size_t i = 0; i < array_len(revealing); i++) {
		int r = sys_umount2(revealing[i], MNT_DETACH);

		if (r < 0 && r != -EINVAL && r != -ENOENT && r != -EPERM)
			return stage_fail(s, WHERE_PIVOT, -1, r, revealing[i]);
	}
	int r = sys_move_mount(s->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);

	if (r < 0)
		return stage_fail(s, WHERE_PIVOT, -1, r, "moving the root");
	if (chroot(".") < 0)
		return stage_fail(s, WHERE_PIVOT, -1, errno, "chroot");
	return 0;
}

int enter_root(const struct plan *p, struct stage *s)
{
	if (!p->fs)
		return 0;
	if (fchdir(s->root) < 0)
		return stage_fail(s, WHERE_PIVOT, -1, errno, "chdir");
	int r = p->fs->no_pivot ? move_and_chroot(s) : pivot(s);

	if (r < 0 && !PROTECT(pivot))
		r = move_and_chroot(s);
	if (r < 0)
		return r;
	/* ".." of the root must be the root: chdir again, by path, from what is now "/". */
	if (chdir("/") < 0)
		return stage_fail(s, WHERE_PIVOT, -1, errno, "chdir /");
	return 0;
}

int finish_root(const struct plan *p, struct stage *s)
{
	const struct plan_fs *fs = p->fs;

	if (!fs)
		return 0;
	if (fs->readonly) {
		struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
		int r = sys_mount_setattr(s->root, "", AT_EMPTY_PATH, &attr);

		if (r < 0)
			return stage_fail(s, WHERE_ROOT_READONLY, -1, r, NULL);
	}
	return 0;
}

/* After the paths are protected: what is unbindable can no longer be cloned for that. */
int propagate_root(const struct plan *p, struct stage *s)
{
	if (!p->fs || !p->fs->propagation)
		return 0;
	int r = set_propagation(s->root, "", AT_EMPTY_PATH, p->fs->propagation);

	return r < 0 ? stage_fail(s, WHERE_ROOTFS_PROPAGATION, -1, r, NULL) : 0;
}
