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
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/ptrace.h>
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
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc's <sys/ptrace.h> and <linux/ptrace.h> define the same names. */
long ptrace(int request, ...);

#define PROC_WRITE (-2)
#define TRACE_OPTIONS                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC)

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
	{ "pidfd_open", SYS_pidfd_open, -1, false },
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

struct tracee {
	pid_t tid;
	bool stopped;  /* until we say so */
	bool in_vfork; /* waits for its child, uninterruptible */
	bool pending;  /* `status` came while we waited for something else */
	int status;
	int error; /* the call that it is in has been made to fail */
};

#define MAX_TRACEES 256
static struct tracee all[MAX_TRACEES];
static size_t n_all;
static long count;

static void die(const char *what)
{
	fprintf(stderr, "stopper: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* ---- what is traced -------------------------------------------------------------------------- */

static struct tracee *find(pid_t tid)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].tid == tid)
			return &all[i];
	if (n_all == MAX_TRACEES) {
		errno = EMFILE;
		die("too many processes");
	}
	all[n_all] = (struct tracee){ .tid = tid };
	return &all[n_all++];
}

static void forget(pid_t tid)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].tid == tid) {
			all[i] = all[--n_all];
			return;
		}
}

static void resume(struct tracee *t, int sig)
{
	t->stopped = false;
	ptrace(PTRACE_SYSCALL, t->tid, NULL, (void *)(intptr_t)sig); /* ESRCH: killed meanwhile */
}

/*
 * Nobody moves any more. What another one did in the same moment is kept for later: it is stopped
 * all the same.
 */
static void stop_others(const struct tracee *but)
{
	for (size_t i = 0; i < n_all; i++) {
		struct tracee *t = &all[i];

		if (t == but || t->stopped || t->in_vfork || t->pending)
			continue;
		if (ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) < 0)
			continue;
		if (waitpid(t->tid, &t->status, __WALL) == t->tid)
			t->pending = true;
	}
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

#if defined(__x86_64__)
/* There is no call of this number, so nothing happens. */
static void skip_call(pid_t tid)
{
	ptrace(PTRACE_POKEUSR, tid, (void *)offsetof(struct user_regs_struct, orig_rax),
	       (void *)-1L);
}

static void set_result(pid_t tid, long value)
{
	ptrace(PTRACE_POKEUSR, tid, (void *)offsetof(struct user_regs_struct, rax), (void *)value);
}
#elif defined(__aarch64__)
static void skip_call(pid_t tid)
{
	int none = -1;
	struct iovec v = { &none, sizeof(none) };

	ptrace(PTRACE_SETREGSET, tid, (void *)(uintptr_t)NT_ARM_SYSTEM_CALL, &v);
}

static void set_result(pid_t tid, long value)
{
	struct user_regs_struct regs;
	struct iovec v = { &regs, sizeof(regs) };

	ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &v);
	regs.regs[0] = (unsigned long long)value;
	ptrace(PTRACE_SETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &v);
}
#else
#error "how does this architecture skip a system call?"
#endif

static void on_call(struct tracee *t)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, (void *)sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->error) {
		set_result(t->tid, -t->error);
		t->error = 0;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	const struct call *c = interesting(t->tid, &info);
	char path[4096] = "";

	if (!c)
		return;
	count++;
	if (c->path >= 0)
		read_string(t->tid, info.entry.args[c->path], path, sizeof(path));
	if (wish.verbose)
		fprintf(wish.report, "%ld %s %s\n", count, c->name, path);
	if (wish.at != -1 && wish.at != count)
		return;
	if (wish.swap) {
		stop_others(t);
		run_swap(t, c->name, path);
	}
	if (wish.error) {
		skip_call(t->tid);
		t->error = wish.error;
	}
	if (wish.kill)
		kill(t->tid, SIGKILL);
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool executes(pid_t tid, const char *name)
{
	char link[64], exe[4096];

	snprintf(link, sizeof(link), "/proc/%d/exe", tid);
	ssize_t n = name ? readlink(link, exe, sizeof(exe) - 1) : -1;

	if (n < 0)
		return false;
	exe[n] = '\0';
	const char *slash = strrchr(exe, '/');

	return strcmp(slash ? slash + 1 : exe, name) == 0;
}

static void on_stop(struct tracee *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	t->stopped = true;
	switch (event) {
	case PTRACE_EVENT_VFORK:
		t->in_vfork = true;
		break;
	case PTRACE_EVENT_VFORK_DONE:
		t->in_vfork = false;
		break;
	case PTRACE_EVENT_EXEC:
		if (executes(t->tid, wish.let_go)) {
			ptrace(PTRACE_DETACH, t->tid, NULL, NULL);
			forget(t->tid);
			return;
		}
		break;
	case PTRACE_EVENT_STOP:
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			t->stopped = false;
			ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
			return;
		}
		break;
	case 0:
		if (sig == (SIGTRAP | 0x80))
			on_call(t);
		else
			event = -1; /* a signal on its way */
		break;
	}
	resume(t, event == -1 ? sig : 0);
}

static pid_t next_event(int *status)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].pending) {
			all[i].pending = false;
			*status = all[i].status;
			return all[i].tid;
		}
	pid_t tid = waitpid(-1, status, __WALL);

	if (tid < 0 && errno != EINTR)
		die("waitpid");
	return tid;
}

static int trace(pid_t command)
{
	for (;;) {
		int status;
		pid_t tid = next_event(&status);

		if (tid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			on_stop(find(tid), status);
			continue;
		}
		forget(tid);
		if (tid == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* ---- the command line ------------------------------------------------------------------------ */

static int error_number(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "EPERM", EPERM },   { "ENOSYS", ENOSYS }, { "ENOMEM", ENOMEM },
		{ "EINTR", EINTR },   { "ENOSPC", ENOSPC }, { "EMFILE", EMFILE },
		{ "EIO", EIO },       { "EAGAIN", EAGAIN }, { "EINVAL", EINVAL },
		{ "ENOENT", ENOENT }, { "EACCES", EACCES },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, text) == 0)
			return names[i].number;
	int number = atoi(text);

	if (number <= 0) {
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

/* The command waits until it is traced. */
static pid_t start(char *argv[])
{
	int go[2];
	char byte;

	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 0)
			execvp(argv[0], argv);
		die(argv[0]);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)TRACE_OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("ptrace");
	find(pid);
	close(go[1]);
	return pid;
}

int main(int argc, char *argv[])
{
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
			wish.error = error_number(optarg);
			break;
		case 'F':
			filter = error_number(optarg);
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
		execvp(argv[optind], argv + optind);
		die(argv[optind]);
	}
	int status = trace(start(argv + optind));

	fprintf(wish.report, "stops: %ld\n", count);
	return status;
}
