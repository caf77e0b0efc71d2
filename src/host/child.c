/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include "base/file.h"
#include "base/log.h"
#include "base/names.h"
#include "base/sys.h"
#include "base/weakened.h"
#include "host/console.h"
#include "host/idmap.h"
#include "host/spawn.h"
#include "host/state.h"
#include "host/supervise.h"
#include "host/words.h"
#include "plan/talk.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

int child_init(struct child *c, struct plan *plan, struct arena *arena, size_t more,
	       struct error *e)
{
	c->plan = plan;
	c->arena = arena;
	c->room = more + 2 + CGROUP_HIERARCHIES; /* the talk, procfs */
	plan->talk_fd = plan->listen_fd = plan->container_pidfd = -1;
	plan->n_keep = 0;
#ifdef WEAKENED
	plan->weakened = weakened;
#endif
	plan->keep = arena_new_array(arena, int, c->room);
	if (!plan->keep)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	c->proc = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->proc < 0)
		return fail(e, errno, "cannot open /proc");
	plan->proc_fd = child_keep(c, c->proc);
	return 0;
}

static int connect_if(const char *path, const char *option, int *out, struct error *e)
{
	if (path)
		*out = socket_connect(path, option, e);
	return path && *out < 0 ? *out : 0;
}

int child_connect(struct child *c, const char *console_socket, const char *pidfd_socket,
		  struct error *e)
{
	int r = connect_if(console_socket, "--console-socket", &c->console_socket, e);

	return r < 0 ? r : connect_if(pidfd_socket, "--pidfd-socket", &c->pidfd_socket, e);
}

int child_keep(struct child *c, int fd)
{
	if (fd >= 0 && c->plan->n_keep < c->room)
		((int *)c->plan->keep)[c->plan->n_keep++] = fd;
	return fd;
}

int child_enter_cgroup(struct child *c, struct cgroup *cgroup, struct error *e)
{
	c->cgroup = cgroup_v2_fd(cgroup);
	if (c->cgroup >= 0)
		return 0;
	int *fds = arena_new_array(c->arena, int, CGROUP_HIERARCHIES);

	if (!fds)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	c->plan->cgroup_tasks = fds;
	c->plan->n_cgroup_tasks = cgroup_self_join(cgroup, &c->cgroup, fds);
	for (size_t i = 0; i < c->plan->n_cgroup_tasks; i++)
		child_keep(c, fds[i]);
	c->born_in_v2 = c->cgroup >= 0;
	return 0;
}

bool child_outside(const struct child *c)
{
	return c->cgroup < 0 && (c->born_in_v2 || c->plan->n_cgroup_tasks == 0);
}

