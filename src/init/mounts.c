/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts -- plan->fs->mounts, in the order of config.json.
 *
 * Each is made detached, gets all its attributes while nobody can see it, and is attached to a
 * target that is held by a descriptor: the container never sees it half done, and no path is looked
 * up twice (CVE-2021-30465, CVE-2024-45310).
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/number.h"
#include "../base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel's own words for what is wrong, "e tmpfs: Unknown parameter 'x'". One message a read; what
 * was tried before may have left others in front. */
const char *kernel_words(int fs, char *buf, size_t size)
{
	ssize_t n = -1, more;

	while ((more = read(fs, buf, size - 1)) > 0)
		n = more;
	if (n <= 2)
		return NULL;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf + 2; /* without the level */
}

static int option_failed(struct stage *s, const struct plan_mount *m, int fs, int err,
			 const struct plan_option *o)
{
	char words[128], option[96];
	size_t n = 0;

	for (const char *c = o->key; *c && n < sizeof(option) - 2; c++)
		option[n++] = *c;
	if (o->value)
		option[n++] = '=';
	for (const char *c = o->value; c && *c && n < sizeof(option) - 1; c++)
		option[n++] = *c;
	option[n] = '\0';
	return stage_fail2(s, WHERE_MOUNT_OPTION, (long)m->index, err, option,
			   kernel_words(fs, words, sizeof(words)));
}

/*
 * Managers write gid=5 for a devpts, whether or not the user namespace that they make, join or are in
 * has such an id; the kernel then refuses the file system. setresgid(2) tells, by EINVAL.
 */
static int is_nobodys_gid(const struct plan_mount *m, const struct plan_option *o)
{
	uint32_t gid;

	if (!m->type || !streq(m->type, "devpts") || !streq(o->key, "gid") || !o->value ||
	    number_u32(o->value, &gid) < 0)
		return 0;
	gid_t before = getegid(), keep = (gid_t)-1;

	if (setresgid(keep, gid, keep) < 0)
		return errno == EINVAL;
	return setresgid(keep, before, keep) < 0 ? -errno : 0;
}

static int configure(struct stage *s, const struct plan_mount *m, int fs)
{
	const struct {
		bool wanted;
		const char *flag;
	} flags[] = {
		{ m->superblock_ro, "ro" },  { m->sync, "sync" }, { m->dirsync, "dirsync" },
		{ m->lazytime, "lazytime" }, { m->mand, "mand" },
	};
	int r = 0;

	if (m->source) {
		const struct plan_option source = { "source", m->source };

		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, source.key, source.value, 0);
		if (r < 0)
			return option_failed(s, m, fs, r, &source);
	}
	for (size_t i = 0; i < array_len(flags); i++) {
		const struct plan_option o = { flags[i].flag, NULL };

		if (flags[i].wanted &&
		    (r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, o.key, NULL, 0)) < 0)
			return option_failed(s, m, fs, r, &o);
	}
	for (size_t i = 0; i < m->n_options; i++) {
		const struct plan_option *o = &m->options[i];

		r = is_nobodys_gid(m, o);
		if (r > 0)
			continue;
		if (r == 0)
			r = sys_fsconfig(fs, o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
					 o->key, o->value, 0);
		/* Generic for mount(2), but not here: file systems that do not know the word count
		 * versions always, or cannot. */
		if (r == -EINVAL && streq(o->key, "iversion"))
			continue;
		if (r < 0)
			return option_failed(s, m, fs, r, o);
	}
	return 0;
}

/* tmpfs without mode= looks like the directory that it covers. */
static int copy_mode(struct stage *s, const struct plan_mount *m, int fs)
{
	auto_close int covered = confined_open(s->root, m->destination, O_PATH | O_DIRECTORY);
	char octal[8] = "0000";
	struct stat st;

	if (covered == -ENOENT || covered == -ENOTDIR)
		return 0; /* made later, then the file system's own default is right; or refused */
	if (covered < 0 || fstat(covered, &st) < 0)
		return stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index,
				  covered < 0 ? covered : -errno, m->destination);
	for (int i = 0; i < 4; i++)
		octal[3 - i] = (char)('0' + ((st.st_mode >> (3 * i)) & 7));
	const struct plan_option mode = { "mode", octal };
	int r = sys_fsconfig(fs, FSCONFIG_SET_STRING, mode.key, mode.value, 0);

	return r < 0 ? option_failed(s, m, fs, r, &mode) : 0;
}

/* What holds for the whole tree, then what is said of its top alone. */
static int set_attributes(struct stage *s, const struct plan_mount *m, int fd)
{
	struct mount_attr tree = { .attr_set = m->tree_set, .attr_clr = m->tree_clear };
	struct mount_attr top = { .attr_set = m->attr_set, .attr_clr = m->attr_clear };
	int r = 0;

	if (m->tree_set || m->tree_clear)
		r = sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &tree);
	if (r == 0 && (m->attr_set || m->attr_clear))
		r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, &top);
	return r < 0 ? stage_fail(s, WHERE_MOUNT_ATTRIBUTES, (long)m->index, r, NULL) : 0;
}

