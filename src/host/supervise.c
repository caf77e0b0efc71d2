/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervise.h"

#include "base/log.h"
#include "base/sys.h"
#include "notify.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };

static const int endings[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* Readable when one of these has come while the container is being made; -1 at other times. */
static int interrupts = -1;

int supervise_interrupts(void)
{
	return interrupts;
}

bool supervise_interrupted(void)
{
	struct signalfd_siginfo info;
	struct sigaction action;

	if (read(interrupts, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	/* One that is ignored is kept nevertheless as long as it is blocked: nohup(1). */
	if (sigaction((int)info.ssi_signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		return false;
	/* Pending again, for supervise_end(): whoever sent it sees that we ended by it. */
	raise((int)info.ssi_signo);
	return true;
}

static void signals_passed_on(sigset_t *set)
{
	sigfillset(set);
	for (size_t i = 0; i < array_len(faults); i++)
		sigdelset(set, faults[i]);
	sigdelset(set, SIGURG);
	sigdelset(set, SIGTTIN);
	sigdelset(set, SIGTTOU);
}

int supervise_begin(struct supervise *s, bool subreaper, struct error *e)
{
	sigset_t passed_on, end_us;

	*s = (struct supervise){ .notify_fd = -1, .signal_fd = -1, .subreaper = subreaper };
	signals_passed_on(&passed_on);
	sigemptyset(&end_us);
	for (size_t i = 0; i < array_len(endings); i++)
		sigaddset(&end_us, endings[i]);
	s->signal_fd = signalfd(-1, &end_us, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return fail(e, errno, "cannot receive signals");
	if (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		fail(e, errno, "cannot become the parent of the container's orphans");
		fd_close(&s->signal_fd);
		return -e->code;
	}
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &passed_on, &s->inherited);
	interrupts = s->signal_fd;
	return 0;
}

void supervise_end(struct supervise *s)
{
	if (s->signal_fd < 0)
		return;
	interrupts = -1;
	fd_close(&s->signal_fd);
	sigprocmask(SIG_SETMASK, &s->inherited, NULL);
}

/* ---- the caller's terminal ------------------------------------------------------------------- */

/* Not in struct supervise, because a handler has to find it. */
static struct {
	int fd; /* of the terminal; only valid while `raw` */
	volatile sig_atomic_t raw;
	struct termios before;
} terminal;

/* Safe in a handler. While a shell has us in the background the modes are the shell's business. */
static void restore_terminal(void)
{
	sigset_t ttou, mask;

	if (!terminal.raw)
		return;
	terminal.raw = 0;
	pid_t foreground = tcgetpgrp(terminal.fd); /* -1: it is not our controlling terminal */

	if (foreground > 0 && foreground != getpgrp())
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &mask);
	tcsetattr(terminal.fd, TCSADRAIN, &terminal.before);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static struct sigaction fault_actions[array_len(faults)]; /* from before: a sanitizer has its own */

static void restore_fault_actions(void)
{
	for (size_t i = 0; i < array_len(faults); i++)
		sigaction(faults[i], &fault_actions[i], NULL);
}

static void on_fault(int sig)
{
	restore_terminal();
	restore_fault_actions();
	raise(sig); /* once we return; a real fault comes again by itself */
}

static void catch_faults(void)
{
	const struct sigaction action = { .sa_handler = on_fault };

	for (size_t i = 0; i < array_len(faults); i++)
		sigaction(faults[i], &action, &fault_actions[i]);
}

/* In the background this stops us with SIGTTOU, as it does any program that wants the terminal. */
static void set_raw(int fd)
{
	struct termios raw;

	if (!terminal.raw) {
		if (tcgetattr(fd, &terminal.before) < 0)
			return;
		terminal.fd = fd;
	}
	raw = terminal.before;
	cfmakeraw(&raw);
	/* The container's terminal does not turn newlines into CR LF: this one has to. */
	raw.c_oflag |= terminal.before.c_oflag & OPOST;
	terminal.raw = 1;
	tcsetattr(fd, TCSADRAIN, &raw);
}

/* The first of 0, 1 and 2 that is a terminal, or -1. */
static int find_terminal(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd))
			return fd;
	return -1;
}

static void copy_size(int from, int to)
{
	struct winsize size;

	if (from >= 0 && ioctl(from, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		ioctl(to, TIOCSWINSZ, &size);
}

void supervise_size(struct arena *a, struct oci_process *process)
{
	struct oci_console_size *size;
	struct winsize window;
	int tty = process->terminal.v ? find_terminal() : -1;

	if (tty < 0 || ioctl(tty, TIOCGWINSZ, &window) < 0 || !window.ws_row || !window.ws_col)
		return;
	size = arena_new(a, struct oci_console_size);
	if (!size)
		return; /* whoever compiles into this arena will say so */
	size->height = window.ws_row;
	size->width = window.ws_col;
	process->consoleSize = size;
}

/* ---- copying --------------------------------------------------------------------------------- */

/* What was read and not yet written. A write to a pipe that poll() calls writable takes this much
 * without blocking. */
struct flow {
	size_t start, end;
	char bytes[PIPE_BUF];
};

struct bridge {
	int tty;    /* the caller's terminal, -1: none */
	bool raw;   /* it is our standard input */
	int master; /* -1: no more */
	int slave;  /* held open: see open_bridge() */
	int in;     /* 0, or -1 after its end */
	int out;    /* 1, another description of it, or -1 when nobody reads it any more */
	bool own_out;
	bool pass_end;     /* tell the container of the end of the input */
	bool line_started; /* the last byte that went in was no newline */
	struct flow input, output;
};

static bool pending(const struct flow *f)
{
	return f->start < f->end;
}

/* Read when there is nothing left to write. 0: end, -EAGAIN: nothing there, else what came. */
static ssize_t fill(struct flow *f, int fd)
{
	ssize_t n = read(fd, f->bytes, sizeof(f->bytes));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	f->start = 0;
	f->end = (size_t)n;
	return n;
}

static int drain(struct flow *f, int fd)
{
	ssize_t n = write(fd, f->bytes + f->start, f->end - f->start);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	f->start += (size_t)n;
	return 0;
}

/*
 * A terminal says that it is writable and then blocks when it gets more than it has room for, and
 * with it our signals. O_NONBLOCK on its description would also be that of the caller's shell: so
 * another description. Not for files, where it would have its own offset.
 */
static int open_output(bool *own)
{
	int fd = -1;

	if (isatty(1))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*own = fd >= 0;
	return *own ? fd : 1;
}

static void open_bridge(struct bridge *b, int master)
{
	struct stat st;

	b->tty = b->slave = -1;
	b->in = b->out = -1;
	b->raw = b->own_out = false;
	b->master = master;
	b->pass_end = b->line_started = false;
	b->input.start = b->input.end = b->output.start = b->output.end = 0;
	if (master < 0)
		return;
	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	/*
	 * A program that closes its terminal and opens it again later would in between make the
	 * master report a hang-up without end. As long as we hold the other side that cannot be.
	 */
	b->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	b->out = open_output(&b->own_out);
	if (fstat(0, &st) == 0) {
		b->in = 0;
		/* /dev/null means that there is no input, not that it has ended. */
		b->pass_end = !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	}
	b->tty = find_terminal();
	if (b->tty < 0)
		return;
	copy_size(b->tty, master);
	/* Raw means that ^C is a byte for us to read, so only where that is what we read. */
	b->raw = isatty(0);
	if (b->raw) {
		catch_faults();
		set_raw(0);
	}
}

static void close_bridge(struct bridge *b)
{
	restore_terminal();
	if (b->raw)
		restore_fault_actions();
	fd_close(&b->slave);
	if (b->own_out)
		fd_close(&b->out);
}

/*
 * The end of a pipe or file reaches a program that reads lines as it does at a keyboard: by the
 * end-of-file character, once to end a line that was begun and once for the end itself.
 */
static void end_input(struct bridge *b)
{
	struct termios modes;

	b->in = -1;
	if (!b->pass_end || tcgetattr(b->master, &modes) < 0 || !(modes.c_lflag & ICANON) ||
	    modes.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	b->input.start = 0;
	b->input.bytes[0] = b->input.bytes[1] = (char)modes.c_cc[VEOF];
	b->input.end = b->line_started ? 2 : 1;
}

static void read_input(struct bridge *b)
{
	ssize_t n = fill(&b->input, b->in);

	if (n > 0)
		b->line_started = b->input.bytes[n - 1] != '\n';
	else if (n != -EAGAIN)
		end_input(b);
}

/* -EAGAIN when there is nothing now; other errors, EIO above all, when there will be no more. */
static ssize_t read_master(struct bridge *b)
{
	ssize_t n = fill(&b->output, b->master);

	if (b->out < 0)
		b->output.end = 0; /* a reader that went away must not stop the program */
	if (n <= 0 && n != -EAGAIN)
		b->master = -1;
	return n;
}

static void write_output(struct bridge *b)
{
	const struct timespec now = { 0 };
	sigset_t pipe_signal;
	int r = drain(&b->output, b->out);

	if (r == 0)
		return;
	/* It is blocked, so it waits to end us or to be passed on: neither is meant. */
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigtimedwait(&pipe_signal, NULL, &now);
	log_warning("standard output: %s; what the container writes is lost from here",
		    strerror(-r));
	if (b->own_out)
		fd_close(&b->out);
	b->out = -1;
	b->output.end = 0;
}

/*
 * After the process ended: what is in the pty, no matter how slowly the caller takes it. The kernel
 * holds less than this much; a process left behind that goes on writing is not waited for.
 */
static void drain_master(struct bridge *b)
{
	size_t limit = (size_t)1 << 20;

	for (;;) {
		struct pollfd out = { .fd = b->out, .events = POLLOUT };
		ssize_t n;

		while (pending(&b->output) && b->out >= 0)
			if (poll(&out, 1, -1) == 1)
				write_output(b);
		if (b->master < 0 || limit < PIPE_BUF)
			return;
		n = read_master(b);
		if (n <= 0)
			return;
		limit -= (size_t)n;
	}
}

/* ---- signals --------------------------------------------------------------------------------- */

/* All but ours, whose status supervise_wait() wants. */
static void reap_others(pid_t pid)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
		    info.si_pid == pid)
			return;
		waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
}

static void take_signal(const struct supervise *s, pid_t pid, int pidfd, struct bridge *b)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	int sig = (int)info.ssi_signo;

	if (sig == SIGCHLD) {
		if (s->subreaper)
			reap_others(pid);
		return;
	}
	if (b->tty >= 0 && (sig == SIGWINCH || sig == SIGCONT) && b->master >= 0) {
		if (sig == SIGCONT && b->raw) /* a shell may have changed it meanwhile */
			set_raw(0);
		copy_size(b->tty, b->master);
		if (sig == SIGWINCH)
			return; /* the container's terminal sends its own */
	}
	int r = sys_pidfd_send_signal(pidfd, sig);

	if (r < 0 && r != -ESRCH)
		log_warning("cannot pass on signal %d: %s", sig, strerror(-r));
}

/* ---- waiting --------------------------------------------------------------------------------- */

enum { PROCESS, SIGNALS, NOTIFY, MASTER, IN, OUT, N_FDS };

static void want(struct pollfd *p, int fd, short events)
{
	p->fd = events ? fd : -1; /* or it would report hang-ups again and again */
	p->events = events;
	p->revents = 0;
}

static int loop(struct supervise *s, pid_t pid, int pidfd, struct bridge *b)
{
	struct pollfd fds[N_FDS];

	for (;;) {
		short master = 0;

		if (!pending(&b->output))
			master |= POLLIN;
		if (pending(&b->input))
			master |= POLLOUT;
		want(&fds[PROCESS], pidfd, POLLIN);
		want(&fds[SIGNALS], s->signal_fd, POLLIN);
		want(&fds[NOTIFY], s->notify_fd, POLLIN);
		want(&fds[MASTER], b->master, master);
		want(&fds[IN], b->in, b->master >= 0 && !pending(&b->input) ? POLLIN : 0);
		want(&fds[OUT], b->out, pending(&b->output) ? POLLOUT : 0);
		if (poll(fds, N_FDS, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[SIGNALS].revents)
			take_signal(s, pid, pidfd, b);
		if (fds[NOTIFY].revents)
			notify_forward(s->notify_fd, s->notify_socket, pid, false);
		if (fds[IN].revents)
			read_input(b);
		if (fds[OUT].revents)
			write_output(b);
		if (fds[MASTER].revents & (POLLHUP | POLLERR))
			b->input.end = 0; /* nobody there to read it */
		else if (fds[MASTER].revents & POLLOUT && drain(&b->input, b->master) < 0)
			b->input.end = 0;
		if (fds[MASTER].revents & (POLLIN | POLLHUP | POLLERR) && !pending(&b->output))
			read_master(b);
		if (fds[PROCESS].revents)
			return 0;
	}
}

static int reap(int pidfd, int *status)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	*status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int supervise_wait(struct supervise *s, pid_t pid, int pidfd, int master, int *status,
		   struct error *e)
{
	struct bridge b;
	sigset_t passed_on;

	/* From now on they are for the program. */
	interrupts = -1;
	signals_passed_on(&passed_on);
	if (signalfd(s->signal_fd, &passed_on, 0) < 0)
		return fail(e, errno, "cannot receive signals");
	open_bridge(&b, master);
	int r = loop(s, pid, pidfd, &b);

	if (r == 0 && s->notify_fd >= 0)
		notify_forward(s->notify_fd, s->notify_socket, pid, false);
	if (r == 0)
		r = reap(pidfd, status);
	if (master >= 0)
		drain_master(&b);
	close_bridge(&b);
	if (r < 0) {
		fail(e, r, "cannot wait for process %d", pid);
		return hint_if(e, ECHILD, "it is not a child of this process");
	}
	return 0;
}
