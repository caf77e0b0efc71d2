/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stopper -- run a command, stop all of it at its n-th interesting system call, do something, go on.
 *
 * What somebody in a container can do at just the wrong moment needs luck to be tested with a loop
 * that hopes to hit it. Here the moment is a number: a test sweeps n from 1 until the report says
 * that there was no such stop. Works on any runtime, as it only uses ptrace(2).
 *
 *   stopper [-n N] [-s SHELL-COMMAND] [-f ERRNO] [-e CALL,...] [-l NAME] [-o FILE] [-v] -- COMMAND...
 *
 *   -n N         stop at the N-th call; all: at each of them; 0 (the default): only count
 *   -s COMMAND   run it, with sh, while everything stands still. In its environment: STOP_PID,
 *                STOP_CALL, STOP_PATH (what the call is about, "" when it has none) and STOP_N
 *   -f ERRNO     the call does not happen, and returns this error (EPERM, ENOSYS, a number)
 *   -F ERRNO     no stops: all the calls of -e fail with it, by a seccomp filter
 *   -k           SIGKILL for the process that makes the call
 *   -e CALL,...  which calls; "proc-write" is a write to a file of procfs
 *   -l NAME      let go of a process that executes a file of this name: the container's program
 *   -o FILE      the report goes there instead of standard error: "stops: COUNT", and with -v
 *                before that a line "N CALL PATH" for each of them
 *
 * The exit status is the command's (128 + signal). It does not wait for what the command leaves
 * behind: a container that waits for its start is let go.
 */
#include "../tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROC_WRITE (-2)

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* A call and which of its arguments is the path, -1: none. */
static const struct call {
	const char *name;
	int nr, path;
	bool usual;
} calls[] = {
	{ "mount", SYS_mount, 1, true },
	{ "open_tree", SYS_open_tree, 1, true },
	{ "move_mount", SYS_move_mount, 3, true },
	{ "mount_setattr", SYS_mount_setattr, 1, true },
	{ "openat2", SYS_openat2, 1, true },
	{ "mkdirat", SYS_mkdirat, 1, true },
	{ "mknodat", SYS_mknodat, 1, true },
	{ "symlinkat", SYS_symlinkat, 2, true },
	{ "unlinkat", SYS_unlinkat, 1, true },
	{ "execve", SYS_execve, 0, true },
	{ "execveat", SYS_execveat, 1, true },
	{ "proc-write", PROC_WRITE, -1, true },
	{ "openat", SYS_openat, 1, false },
	{ "readlinkat", SYS_readlinkat, 1, false },
	{ "fchdir", SYS_fchdir, -1, false },
	{ "chdir", SYS_chdir, 0, false },
	{ "fchownat", SYS_fchownat, 1, false },
	{ "fchown", SYS_fchown, -1, false },
	{ "fsopen", SYS_fsopen, 0, false },
	{ "fsconfig", SYS_fsconfig, -1, false },
	{ "fsmount", SYS_fsmount, -1, false },
	{ "fstatfs", SYS_fstatfs, -1, false },
	{ "fspick", SYS_fspick, 1, false },
	{ "pivot_root", SYS_pivot_root, 0, false },
	{ "umount2", SYS_umount2, 0, false },
	{ "setns", SYS_setns, -1, false },
	{ "unshare", SYS_unshare, -1, false },
	{ "clone3", SYS_clone3, -1, false },
	{ "close_range", SYS_close_range, -1, false },
	{ "setsid", SYS_setsid, -1, false },
	{ "setgroups", SYS_setgroups, -1, false },
	{ "setresgid", SYS_setresgid, -1, false },
	{ "setresuid", SYS_setresuid, -1, false },
	{ "capset", SYS_capset, -1, false },
	{ "prctl", SYS_prctl, -1, false },
	{ "seccomp", SYS_seccomp, -1, false },
	{ "prlimit64", SYS_prlimit64, -1, false },
	{ "sethostname", SYS_sethostname, 0, false },
	{ "getcwd", SYS_getcwd, -1, false },
	{ "keyctl", SYS_keyctl, -1, false },
	{ "memfd_create", SYS_memfd_create, 0, false },
	{ "fcntl", SYS_fcntl, -1, false },
	{ "getdents64", SYS_getdents64, -1, false },
	{ "statfs", SYS_statfs, 0, false },
	{ "pidfd_open", SYS_pidfd_open, -1, false },
	{ "flock", SYS_flock, -1, false },
	{ "fstat", SYS_fstat, -1, false },
	{ "bpf", SYS_bpf, -1, false },
#ifdef SYS_mkdir
	{ "mkdir", SYS_mkdir, 0, true },
	{ "mknod", SYS_mknod, 0, true },
	{ "symlink", SYS_symlink, 1, true },
	{ "unlink", SYS_unlink, 0, true },
	{ "open", SYS_open, 0, false },
#endif
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static struct {
	bool chosen[N_CALLS];
	long at; /* -1: all */
	const char *swap, *let_go;
	int error;
	bool kill, verbose;
	FILE *report;
} wish;

static long count;

static void die(const char *what)
{
	fprintf(stderr, "stopper: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void read_string(pid_t tid, uint64_t at, char *out, size_t size)
{
	size_t n = 0;

	while (at && n < size - 1) {
		/* Not across a page: the next one may not be there. */
		size_t want = 4096 - ((at + n) & 4095);
		struct iovec here = { out + n, want < size - 1 - n ? want : size - 1 - n };
		struct iovec there = { (void *)(uintptr_t)(at + n), here.iov_len };
		ssize_t got = process_vm_readv(tid, &here, 1, &there, 1, 0);

		if (got <= 0 || memchr(out + n, '\0', (size_t)got))
			break;
		n += (size_t)got;
	}
	out[n < size - 1 ? strnlen(out, size - 1) : size - 1] = '\0';
}

static bool is_proc_write(pid_t tid, const struct ptrace_syscall_info *info)
{
	struct statfs fs;
	char path[64];

	if (info->entry.nr != SYS_write && info->entry.nr != SYS_pwrite64)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, (int)info->entry.args[0]);
	return statfs(path, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static const struct call *interesting(pid_t tid, const struct ptrace_syscall_info *info)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (wish.chosen[i] &&
		    (calls[i].nr == PROC_WRITE ? is_proc_write(tid, info)
					       : (uint64_t)calls[i].nr == info->entry.nr))
			return &calls[i];
	return NULL;
}

static void run_swap(const struct tracee *t, const char *call, const char *path)
{
	char pid[16], n[24];
	int status;

	snprintf(pid, sizeof(pid), "%d", t->tid);
	snprintf(n, sizeof(n), "%ld", count);
	fflush(NULL);
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		setenv("STOP_PID", pid, 1);
		setenv("STOP_N", n, 1);
		setenv("STOP_CALL", call, 1);
		setenv("STOP_PATH", path, 1);
		execl("/bin/sh", "sh", "-c", wish.swap, (char *)NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		die("waitpid");
}

static void on_call(struct tracee *t, const struct ptrace_syscall_info *info)
{
	const struct call *c = interesting(t->tid, info);
	char path[4096] = "";

	if (!c)
		return;
	count++;
	if (c->path >= 0)
		read_string(t->tid, info->entry.args[c->path], path, sizeof(path));
	if (wish.verbose)
		fprintf(wish.report, "%ld %s %s\n", count, c->name, path);
	if (wish.at != -1 && wish.at != count)
		return;
	if (wish.swap) {
		trace_stop_others(t);
		run_swap(t, c->name, path);
	}
	if (wish.error)
		trace_fail(t, wish.error);
	if (wish.kill)
		trace_kill(t);
}

static bool on_exec(const struct tracee *t)
{
	char exe[4096];

	trace_program(t, exe, sizeof(exe));
	const char *slash = strrchr(exe, '/');

	return wish.let_go && strcmp(slash ? slash + 1 : exe, wish.let_go) == 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

static int error_of(const char *text)
{
	int number = error_number(text);

	if (!number) {
		fprintf(stderr, "stopper: what is the error '%s'?\n", text);
		exit(125);
	}
	return number;
}

static void choose(char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		bool known = false;

		for (size_t i = 0; i < N_CALLS; i++)
			if (strcmp(calls[i].name, name) == 0)
				known = wish.chosen[i] = true;
		if (!known) {
			fprintf(stderr, "stopper: what is the call '%s'?\n", name);
			exit(125);
		}
	}
}

static void filter_calls(int error)
{
	struct sock_filter code[2 * N_CALLS + 2];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_CALLS; i++) {
		if (!wish.chosen[i] || calls[i].nr < 0)
			continue;
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned int)calls[i].nr, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned int)error & 0xffff));
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = n, .filter = code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp");
}

