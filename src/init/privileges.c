/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * privileges -- user, groups, capabilities, labels, the seccomp filter.
 *
 * Two halves. At create: the bounding set, groups, gid, uid, while the permitted set is kept. At
 * start, just before execve: the rest, in the order that each needs the one before it. Installing
 * a filter takes CAP_SYS_ADMIN or no_new_privs; so without no_new_privs it comes before the
 * capabilities go, and with it last of all.
 */
#include "steps.h"

#include "../base/sys.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static int capget_both(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)nerrno(syscall(SYS_capget, &header, data));
}

static int capset_both(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)nerrno(syscall(SYS_capset, &header, data));
}

int raise_capabilities(void)
{
	struct __user_cap_data_struct data[2];
	int r = capget_both(data);

	if (r < 0)
		return r;
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	return capset_both(data);
}

static int set_three(const struct plan_caps *c)
{
	const struct __user_cap_data_struct data[2] = {
		{ (uint32_t)c->effective, (uint32_t)c->permitted, (uint32_t)c->inheritable },
		{ (uint32_t)(c->effective >> 32), (uint32_t)(c->permitted >> 32),
		  (uint32_t)(c->inheritable >> 32) },
	};

	return capset_both(data);
}

int drop_bounding_set(const struct plan *p, struct stage *s)
{
	if (!p->process)
		return 0;
	for (int cap = 0; cap < 64; cap++) {
		if (p->process->caps.bounding & (1ULL << cap))
			continue;
		/* EINVAL: beyond the last capability of this kernel. */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return stage_fail(s, WHERE_CAPABILITIES, cap, errno, "bounding");
		}
	}
	return 0;
}

/* Groups before the uid: setgroups() needs CAP_SETGID, and leaving uid 0 clears it. */
int take_user(const struct plan *p, struct stage *s)
{
	const struct plan_process *u = p->process;

	if (!u)
		return 0;
	if (!u->keep_groups && syscall(SYS_setgroups, u->n_groups, u->groups) < 0 &&
	    /* Denied in this user namespace: nothing can be added, and nothing is there to drop. */
	    !(errno == EPERM && p->userns && !u->n_groups))
		return stage_fail(s, WHERE_GROUPS, -1, errno, NULL);
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	/* By the system calls: a libc's wrappers may signal threads or look at limits. */
	if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0)
		return stage_fail(s, WHERE_GID, -1, errno, NULL);
	if (syscall(SYS_setresuid, u->uid, u->uid, u->uid) < 0)
		return stage_fail(s, WHERE_UID, -1, errno, NULL);
	umask(u->has_umask ? u->umask : 0022);
	return not_dumpable(s); /* a change of ids sets it to fs.suid_dumpable */
}

static int set_ambient(const struct plan_caps *c, struct stage *s)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return stage_fail(s, WHERE_AMBIENT, -1, errno, NULL);
	for (int cap = 0; cap < 64; cap++)
		if (c->ambient & (1ULL << cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return stage_fail(s, WHERE_AMBIENT, cap, errno, NULL);
	return 0;
}

/* When labels count: from the execve to come on, or at once. */
static const struct {
	const char *apparmor, *file; /* AppArmor's own file is newer, 5.8 */
	const char *apparmor_verb;
} label_times[] = {
	[LABEL_AT_EXECVE] = { "self/attr/apparmor/exec", "self/attr/exec", "exec " },
	[LABEL_AT_ONCE] = { "self/attr/apparmor/current", "self/attr/current", "changeprofile " },
};

/* A profile that cannot be set is an error, also where there is no LSM. */
int open_labels(const struct plan_process *process, struct stage *s, enum label_time when)
{
	struct label_files *files = &s->labels[when];

	if (process->apparmor) {
		files->apparmor = proc_open(s, label_times[when].apparmor, O_WRONLY);
		if (files->apparmor < 0)
			files->apparmor = proc_open(s, label_times[when].file, O_WRONLY);
		if (files->apparmor < 0)
			return stage_fail(s, WHERE_APPARMOR, -1, files->apparmor,
					  process->apparmor);
	}
	if (process->selinux) {
		files->selinux = proc_open(s, label_times[when].file, O_WRONLY);
		if (files->selinux < 0)
			return stage_fail(s, WHERE_SELINUX, -1, files->selinux, process->selinux);
	}
	return 0;
}

static int write_label(struct stage *s, int *fd, const char *prefix, const char *label,
		       enum talk_where where)
{
	char text[1024];
	size_t n = strlen(prefix), l = strlen(label);

	if (n + l >= sizeof(text))
		return stage_fail(s, where, -1, ENAMETOOLONG, label);
	memcpy(text, prefix, n);
	memcpy(text + n, label, l + 1);
	int r = write_text(*fd, text);

	fd_close(fd);
	return r < 0 ? stage_fail(s, where, -1, r, label) : 0;
}

static int write_labels(const struct plan_process *process, struct stage *s, enum label_time when)
{
	struct label_files *files = &s->labels[when];
	int r = 0;

	if (process->apparmor)
		r = write_label(s, &files->apparmor, label_times[when].apparmor_verb,
				process->apparmor, WHERE_APPARMOR);
	if (r == 0 && process->selinux)
		r = write_label(s, &files->selinux, "", process->selinux, WHERE_SELINUX);
	return r;
}

int label_program(const struct plan *p, struct stage *s)
{
	int r = s->labelled || !p->process ? 0 : write_labels(p->process, s, LABEL_AT_EXECVE);

	s->labelled = r == 0;
	return r;
}

/* Flags that only go with a listener. */
#define LISTENING (SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

static int install_filter(const struct plan_process *process, bool hook, struct stage *s)
{
	const struct sock_fprog program = {
		.len = process->seccomp.len, .filter = (struct sock_filter *)process->seccomp.filter
	};
	unsigned int flags = process->seccomp.flags;

	if (!program.filter)
		return 0;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER && !hook)
		return install_listening_filter(&process->seccomp, s);
	/* The listener is the program's; what a hook would have to ask it is ENOSYS. */
	flags &= ~(unsigned int)LISTENING;
	long r = nerrno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));

	return r < 0 ? stage_fail(s, WHERE_SECCOMP, -1, (int)r, NULL) : 0;
}