int child_start(struct child *c, struct error *e)
{
	int talk[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		return fail(e, errno, "cannot make a socket pair");
	auto_close int theirs = talk[1];

	c->talk = talk[0];
	if (c->plan->born_inside && (r = talk_tell_sender(c->talk)) < 0)
		return fail(e, r, "cannot set up the talk with ocirt-init");
	c->plan->talk_fd = child_keep(c, theirs);
	arena_set_root(c->arena, c->plan);
	r = arena_seal(c->arena);
	if (r < 0)
		return fail(e, r, "cannot seal the plan");

	struct spawn s = { .plan = c->plan,
			   .arena = c->arena->fd,
			   .cgroup = c->cgroup,
			   .userns = c->userns,
			   .pidns = c->pidns,
			   .preserve = c->plan->process ? c->plan->process->preserve_fds : 0 };

	r = spawn(&s, &c->pid, &c->pidfd, e);
	if (r == -EBUSY && s.cgroup >= 0) {
		/* A cgroup that has controllers below it takes no processes (cgroups(7), "no internal
		 * processes"): the caller finds another for it. */
		s.cgroup = c->cgroup = -1;
		r = spawn(&s, &c->pid, &c->pidfd, e);
	}
	for (size_t i = 0; i < c->plan->n_cgroup_tasks; i++)
		close(c->plan->cgroup_tasks[i]);
	return r;
}

static int send_record(struct child *c, enum talk_type type, int fd, struct error *e)
{
	const struct talk_record r = { .type = type };
	int err = talk_send(c->talk, &r, fd);

	/* It has died: what it said before, or how, is for child_attend() to find. */
	if (err == -EPIPE || err == -ECONNRESET)
		return 0;
	return err < 0 ? fail(e, err, "cannot talk to ocirt-init") : 0;
}

int child_go_on(struct child *c, int state, struct error *e)
{
	return send_record(c, TALK_GO_ON, state, e);
}

/* A mount of a server that is down, a hook that hangs: the one who waits may have had enough. */
static int receive(int sock, struct talk_record *r, int *fd, pid_t *sender)
{
	struct pollfd fds[] = { { .fd = sock, .events = POLLIN },
				{ .fd = supervise_interrupts(), .events = POLLIN } };

	*fd = -1;
	while (fds[1].fd >= 0 && !fds[0].revents) {
		if (poll(fds, array_len(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (!fds[0].revents && fds[1].revents && supervise_interrupted())
			return -ECANCELED;
	}
	return talk_receive_from(sock, r, fd, sender);
}

static int broken(int err, struct error *e)
{
	return err == -ECANCELED ? fail(e, 0, "interrupted by a signal")
				 : fail(e, err, "the talk with ocirt-init broke");
}

/* End of file before READY: say how it ended. */
static int say_how_it_died(struct child *c, struct error *e)
{
	siginfo_t info = { 0 };
	char name[32];

	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOWAIT) < 0)
		return fail(e, errno, "ocirt-init ended before it was ready");
	if (info.si_code == CLD_EXITED)
		return fail(e, 0, "ocirt-init ended before it was ready, with status %d",
			    info.si_status);
	fail(e, 0, "ocirt-init was killed by %s before it was ready",
	     signal_name(info.si_status, name, sizeof(name)));
	if (info.si_status == SIGKILL)
		hint(e, "if nobody killed it, the memory limit of its cgroup is too small");
	return -EINVAL;
}

static int answer(struct child *c, const struct talk_record *r, int *fd, struct error *e)
{
	auto_close int state = -1;
	int err;

	switch (r->type) {
	case TALK_NEED_ID_MAPS:
		err = c->maps ? idmap_write(c->pid, c->maps, e)
			      : fail(e, 0, "no id maps are known");
		return err < 0 ? err : send_record(c, TALK_ID_MAPS_DONE, -1, e);
	case TALK_NAMESPACES:
		err = c->at_namespaces ? c->at_namespaces(c->arg, &state, e) : 0;
		return err < 0 ? err : child_go_on(c, state, e);
	case TALK_CONSOLE:
		if (*fd < 0)
			return fail(e, 0, "ocirt-init sent no terminal");
		if (c->console_socket >= 0)
			return socket_send_fd(c->console_socket, *fd, "/dev/ptmx",
					      "--console-socket", e);
		c->master = fd_take(fd);
		return 0;
	case TALK_WARNING:
		words_warn(r);
		return 0;
	default:
		return fail(e, 0, "ocirt-init said something unknown (%u)", r->type);
	}
}

/*
 * Another process than the one that was started is the container's, and says so. Somebody inside who
 * got hold of its socket could say so, too, but is not our child.
 */
static int adopt(struct child *c, pid_t born, struct error *e)
{
	auto_close int pidfd = sys_pidfd_open(born, 0);
	siginfo_t info = { 0 };

	if (pidfd < 0 || waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return fail(e, 0, "the process that says that it is ready is none of ours");
	while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(&c->pidfd);
	c->pidfd = fd_take(&pidfd);
	c->pid = born;
	return 0;
}

int child_attend(struct child *c, struct error *e)
{
	for (;;) {
		struct talk_record r;
		pid_t sender;
		auto_close int fd = -1;
		int err = receive(c->talk, &r, &fd, &sender);

		if (err == -EPIPE || err == -ECONNRESET)
			return say_how_it_died(c, e);
		if (err < 0)
			return broken(err, e);
		if (r.type == TALK_READY)
			return c->plan->born_inside ? adopt(c, sender, e) : 0;
		if (r.type == TALK_FAILED)
			return words_failed(&r, e);
		err = answer(c, &r, &fd, e);
		if (err < 0)
			return err;
	}
}

/*
 * To the agent: the listener, with the container process state (config-linux.md, Seccomp). Then
 * ocirt-init may go on.
 */
static int pass_listener(int sock, int listener, const struct container *c, pid_t pid,
			 struct error *e)
{
	static const char *fds[] = { "seccompFd", NULL };
	const struct talk_record sent = { .type = TALK_LISTENER_SENT };
	const struct oci_seccomp *s = c && c->config && c->config->linux ? c->config->linux->seccomp
									 : NULL;

	if (!s || !s->listenerPath || listener < 0)
		return fail(e, 0, "ocirt-init sent a seccomp listener that nobody wants");
	struct oci_state state = *c->record.state;
	const struct oci_container_process_state about = { .ociVersion = OCI_VERSION,
							   .fds = fds,
							   .n_fds = 1,
							   .pid = pid,
							   .metadata = s->listenerMetadata,
							   .state = &state };

	/* Of the first process this comes before the program, of another one maybe after it. */
	bool started = pid != c->record.state->pid.v && faccessat(c->dir, "start", F_OK, 0) < 0;

	state.status = status_name(started ? STATUS_RUNNING : STATUS_CREATED);
	state.pid = (struct opt_i32){ true, c->record.state->pid.v };
	auto_free char *text =
		ocispec_write(&oci_container_process_state_schema, &about, false, NULL);
	auto_close int agent = socket_connect(s->listenerPath, "linux.seccomp.listenerPath", e);

	if (agent < 0)
		return agent;
	if (!text)
		return fail(e, ENOMEM, "cannot write the state for the seccomp agent");
	int r = socket_send_fd(agent, listener, text, "linux.seccomp.listenerPath", e);

	if (r == 0 && (r = talk_send(sock, &sent, -1)) < 0)
		fail(e, r, "cannot talk to ocirt-init");
	return r;
}

int child_executed(int sock, const struct container *c, pid_t pid, struct error *e)
{
	for (;;) {
		struct talk_record r;
		pid_t sender;
		auto_close int fd = -1;
		int err = receive(sock, &r, &fd, &sender);

		if (err == -EPIPE || err == -ECONNRESET)
			return 0; /* closed by execve */
		if (err < 0)
			return broken(err, e);
		if (r.type == TALK_FAILED)
			return words_failed(&r, e);
		if (r.type == TALK_WARNING)
			words_warn(&r);
		if (r.type == TALK_LISTENER && (err = pass_listener(sock, fd, c, pid, e)) < 0)
			return err;
	}
}

int child_go(struct child *c, int state, struct error *e)
{
	int r = send_record(c, TALK_STATE, state, e);

	return r < 0 ? r : child_executed(c->talk, c->container, c->pid, e);
}

static int write_pid_file(const char *path, pid_t pid, struct error *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	int r = file_replace(AT_FDCWD, path, text, (size_t)n, 0644);

	if (r < 0)
		fail(e, r, "--pid-file: cannot write '%s'", path);
	return r;
}

int child_announce(const struct child *c, const char *pid_file, struct error *e)
{
	int r = pid_file ? write_pid_file(pid_file, c->pid, e) : 0;

	if (r == 0 && c->pidfd_socket >= 0)
		r = socket_send_fd(c->pidfd_socket, c->pidfd, "pidfd", "--pidfd-socket", e);
	return r;
}

void child_kill(struct child *c)
{
	if (c->pidfd < 0)
		return;
	sys_pidfd_send_signal(c->pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)c->pidfd, &(siginfo_t){ 0 }, WEXITED) < 0 && errno == EINTR)
		;
}

void child_close(struct child *c)
{
	fd_close(&c->talk);
	fd_close(&c->pidfd);
	fd_close(&c->master);
	fd_close(&c->proc);
	fd_close(&c->console_socket);
	fd_close(&c->pidfd_socket);
}

int text_memfd(const char *text, size_t len, struct error *e)
{
	auto_close int fd = memfd_create("ocirt-state", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, text, len);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? fail(e, r, "cannot make a memfd for the state") : fd_take(&fd);
}

uint64_t grantable(const struct oci_config *config)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (oci_namespace_get(config->linux, "user"))
		return ~(uint64_t)0;
	if (syscall(SYS_capget, &header, data) < 0)
		return ~(uint64_t)0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}
