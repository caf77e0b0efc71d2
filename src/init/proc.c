/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * proc -- one verified handle to procfs.
 *
 * It is the host's own mount, opened before the process enters anything of the container, and
 * checked to be procfs and its root. Every lookup goes beneath it, follows no link and crosses no
 * mount, so neither an image that brings its own /proc nor a file bound over a proc file can
 * redirect a write (CVE-2019-16884, CVE-2025-52881). "self" is a plain symbolic link that procfs
 * itself makes; it is the one link that is followed, by reading it.
 */
#include "stage.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_ROOT_INO 1 /* include/linux/proc_ns.h */

int open_proc_handle(const struct plan *p, struct stage *s)
{
	struct statfs fs;
	struct stat st;

	(void)p;
	s->proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->proc < 0)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, errno, "/proc");
	if (fstatfs(s->proc, &fs) < 0 || fstat(s->proc, &st) < 0)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, errno, "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, EINVAL, "/proc is not procfs");
	return 0;
}

int proc_open(struct stage *s, const char *file, int flags)
{
	const char *own = after(file, "self/");
	char pid[16];
	int base = s->proc;
	auto_close int self = -1;

	if (own) {
		ssize_t n = readlinkat(s->proc, "self", pid, sizeof(pid) - 1);

		if (n <= 0)
			return n < 0 ? -errno : -ENOENT;
		pid[n] = '\0';
		self = sys_openat2(s->proc, pid, O_PATH | O_DIRECTORY, 0,
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (self < 0)
			return self;
		base = self;
		file = own;
	}
	return sys_openat2(base, file, (unsigned int)flags, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

int proc_write(struct stage *s, const char *file, const char *text)
{
	auto_close int fd = proc_open(s, file, O_WRONLY);

	if (fd < 0)
		return fd;
	size_t n = strlen(text);
	ssize_t r = write(fd, text, n);

	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}
