/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hooks -- createContainer and startContainer, which run inside (config.md, POSIX-platform Hooks).
 *
 * createContainer hooks run in the container's namespaces before pivot_root, in the directory of the
 * container's root, with an empty environment unless they bring one: they see the host's files and
 * the finished root. startContainer hooks are files of the image: they run in / with the program's
 * environment, and confined as the program will be. Standard input is the state; what a failing hook
 * wrote to standard error is passed on.
 */
#include "steps.h"

#include "../base/names.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

struct outcome {
	int status; /* wait status */
	int error;  /* errno: it could not be run at all */
	bool timed_out;
	char words[160]; /* the end of its standard error */
};

static void hook_child(struct stage *s, const struct plan_hook *h, const struct plan_process *as,
		       int errors, int report)
{
	static const char *const nothing[] = { NULL };
	const char *const *env = h->env ? h->env : as ? as->env : nothing;
	int r;

	setsid(); /* a group of its own, to be killed as a whole */
	if (!as)
		umask(s->umask); /* what it makes is the host's */
	if (s->state >= 0) {
		lseek(s->state, 0, SEEK_SET);
		dup2(s->state, 0);
	}
	dup2(errors, 2);
	r = sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (r == 0 &&
	    fchdir(s->root) < 0) /* by then "/" for the one, bundle/rootfs for the other */
		r = -errno;
	if (r == 0 && as)
		r = take_program_rights(as, s);
	if (r == 0) {
		execve(h->path, (char *const *)h->args, (char *const *)env);
		r = -errno;
	}
	if (write(report, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Keeps the last bytes of what comes in, on one line. */
static void collect(struct outcome *o, int fd)
{
	char buf[512];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t have = strlen(o->words), room = sizeof(o->words) - 1;

	if (n <= 0)
		return;
	const char *from = buf;
	size_t more = (size_t)n;

	if (more > room) {
		from += more - room;
		more = room;
	}
	if (have + more > room) {
		size_t drop = have + more - room;

		memmove(o->words, o->words + drop, have - drop);
		have -= drop;
	}
	for (size_t i = 0; i < more; i++)
		o->words[have + i] = from[i] == '\n' ? ' ' : from[i];
	o->words[have + more] = '\0';
}

/* Until the hook has ended: its standard error must not fill up, its time must not run out. */
static void attend(const struct plan_hook *h, pid_t pid, int pidfd, int errors, struct outcome *o)
{
	long long deadline = h->timeout ? now_ms() + h->timeout * 1000 : -1;

	for (;;) {
		struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN },
					{ .fd = errors, .events = POLLIN } };
		long long left = deadline < 0 ? -1 : deadline - now_ms();
		int n = left == 0 || (deadline >= 0 && left < 0)
				? 0
				: poll(fds, 2, left > INT32_MAX ? INT32_MAX : (int)left);

		if (n == 0) {
			o->timed_out = true;
			kill(-pid, SIGKILL);
			sys_pidfd_send_signal(pidfd, SIGKILL);
			break;
		}
		if (n > 0 && fds[1].revents & POLLIN)
			collect(o, errors);
		else if (n > 0 && fds[0].revents)
			break;
		else if (n > 0 && fds[1].revents)
			errors = -1; /* closed; poll ignores it from here */
	}
	while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		;
}

static int run_hook(struct stage *s, const struct plan_hook *h, const struct plan_process *as,
		    struct outcome *o)
{
	int errors[2], report[2];

	if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	auto_close int errors_in = errors[0], errors_out = errors[1];

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	auto_close int report_in = report[0], report_out = report[1];
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		hook_child(s, h, as, errors_out, report_out);
	fd_close(&errors_out);
	fd_close(&report_out);

	auto_close int pidfd = sys_pidfd_open(pid, 0);

	if (pidfd < 0) { /* without, nobody would see it end */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
			;
		return pidfd;
	}
	if (read(report_in, &o->error, sizeof(o->error)) != (ssize_t)sizeof(o->error))
		o->error = 0;
	attend(h, pid, pidfd, errors_in, o);
	return 0;
}

static char *put(char *to, const char *end, const char *text)
{
	while (*text && to < end - 1)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *put_number(char *to, const char *end, unsigned int value)
{
	char digits[12];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do
		digits[--n] = (char)('0' + value % 10);
	while (value /= 10);
	return put(to, end, digits + n);
}

/* "SIGSEGV": as the host side words it, but without stdio. */
static char *put_signal(char *to, const char *end, int sig)
{
	for (size_t i = 0; i < n_signal_names; i++)
		if (signal_names[i].number == sig)
			return put(put(to, end, "SIG"), end, signal_names[i].name);
	return put_number(put(to, end, "signal "), end, (unsigned int)sig);
}

static int failed_hook(struct stage *s, enum talk_where where, size_t index,
		       const struct plan_hook *h, const struct outcome *o)
{
	char words[sizeof(s->failure.detail)];
	const char *end = words + sizeof(words);
	char *at = put(words, end, h->path);

	at = put(at, end, ": ");
	if (o->timed_out) {
		at = put(at, end, "timed out after ");
		at = put_number(at, end, (unsigned int)h->timeout);
		at = put(at, end, "s");
	} else if (WIFSIGNALED(o->status)) {
		int sig = WTERMSIG(o->status);

		/* That is seccomp's way to say no: runc's words for it, which its users know. */
		at = put(at, end, sig == SIGSYS ? "bad system call" : "killed by ");
		if (sig != SIGSYS)
			at = put_signal(at, end, sig);
	} else if (!o->error) {
		at = put(at, end, "exit status ");
		at = put_number(at, end, (unsigned int)WEXITSTATUS(o->status));
	} else {
		at = put(at, end, "cannot be run");
	}
	if (o->words[0]) {
		at = put(at, end, ", stderr: ");
		at = put(at, end, o->words);
		while (at[-1] == ' ')
			*--at = '\0';
	}
	stage_fail(s, where, (long)index, o->error, words);
	return -EINVAL;
}

int run_hooks(struct stage *s, const struct plan_hook *hooks, size_t n, enum talk_where where,
	      const struct plan_process *as)
{
	for (size_t i = 0; i < n; i++) {
		struct outcome o = { 0 };
		int r = run_hook(s, &hooks[i], as, &o);

		if (r < 0)
			return stage_fail(s, where, (long)i, r, hooks[i].path);
		if (o.error || o.timed_out || o.status)
			return failed_hook(s, where, i, &hooks[i], &o);
	}
	return 0;
}

int create_container_hooks(const struct plan *p, struct stage *s)
{
	int r = run_hooks(s, p->create_container, p->n_create_container, WHERE_CREATE_HOOK, NULL);

	fd_close(&s->state);
	return r;
}

int start_container_hooks(const struct plan *p, struct stage *s)
{
	int r = p->n_start_container ? label_program(p, s) : 0;

	if (r == 0)
		r = run_hooks(s, p->start_container, p->n_start_container, WHERE_START_HOOK,
			      p->process);

	fd_close(&s->state);
	return r;
}
