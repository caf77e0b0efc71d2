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
 * Nothing masks the host's procfs, and a directory of the host that is open leads up to all of the
 * host: "/proc/self/fd/3/../.." is its root. An image may have that in a link or behind #!, where we
 * follow its paths without confinement: the working directory, the program, hooks (CVE-2024-21626).
 * Whoever gets at our descriptors (CAP_SYS_PTRACE, and a pid namespace with us) needs no link. So all of
 * it is closed before, and what is left is files, the labels that are still to be written.
 */
#include "steps.h"

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

int write_text(int fd, const char *text)
{
	size_t n = strlen(text);
	ssize_t r = write(fd, text, n);

	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

int proc_write(struct stage *s, const char *file, const char *text)
{
	auto_close int fd = proc_open(s, file, O_WRONLY);

	return fd < 0 ? fd : write_text(fd, text);
}

int let_go_of_proc(const struct plan *p, struct stage *s)
{
	int r = p->process ? open_labels(p->process, s, LABEL_AT_EXECVE) : 0;

	if (r == 0 && p->process && p->stay)
		r = open_labels(p->process, s, LABEL_AT_ONCE);
	if (r < 0 || !PROTECT(host_proc))
		return r;
	fd_close(&s->proc);
	fd_close(&s->self);
	return 0;
}
