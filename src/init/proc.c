/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * proc -- one verified handle to procfs.
 *
 * It is the host's own mount, opened by the host side, and checked to be procfs and its root. Every
 * lookup goes beneath it, follows no link and crosses no mount, so neither an image that brings its
 * own /proc nor a file bound over a proc file can redirect a write (CVE-2019-16884, CVE-2025-52881).
 * "self" is a plain symbolic link that procfs itself makes; it is the one link that is followed, by
 * reading it.
 *
 * Nothing masks the host's procfs. Whoever gets at our descriptors (CAP_SYS_PTRACE, and a pid
 * namespace with us) could write its sysrq-trigger. So it is closed once the sysctls are written,
 * at once for an exec, and what is left is the directory of this process.
 */
#include "stage.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_ROOT_INO 1 /* include/linux/proc_ns.h */

static int open_self(struct stage *s)
{
	char pid[16];
	ssize_t n = readlinkat(s->proc, "self", pid, sizeof(pid) - 1);

	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	pid[n] = '\0';
	s->self = sys_openat2(s->proc, pid, O_PATH | O_DIRECTORY, 0,
			      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	return s->self;
}

int open_proc_handle(const struct plan *p, struct stage *s)
{
	struct statfs fs;
	struct stat st;
	int r;

	s->proc = p->proc_fd;
	if (fstatfs(s->proc, &fs) < 0 || fstat(s->proc, &st) < 0)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, errno, "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, EINVAL, "/proc is not procfs");
	r = open_self(s);
	if (r < 0)
		return stage_fail(s, WHERE_PROC_HANDLE, 0, r, "/proc/self");
	if (p->kind == PLAN_EXEC && PROTECT(host_proc))
		fd_close(&s->proc);
	return 0;
}

int proc_open(struct stage *s, const char *file, int flags)
{
	const char *own = after(file, "self/");

	return sys_openat2(own ? s->self : s->proc, own ? own : file, (unsigned int)flags, 0,
			   IN_PROC);
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
