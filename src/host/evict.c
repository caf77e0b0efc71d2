/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "evict.h"

#include "base/file.h"
#include "base/log.h"
#include "base/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define GRACE       5 /* seconds for an operation that is just under way */
#define LOCKS_LIMIT (16 << 20)

static void wake_up(int sig)
{
	(void)sig;
}

/* flock(2) knows no time limit but a signal. 0, -EINTR when the time was up, or -errno. */
static int lock_within(int fd, unsigned int seconds)
{
	struct sigaction before, wake = { .sa_handler = wake_up };

	sigaction(SIGALRM, &wake, &before);
	alarm(seconds);
	int r = flock(fd, LOCK_EX) < 0 ? -errno : 0;

	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	return r;
}

/* "7: FLOCK  ADVISORY  WRITE 4711 08:02:131090 0 EOF": who has one on this file; 0: nobody. */
static pid_t holder(const struct stat *st)
{
	auto_free char *text = NULL;
	unsigned int major, minor;
	unsigned long long inode;
	int pid;

	if (file_read_all(AT_FDCWD, "/proc/locks", LOCKS_LIMIT, &text) < 0)
		return 0;
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "%*[^:]: FLOCK %*s %*s %d %x:%x:%llu", &pid, &major, &minor,
			   &inode) == 4 &&
		    pid > 0 && inode == st->st_ino && makedev(major, minor) == st->st_dev)
			return pid;
	}
	return 0;
}

int evict_holder(const struct settings *s, const char *id, struct error *e)
{
	struct stat st;
	int r = container_check_id(id, e);

	if (r < 0)
		return r;
	auto_close int root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int dir =
		root < 0 ? -1 : openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0 || fstat(dir, &st) < 0)
		return 0; /* whoever opens it says why */
	for (pid_t pid; (r = lock_within(dir, GRACE)) == -EINTR && (pid = holder(&st)) > 0;) {
		auto_close int pidfd = sys_pidfd_open(pid, 0);

		/* Looked at again: the pid may have become somebody else's before it was held. */
		if (pidfd >= 0 && holder(&st) == pid) {
			log_warning(
				"process %d works on container '%s' and does not end: killing it",
				pid, id);
			sys_pidfd_send_signal(pidfd, SIGKILL);
		}
	}
	if (r == -EINTR) {
		fail(e, ETIMEDOUT, "another process works on it and does not end");
		return hint(e, "look at /proc/locks for who it is");
	}
	return r < 0 ? fail(e, r, "cannot lock its state directory") : 0;
}
