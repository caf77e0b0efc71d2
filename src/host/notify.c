/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notify.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define DEADLINE 5 /* seconds, for what the service manager has to do */

/* Words that say how the container is. Not: those that hand over descriptors (FDSTORE) or change
 * what the service manager does with others. MAINPID and BARRIER are dealt with below. */
static const char *const passed[] = {
	"READY=", "RELOADING=", "STOPPING=", "MONOTONIC_USEC=",      "STATUS=",
	"ERRNO=", "BUSERROR=",  "WATCHDOG=", "EXTEND_TIMEOUT_USEC=", "WATCHDOG_USEC=",
};

int notify_prepare(int state_dir, struct error *e)
{
	mode_t mask = umask(0); /* any user of the container must get to the socket */
	int r = (int)nerrno(mkdirat(state_dir, NOTIFY_DIRECTORY, 0755));

	umask(mask);
	if (r < 0 && r != -EEXIST)
		return fail(e, r, "cannot make the directory for NOTIFY_SOCKET");
	return 0;
}

int notify_open(int state_dir, struct error *e)
{
	static const char name[] = "notify.sock";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r = notify_prepare(state_dir, e);

	if (r < 0)
		return r;
	auto_close int dir =
		openat(state_dir, NOTIFY_DIRECTORY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (dir < 0 || sock < 0)
		return fail(e, errno, "cannot make the socket for NOTIFY_SOCKET");
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return fail(e, errno, "cannot replace the socket for NOTIFY_SOCKET");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir, name);
	mode_t mask = umask(0);

	r = (int)nerrno(bind(sock, (struct sockaddr *)&addr, sizeof(addr)));
	umask(mask);
	if (r < 0)
		return fail(e, r, "cannot bind the socket for NOTIFY_SOCKET");
	return fd_take(&sock);
}

/* ---- pids ------------------------------------------------------------------------------------ */

/* "pid:[4026531836]" of a process. */
static int pid_namespace(pid_t pid, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	ssize_t n = readlink(path, out, size - 1);

	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

/* The pid of a process in the innermost of its namespaces; 0 when unknown. */
static uint64_t inner_pid(pid_t pid)
{
	char path[64], status[8192];
	uint64_t inner = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, status, sizeof(status)) < 0)
		return 0;
	const char *line = strstr(status, "\nNSpid:");

	if (!line)
		return 0;
	line += strlen("\nNSpid:");
	const char *end = line + strcspn(line, "\n"), *last = end;

	while (last > line && last[-1] != '\t')
		last--;
	return number_u64_n(last, (size_t)(end - last), INT_MAX, &inner) == 0 ? inner : 0;
}

/*
 * The host's pid of the container's process `inner`, 0 when there is none. Where the container has
 * no pid namespace of its own it could name any process of the host: then only its first one.
 */