/* All but labels. */
static int take_rights(const struct plan_process *process, bool hook, struct stage *s)
{
	int r;

	if (!process->no_new_privs) {
		r = raise_capabilities();
		if (r < 0)
			return stage_fail(s, WHERE_CAPABILITIES, -1, r, "effective");
		if ((r = install_filter(process, hook, s)) < 0)
			return r;
	}
	r = PROTECT(capabilities) ? set_three(&process->caps) : 0;
	if (r < 0)
		return stage_fail(s, WHERE_CAPABILITIES, -1, r,
				  "effective, permitted, inheritable");
	if ((r = set_ambient(&process->caps, s)) < 0)
		return r;
	if (!process->no_new_privs)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return stage_fail(s, WHERE_NO_NEW_PRIVS, -1, errno, NULL);
	return install_filter(process, hook, s);
}

static int confine_now(const struct plan *p, struct stage *s)
{
	/* Every descriptor but those that were asked for ends at execve, whoever forgot it. */
	int r = PROTECT(close_on_exec)
			? sys_close_range((unsigned int)(3 + p->process->preserve_fds), ~0U,
					  CLOSE_RANGE_CLOEXEC)
			: 0;

	if (r < 0)
		return stage_fail(s, WHERE_FDS, -1, r, NULL);
	if ((r = label_program(p, s)) < 0)
		return r;
	return take_rights(p->process, false, s);
}

/*
 * Of an exec, all of that comes before its process is born inside. Not so where the filter would not
 * let it be born, or has an agent who would have to answer for that: then the child does the rest, and
 * keeps the capabilities which that takes.
 */
static bool confined_early(const struct plan *p)
{
	const struct plan_process *process = p->process;

	return p->born_inside && !process->has_sched &&
	       (!process->seccomp.filter || process->seccomp.birth);
}

int take_rights_early(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;
	struct plan_caps caps = process->caps;
	struct __user_cap_data_struct have[2];
	uint64_t still = 0;
	int r;

	if (!p->born_inside)
		return 0;
	if (confined_early(p))
		return confine_now(p, s);
	if ((r = label_program(p, s)) < 0)
		return r;
	if (process->has_sched)
		still |= 1ULL << CAP_SYS_NICE;
	if (process->seccomp.filter && !process->no_new_privs)
		still |= 1ULL << CAP_SYS_ADMIN;
	if ((r = capget_both(have)) < 0)
		return stage_fail(s, WHERE_CAPABILITIES, -1, r, "permitted");
	/* Perhaps it works without, too. */
	still &= have[0].permitted | (uint64_t)have[1].permitted << 32;
	caps.permitted |= still;
	caps.effective = caps.permitted;
	r = set_three(&caps);
	return r < 0 ? stage_fail(s, WHERE_CAPABILITIES, -1, r, "permitted") : 0;
}

int confine(const struct plan *p, struct stage *s)
{
	return confined_early(p) ? 0 : confine_now(p, s);
}

int take_program_rights(const struct plan_process *process, struct stage *s)
{
	return take_rights(process, true, s);
}

int take_labels(const struct plan_process *process, struct stage *s)
{
	return write_labels(process, s, LABEL_AT_ONCE);
}

/*
 * As execve(2) would leave them: of whoever is not root, only what is ambient, capabilities(7). With
 * no_new_privs in any case, which is nothing to who executes nothing, and lets the filter come last.
 */
int take_other_rights(const struct plan_process *process, struct stage *s)
{
	struct plan_process as = *process;

	as.no_new_privs = true;
	if (as.uid != 0)
		as.caps.permitted = as.caps.effective = as.caps.ambient;
	return take_rights(&as, true, s);
}