/*
 * In a user namespace the kernel refuses a fresh sysfs or proc that would show more than the one
 * we have (mount_too_revealing() in fs/namespace.c); a read-only view of ours shows the same.
 */
static int bind_ours(struct stage *s, const struct plan_mount *m, int err)
{
	const char *ours = streq(m->type, "proc") ? "/proc" : "/sys";
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
	auto_close int tree =
		sys_open_tree(AT_FDCWD, ours, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return stage_fail(s, WHERE_MOUNT_CREATE, (long)m->index, err, m->type);
	int r = PROTECT(cgroup_readonly)
			? sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr)
			: 0;

	return r < 0 ? stage_fail(s, WHERE_MOUNT_ATTRIBUTES, (long)m->index, r, NULL)
		     : fd_take(&tree);
}

static int make_new(struct stage *s, const struct plan_mount *m)
{
	auto_close int fs = sys_fsopen(m->type, FSOPEN_CLOEXEC);
	char words[160];
	int r;

	/* sysfs says so at once, proc only when it is made. */
	if (fs == -EPERM && m->sysfs_fallback)
		return bind_ours(s, m, fs);
	if (fs < 0)
		return stage_fail(s, WHERE_MOUNT_TYPE, (long)m->index, fs, m->type);
	r = configure(s, m, fs);
	if (r == 0 && m->inherit_mode)
		r = copy_mode(s, m, fs);
	if (r < 0)
		return r;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)m->attr_set);
	if ((r == -EPERM || r == -EBUSY) && m->sysfs_fallback)
		return bind_ours(s, m, r);
	if (r < 0)
		return stage_fail2(s, WHERE_MOUNT_CREATE, (long)m->index, r, m->type,
				   kernel_words(fs, words, sizeof(words)));
	auto_close int made = r;

	r = m->tree_set || m->tree_clear ? set_attributes(s, m, made) : 0;
	return r < 0 ? r : fd_take(&made);
}

/*
 * An option value of 256 bytes or more does not go through fsconfig (fs/fsopen.c, strndup_user):
 * only mount(2) takes it. It is mounted over /proc of our private copy of the host's mounts for a
 * moment, and taken from there as a detached tree.
 */
static int make_by_data(struct stage *s, const struct plan_mount *m)
{
	unsigned long flags = (m->superblock_ro ? MS_RDONLY : 0) | (m->sync ? MS_SYNCHRONOUS : 0) |
			      (m->dirsync ? MS_DIRSYNC : 0) | (m->lazytime ? MS_LAZYTIME : 0) |
			      (m->silent ? MS_SILENT : 0);
	int r = sys_mount(m->source ? m->source : m->type, "/proc", m->type, flags, m->data);

	if (r < 0)
		return stage_fail(s, WHERE_MOUNT_CREATE, (long)m->index, r, m->data);
	auto_close int tree = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int unmounted = sys_umount2("/proc", MNT_DETACH);

	if (tree < 0 || unmounted < 0)
		return stage_fail(s, WHERE_MOUNT_CREATE, (long)m->index,
				  tree < 0 ? tree : unmounted, m->type);
	r = set_attributes(s, m, tree);
	return r < 0 ? r : fd_take(&tree);
}

static int make_bind(struct stage *s, const struct plan_mount *m)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	auto_close int tree = m->tree_fd;

	if (m->recursive)
		flags |= AT_RECURSIVE;
	if (!m->follow_source)
		flags |= AT_SYMLINK_NOFOLLOW;
	if (tree < 0)
		tree = sys_open_tree(AT_FDCWD, m->source, flags);
	if (tree < 0)
		return stage_fail(s, WHERE_MOUNT_SOURCE, (long)m->index, tree, m->source);
	int r = set_attributes(s, m, tree);

	return r < 0 ? r : fd_take(&tree);
}

static int idmap(struct stage *s, const struct plan_mount *m, int tree)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	if (m->idmap_fd < 0)
		return 0;
	attr.userns_fd = (uint64_t)m->idmap_fd;
	int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | (m->idmap_recursive ? AT_RECURSIVE : 0),
				  &attr);

	return r < 0 ? stage_fail(s, WHERE_MOUNT_IDMAP, (long)m->index, r, NULL) : 0;
}

/* The propagation words one after the other. */
static int propagate(struct stage *s, const struct plan_mount *m, int tree)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_len(m->propagation) && m->propagation[i]; i++) {
		struct mount_attr kind = { .propagation = m->propagation[i] & ~(uint32_t)MS_REC };

		r = sys_mount_setattr(
			tree, "", AT_EMPTY_PATH | (m->propagation[i] & MS_REC ? AT_RECURSIVE : 0),
			&kind);
	}
	return r < 0 ? stage_fail(s, WHERE_MOUNT_ATTRIBUTES, (long)m->index, r, NULL) : 0;
}

