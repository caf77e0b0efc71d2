/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay -- layers over the root: the directories in plan_overlay, and what is written in another.
 *
 * All of it is in our mount namespace. The kernel wants layers that are mounted there, so they are
 * opened here and not by the host side; and whoever makes the mount reads and writes them, so it is
 * made as the container's root.
 */
#include "steps.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int open_layer(struct stage *s, const char *path, int *out)
{
	*out = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLOEXEC);
	return *out < 0 ? stage_fail(s, WHERE_LAYER, -1, *out, path) : 0;
}

int open_layers(const struct plan_fs *fs, struct stage *s)
{
	const struct plan_overlay *o = fs->overlay;
	int r = open_layer(s, fs->rootfs, &s->root); /* until the overlay covers it */

	for (size_t i = 0; r == 0 && i < o->n_lower; i++)
		r = open_layer(s, o->lower[i], &s->layers.lower[i]);
	if (r == 0 && o->upper)
		r = open_layer(s, o->upper, &s->layers.upper);
	if (r == 0 && o->work)
		r = open_layer(s, o->work, &s->layers.work);
	return r;
}

static void close_layers(const struct plan_overlay *o, struct stage *s)
{
	for (size_t i = 0; i < o->n_lower; i++)
		fd_close(&s->layers.lower[i]);
	fd_close(&s->layers.upper);
	fd_close(&s->layers.work);
}

static int attach(int mount, int target)
{
	return sys_move_mount(mount, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* The root of the overlay looks like that of the upper layer, so this has to look like the image's. In
 * a user namespace its owner may have no name, or that of nobody: there it is root's. */
static int make_upper(int tmpfs, int like, bool userns)
{
	struct stat st;

	if (fstat(like, &st) < 0 || mkdirat(tmpfs, "upper", 0755) < 0 ||
	    mkdirat(tmpfs, "work", 0755) < 0)
		return -errno;
	if (!userns && fchownat(tmpfs, "upper", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return fchmodat(tmpfs, "upper", st.st_mode & 07777, 0) < 0 ? -errno : 0;
}

/* Attached over the root: before 6.15 a layer has to be. Nobody will see it beneath the overlay. */
static int make_tmpfs(struct stage *s, bool userns)
{
	auto_close int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	int r = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0);

	if (r == 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	auto_close int tmpfs = r;

	if (r >= 0)
		r = attach(tmpfs, s->root);
	if (r == 0)
		r = make_upper(tmpfs, s->layers.lower[0], userns);
	if (r < 0)
		return r;
	s->layers.upper = openat(tmpfs, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->layers.work = openat(tmpfs, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->layers.upper < 0 || s->layers.work < 0 ? -errno : 0;
}

/* "/proc/self/fd/N": /proc is the host's still, and needs no escapes, as a path in lowerdir= would. */
static char *put_link(char *to, int fd)
{
	char digits[12], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = (char)('0' + fd % 10);
	while (fd /= 10);
	memcpy(to, "/proc/self/fd/", 14);
	size_t n = strlen(at);

	memcpy(to + 14, at, n + 1);
	return to + 14 + n;
}

/* By descriptors since 6.13, by paths since 6.5, before that by one string of 255 bytes at the most. */
enum naming { BY_DESCRIPTOR, BY_PATH, AT_ONCE };

/* Tried out. In the days of one string any option was taken, and looked at when the mount was made. */
static enum naming how_to_name(int layer)
{
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	if (sys_fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, layer) == 0)
		return BY_DESCRIPTOR;
	return sys_fsconfig(fs, FSCONFIG_SET_FLAG, "no such option", NULL, 0) == 0 ? AT_ONCE
										   : BY_PATH;
}

static int set_layer(int fs, enum naming how, const char *key, int layer)
{
	char path[32];

	if (how == BY_DESCRIPTOR)
		return sys_fsconfig(fs, FSCONFIG_SET_FD, key, NULL, layer);
	put_link(path, layer);
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0);
}

static int set_lower_at_once(const struct plan_overlay *o, struct stage *s, int fs)
{
	char list[256], *at = list;

	for (size_t i = 0; i < o->n_lower; i++) {
		if (at + 32 > list + sizeof(list))
			return -E2BIG;
		if (i)
			*at++ = ':';
		at = put_link(at, s->layers.lower[i]);
	}
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", list, 0);
}

static int set_layers(const struct plan_overlay *o, struct stage *s, int fs)
{
	enum naming how = how_to_name(s->layers.lower[0]);
	int r = how == AT_ONCE ? set_lower_at_once(o, s, fs) : 0;

	for (size_t i = 0; how != AT_ONCE && r == 0 && i < o->n_lower; i++)
		r = set_layer(fs, how, "lowerdir+", s->layers.lower[i]);
	if (r == 0)
		r = set_layer(fs, how, "upperdir", s->layers.upper);
	return r < 0 ? r : set_layer(fs, how, "workdir", s->layers.work);
}

/* What the mounts of the layers forbid, a mount over them must not allow. */
static int forbidden(const struct plan_overlay *o, const struct stage *s, unsigned int *flags)
{
	const unsigned int all = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct statfs fs;

	*flags = 0;
	/* The numbers of ST_* in statfs(2) are those of MOUNT_ATTR_*. */
	for (size_t i = 0; i < o->n_lower; i++) {
		if (fstatfs(s->layers.lower[i], &fs) < 0)
			return -errno;
		*flags |= (unsigned int)fs.f_flags & all;
	}
	if (fstatfs(s->layers.upper, &fs) < 0)
		return -errno;
	*flags |= (unsigned int)fs.f_flags & all;
	return 0;
}

int mount_overlay(const struct plan *p, struct stage *s)
{
	const struct plan_overlay *o = p->fs ? p->fs->overlay : NULL;
	char words[160];
	int r = 0;

	if (!o)
		return 0;
	if (!o->upper && (r = make_tmpfs(s, p->userns)) < 0)
		return stage_fail(s, WHERE_OVERLAY, -1, r, "the tmpfs for its upper layer");
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	if (fs < 0)
		return stage_fail(s, WHERE_OVERLAY, -1, fs, "file system type overlay");
	r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
	/* Trusted attributes, in which it notes what it does, are not for us there. */
	if (r == 0 && p->userns)
		r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
	if (r == 0 && o->label)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "context", o->label, 0);
	if (r == 0)
		r = set_layers(o, s, fs);
	if (r < 0)
		return stage_fail2(s, WHERE_OVERLAY_OPTIONS, -1, r, "an option",
				   kernel_words(fs, words, sizeof(words)));
	unsigned int flags;

	r = forbidden(o, s, &flags);
	if (r == 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = sys_fsmount(fs, FSMOUNT_CLOEXEC, flags);
	if (r < 0)
		return stage_fail2(s, WHERE_OVERLAY, -1, r, "making it",
				   kernel_words(fs, words, sizeof(words)));
	auto_close int overlay = r;

	r = attach(overlay, s->root);
	if (r < 0)
		return stage_fail(s, WHERE_OVERLAY, -1, r, "attaching it");
	close(s->root);
	s->root = fd_take(&overlay);
	close_layers(o, s);
	return 0;
}