static void become(void *arg)
{
	char *const *argv = arg;

	execvp(argv[0], argv);
	die(argv[0]);
}

int main(int argc, char *argv[])
{
	static const struct tracer tracer = { on_call, on_exec };
	int option, filter = 0;
	bool chosen = false;

	wish.report = stderr;
	while ((option = getopt(argc, argv, "+n:s:f:F:ke:l:o:v")) != -1)
		switch (option) {
		case 'n':
			wish.at = strcmp(optarg, "all") == 0 ? -1 : atol(optarg);
			break;
		case 's':
			wish.swap = optarg;
			break;
		case 'f':
			wish.error = error_of(optarg);
			break;
		case 'F':
			filter = error_of(optarg);
			break;
		case 'k':
			wish.kill = true;
			break;
		case 'e':
			choose(optarg);
			chosen = true;
			break;
		case 'l':
			wish.let_go = optarg;
			break;
		case 'o':
			wish.report = fopen(optarg, "we");
			if (!wish.report)
				die(optarg);
			break;
		case 'v':
			wish.verbose = true;
			break;
		default:
			return 125;
		}
	if (optind == argc) {
		fprintf(stderr, "stopper: which command?\n");
		return 125;
	}
	for (size_t i = 0; i < N_CALLS && !chosen; i++)
		wish.chosen[i] = calls[i].usual;
	if (filter) {
		filter_calls(filter);
		become(argv + optind);
	}
	int status = trace(&tracer, trace_start(become, argv + optind), 0);

	fprintf(wish.report, "stops: %ld\n", count);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
