/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include "base/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

/*
 * How long the other side may take. On a unix socket the kernel waits this long by itself, both in
 * connect(2) for a full backlog and in sendmsg(2): O_NONBLOCK and poll(2) would not do, because
 * there is no event for "the backlog has room again".
 */
#define DEADLINE 10 /* seconds */

static int set_deadline(int sock)
{
	const struct timeval limit = { .tv_sec = DEADLINE };

	return (int)nerrno(setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
}

/*
 * The address of a socket file. sun_path has room for 107 bytes and paths of managers do not care:
 * a longer one goes through an O_PATH descriptor of the socket itself, left in *held.
 */
static int address(const char *path, struct sockaddr_un *addr, int *held)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(addr->sun_path)) {
		memcpy(addr->sun_path, path, strlen(path) + 1);
		return 0;
	}
	*held = open(path, O_PATH | O_CLOEXEC);
	if (*held < 0)
		return -errno;
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d", *held);
	return 0;
}

/* connect(2) says "connection refused" to everything that is there but does not listen. */
static int explain(const char *path, const char *option, int err, struct error *e)
{
	struct stat st;

	if (err == EAGAIN)
		return fail(e, ETIMEDOUT, "%s: nobody accepted on '%s' within %d seconds", option,
			    path, DEADLINE);
	fail(e, err, "%s: cannot connect to '%s'", option, path);
	if (stat(path, &st) < 0)
		return hint_if(e, ENOENT, "whoever wants the descriptor makes this socket first");
	if (!S_ISSOCK(st.st_mode))
		return hint(e, "it is not a socket");
	hint_if(e, EPROTOTYPE, "it is not a stream socket (SOCK_STREAM)");
	return hint_if(e, ECONNREFUSED, "nobody listens on it any more");
}

int socket_connect(const char *path, const char *option, struct error *e)
{
	auto_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int held = -1;
	struct sockaddr_un addr;

	if (!*path)
		return fail(e, 0, "%s: the path is empty", option);
	if (sock < 0)
		return fail(e, errno, "%s: cannot make a socket", option);
	int r = set_deadline(sock);

	if (r == 0)
		r = address(path, &addr, &held);
	while (r == 0 && connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		if (errno != EINTR)
			r = -errno;
	if (r < 0)
		return explain(path, option, -r, e);
	return fd_take(&sock);
}

int socket_send_fd(int sock, int fd, const char *data, const char *option, struct error *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (char *)data, .iov_len = strlen(data) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int r = set_deadline(sock);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	while (r == 0 && part.iov_len > 0) {
		ssize_t n = sendmsg(sock, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		part.iov_base = (char *)part.iov_base + n;
		part.iov_len -= (size_t)n;
		message.msg_control = NULL; /* the descriptor went with the first byte */
		message.msg_controllen = 0;
	}
	if (r == -EAGAIN)
		return fail(e, ETIMEDOUT, "%s: the other side did not read within %d seconds",
			    option, DEADLINE);
	if (r < 0) {
		fail(e, r, "%s: cannot send the descriptor", option);
		return hint_if(e, EPIPE, "the other side closed the connection");
	}
	return 0;
}
