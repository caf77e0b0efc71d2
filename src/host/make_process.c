/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make_process -- ocirt-init of a container: what it is given, started, waited for, told of.
 */
#include "host/making.h"

#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

int begin_process(struct making *m, struct error *e)
{
	/* One more: the socket that `start` connects to. */
	int r = child_init(&m->child, m->plan, &m->arena, sources_most(m->plan) + 1, e);

	m->child.maps = m->config->linux;
	m->child.container = &m->c;
	return r;
}

int open_process(struct making *m, struct error *e)
{
	return child_connect(&m->child, m->o->console_socket, m->o->pidfd_socket, e);
}

/* The socket that `start` connects to. Bound through the directory's descriptor: sun_path is short. */
static int listen_for_start(struct making *m, struct error *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (m->kind != PLAN_CREATE)
		return 0;
	m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/start", m->c.dir);
	if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(m->listener, 8) < 0)
		return fail(e, errno, "cannot make the socket for 'start'");
	m->plan->listen_fd = child_keep(&m->child, m->listener);
	return 0;
}

int start_process(struct making *m, struct error *e)
{
	int r = listen_for_start(m, e);

	if (r < 0)
		return r;
	r = child_start(&m->child, e);
	sources_close(&m->sources);
	fd_close(&m->listener);
	m->c.record.state->pid = (struct opt_i32){ m->child.pid > 0, m->child.pid };
	return r;
}

int await_process(struct making *m, struct error *e)
{
	struct cgroup_trouble trouble;
	int r = child_attend(&m->child, e);

	if (r < 0 && out_of_memory(m, &trouble))
		hint(e,
		     "the kernel killed it for lack of memory: linux.resources.memory.limit is %" PRIu64
		     " bytes",
		     trouble.memory_limit);
	return r;
}

int announce_process(struct making *m, struct error *e)
{
	return child_announce(&m->child, m->o->pid_file, e);
}

int kill_process(struct making *m, struct error *e)
{
	(void)e;
	child_kill(&m->child);
	return 0;
}
