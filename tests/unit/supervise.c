/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/supervise.c. A child of the test is "ocirt": it supervises a shell on a pty of its own, as a
 * container's process is, and has pipes or another pty, the user's terminal, as 0 and 1.
 */
#include "check.h"

#include "base/sys.h"
#include "host/notify.h"
#include "host/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>

#define DEADLINE 20000 /* milliseconds; nothing here takes a tenth of it */

struct ocirt {
	pid_t pid;
	int in, out; /* the other ends of its 0 and 1; both the master of the user's terminal */
	char text[1 << 20];
	size_t len; /* what came out */
};

static struct ocirt o;

/* Both sides of a new pty. */
static bool open_pty(int *master, int *slave)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || grantpt(*master) < 0 || unlockpt(*master) < 0)
		return false;
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *slave >= 0;
}

/* The container: a session of its own, with its own terminal unless slave is -1. */
static void contained(const char *script, int slave)
{
	sigset_t none;

	/* As ocirt-init does; and a shell cannot trap what was ignored when it began. */
	sys_default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (slave >= 0) {
		struct termios t;

		tcgetattr(slave, &t);
		t.c_oflag &= ~(tcflag_t)ONLCR;
		tcsetattr(slave, TCSANOW, &t);
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd <= 2; fd++)
			dup2(slave, fd);
	}
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(127);
}

enum how {
	NO_TTY = 0,
	TTY = 1,
	SUBREAPER = 2,
	RETURN_CPU = 4,
	FOREIGN = 8, /* the user's terminal controls nobody, so it outlives "ocirt" as it is */
};