static int open_target(struct stage *s, const struct plan_mount *m, bool directory)
{
	int fd;

	if (m->real_directory && PROTECT(proc_real)) {
		/* "/proc" as a link would send labels and masks elsewhere (CVE-2019-19921). */
		fd = confined_open_plain(s->root, m->destination, O_PATH | O_DIRECTORY);
		if (fd == -ELOOP || fd == -ENOTDIR)
			return stage_fail(s, WHERE_MOUNT_LINKED, (long)m->index, fd,
					  m->destination);
		if (fd != -ENOENT)
			return fd < 0 ? stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index, fd,
						   m->destination)
				      : fd;
	}
	if (!m->follow_destination) {
		const char *name;
		auto_close int parent = confined_parent(s->root, m->destination, 0755, &name);

		fd = parent < 0
			     ? parent
			     : (int)nerrno(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
		if (fd != -ENOENT)
			return fd < 0 ? stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index, fd,
						   m->destination)
				      : fd;
	}
	fd = confined_target(s->root, m->destination, directory);
	return fd < 0 ? stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index, fd, m->destination)
		      : fd;
}

static int remount(struct stage *s, const struct plan_mount *m)
{
	auto_close int at = confined_open(s->root, m->destination, O_PATH);
	int r;

	if (at < 0)
		return stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index, at, m->destination);
	if (m->n_options) {
		auto_close int fs = sys_fspick(at, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
		char words[160];

		r = fs < 0 ? fs : configure(s, m, fs);
		if (fs >= 0 && r < 0)
			return r;
		if (r == 0)
			r = sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
		if (r < 0)
			return stage_fail(s, WHERE_MOUNT_CREATE, (long)m->index, r,
					  fs < 0 ? NULL : kernel_words(fs, words, sizeof(words)));
	}
	r = set_attributes(s, m, at);
	return r < 0 ? r : propagate(s, m, at);
}

static int make_link(struct stage *s, const struct plan_mount *m)
{
	const char *name;
	auto_close int parent = confined_parent(s->root, m->destination, 0755, &name);

	if (parent < 0 || (symlinkat(m->source, parent, name) < 0 && errno != EEXIST))
		return stage_fail(s, WHERE_MOUNT_DESTINATION, (long)m->index,
				  parent < 0 ? parent : errno, m->destination);
	return 0;
}

/* A source that is a symbolic link is made again inside; anything else is bound as usual. */
static bool source_is_link(const struct plan_mount *m, char *text, size_t size)
{
	ssize_t n = m->copy_symlink ? readlink(m->source, text, size - 1) : -1;

	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

/* Only the source: the same error from anything else would leave a mount out. */
static bool optional_source_missing(const struct stage *s, const struct plan_mount *m, int err)
{
	return m->optional && err == -ENOENT && s->failure.where == WHERE_MOUNT_SOURCE;
}

/* Whoever shares the root filesystem may rename the directory, and put a link in its place. */
static void hold(struct stage *s, const struct plan_mount *m, int *tree)
{
	for (size_t i = 0; PROTECT(proc_real) && i < array_len(s->held); i++)
		if (streq(m->destination, s->held[i].at)) {
			fd_close(&s->held[i].fd);
			s->held[i].fd = fd_take(tree);
		}
}

static int mount_one(const struct plan *p, struct stage *s, const struct plan_mount *m)
{
	char text[PROGRAM_PATH_MAX];
	struct stat st = { .st_mode = S_IFDIR };
	int r;

	if (m->needs_cgroup && (r = enter_cgroup_namespace(p, s)) < 0)
		return r;
	if (m->kind == PLAN_MOUNT_REMOUNT)
		return remount(s, m);
	if (m->kind == PLAN_MOUNT_LINK)
		return make_link(s, m);
	if (m->kind == PLAN_MOUNT_BIND && source_is_link(m, text, sizeof(text))) {
		struct plan_mount link = *m;

		link.source = text;
		return make_link(s, &link);
	}

	auto_close int tree = m->kind == PLAN_MOUNT_BIND ? make_bind(s, m)
			      : m->data                  ? make_by_data(s, m)
							 : make_new(s, m);

	if (tree < 0)
		return optional_source_missing(s, m, tree) ? 0 : tree;
	if (m->kind == PLAN_MOUNT_BIND && fstat(tree, &st) < 0)
		return stage_fail(s, WHERE_MOUNT_SOURCE, (long)m->index, errno, m->source);

	auto_close int target = open_target(s, m, S_ISDIR(st.st_mode));

	if (target < 0)
		return target;
	r = idmap(s, m, tree);
	if (r < 0)
		return r;
	if (m->copy_up && (r = copy_up(target, tree)) < 0)
		return stage_fail(s, WHERE_MOUNT_COPY_UP, (long)m->index, r, m->destination);
	r = sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r < 0)
		return stage_fail(s, WHERE_MOUNT_ATTACH, (long)m->index, r, m->destination);
	r = propagate(s, m, tree);
	if (r == 0)
		hold(s, m, &tree);
	return r;
}

int mount_all(const struct plan *p, struct stage *s)
{
	for (size_t i = 0; p->fs && i < p->fs->n_mounts; i++) {
		int r = mount_one(p, s, &p->fs->mounts[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
