/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attacker -- somebody in a container who waits for processes that enter it, until a signal.
 *
 * At each process that it sees it tries what gives its memory, its descriptors or itself away:
 * ptrace(2), process_vm_readv(2), /proc/PID/mem, fd, root, cwd, and pidfd_getfd(2). Each success with a
 * process that is not the program yet is a line "took ...". What belongs to the program, it may have.
 *
 * attacker swap A B: somebody who shares a volume, and exchanges the two names without end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static volatile sig_atomic_t ended;
static long seen;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

/* By its own word: whoever may not look gets nothing, and has taken nothing yet. */
static bool is_program(int pid)
{
	char link[32], exe[256];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	ssize_t n = readlink(link, exe, sizeof(exe) - 1);

	if (n < 0)
		return errno == ENOENT || errno == ESRCH; /* it has gone */
	exe[n] = '\0';
	return strcmp(exe, "/bin/demo") == 0;
}

static void took(int pid, const char *what, const char *detail)
{
	if (is_program(pid))
		return;
	printf("took %s %s\n", what, detail);
	fflush(stdout);
}

/* Beyond the three that are everybody's. */
static void take_descriptors(int pid)
{
	char path[64], to[256];
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	for (int fd = 3; fd < 40; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		ssize_t n = readlink(path, to, sizeof(to) - 1);

		if (n > 0) {
			to[n] = '\0';
			took(pid, "the name of a descriptor", to);
		}
		int got = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

		if (got >= 0) {
			took(pid, "a descriptor", "by pidfd");
			close(got);
		}
	}
	if (pidfd >= 0)
		close(pidfd);
}

static void take_directory(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		took(pid, "a file", name);
		close(fd);
	}
}

static void take_memory(int pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)&ended, 1 };

	if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1)
		took(pid, "memory", "");
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0) {
		took(pid, "control", "");
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		/* The wait may have been for another stop, that of an execve, and ours is still to come. */
		kill(pid, SIGCONT);
	}
}

static int swap(const char *a, const char *b)
{
	while (!ended)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			return 1;
	return 0;
}

int main(int argc, char *argv[])
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	signal(SIGTERM, end);
	if (argc == 4 && strcmp(argv[1], "swap") == 0)
		return swap(argv[2], argv[3]);
	if (!proc)
		return 1;
	puts("waiting");
	fflush(stdout);
	while (!ended) {
		rewinddir(proc);
		while ((entry = readdir(proc))) {
			int pid = atoi(entry->d_name);

			if (pid <= 0 || pid == getpid())
				continue;
			seen++;
			take_descriptors(pid);
			take_directory(pid, "mem");
			take_directory(pid, "environ");
			take_directory(pid, "root/");
			take_directory(pid, "cwd/");
			take_memory(pid);
		}
	}
	printf("seen %ld\n", seen);
	return 0;
}
