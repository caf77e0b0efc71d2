/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "talk.h"

#include "../base/util.h"

#include <sys/socket.h>
#include <sys/uio.h>

union fd_message {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* The descriptor, and who sent it. */
union received_message {
	char buf[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

int talk_send(int sock, const struct talk_record *r, int fd)
{
	struct iovec iov = { .iov_base = (void *)r, .iov_len = sizeof(*r) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_message control = { 0 };

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	ssize_t n;

	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int talk_tell_sender(int sock)
{
	const int on = 1;

	return setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

int talk_receive(int sock, struct talk_record *r, int *fd)
{
	pid_t nobody;

	return talk_receive_from(sock, r, fd, &nobody);
}

int talk_receive_from(int sock, struct talk_record *r, int *fd, pid_t *sender)
{
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };
	union received_message control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct ucred from;
	ssize_t n;

	*fd = -1;
	*sender = 0;
	/*
	 * ECONNRESET says once that the other side has gone without reading everything. It comes before
	 * what that side had to say, which is still there: the reason why it has gone.
	 */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(fd, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
			 c->cmsg_len == CMSG_LEN(sizeof(from))) {
			memcpy(&from, CMSG_DATA(c), sizeof(from));
			*sender = from.pid;
		}
	if (n != sizeof(*r)) {
		fd_close(fd);
		return -EPROTO;
	}
	r->detail[sizeof(r->detail) - 1] = '\0';
	return 0;
}
