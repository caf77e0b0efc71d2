/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host/notify.c between a container's end and a service manager's end, both held by the test. */
#include "check.h"

#include "base/sys.h"
#include "host/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char dir[] = "/tmp/ocirt-notify-XXXXXX";
static char host_path[64];
static int state_dir = -1, inside = -1, host = -1;

static int connected(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (sock >= 0 && connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fd_close(&sock);
	return sock;
}

/* The service manager's socket, ours in a new state directory, and the container's end of it. */
static bool open_all(int *fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[64];
	struct error e = { 0 };

	strcpy(dir, "/tmp/ocirt-notify-XXXXXX");
	if (!mkdtemp(dir))
		return false;
	state_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(host_path, sizeof(host_path), "%s/host", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", host_path);
	host = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(host, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return false;
	*fd = notify_open(state_dir, &e);
	check_str(e.text, "");
	snprintf(path, sizeof(path), "%s/notify/notify.sock", dir);
	inside = connected(path);
	return *fd >= 0 && inside >= 0;
}

static void close_all(void)
{
	unlinkat(state_dir, "notify/notify.sock", 0);
	unlinkat(state_dir, "notify", AT_REMOVEDIR);
	unlinkat(state_dir, "host", 0);
	rmdir(dir);
	fd_close(&state_dir);
	fd_close(&inside);
	fd_close(&host);
}

static void say(const char *text)
{
	check_int(send(inside, text, strlen(text), 0), (ssize_t)strlen(text));
}

static const char *heard(void)
{
	static char text[8192];
	ssize_t n = recv(host, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[MAX(n, 0)] = '\0';
	return n < 0 ? NULL : text;
}

static void status_passes_and_ready_is_told(void)
{
	auto_close int fd = -1;

	must(open_all(&fd));
	say("STATUS=half way");
	check_int(notify_forward(fd, host_path, getpid(), false), 0);
	check_str(heard(), "STATUS=half way\n");
	say("X_OWN=1\nREADY=1\nFDSTORE=1\nFDNAME=x");
	check_int(notify_forward(fd, host_path, getpid(), false), 1);
	check_str(heard(), "READY=1\n");
	check_int(notify_forward(fd, host_path, getpid(), false), 0);
	check(heard() == NULL);
	close_all();
}

static void a_message_of_nothing_allowed_is_not_passed(void)
{
	auto_close int fd = -1;

	must(open_all(&fd));
	say("NOTIFYACCESS=all\nFDSTORE=1");
	say("");
	say("MAINPID=junk");
	check_int(notify_forward(fd, host_path, getpid(), true), 0);
	check(heard() == NULL);
	close_all();
}

static void any_user_can_send_whatever_the_umask(void)
{
	mode_t before = umask(077);
	auto_close int fd = -1;
	struct stat st;

	must(open_all(&fd));
	umask(before);
	check(fstatat(state_dir, "notify", &st, 0) == 0 && (st.st_mode & 0777) == 0755);
	check(fstatat(state_dir, "notify/notify.sock", &st, 0) == 0 && (st.st_mode & 0222) == 0222);
	close_all();
}

/* `start` is another process than `create` was. */
static void a_second_open_takes_over(void)
{
	auto_close int fd = -1, again = -1;
	struct error e = { 0 };
	char path[64];

	must(open_all(&fd));
	fd_close(&fd);
	again = notify_open(state_dir, &e);
	check_str(e.text, "");
	fd_close(&inside);
	snprintf(path, sizeof(path), "%s/notify/notify.sock", dir);
	inside = connected(path);
	say("READY=1");
	check_int(notify_forward(again, host_path, getpid(), false), 1);
	close_all();
}

/* Without a pid namespace a container could name any process of the host. */
static void mainpid_of_a_strange_process_is_dropped(void)
{
	auto_close int fd = -1;
	char want[64];

	must(open_all(&fd));
	say("MAINPID=1\nSTATUS=x");
	notify_forward(fd, host_path, getpid(), false);
	check_str(heard(), "STATUS=x\n");
	snprintf(want, sizeof(want), "MAINPID=%d\n", getpid());
	say(want);
	notify_forward(fd, host_path, getpid(), false);
	check_str(heard(), want);
	close_all();
}

struct inner {
	pid_t first, second; /* as seen from here */
};

static int sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* Makes process 2, says so, sleeps. */
static int first_process(void *ready)
{
	char stack[16384] __attribute__((aligned(16)));

	if (clone(sleeper, stack + sizeof(stack), SIGCHLD, NULL) != 2 ||
	    write(*(int *)ready, "", 1) != 1)
		return 1;
	return sleeper(NULL);
}

static bool pid_namespace(struct inner *out)
{
	static char stack[65536] __attribute__((aligned(16)));
	char path[64];
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return false;
	out->first = clone(first_process, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, &ready[1]);
	close(ready[1]);
	bool ok = out->first > 0 && read(ready[0], path, 1) == 1;

	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", out->first, out->first);
	FILE *f = fopen(path, "re");

	ok = ok && f && fscanf(f, "%d", &out->second) == 1;
	if (f)
		fclose(f);
	return ok;
}

static void mainpid_is_translated(void)
{
	auto_close int fd = -1;
	struct inner p = { 0 };
	char want[64];

	if (geteuid() != 0)
		skip("needs root");
	must(pid_namespace(&p));
	must(open_all(&fd));
	say("MAINPID=2");
	notify_forward(fd, host_path, p.first, false);
	snprintf(want, sizeof(want), "MAINPID=%d\n", p.second);
	check_str(heard(), want);
	say("MAINPID=1");
	notify_forward(fd, host_path, p.first, false);
	snprintf(want, sizeof(want), "MAINPID=%d\n", p.first);
	check_str(heard(), want);
	say("MAINPID=3");
	notify_forward(fd, host_path, p.first, false);
	check(heard() == NULL);
	kill(p.first, SIGKILL);
	waitpid(p.first, NULL, 0);
	close_all();
}

/* sd_notify_barrier(3): the sender waits until the other end of its pipe is closed. */
static void a_barrier_is_let_go_by_the_host(void)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 }, text[64] = "BARRIER=1";
	struct iovec part = { text, 9 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	auto_close int fd = -1;
	int ends[2], got;

	must(open_all(&fd) && pipe2(ends, O_CLOEXEC) == 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ends[1], sizeof(int));
	check_int(sendmsg(inside, &m, 0), 9);
	close(ends[1]);

	struct pollfd end = { .fd = ends[0] };

	check_int(poll(&end, 1, 0), 0);
	notify_forward(fd, host_path, getpid(), false);
	check_int(poll(&end, 1, 0), 0); /* the host has it, unread */
	part = (struct iovec){ text, sizeof(text) };
	m.msg_controllen = sizeof(space);
	check_int(recvmsg(host, &m, MSG_CMSG_CLOEXEC), 9);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
	close(got);
	check_int(poll(&end, 1, 0), 1);
	close(ends[0]);
	close_all();
}

static void start_waits_for_ready_and_names_the_main_process(void)
{
	auto_close int fd = -1;
	char want[64];
	struct error e = { 0 };

	must(open_all(&fd));
	auto_close int pidfd = sys_pidfd_open(getpid(), 0);

	say("STATUS=warm");
	say("READY=1");
	/* The service manager: reads all and lets go of the barrier. */
	pid_t manager = fork();

	if (manager == 0) {
		struct pollfd p = { .fd = host, .events = POLLIN };
		char text[64];
		int n = 0;

		while (n < 3 && poll(&p, 1, 3000) == 1 &&
		       recv(host, text, sizeof(text), MSG_PEEK) > 0) {
			if (n == 2)
				_exit(strncmp(text, "BARRIER=1", 9) != 0);
			recv(host, text, sizeof(text), 0);
			text[63] = '\0';
			snprintf(want, sizeof(want), "READY=1\nMAINPID=%d\n", getppid());
			if (n == 1 && strncmp(text, want, strlen(want)) != 0)
				_exit(2);
			n++;
		}
		_exit(3);
	}
	close(host); /* or the barrier's descriptor would live on in its queue */
	host = -1;
	check_int(notify_wait_ready(fd, pidfd, host_path, getpid(), &e), 0);
	int status = -1;

	waitpid(manager, &status, 0);
	check_int(status, 0);
	close_all();
}

static void start_ends_when_the_process_does(void)
{
	auto_close int fd = -1;
	struct error e = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	must(open_all(&fd));
	auto_close int pidfd = sys_pidfd_open(pid, 0);

	check_int(notify_wait_ready(fd, pidfd, host_path, pid, &e), 1);
	waitpid(pid, NULL, 0);
	close_all();
}

/* A service manager that is gone must not stop a container: warnings on standard error. */
static void a_host_that_does_not_listen_is_only_a_warning(void)
{
	auto_close int fd = -1;

	must(open_all(&fd));
	say("READY=1");
	check_int(notify_forward(fd, "/no/such/notify", getpid(), false), 1);
	say("READY=1");
	check_int(notify_forward(fd, "vsock:2:1234", getpid(), false), 1);
	close_all();
}

static const struct test tests[] = {
	TEST(status_passes_and_ready_is_told),
	TEST(a_message_of_nothing_allowed_is_not_passed),
	TEST(any_user_can_send_whatever_the_umask),
	TEST(a_second_open_takes_over),
	TEST(mainpid_of_a_strange_process_is_dropped),
	TEST(a_barrier_is_let_go_by_the_host),
	TEST(start_waits_for_ready_and_names_the_main_process),
	TEST(start_ends_when_the_process_does),
	TEST(a_host_that_does_not_listen_is_only_a_warning),
	TEST(mainpid_is_translated),
};

TEST_MAIN(tests)
