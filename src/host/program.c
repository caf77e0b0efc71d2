/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include "base/names.h"
#include "base/sys.h"
#include "base/weakened.h"
#include "host/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

/* What the child needs, prepared before it is made: it shares our memory and must not allocate. */
struct launch {
	const struct program *p;
	int in, out, err;
	sigset_t mask;
	int error; /* the child's answer; 0 once it is another program */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* To descriptor `to`, also when it is that already and only lacks being inherited. */
static int place(int from, int to)
{
	if (from == to)
		return fcntl(to, F_SETFD, 0);
	return dup2(from, to);
}

/* No address of a local is taken here: it never returns, so ASan would keep that stack poisoned. */
static int become(struct launch *l)
{
	sys_default_signals();
	if (setsid() < 0)
		return -errno;
	if (l->p->dir >= 0 && fchdir(l->p->dir) < 0)
		return -errno;
	if (place(l->in, 0) < 0 || place(l->out, 1) < 0 || place(l->err, 2) < 0)
		return -errno;
	int r = PROTECT(close_on_exec) ? sys_close_range(3, ~0U, 0) : 0;

	if (r < 0)
		return r;
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	execve(l->p->path, (char *const *)l->p->args,
	       l->p->env ? (char *const *)l->p->env : environ);
	return -errno;
}

static int child(void *arg)
{
	struct launch *l = arg;

	l->error = become(l);
	_exit(127);
}

/* Leaves an owned pidfd. The caller waits for it, also when this fails with l->error set. */
static int launch(struct launch *l, pid_t *pid, int *pidfd)
{
	/* Enough for the few system calls of become(); ours is asleep until its execve(). */
	char stack[12288] __attribute__((aligned(16)));
	sigset_t all, before;

	/* No handler of ours may run in the child, on our memory. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	sigemptyset(&l->mask);
	l->error = 0;
	*pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
		     l, pidfd);
	int r = *pid < 0 ? -errno : 0;

	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void keep_tail(struct program_tail *t, const char *data, size_t n)
{
	if (n >= sizeof(t->text)) {
		t->cut |= t->len > 0 || n > sizeof(t->text);
		memcpy(t->text, data + n - sizeof(t->text), sizeof(t->text));
		t->len = sizeof(t->text);
		return;
	}
	if (t->len + n > sizeof(t->text)) {
		size_t drop = t->len + n - sizeof(t->text);

		memmove(t->text, t->text + drop, t->len - drop);
		t->len -= drop;
		t->cut = true;
	}
	memcpy(t->text + t->len, data, n);
	t->len += n;
}

/* One read of what poll() announced. False when nothing more will come. */
static bool take(int fd, struct program_tail *t)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		keep_tail(t, buf, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* What the program wrote before it ended is in the pipe; what its heirs go on writing is not ours
 * to wait for, so this takes what is there now and no more. */
static void take_rest(int fd, struct program_tail *t)
{
	int n = 0;
	char buf[4096];

	if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0)
		return;
	while (n > 0) {
		ssize_t got = read(fd, buf, MIN((size_t)n, sizeof(buf)));

		if (got <= 0)
			return;
		keep_tail(t, buf, (size_t)got);
		n -= (int)got;
	}
}

static int wait_for(int pidfd, struct program_result *r)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	if (info.si_code == CLD_EXITED)
		r->code = info.si_status;
	else
		r->signal = info.si_status;
	return 0;
}

/* Not reaped yet, so the number is still its own; setsid() made it its process group's, too. */
static void kill_group(pid_t pid)
{
	kill(-pid, SIGKILL);
}

/* Read both pipes until the program ends or its time is over. */
static int watch(const struct program *p, pid_t pid, int pidfd, int out, int err,
		 struct program_result *r)
{
	struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN },
				{ .fd = out, .events = POLLIN },
				{ .fd = err, .events = POLLIN },
				{ .fd = p->interruptible ? supervise_interrupts() : -1,
				  .events = POLLIN } };
	int64_t start = now_ms();

	while (!fds[0].revents) {
		int wait = -1;

		if (p->timeout >= 0 && !r->timed_out) {
			int64_t left = p->timeout - (now_ms() - start);

			if (left <= 0) {
				r->timed_out = true;
				kill_group(pid);
				continue;
			}
			wait = (int)MIN(left, (int64_t)60 * 60 * 1000);
		}
		if (poll(fds, array_len(fds), wait) < 0) {
			if (errno != EINTR)
				return -errno;
			for (size_t i = 0; i < array_len(fds); i++)
				fds[i].revents = 0;
		}
		if (fds[3].revents && supervise_interrupted()) {
			r->interrupted = true;
			fds[3].fd = -1;
			kill_group(pid);
		}
		if (fds[1].revents && !take(out, &r->out))
			fds[1].fd = -1;
		if (fds[2].revents && !take(err, &r->err))
			fds[2].fd = -1;
	}
	r->elapsed = r->timed_out ? p->timeout : now_ms() - start;
	take_rest(fds[1].fd, &r->out);
	take_rest(fds[2].fd, &r->err);
	return 0;
}

