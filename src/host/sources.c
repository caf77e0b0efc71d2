/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources.h"

#include "base/sys.h"
#include "compile/compile.h"
#include "host/idmapped.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#ifndef NS_GET_NSTYPE
#define NS_GET_NSTYPE _IO(0xb7, 0x3)
#endif

size_t sources_most(const struct plan *p)
{
	return p->n_joins + (p->fs ? p->fs->n_mounts : 0);
}

int sources_begin(struct sources *src, struct error *e)
{
	src->fds = calloc(sources_most(src->child->plan) + 1, sizeof(*src->fds));
	return src->fds ? 0 : fail(e, ENOMEM, "cannot hold the descriptors of the plan");
}

void sources_close(struct sources *src)
{
	for (size_t i = 0; i < src->n; i++)
		fd_close(&src->fds[i]);
	free(src->fds);
	src->fds = NULL;
	src->n = 0;
}

static int opened(struct sources *src, int fd)
{
	src->fds[src->n++] = fd;
	return child_keep(src->child, fd);
}

/* The kernel does not let a process enter the user namespace that it is in. Managers of ordinary
 * users are in their containers' own, and name it for one that is to share it with another. */
static bool is_own(int ns, const char *own)
{
	struct stat a, b;

	return fstat(ns, &a) == 0 && stat(own, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* A path of another type MUST be an error; the kernel knows what it is (ioctl_nsfs(2)). */
int sources_open_namespaces(struct sources *src, struct error *e)
{
	for (size_t i = 0; i < src->child->plan->n_joins; i++) {
		struct plan_join *j = (struct plan_join *)&src->child->plan->joins[i];
		auto_close int fd = open(j->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0)
			return fail(e, errno, "linux.namespaces[%zu].path: cannot open '%s'",
				    j->index, j->path);
		int type = ioctl(fd, NS_GET_NSTYPE);

		if (type < 0)
			return fail(e, 0, "linux.namespaces[%zu].path: '%s' is not a namespace",
				    j->index, j->path);
		if (type != j->type)
			return fail(
				e, 0,
				"linux.namespaces[%zu].path: '%s' is a namespace of type %s, not %s",
				j->index, j->path, namespace_type(type), namespace_type(j->type));
		if (j->type == CLONE_NEWPID)
			src->child->pidns = fd;
		if (j->type == CLONE_NEWUSER && !is_own(fd, "/proc/self/ns/user"))
			src->child->userns = fd;
		j->fd = opened(src, fd_take(&fd));
	}
	return 0;
}

/* The tree of a bind mount, as the host sees it. */
static int clone_tree(struct sources *src, struct plan_mount *mount, bool slave, struct error *e)
{
	struct mount_attr cut_off = { .propagation = MS_SLAVE };
	struct mount_attr idmap = { .attr_set = MOUNT_ATTR_IDMAP };
	auto_close int tree = sys_open_tree(
		AT_FDCWD, mount->source,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount->recursive ? AT_RECURSIVE : 0) |
			(mount->follow_source ? 0 : AT_SYMLINK_NOFOLLOW));
	int r = tree;

	if (tree == -ENOENT && mount->optional)
		return 0;
	if (r >= 0 && slave)
		r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &cut_off);
	if (r < 0) {
		fail(e, r, "mounts[%zu].source: cannot open '%s'", mount->index, mount->source);
		return mount->idmap ? hint_if(e, EPERM,
					      "to map the ids of its files takes "
					      "CAP_SYS_ADMIN on the host")
				    : r;
	}
	if (mount->idmap) {
		auto_close int userns =
			idmapped_namespace(src->config, mount, src->child->arena, e);

		if (userns < 0)
			return userns;
		idmap.userns_fd = (uint64_t)userns;
		r = sys_mount_setattr(tree, "",
				      AT_EMPTY_PATH | (mount->idmap_recursive ? AT_RECURSIVE : 0),
				      &idmap);
		if (r < 0) {
			fail(e, r, "mounts[%zu]: cannot map its ids", mount->index);
			hint_if(e, EINVAL, "this file system does not support idmapped mounts");
			return hint_if(e, EPERM, "that takes CAP_SYS_ADMIN on the host");
		}
	}
	mount->tree_fd = opened(src, fd_take(&tree));
	return 0;
}

/*
 * With a user namespace the container's root may not see what the caller sees; where mounts are
 * shared with the host they must be taken while we are still its peers; and only the host may map
 * ids of its file systems: then the trees are cloned here. An ordinary user may not clone, and
 * ocirt-init does it inside.
 */
int sources_clone_trees(struct sources *src, struct error *e)
{
	const struct plan_fs *fs = src->child->plan->fs;
	bool shared = fs && (fs->propagation & MS_SHARED);
	int r = 0;

	for (size_t i = 0; fs && r == 0 && i < fs->n_mounts; i++) {
		struct plan_mount *mount = (struct plan_mount *)&fs->mounts[i];
		bool bind = mount->kind == PLAN_MOUNT_BIND && !mount->needs_cgroup;

		if (bind &&
		    (mount->idmap || (src->s->privileged && (src->child->plan->userns || shared) &&
				      !mount->copy_symlink))) {
			r = clone_tree(src, mount, !shared, e);
		} else if (mount->idmap) {
			mount->idmap_fd =
				idmapped_namespace(src->config, mount, src->child->arena, e);
			r = mount->idmap_fd < 0 ? mount->idmap_fd : 0;
			if (r == 0)
				opened(src, mount->idmap_fd);
		}
	}
	return r;
}
