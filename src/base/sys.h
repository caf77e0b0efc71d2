/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sys -- system calls under the kernel's names, returning a result or -errno.
 *
 * glibc 2.36 and musl 1.2 lack many of these, and <sys/mount.h> cannot be included beside
 * <linux/mount.h> (both define struct mount_attr): this header is the only way to them.
 * Used by both sides; header only.
 */
#pragma once

#include "util.h"

#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h> /* P_PIDFD: an enumerator, so a macro would clash */
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#define SYS_fspick     433
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC 02000000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_NO_AUTOMOUNT
#define AT_NO_AUTOMOUNT 0x800
#endif
#ifndef AT_SYMLINK_NOFOLLOW
#define AT_SYMLINK_NOFOLLOW 0x100
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4U
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static inline int sys_open_tree(int dir, const char *path, unsigned int flags)
{
	return (int)nerrno(syscall(SYS_open_tree, dir, path, flags));
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned int flags)
{
	return (int)nerrno(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

static inline int sys_fsopen(const char *type, unsigned int flags)
{
	return (int)nerrno(syscall(SYS_fsopen, type, flags));
}

static inline int sys_fsconfig(int fs, unsigned int cmd, const char *key, const void *value,
			       int aux)
{
	return (int)nerrno(syscall(SYS_fsconfig, fs, cmd, key, value, aux));
}

static inline int sys_fsmount(int fs, unsigned int flags, unsigned int attr)
{
	return (int)nerrno(syscall(SYS_fsmount, fs, flags, attr));
}

static inline int sys_fspick(int dir, const char *path, unsigned int flags)
{
	return (int)nerrno(syscall(SYS_fspick, dir, path, flags));
}

static inline int sys_mount_setattr(int dir, const char *path, unsigned int flags,
				    const struct mount_attr *attr)
{
	return (int)nerrno(syscall(SYS_mount_setattr, dir, path, flags, attr, sizeof(*attr)));
}

static inline int sys_mount(const char *source, const char *target, const char *type,
			    unsigned long flags, const void *data)
{
	return (int)nerrno(syscall(SYS_mount, source, target, type, flags, data));
}

static inline int sys_umount2(const char *target, int flags)
{
	return (int)nerrno(syscall(SYS_umount2, target, flags));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)nerrno(syscall(SYS_pivot_root, new_root, put_old));
}

/* `flags` are those of open(2); O_CLOEXEC is always added. */
static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	struct open_how how = { .flags = flags | 02000000 /* O_CLOEXEC */,
				.mode = mode,
				.resolve = resolve };

	return (int)nerrno(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

static inline int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)nerrno(syscall(SYS_close_range, first, last, flags));
}

static inline int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)nerrno(syscall(SYS_pidfd_open, pid, flags));
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)nerrno(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

/*
 * Every signal to its default: what a caller ignores would stay ignored in all that it starts. By
 * the kernel's own struct, which means SIG_DFL when it is zero, since sigaction(3) refuses the two
 * signals of libc, and posix_spawn(3), so make(1), leaves just those ignored. Refused for KILL and
 * STOP. Touches no memory of the caller: fit for a child that shares it.
 */
static inline void sys_default_signals(void)
{
	static const char standard[64];

	for (int sig = 1; sig < _NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, standard, NULL, _NSIG / 8);
}
