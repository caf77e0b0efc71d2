/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tracer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACE_OPTIONS                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC)

#define MAX_TRACEES 256
static struct tracee all[MAX_TRACEES];
static size_t n_all;
static bool calls_matter;

static void die(const char *what)
{
	fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* ---- who is traced --------------------------------------------------------------------------- */

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
	/* ESRCH: killed meanwhile */
	ptrace(calls_matter || t->error ? PTRACE_SYSCALL : PTRACE_CONT, t->tid, NULL,
	       (void *)(intptr_t)sig);
}

void trace_no_more_calls(void)
{
	calls_matter = false;
}

/* What another one did in the same moment is kept for later: it is stopped all the same. */
void trace_stop_others(const struct tracee *but)
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

void trace_kill(const struct tracee *one)
{
	for (size_t i = 0; i < n_all; i++)
		if (!one || &all[i] == one)
			kill(all[i].tid, SIGKILL);
}

void trace_kill_others(const struct tracee *but)
{
	for (size_t i = 0; i < n_all; i++)
		if (&all[i] != but)
			kill(all[i].tid, SIGKILL);
}

void trace_program(const struct tracee *t, char *out, size_t size)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/exe", t->tid);
	ssize_t n = readlink(link, out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
}

/* ---- a call ---------------------------------------------------------------------------------- */

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

void trace_fail(struct tracee *t, int error)
{
	skip_call(t->tid);
	t->error = error;
}

static void on_call(const struct tracer *tracer, struct tracee *t)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, (void *)sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->error) {
		set_result(t->tid, -t->error);
		t->error = 0;
	}
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && calls_matter)
		tracer->on_call(t, &info);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Known before its first stop, so that who is killed or stopped with all others is not missed. */
static void on_birth(pid_t parent)
{
	unsigned long child;

	if (ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child) == 0)
		find((pid_t)child);
}

/* A thread that executes a program becomes the first of its process; its own number is gone. */
static struct tracee *on_exec(pid_t tid)
{
	unsigned long before;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &before) == 0 && (pid_t)before != tid)
		forget((pid_t)before);
	return find(tid);
}

static void on_stop(const struct tracer *tracer, struct tracee *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16, pass = 0;

	t->stopped = true;
	switch (event) {
	case PTRACE_EVENT_VFORK:
		t->in_vfork = true;
		on_birth(t->tid);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		on_birth(t->tid);
		break;
	case PTRACE_EVENT_VFORK_DONE:
		t->in_vfork = false;
		break;
	case PTRACE_EVENT_EXEC:
		t = on_exec(t->tid);
		if (tracer->on_exec(t)) {
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
			on_call(tracer, t);
		else
			pass = sig; /* a signal on its way */
		break;
	}
	resume(t, pass);
}

/* -1: a signal came first, or there is nobody. */
static pid_t next_event(int *status)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].pending) {
			all[i].pending = false;
			*status = all[i].status;
			return all[i].tid;
		}
	return waitpid(-1, status, __WALL);
}

/* ---- letting go ------------------------------------------------------------------------------ */

/* It has stopped, or ended. */
static void let_go(pid_t tid, int status)
{
	int event = status >> 16;

	/* Who is born just now is traced, too. */
	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE)
		on_birth(tid);
	if (WIFSTOPPED(status)) {
		bool signal = event == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);

		ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)(signal ? WSTOPSIG(status) : 0));
	}
	forget(tid);
}

/* In the order in which they stop or end: one may wait for another, as a parent does for whom it has
 * vforked, and the first process of a pid namespace for all that are in it. */
void trace_let_go(void)
{
	for (size_t i = 0; i < n_all; i++)
		if (!all[i].pending)
			ptrace(PTRACE_INTERRUPT, all[i].tid, NULL, NULL);
	while (n_all > 0) {
		int status;
		pid_t tid = next_event(&status);

		if (tid > 0)
			let_go(tid, status);
		else if (errno == ECHILD)
			n_all = 0;
	}
}

/* A signal each second ends a wait; false: no more of them. */
static void tick(bool wanted)
{
	const struct itimerval t = { { wanted, 0 }, { wanted, 0 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

int trace(const struct tracer *tracer, pid_t command, int seconds)
{
	time_t deadline = time(NULL) + seconds;

	tick(seconds != 0);
	for (;;) {
		int status;
		pid_t tid = next_event(&status);

		if (seconds && time(NULL) > deadline) {
			tick(false);
			kill(command, SIGKILL);
			if (tid > 0)
				let_go(tid, status);
			trace_let_go();
			waitpid(command, &status, __WALL);
			return -1;
		}
		if (tid < 0 && errno != EINTR)
			die("waitpid");
		if (tid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			on_stop(tracer, find(tid), status);
			continue;
		}
		forget(tid);
		if (tid == command) {
			tick(false);
			return status;
		}
	}
}

/* The child waits until it is traced. */
pid_t trace_start(void (*become)(void *arg), void *arg)
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
			become(arg);
		_exit(125);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)TRACE_OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("ptrace");
	find(pid);
	calls_matter = true;
	close(go[1]);
	return pid;
}

int error_number(const char *text)
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

	return number > 0 ? number : 0;
}
