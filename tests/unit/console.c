/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host/console.c against sockets of a temporary directory. */
#include "check.h"

#include "base/util.h"
#include "host/console.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char dir[] = "/tmp/ocirt-console-XXXXXX";
static char path[512];

/* A socket of that type, bound and named in `path`; below a directory with a long name if asked. */
static int bound(int type, bool far, bool listening)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(dir, "/tmp/ocirt-console-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dir);
	snprintf(path, sizeof(path), "%s/socket", dir);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (listening && listen(sock, 1) < 0))
		return -1;
	if (far) {
		char long_path[512];

		snprintf(long_path, sizeof(long_path), "%s/%0200d", dir, 0);
		if (mkdir(long_path, 0700) < 0)
			return -1;
		snprintf(long_path, sizeof(long_path), "%s/%0200d/socket", dir, 0);
		if (rename(path, long_path) < 0)
			return -1;
		strcpy(path, long_path);
	}
	return sock;
}

static void clean_up(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

static void fd_arrives(bool far, const char *data)
{
	char got[70000], space[CMSG_SPACE(sizeof(int))];
	struct iovec part = { got, sizeof(got) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	auto_close int listener = bound(SOCK_STREAM, far, true), pipe_read = -1, pipe_write = -1;
	struct error e = { 0 };
	int ends[2], sent = -1;

	must(listener >= 0 && pipe2(ends, O_CLOEXEC) == 0);
	pipe_read = ends[0];
	pipe_write = ends[1];
	auto_close int sock = socket_connect(path, "--console-socket", &e);

	check_str(e.text, "");
	must(sock >= 0);
	check(fcntl(sock, F_GETFD) & FD_CLOEXEC);
	auto_close int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	check_int(socket_send_fd(sock, pipe_write, data, "--console-socket", &e), 0);
	must(recvmsg(peer, &m, MSG_CMSG_CLOEXEC) > 0);
	check(strncmp(got, data, 9) == 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	must(c && c->cmsg_type == SCM_RIGHTS);
	memcpy(&sent, CMSG_DATA(c), sizeof(sent));
	check_int(write(sent, "x", 1), 1);
	check_int(read(pipe_read, got, 1), 1);
	close(sent);
	clean_up();
}

static void a_descriptor_arrives_with_its_name(void)
{
	fd_arrives(false, "/dev/pts/0");
}

static void a_path_beyond_sun_path_works(void)
{
	fd_arrives(true, "/dev/pts/0");
}

static void long_data_arrives_whole(void)
{
	static char data[60000];

	memset(data, 'j', sizeof(data) - 1);
	fd_arrives(false, data);
}

static void a_relative_path_is_the_callers(void)
{
	auto_close int listener = bound(SOCK_STREAM, false, true);
	auto_close int before = open(".", O_PATH | O_CLOEXEC);
	struct error e = { 0 };

	must(listener >= 0 && before >= 0 && chdir(dir) == 0);
	auto_close int sock = socket_connect("socket", "--pidfd-socket", &e);

	check(sock >= 0);
	check(fchdir(before) == 0);
	clean_up();
}

static void a_missing_socket_is_named(void)
{
	struct error e = { 0 };

	check_int(socket_connect("/no/such/socket", "--console-socket", &e), -ENOENT);
	check_str(e.text, "--console-socket: cannot connect to '/no/such/socket': No such file or "
			  "directory");
	check(e.hint[0]);
}

static void what_does_not_listen_is_told_from_what_is_no_socket(void)
{
	auto_close int sock = bound(SOCK_STREAM, false, false);
	struct error e = { 0 };

	must(sock >= 0);
	check_int(socket_connect(path, "--console-socket", &e), -ECONNREFUSED);
	check_str(e.hint, "nobody listens on it any more");
	clean_up();
	check_int(socket_connect("/etc/passwd", "--console-socket", &e), -ECONNREFUSED);
	check_str(e.hint, "it is not a socket");
	check(socket_connect("", "--console-socket", &e) < 0);
	check_str(e.text, "--console-socket: the path is empty");
}

static void a_datagram_socket_is_told(void)
{
	auto_close int sock = bound(SOCK_DGRAM, true, false);
	struct error e = { 0 };

	must(sock >= 0);
	check_int(socket_connect(path, "--pidfd-socket", &e), -EPROTOTYPE);
	check_str(e.hint, "it is not a stream socket (SOCK_STREAM)");
	clean_up();
}

/* SIGPIPE would end this program. */
static void a_closed_peer_is_an_error_and_no_signal(void)
{
	struct error e = { 0 };
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	close(pair[1]);
	check_int(socket_send_fd(pair[0], 0, "x", "--console-socket", &e), -EPIPE);
	check_str(e.text, "--console-socket: cannot send the descriptor: Broken pipe");
	close(pair[0]);
}

static const struct test tests[] = {
	TEST(a_descriptor_arrives_with_its_name),
	TEST(a_path_beyond_sun_path_works),
	TEST(long_data_arrives_whole),
	TEST(a_relative_path_is_the_callers),
	TEST(a_missing_socket_is_named),
	TEST(what_does_not_listen_is_told_from_what_is_no_socket),
	TEST(a_datagram_socket_is_told),
	TEST(a_closed_peer_is_an_error_and_no_signal),
};

TEST_MAIN(tests)
