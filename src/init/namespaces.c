/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * namespaces -- entering those of the plan, and what belongs to a fresh one: id maps, time
 * offsets, the loopback interface, names, a session keyring.
 */
#include "steps.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int not_dumpable(struct stage *s)
{
	return PROTECT(dumpable) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
		       ? stage_fail(s, WHERE_DUMPABLE, -1, errno, NULL)
		       : 0;
}

/*
 * Nothing in the container may ptrace us or look at our descriptors (CVE-2016-9962). A host side
 * that is an ordinary user could then not write our id maps, /proc/PID being root's; in a user
 * namespace without a map there is nobody else yet, so it waits until they are written.
 */
int hide(const struct plan *p, struct stage *s)
{
	return p->new_userns ? 0 : not_dumpable(s);
}

/* While we are the caller still: the files are the host's. */
int join_cgroups(const struct plan *p, struct stage *s)
{
	for (size_t i = 0; i < p->n_cgroup_tasks; i++) {
		if (write(p->cgroup_tasks[i], "0", 1) != 1)
			return stage_fail(s, WHERE_CGROUP, -1, errno, NULL);
		close(p->cgroup_tasks[i]);
	}
	return 0;
}

/* Only the host may write them. user_namespaces(7). */
int ask_for_id_maps(const struct plan *p, struct stage *s)
{
	int none, r;

	if (!p->new_userns)
		return 0;
	r = tell(s, TALK_NEED_ID_MAPS, -1);
	if (r == 0)
		r = expect(s, TALK_ID_MAPS_DONE, &none);
	return r < 0 ? r : not_dumpable(s);
}

int join_namespaces(const struct plan *p, struct stage *s)
{
	if (p->container_pidfd >= 0 && p->exec_flags &&
	    setns(p->container_pidfd, (int)p->exec_flags) < 0)
		return stage_fail(s, WHERE_NAMESPACE_NEW, -1, errno, "joining the container's");
	if (p->container_pidfd >= 0)
		close(p->container_pidfd);
	for (size_t i = 0; i < p->n_joins; i++) {
		const struct plan_join *j = &p->joins[i];

		/* Those two were entered by our birth; see host/spawn.c. */
		bool born_there = j->type == CLONE_NEWPID || j->type == CLONE_NEWUSER;

		if (!born_there && setns(j->fd, j->type) < 0)
			return stage_fail(s, WHERE_NAMESPACE_JOIN, (long)j->index, errno, j->path);
		close(j->fd);
	}
	int flags = (int)(p->unshare_flags & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME));

	if (flags && unshare(flags) < 0)
		return stage_fail(s, WHERE_NAMESPACE_NEW, -1, errno, "unshare");
	return not_dumpable(s); /* entering a user namespace sets it to fs.suid_dumpable */
}

/*
 * A time namespace gets its offsets before its first process: unshare(2) makes it for children
 * only, so the offsets are written between that and entering it. time_namespaces(7).
 */
int enter_time_namespace(const struct plan *p, struct stage *s)
{
	if (!(p->unshare_flags & CLONE_NEWTIME))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return stage_fail(s, WHERE_NAMESPACE_NEW, -1, errno, "time");
	if (p->time_offsets) {
		int r = proc_write(s, "self/timens_offsets", p->time_offsets);

		if (r < 0)
			return stage_fail(s, WHERE_TIME_OFFSETS, -1, r, NULL);
	}
	/* A namespace link is a magic link: reached from the verified handle, by its fixed name. */
	auto_close int ns_dir = proc_open(s, "self/ns", O_PATH | O_DIRECTORY);
	auto_close int ns = ns_dir < 0 ? ns_dir
				       : openat(ns_dir, "time_for_children", O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWTIME) < 0)
		return stage_fail(s, WHERE_NAMESPACE_NEW, -1, ns_dir < 0 ? ns_dir : errno, "time");
	return 0;
}

int bring_up_loopback(const struct plan *p, struct stage *s)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (!p->new_netns)
		return 0;
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &lo) < 0)
		return stage_fail(s, WHERE_LOOPBACK, -1, errno, NULL);
	return 0;
}

int set_names(const struct plan *p, struct stage *s)
{
	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return stage_fail(s, WHERE_HOSTNAME, -1, errno, p->hostname);
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0)
		return stage_fail(s, WHERE_DOMAINNAME, -1, errno, p->domainname);
	return 0;
}

/*
 * The caller's session keyring would show its keys to the container. A kernel without keyrings
 * (ENOSYS) has none to show; one whose quota is used up (EDQUOT), or a seccomp filter around us
 * (EPERM), gets a warning: that is what the managers expect.
 */
int new_keyring(const struct plan *p, struct stage *s)
{
	const char *label = p->process ? p->process->selinux : NULL;

	if (!p->keyring || !PROTECT(keyring))
		return 0;
	/* With our own label the program could not use it. The execve puts this back. */
	int err = label ? proc_write(s, "self/attr/keycreate", label) : 0;

	if (err < 0)
		return stage_fail(s, WHERE_SELINUX, -1, err, label);
	long r = nerrno(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, p->keyring));

	if (r >= 0 || r == -ENOSYS)
		return 0;
	warn_host(s, WHERE_KEYRING, -1, (int)r, NULL);
	return 0;
}

int tell_namespaces(const struct plan *p, struct stage *s)
{
	if (!p->wait_early)
		return 0;
	int r = tell(s, TALK_NAMESPACES, -1);

	return r < 0 ? r : wait_go_on(p, s);
}

int enter_cgroup_namespace(const struct plan *p, struct stage *s)
{
	int r = wait_go_on(p, s);

	if (r < 0 || s->cgroup_entered || !(p->unshare_flags & CLONE_NEWCGROUP))
		return r;
	s->cgroup_entered = true;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return stage_fail(s, WHERE_NAMESPACE_NEW, -1, errno, "cgroup");
	return 0;
}

/*
 * In a user namespace we are still the caller, with its access to the bundle. From here on we are
 * root inside, so that what is made belongs to it. A map without id 0 leaves us as we are, but
 * for the program's own id, which keeps the capabilities that the steps to come need.
 */
int become_root(const struct plan *p, struct stage *s)
{
	if (!p->userns)
		return 0;
	uid_t uid = 0;
	gid_t gid = 0;

	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	int err = setresgid(gid, gid, gid) < 0 ? errno : 0;

	if (err == EINVAL && p->process) {
		gid = p->process->gid;
		err = setresgid(gid, gid, gid) < 0 ? errno : 0;
	}
	if (err && p->process)
		return stage_fail(s, WHERE_GID, -1, err, NULL);
	err = setresuid(uid, uid, uid) < 0 ? errno : 0;
	if (err == EINVAL && p->process) {
		uid = p->process->uid;
		err = setresuid(uid, uid, uid) < 0 ? errno : 0;
	}
	if (err && p->process)
		return stage_fail(s, WHERE_UID, -1, err, NULL);
	int r = not_dumpable(s); /* a change of ids sets it to fs.suid_dumpable */

	return r == 0 && uid != 0 ? raise_capabilities() : r;
}
