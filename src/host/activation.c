/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "activation.h"

#include "base/number.h"
#include "host/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How many descriptors the service manager passed to just this process; 0: none. */
static int listen_fds(struct error *e)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n, whose;

	if (!fds || !*fds)
		return 0;
	if (pid && *pid && (number_u64(pid, INT32_MAX, &whose) < 0 || (pid_t)whose != getpid()))
		return 0;
	if (number_u64(fds, 4096, &n) < 0)
		return fail(e, 0, "LISTEN_FDS: '%s' is not a number of descriptors", fds);
	return (int)n;
}

/*
 * What came to us through execve(2) is not close-on-exec, and all that we open is. So a descriptor
 * that is, is one of ours which took the number that the caller left free: the program would get the
 * bundle, the state directory or a cgroup of the host.
 */
static int check_preserved(int preserve, int listen, struct error *e)
{
	for (int fd = 3; fd < 3 + listen + preserve; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			continue;
		fail(e, EBADF, "%s: descriptor %d is not open",
		     fd < 3 + listen ? "LISTEN_FDS" : "--preserve-fds", fd);
		return hint(e,
			    "%d of LISTEN_FDS and %d of --preserve-fds are to be kept, from 3 on",
			    listen, preserve);
	}
	return 0;
}

int activation_read(struct arena *a, int preserve_fds, bool notify, struct activation *out,
		    struct error *e)
{
	const char *manager = notify ? getenv("NOTIFY_SOCKET") : NULL;
	const char *names = getenv("LISTEN_FDNAMES");
	int n = listen_fds(e);

	if (n < 0)
		return n;
	int r = check_preserved(preserve_fds, n, e);

	if (r < 0)
		return r;
	const char **env = arena_new_array(a, const char *, 5);

	if (!env)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	*out = (struct activation){ .preserve_fds = preserve_fds + n, .env = env };
	if (manager && *manager) {
		out->notify_socket = manager;
		*env++ = "NOTIFY_SOCKET=" NOTIFY_PATH;
	}
	if (!n)
		return 0;
	*env++ = arena_printf(a, "LISTEN_FDS=%d", n);
	*env++ = "LISTEN_PID=1"; /* the program will be that, in a pid namespace */
	if (names)
		*env++ = arena_printf(a, "LISTEN_FDNAMES=%s", names);
	return 0;
}
