/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stay -- ocirt-init as the container's first process, and the program as its child.
 *
 * Most programs were not written to be the first of their pid namespace: they do not bury the dead of
 * others, and a signal that they have no handler for does not reach them. So where the configuration
 * asks for it, ocirt-init goes on: it passes on signals, buries the dead, and ends as the program ends.
 *
 * By then the program runs beside it. Whoever gets at this process, in spite of it not being dumpable,
 * shall find nothing: the ids, capabilities, labels and filter are those of the program, there is not
 * one descriptor, the plan is unmapped, and its file is a sealed memfd. All of that is done before the
 * program's first instruction.
 */
#include "steps.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* By the kernel's own struct: sigfillset(3) leaves out the signals that libc wants for itself, and
 * SIGRTMIN of another libc is among them. */
struct signals {
	unsigned char bits[_NSIG / 8];
};

static int block_signals(struct signals *before)
{
	struct signals all;

	memset(&all, 0xff, sizeof(all));
	return (int)nerrno(
		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, before, sizeof(all.bits)));
}

/* All of them are blocked, so that none is dropped for want of a handler: signal(7). */
static int next_signal(void)
{
	struct signals all;
	long r;

	memset(&all, 0xff, sizeof(all));
	do
		r = nerrno(syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof(all.bits)));
	while (r == -EINTR);
	return (int)r;
}

/* Ends with the program, as it ended. */
static void bury(pid_t program, int flags)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0)
		if (pid == program)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	/* It is our child as long as we are here, so only a filter says that there is none. */
	if (pid < 0 && errno != EINTR)
		_exit(EXIT_FAILURE);
}

static _Noreturn void look_after(pid_t program)
{
	for (;;) {
		int sig = next_signal();

		if (sig == SIGCHLD)
			bury(program, WNOHANG);
		else if (sig > 0)
			kill(program, sig);
		else
			bury(program, 0); /* the filter forbids to wait for signals */
	}
}

/* Only these two are left, and close(2) is all that is needed from here: no filter is without it. */
enum { TALK, GATE, FIRST_CLOSED };

static int close_descriptors(struct stage *s, int gate)
{
	/* In a number of its own first: the gate may be where the talk goes. */
	int talk = fcntl(s->talk, F_DUPFD_CLOEXEC, FIRST_CLOSED);
	int open = fcntl(gate, F_DUPFD_CLOEXEC, FIRST_CLOSED);

	if (talk < 0 || open < 0 || dup2(talk, TALK) < 0 || dup2(open, GATE) < 0)
		return -errno;
	s->talk = TALK;
	return sys_close_range(FIRST_CLOSED, ~0U, 0);
}

static int stay(const struct plan *p, struct stage *s, pid_t program, int gate)
{
	int r = take_labels(p->process, s);

	if (r < 0)
		return r;
	/* A working directory is not ours to keep busy; where it is we do not care. */
	if (fchdir(s->root) < 0)
		r = 0;
	r = close_descriptors(s, gate);
	if (r < 0)
		return stage_fail(s, WHERE_STAY, -1, r, "closing its descriptors");
	r = take_other_rights(p->process, s);
	if (r < 0)
		return r;
	munmap(s->plan, s->plan_size);
	close(TALK);
	close(GATE);
	look_after(program);
}

/* The program has a session of its own, and with it the terminal, as if it were alone. */
static int be_program(const struct plan *p, struct stage *s, const struct signals *mask, int gate)
{
	char none;

	int r = begin_session(s, p->process->terminal);

	if (r < 0)
		return r;
	while (read(gate, &none, 1) < 0 && errno == EINTR)
		;
	close(gate);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, sizeof(mask->bits));
	return 0;
}

int stay_as_init(const struct plan *p, struct stage *s)
{
	struct signals before;
	int gate[2];

	if (!p->stay)
		return 0;
	/* Without a pid namespace of its own it would get no orphans. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || pipe2(gate, O_CLOEXEC) < 0)
		return stage_fail(s, WHERE_STAY, -1, errno, "becoming the parent of orphans");
	int r = label_program(p, s);

	if (r < 0)
		return r;
	r = block_signals(&before);
	pid_t program = r < 0 ? -1 : fork();

	if (program < 0)
		return stage_fail(s, WHERE_STAY, -1, r < 0 ? r : errno, "making its child");
	if (program == 0) {
		close(gate[1]);
		return be_program(p, s, &before, gate[0]);
	}
	r = stay(p, s, program, gate[1]);
	/* The gate opens when we end. */
	kill(program, SIGKILL);
	return r;
}