static pid_t host_pid(pid_t first, uint64_t inner)
{
	char theirs[64], ours[64], other[64];
	struct dirent *entry;
	pid_t found = 0;

	if (pid_namespace(first, theirs, sizeof(theirs)) < 0 ||
	    pid_namespace(getpid(), ours, sizeof(ours)) < 0)
		return 0;
	if (streq(ours, theirs))
		return inner == (uint64_t)first ? first : 0;
	if (inner_pid(first) == inner)
		return first;

	DIR *proc = opendir("/proc");

	while (proc && !found && dir_next(proc, &entry) > 0) {
		uint64_t pid;

		if (number_u64(entry->d_name, INT_MAX, &pid) == 0 &&
		    pid_namespace((pid_t)pid, other, sizeof(other)) == 0 && streq(other, theirs) &&
		    inner_pid((pid_t)pid) == inner)
			found = (pid_t)pid;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* ---- to the host ----------------------------------------------------------------------------- */

/* Abstract with a leading '@'; a path too long for sun_path goes through a descriptor of it. */
static int host_address(const char *text, struct sockaddr_un *addr, socklen_t *len, int *held)
{
	size_t n = strlen(text);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (*text != '/' && *text != '@')
		return -EAFNOSUPPORT;
	if (n < sizeof(addr->sun_path)) {
		memcpy(addr->sun_path, text, n + 1);
	} else {
		*held = *text == '/' ? open(text, O_PATH | O_CLOEXEC) : -1;
		if (*held < 0)
			return *text == '/' ? -errno : -ENAMETOOLONG;
		snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d", *held);
	}
	*len = sizeof(*addr);
	if (*text == '@') {
		addr->sun_path[0] = '\0';
		*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	return 0;
}

/* One message, with a descriptor unless fd is -1. */
static int send_host(const char *host_socket, const char *text, size_t len, int fd)
{
	const struct timeval limit = { .tv_sec = DEADLINE };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct sockaddr_un addr;
	struct iovec part = { .iov_base = (char *)text, .iov_len = len };
	struct msghdr message = { .msg_name = &addr, .msg_iov = &part, .msg_iovlen = 1 };
	auto_close int held = -1;
	auto_close int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	int r = host_address(host_socket, &addr, &message.msg_namelen, &held);

	if (r < 0)
		return r;
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	while (sendmsg(sock, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static void send_or_warn(const char *host_socket, const char *text, size_t len, int fd)
{
	int r = send_host(host_socket, text, len, fd);

	if (r < 0)
		log_warning("NOTIFY_SOCKET: cannot send to '%s': %s", host_socket, strerror(-r));
}

/* Wait until everything sent before has been dealt with: the service manager closes the write end
 * of a pipe when it comes to it. */
static void barrier(const char *host_socket)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	int r = send_host(host_socket, "BARRIER=1", strlen("BARRIER=1"), ends[1]);
	struct pollfd end = { .fd = ends[0], .events = 0 };

	close(ends[1]);
	if (r == 0 && poll(&end, 1, DEADLINE * 1000) == 0)
		log_warning("NOTIFY_SOCKET: '%s' did not answer within %d seconds", host_socket,
			    DEADLINE);
	close(ends[0]);
}

/* ---- from the container ---------------------------------------------------------------------- */

struct outgoing {
	char text[4096 + 32]; /* room for a MAINPID that grows */
	size_t len;
	bool ready, main_pid, barrier;
};

static void add(struct outgoing *o, const char *line, size_t n)
{
	if (o->len + n + 1 > sizeof(o->text))
		return;
	memcpy(o->text + o->len, line, n);
	o->text[o->len + n] = '\n';
	o->len += n + 1;
}

static void add_main_pid(struct outgoing *o, pid_t pid)
{
	char line[32];

	add(o, line, (size_t)snprintf(line, sizeof(line), "MAINPID=%d", pid));
	o->main_pid = true;
}

/* `line` ends with NUL. */
static void judge(struct outgoing *o, const char *line, pid_t first)
{
	const char *value = after(line, "MAINPID=");
	uint64_t inner;

	if (value) {
		pid_t pid = number_u64(value, INT_MAX, &inner) == 0 ? host_pid(first, inner) : 0;

		if (pid > 0)
			add_main_pid(o, pid);
		return;
	}
	o->ready |= streq(line, "READY=1");
	o->barrier |= streq(line, "BARRIER=1");
	for (size_t i = 0; i < array_len(passed); i++)
		if (after(line, passed[i]))
			add(o, line, strlen(line));
}

/* The first descriptor that came along, the others are closed. */
static int take_fd(struct msghdr *m)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

/* One message. 1: READY=1 was in it; -EAGAIN: there is none. */
static int forward_one(int fd, const char *host_socket, pid_t first, bool adopt)
{
	char text[4096], space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	struct outgoing o = { .len = 0 };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	auto_close int passed_fd = take_fd(&m);

	if (m.msg_flags & MSG_TRUNC)
		return 0; /* as the service manager does */
	text[n] = '\0';
	for (char *line = text; line < text + n;) {
		char *end = line + strcspn(line, "\n");

		*end = '\0';
		judge(&o, line, first);
		line = end + 1;
	}
	if (o.ready && adopt && !o.main_pid)
		add_main_pid(&o, first);
	if (o.len > 0)
		send_or_warn(host_socket, o.text, o.len, -1);
	/* Whoever waits inside is let go by the host, or by our closing it when that fails. */
	if (o.barrier && passed_fd >= 0)
		send_or_warn(host_socket, "BARRIER=1", strlen("BARRIER=1"), passed_fd);
	return o.ready;
}

int notify_forward(int fd, const char *host_socket, pid_t pid, bool adopt)
{
	bool ready = false;

	/* Not for ever: a container that sends without end must not keep us from signals. */
	for (int i = 0; i < 64; i++) {
		int r = forward_one(fd, host_socket, pid, adopt);

		if (r < 0 && r != -EINTR)
			break;
		ready |= r == 1;
	}
	return ready;
}

int notify_wait_ready(int fd, int pidfd, const char *host_socket, pid_t pid, struct error *e)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	for (;;) {
		if (poll(fds, array_len(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return fail(e, errno, "cannot wait for READY=1 of the container");
		}
		/* Also when the process ended: what it said before counts. */
		if (notify_forward(fd, host_socket, pid, true)) {
			barrier(host_socket);
			return 0;
		}
		if (fds[1].revents)
			return 1;
	}
}