/* The read end of a new pipe stays here, `*theirs` is the write end; or what the caller gave. */
static int output(int given, int *ours, int *theirs)
{
	int ends[2];

	*ours = -1;
	*theirs = -1;
	if (given >= 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ours = ends[0];
	*theirs = ends[1];
	return 0;
}

/* become() places 0, 1 and 2 one after the other: none of the sources may be in the way. */
static int above_stdio(int *fd)
{
	if (*fd < 0 || *fd > 2)
		return 0;
	int higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (higher < 0)
		return -errno;
	close(*fd);
	*fd = higher;
	return 0;
}

int program_run(const struct program *p, struct program_result *r)
{
	auto_close int null = -1, out = -1, err = -1, out_end = -1, err_end = -1, pidfd = -1;
	pid_t pid;
	int result;

	memset(r, 0, offsetof(struct program_result, out));
	r->out.len = r->err.len = 0;
	r->out.cut = r->err.cut = false;
	if ((result = output(p->out, &out, &out_end)) < 0 ||
	    (result = output(p->err, &err, &err_end)) < 0)
		return result;
	if (p->in < 0) {
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null < 0)
			return -errno;
	}
	if ((result = above_stdio(&null)) < 0 || (result = above_stdio(&out_end)) < 0 ||
	    (result = above_stdio(&err_end)) < 0)
		return result;

	struct launch l = { .p = p,
			    .in = p->in >= 0 ? p->in : null,
			    .out = p->out >= 0 ? p->out : out_end,
			    .err = p->err >= 0 ? p->err : err_end };

	result = launch(&l, &pid, &pidfd);
	if (result < 0)
		return result;
	fd_close(&out_end);
	fd_close(&err_end);
	if (l.error == 0)
		result = watch(p, pid, pidfd, out, err, r);
	if (result < 0)
		kill_group(pid);
	int waited = wait_for(pidfd, r);

	return l.error ? l.error : result ? result : waited;
}

/* One line: newlines become " | ". The end of it when it is long. */
static void quote_tail(const struct program_tail *t, char *buf, size_t size)
{
	size_t end = t->len, start, room = size - sizeof("... | "), n = 0;

	while (end > 0 && strchr(" \t\r\n", t->text[end - 1]))
		end--;
	for (start = end; start > 0; start--) {
		size_t width = t->text[start - 1] == '\n' ? 3 : 1;

		if (width > room)
			break;
		room -= width;
	}
	if (start > 0 || t->cut) {
		while (start < end && ((unsigned char)t->text[start] & 0xc0) == 0x80)
			start++; /* not from within a character */
		n = (size_t)snprintf(buf, size, "...");
	}
	for (; start < end; start++) {
		const char c = t->text[start];

		if (c == '\n') {
			memcpy(buf + n, " | ", 3);
			n += 3;
		} else if (c == '\t') {
			buf[n++] = ' ';
		} else if (c && c != '\r') {
			buf[n++] = c;
		}
	}
	buf[n] = '\0';
}

const char *program_words(const struct program_result *r, char *buf, size_t size)
{
	const struct program_tail *said = r->err.len ? &r->err : &r->out;
	char name[32], quoted[700];
	int n;

	if (r->interrupted)
		n = snprintf(buf, size, "interrupted by a signal after %.2fs",
			     (double)r->elapsed / 1000);
	else if (r->timed_out)
		n = snprintf(buf, size, "timed out after %gs", (double)r->elapsed / 1000);
	else if (r->signal)
		n = snprintf(buf, size, "killed by %s after %.2fs",
			     signal_name(r->signal, name, sizeof(name)), (double)r->elapsed / 1000);
	else
		n = snprintf(buf, size, "exit status %d after %.2fs", r->code,
			     (double)r->elapsed / 1000);
	if (said->len && n > 0 && (size_t)n < size) {
		quote_tail(said, quoted, sizeof(quoted));
		snprintf(buf + n, size - (size_t)n, ", %s: %s",
			 said == &r->err ? "stderr" : "stdout", quoted);
	}
	return buf;
}

int program_find(const char *name, char *out, size_t size)
{
	const char *dir = getenv("PATH");

	if (!dir)
		dir = "/usr/sbin:/usr/bin:/sbin:/bin";
	while (*dir) {
		size_t n = strcspn(dir, ":");

		/* An empty or relative entry would run what lies in the bundle. */
		if (*dir == '/') {
			int len = snprintf(out, size, "%.*s/%s", (int)n, dir, name);

			if (len > 0 && (size_t)len < size && faccessat(AT_FDCWD, out, X_OK, 0) == 0)
				return 0;
		}
		dir += n + (dir[n] == ':');
	}
	return -ENOENT;
}
