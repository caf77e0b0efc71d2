/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * protect -- masked paths, read-only paths, sysctls.
 *
 * After pivot_root, so that no path can reach the host. A target is opened once and held; the mount
 * that covers it has its final flags before it is attached (GHSA-3q8j-pf29-vwv8). A path that is
 * not there is fine; any other failure ends the container: no protection is skipped.
 *
 * Those in /proc and /sys are looked up in what was mounted there, which is held, wherever these two
 * names lead by now: "not there" in another directory would leave the real one open.
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/*
 * Files are masked by the host's null device, which is checked to be it: the image's own could be
 * a link to anything (CVE-2025-31133). Cloned before the host is out of reach.
 */
int take_null(const struct plan *p, struct stage *s)
{
	/* Its inode is the host's: no mode, owner or time of it may change through what is masked. To
	 * write into the device itself is still allowed. */
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NOEXEC };
	struct stat st;

	if (!p->fs || !p->fs->n_masked)
		return 0;
	s->null_tree = sys_open_tree(AT_FDCWD, "/dev/null",
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (s->null_tree < 0)
		return stage_fail(s, WHERE_MASKED_PATH, -1, s->null_tree, "/dev/null");
	if (PROTECT(null_device) &&
	    (fstat(s->null_tree, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)))
		return stage_fail(s, WHERE_MASKED_PATH, -1, ENODEV, "/dev/null");
	int r = PROTECT(null_readonly) ? sys_mount_setattr(s->null_tree, "", AT_EMPTY_PATH, &attr)
				       : 0;

	return r < 0 ? stage_fail(s, WHERE_MASKED_PATH, -1, r, "/dev/null") : 0;
}

/* One empty read-only tmpfs serves all masked directories: a superblock costs more than a mount. */
static int make_empty(struct stage *s)
{
	auto_close int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	int r = fs;

	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = sys_fsmount(fs, FSMOUNT_CLOEXEC,
				MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					MOUNT_ATTR_NOEXEC);
	return r < 0 ? stage_fail(s, WHERE_MASKED_PATH, -1, r, "tmpfs") : r;
}

static int attach_clone(int tree, int target)
{
	auto_close int clone =
		sys_open_tree(tree, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return clone < 0 ? clone
			 : sys_move_mount(clone, "", target, "",
					  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Cloning a detached tree needs 6.15; a used one is attached, its clones are made from there. */
static int mask(struct stage *s, int *tree, bool *used, int target)
{
	int r;

	(void)s;
	if (*used)
		return attach_clone(*tree, target);
	r = sys_move_mount(*tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	*used = r == 0;
	return r;
}

static int open_path(struct stage *s, const char *path)
{
	for (size_t i = 0; i < array_len(s->held); i++) {
		const char *rest = s->held[i].fd < 0 ? NULL : after(path, s->held[i].at);

		if (rest && (*rest == '/' || !*rest))
			return confined_open(s->held[i].fd, rest, O_PATH);
	}
	return confined_open(s->root, path, O_PATH);
}

static int mask_paths(const struct plan_fs *fs, struct stage *s)
{
	auto_close int empty = -1;
	bool empty_used = false, null_used = false;

	for (size_t i = 0; i < fs->n_masked; i++) {
		auto_close int target = open_path(s, fs->masked[i]);
		struct stat st;
		int r;

		/* Below something that is no directory there is nothing to mask, either. */
		if (target == -ENOENT || target == -ENOTDIR)
			continue;
		if (target < 0 || fstat(target, &st) < 0)
			return stage_fail(s, WHERE_MASKED_PATH, (long)i,
					  target < 0 ? target : errno, fs->masked[i]);
		if (S_ISDIR(st.st_mode)) {
			if (empty < 0 && (empty = make_empty(s)) < 0)
				return empty;
			r = mask(s, &empty, &empty_used, target);
		} else {
			r = mask(s, &s->null_tree, &null_used, target);
		}
		if (r < 0 && PROTECT(mask_failures))
			return stage_fail(s, WHERE_MASKED_PATH, (long)i, r, fs->masked[i]);
	}
	return 0;
}

static int make_readonly(struct stage *s, const struct plan_fs *fs, size_t i)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int target = open_path(s, fs->readonly_paths[i]);

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	auto_close int tree = target < 0 ? target
					 : sys_open_tree(target, "",
							 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
								 AT_EMPTY_PATH | AT_RECURSIVE);
	int r = tree;

	if (r >= 0 && PROTECT(readonly_paths))
		r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr);
	if (r >= 0)
		r = sys_move_mount(tree, "", target, "",
				   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? stage_fail(s, WHERE_READONLY_PATH, (long)i, r, fs->readonly_paths[i]) : 0;
}

int protect_paths(const struct plan *p, struct stage *s)
{
	int r = p->fs ? mask_paths(p->fs, s) : 0;

	for (size_t i = 0; p->fs && r == 0 && i < p->fs->n_readonly_paths; i++)
		r = make_readonly(s, p->fs, i);
	fd_close(&s->null_tree);
	for (size_t i = 0; i < array_len(s->held); i++)
		fd_close(&s->held[i].fd);
	return r;
}

/* Only namespaced ones are in the plan; they act on the namespaces that we are in by now. */
int write_sysctls(const struct plan *p, struct stage *s)
{
	for (size_t i = 0; i < p->n_sysctl; i++) {
		auto_close int sys = proc_open(s, "sys", O_PATH | O_DIRECTORY);
		auto_close int fd =
			sys < 0 ? sys : sys_openat2(sys, p->sysctl[i].file, O_WRONLY, 0, IN_PROC);
		size_t n = strlen(p->sysctl[i].value);

		if (fd < 0)
			return stage_fail(s, WHERE_SYSCTL, -1, fd, p->sysctl[i].key);
		if (write(fd, p->sysctl[i].value, n) != (ssize_t)n)
			return stage_fail(s, WHERE_SYSCTL, -1, errno, p->sysctl[i].key);
	}
	return 0;
}
