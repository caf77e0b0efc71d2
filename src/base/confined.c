/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confined.h"

#include "sys.h"
#include "weakened.h"

#include <fcntl.h>
#include <sys/stat.h>

/*
 * openat2 answers EAGAIN when a rename or mount anywhere raced with a ".." (openat2(2), RESOLVE_
 * BENEATH and RESOLVE_IN_ROOT). A container that renames in a loop could keep us here for ever.
 */
#define RACE_RETRIES 128

/* For one name in a directory that is held: no link, no way up. */
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static int open_resolved(int root, const char *path, int flags, unsigned long resolve)
{
	int r = -EAGAIN;

	if (!PROTECT(confined) && resolve & RESOLVE_IN_ROOT)
		return (int)nerrno(openat(root, path + strspn(path, "/"), flags | O_CLOEXEC));
	for (int i = 0; i < RACE_RETRIES && r == -EAGAIN; i++)
		r = sys_openat2(root, path, (unsigned int)flags, 0,
				resolve | RESOLVE_NO_MAGICLINKS);
	return r;
}

int confined_open(int root, const char *path, int flags)
{
	return open_resolved(root, *path ? path : ".", flags, RESOLVE_IN_ROOT);
}

int confined_open_plain(int root, const char *path, int flags)
{
	while (*path == '/')
		path++;
	return open_resolved(root, *path ? path : ".", flags,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* The next component of *path, copied to name[NAME_MAX + 1]; its length, 0 at the end. */
static int next_component(const char **path, char name[256])
{
	while (**path == '/')
		(*path)++;
	size_t n = strcspn(*path, "/");

	if (n > 255)
		return -ENAMETOOLONG;
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	return (int)n;
}

/* One level down, making it when it is missing. `dir` is of a walk that began at `root`. */
static int enter_or_make(int root, int dir, const char *walked, const char *name, mode_t mode)
{
	int fd = sys_openat2(dir, name, O_PATH | O_DIRECTORY, 0, BENEATH);

	if (fd == -ENOENT) {
		if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
			return -errno;
		fd = sys_openat2(dir, name, O_PATH | O_DIRECTORY, 0, BENEATH);
	}
	/* A link or ".." on the way: let the kernel resolve what was walked so far, from the root. */
	if (fd == -ELOOP || fd == -EXDEV)
		fd = confined_open(root, walked, O_PATH | O_DIRECTORY);
	return fd;
}

/* The last component alone, beneath a parent that is there; else -ENOENT. */
static int make_last(int root, const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char parent[4096];
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return -ENOENT;
	memcpy(parent, path, n);
	parent[n] = '\0';
	auto_close int dir = confined_open(root, parent, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return -ENOENT;
	if (mkdirat(dir, name, mode) < 0)
		return -ENOENT; /* a dangling link, or somebody was quicker: the long way tells */
	return sys_openat2(dir, name, O_PATH | O_DIRECTORY, 0, BENEATH);
}

int confined_mkdirs(int root, const char *path, mode_t mode)
{
	auto_close int dir = confined_open(root, path, O_PATH | O_DIRECTORY);

	if (dir != -ENOENT)
		return fd_take(&dir);
	if (strlen(path) >= 4096)
		return -ENAMETOOLONG;

	/* Mostly the parent is there, and one level is missing. */
	dir = make_last(root, path, mode);
	if (dir != -ENOENT)
		return fd_take(&dir);

	char walked[4096], name[256];
	const char *rest = path;
	int n;

	dir = confined_open(root, ".", O_PATH | O_DIRECTORY);
	while (dir >= 0 && (n = next_component(&rest, name)) != 0) {
		if (n < 0)
			return n;
		memcpy(walked, path, (size_t)(rest - path));
		walked[rest - path] = '\0';
		int next = enter_or_make(root, dir, walked, name, mode);

		fd_close(&dir);
		dir = next;
	}
	return fd_take(&dir);
}

int confined_parent(int root, const char *path, mode_t mode, const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[4096];
	size_t n = slash ? (size_t)(slash - path) : 0;

	*name = slash ? slash + 1 : path;
	if (!**name || streq(*name, ".") || streq(*name, ".."))
		return -EINVAL;
	if (n >= sizeof(parent) && PROTECT(path_length))
		return -ENAMETOOLONG;
	memcpy(parent, path, n);
	parent[n] = '\0';
	return confined_mkdirs(root, parent, mode);
}

int confined_target(int root, const char *path, bool directory)
{
	if (directory)
		return confined_mkdirs(root, path, 0755);

	int fd = confined_open(root, path, O_PATH);
	const char *name;

	if (fd != -ENOENT)
		return fd;
	auto_close int parent = confined_parent(root, path, 0755, &name);

	if (parent < 0)
		return parent;
	if (mknodat(parent, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return -errno;
	return sys_openat2(parent, name, O_PATH, 0, BENEATH);
}