static int supervised(const char *script, int flags)
{
	int master = -1, slave = -1, status = -1;
	struct supervise s;
	struct error e = { 0 };

	if (flags & TTY && !open_pty(&master, &slave))
		return 200;
	if (supervise_begin(&s, flags & SUBREAPER, &e) < 0)
		return 201;
	pid_t pid = fork();

	if (pid == 0)
		contained(script, slave);
	fd_close(&slave);
	int pidfd = sys_pidfd_open(pid, 0);
	int r = supervise_wait(&s, pid, pidfd, master, &status, &e);

	supervise_end(&s);
	fd_close(&pidfd);
	fd_close(&master);
	if (r < 0)
		return 202;
	if (flags & RETURN_CPU) {
		struct rusage u;

		getrusage(RUSAGE_SELF, &u);
		return (int)((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 10 +
			     (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 100000);
	}
	return status;
}

/* `in` and `out` become its 0 and 1. */
static void start(const char *script, int flags, int in, int out)
{
	o.len = 0;
	fflush(stdout);
	o.pid = fork();
	if (o.pid == 0) {
		if (!(flags & FOREIGN)) {
			setsid();
			ioctl(in, TIOCSCTTY, 0); /* when it is a terminal */
		}
		dup2(in, 0);
		dup2(out, 1);
		close(o.in);
		close(o.out);
		_exit(supervised(script, flags));
	}
}

static void start_on_pipes(const char *script, int flags)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	o.in = in[1];
	o.out = out[0];
	start(script, flags, in[0], out[1]);
	close(in[0]);
	close(out[1]);
}

static void start_on_null(const char *script, int flags)
{
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	o.in = -1;
	o.out = out[0];
	start(script, flags, null, out[1]);
	close(null);
	close(out[1]);
}

static struct termios before; /* of the user's terminal */

/* Returns the user's side of the terminal, kept open so that its modes can be looked at. */
static int start_on_terminal(const char *script, int flags)
{
	const struct winsize size = { .ws_row = 33, .ws_col = 77 };
	int slave;

	if (!open_pty(&o.in, &slave))
		abort();
	ioctl(o.in, TIOCSWINSZ, &size);
	tcgetattr(slave, &before);
	o.out = dup(o.in);
	start(script, flags, slave, slave);
	return slave;
}

static void type(const char *text)
{
	check_int(write(o.in, text, strlen(text)), (ssize_t)strlen(text));
}

/* Read what comes out until `want` is in it; NULL: until the end. */
static bool see(const char *want)
{
	for (;;) {
		struct pollfd p = { .fd = o.out, .events = POLLIN };

		o.text[o.len] = '\0';
		if (want && strstr(o.text, want))
			return true;
		if (o.len + 1 >= sizeof(o.text) || poll(&p, 1, DEADLINE) != 1)
			return false;
		ssize_t n = read(o.out, o.text + o.len, sizeof(o.text) - 1 - o.len);

		if (n <= 0)
			return !want;
		o.len += (size_t)n;
	}
}

static int end(void)
{
	auto_close int pidfd = sys_pidfd_open(o.pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int status = -1;

	if (!check(poll(&p, 1, DEADLINE) == 1))
		kill(o.pid, SIGKILL);
	waitpid(o.pid, &status, 0);
	fd_close(&o.in);
	fd_close(&o.out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void an_exit_status_is_kept(void)
{
	start_on_null("exit 7", NO_TTY);
	check_int(end(), 7);
}

static void a_signal_is_128_more(void)
{
	start_on_null("kill -KILL $$", NO_TTY);
	check_int(end(), 128 + SIGKILL);
	start_on_null("kill -TERM $$", TTY);
	check_int(end(), 128 + SIGTERM);
}

static void signals_are_passed_on(void)
{
	start_on_pipes("trap 'echo usr1' USR1; trap 'echo int; exit 5' INT; echo ready;"
		       "while :; do sleep 0.05; done",
		       NO_TTY);
	check(see("ready\n"));
	kill(o.pid, SIGUSR1);
	check(see("usr1\n"));
	kill(o.pid, SIGINT);
	check(see("int\n"));
	check_int(end(), 5);
}

/* It is blocked before the process is there, so it cannot be lost. */
static void a_signal_that_comes_early_is_passed_on(void)
{
	int in[2];

	must(pipe2(in, O_CLOEXEC) == 0);
	fflush(stdout);
	o.pid = fork();
	if (o.pid == 0) {
		struct supervise s;
		struct error e = { 0 };
		int status = -1;

		if (supervise_begin(&s, false, &e) < 0)
			_exit(200);
		kill(getpid(), SIGTERM);
		pid_t pid = fork();

		if (pid == 0)
			contained("sleep 20", -1);
		int pidfd = sys_pidfd_open(pid, 0);

		supervise_wait(&s, pid, pidfd, -1, &status, &e);
		supervise_end(&s);
		_exit(status);
	}
	o.in = in[1];
	o.out = in[0];
	check_int(end(), 128 + SIGTERM);
}

static void all_output_arrives_at_a_slow_reader(void)
{
	start_on_null("seq 1 30000", TTY);
	struct timespec wait = { .tv_nsec = 200000000 };

	nanosleep(&wait, NULL); /* every buffer on the way is full now */
	check(see(NULL));
	check_int(end(), 0);
	check_int(o.len, 168894);
	check(o.len > 6 && strcmp(o.text + o.len - 6, "30000\n") == 0);
}

static void output_just_before_the_end_arrives(void)
{
	for (int i = 0; i < 20; i++) {
		start_on_null("head -c 3000 /dev/zero | tr '\\0' x; echo end", TTY);
		check(see(NULL));
		check_int(end(), 0);
		check_int(o.len, 3004);
	}
}

static void the_users_terminal_is_raw_and_then_as_before(void)
{
	struct termios during, end_modes;
	int slave = start_on_terminal("echo ready; read x; echo \"[$x]\"; exit 3", TTY | FOREIGN);
	auto_close int terminal = dup(o.in); /* end() closes the others, and that is a hang-up */

	must(terminal >= 0 && see("ready\r\n")); /* the newline translated by the user's terminal */
	must(tcgetattr(slave, &during) == 0);
	check(!(during.c_lflag & (ICANON | ECHO | ISIG)));
	check(during.c_oflag & OPOST);
	type("hello\r");
	check(see("[hello]"));
	check_int(end(), 3);
	must(tcgetattr(slave, &end_modes) == 0);
	check_int(end_modes.c_lflag, before.c_lflag);
	check_int(end_modes.c_oflag, before.c_oflag);
	check_int(end_modes.c_iflag, before.c_iflag);
	close(slave);
}

static void control_c_is_for_the_container(void)
{
	int slave = start_on_terminal("trap 'echo caught; exit 9' INT; echo ready; read x", TTY);

	must(see("ready"));
	type("\003");
	check(see("caught"));
	check_int(end(), 9);
	close(slave);
}

static void a_fault_of_ours_restores_the_terminal(void)
{
	struct termios t;
	int slave = start_on_terminal("echo ready; exec sleep 20", TTY | FOREIGN);
	auto_close int terminal = dup(o.in);

	must(terminal >= 0 && see("ready"));
	must(tcgetattr(slave, &t) == 0);
	check(!(t.c_lflag & ICANON));
	kill(o.pid, SIGSYS); /* not one that sanitizers have a long report for */
	check_int(end(), 1000 + SIGSYS);
	must(tcgetattr(slave, &t) == 0);
	check(t.c_lflag & ICANON);
	check(t.c_lflag & ECHO);
	close(slave);
}

static void the_size_of_the_window_follows(void)
{
	const struct winsize larger = { .ws_row = 44, .ws_col = 99 };
	int slave = start_on_terminal("trap 'stty size; exit' WINCH; stty size; echo ready;"
				      "while :; do sleep 0.05; done",
				      TTY);

	must(see("ready"));
	check(strstr(o.text, "33 77") != NULL);
	ioctl(o.in, TIOCSWINSZ, &larger);
	kill(o.pid, SIGWINCH); /* the kernel's own goes to a foreground process group */
	check(see("44 99"));
	check_int(end(), 0);
	close(slave);
}

static void a_terminal_works_without_input(void)
{
	start_on_null("sleep 0.1; tty; echo done", TTY);
	check(see(NULL));
	check(strstr(o.text, "/dev/pts/") == o.text);
	check(strstr(o.text, "done\n") != NULL);
	check_int(end(), 0);
}

/* /dev/null is no input; a pipe that is closed is the end of one. */
static void the_end_of_a_pipe_is_the_end_for_the_program(void)
{
	start_on_pipes("stty -echo; echo ready; cat; echo end of file", TTY);
	must(see("ready"));
	type("one\n");
	check(see("one\n"));
	fd_close(&o.in);
	check(see("end of file\n"));
	check_int(end(), 0);

	start_on_pipes("stty -echo; echo ready; cat; echo end of file", TTY);
	must(see("ready"));
	type("no newline");
	fd_close(&o.in);
	check(see("no newlineend of file\n"));
	check_int(end(), 0);
}

static void large_input_arrives(void)
{
	char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789\n";

	start_on_pipes("stty -echo; echo ready; cat | wc -c", TTY);
	must(see("ready"));
	for (int i = 0; i < 2000; i++)
		type(line);
	fd_close(&o.in);
	check(see("142000\n"));
	check_int(end(), 0);
}

/* The reader of our output ends, as `| head` does: the program goes on. */
static void a_reader_that_goes_away_does_not_stop_the_program(void)
{
	start_on_null("echo ready; sleep 0.2; seq 1 100000; exit 6", TTY);
	must(see("ready"));
	fd_close(&o.out);
	check_int(end(), 6);
}

/* Without its terminal for a while; that must neither end the terminal nor cost us any time. */
static void a_program_may_close_its_terminal_and_open_it_again(void)
{
	start_on_pipes("exec <&- >&- 2>&-; sleep 0.5; exec >/dev/tty; echo back; sleep 0.5",
		       TTY | RETURN_CPU);
	check(see("back\n"));
	check(end() <= 2); /* tenths of a second, also with a sanitizer */
}

static void orphans_are_reaped(void)
{
	char path[64], children[256] = "";
	pid_t orphan = 0;

	start_on_pipes("p=$(sh -c 'sleep 0.1 >&2 & echo $!'); echo $p;"
		       "while kill -0 $p 2>&-; do sleep 0.02; done; echo look; read x",
		       SUBREAPER);
	must(see("look\n"));
	must(sscanf(o.text, "%d", &orphan) == 1);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", o.pid, o.pid);
	FILE *f = fopen(path, "re");

	must(f);
	char *got = fgets(children, sizeof(children), f);

	fclose(f);
	check(got && strchr(got, ' ') && strchr(got, ' ')[1] == '\0'); /* just one */
	check(got && atoi(got) != orphan);
	type("\n");
	check_int(end(), 0);
}

static void a_process_that_is_not_our_child_is_an_error(void)
{
	struct supervise s;
	struct error e = { 0 };
	int ends[2], status = 0;
	pid_t grandchild = 0;

	must(pipe2(ends, O_CLOEXEC) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		grandchild = fork();
		if (grandchild == 0) {
			poll(NULL, 0, 200);
			_exit(0);
		}
		_exit(write(ends[1], &grandchild, sizeof(grandchild)) < 0);
	}
	must(read(ends[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
	auto_close int pidfd = sys_pidfd_open(grandchild, 0);

	waitpid(pid, NULL, 0);
	must(supervise_begin(&s, false, &e) == 0);
	check_int(supervise_wait(&s, grandchild, pidfd, -1, &status, &e), -ECHILD);
	check_str(e.hint, "it is not a child of this process");
	supervise_end(&s);
	close(ends[0]);
	close(ends[1]);
}

static void notify_messages_are_passed_on_meanwhile(void)
{
	char dir[] = "/tmp/ocirt-supervise-XXXXXX", text[64] = "";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct supervise s;
	struct error e = { 0 };
	int status = -1;

	must(mkdtemp(dir));
	auto_close int state = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int host = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/host", dir);
	must(bind(host, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	must(supervise_begin(&s, false, &e) == 0);
	auto_close int notify = notify_open(state, &e);
	pid_t pid = fork();

	if (pid == 0) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };
		int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		snprintf(to.sun_path, sizeof(to.sun_path), "%s/notify/notify.sock", dir);
		_exit(sendto(sock, "READY=1", 7, 0, (struct sockaddr *)&to, sizeof(to)) != 7);
	}
	auto_close int pidfd = sys_pidfd_open(pid, 0);

	s.notify_fd = notify;
	s.notify_socket = addr.sun_path;
	check_int(supervise_wait(&s, pid, pidfd, -1, &status, &e), 0);
	supervise_end(&s);
	check_int(status, 0);
	check_int(recv(host, text, sizeof(text) - 1, MSG_DONTWAIT), 8);
	check_str(text, "READY=1\n");
	unlinkat(state, "notify/notify.sock", 0);
	unlinkat(state, "notify", AT_REMOVEDIR);
	unlinkat(state, "host", 0);
	rmdir(dir);
}

static const struct test tests[] = {
	TEST(an_exit_status_is_kept),
	TEST(a_signal_is_128_more),
	TEST(signals_are_passed_on),
	TEST(a_signal_that_comes_early_is_passed_on),
	TEST(all_output_arrives_at_a_slow_reader),
	TEST(output_just_before_the_end_arrives),
	TEST(the_users_terminal_is_raw_and_then_as_before),
	TEST(control_c_is_for_the_container),
	TEST(a_fault_of_ours_restores_the_terminal),
	TEST(the_size_of_the_window_follows),
	TEST(a_terminal_works_without_input),
	TEST(the_end_of_a_pipe_is_the_end_for_the_program),
	TEST(large_input_arrives),
	TEST(a_reader_that_goes_away_does_not_stop_the_program),
	TEST(a_program_may_close_its_terminal_and_open_it_again),
	TEST(orphans_are_reaped),
	TEST(a_process_that_is_not_our_child_is_an_error),
	TEST(notify_messages_are_passed_on_meanwhile),
};

TEST_MAIN(tests)
