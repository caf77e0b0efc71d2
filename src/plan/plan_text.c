/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan_text -- the plan as text, one decision a line.
 *
 * For people who want to know what would be done, and for the plan tests, which compare it whole:
 * so it says everything that the container side acts on, in the order in which it acts, and
 * nothing that differs from run to run (descriptors, addresses). Words with unusual characters are
 * quoted as in C. Host side only.
 */
#include "plan.h"

#include "../base/names.h"
#include "../base/sys.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- words ----------------------------------------------------------------------------------- */

static bool plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	return true;
}

/* " word" */
static void word(FILE *f, const char *s)
{
	putc(' ', f);
	if (!s || plain(s)) {
		fputs(s ? s : "-", f);
		return;
	}
	putc('"', f);
	for (const unsigned char *c = (const unsigned char *)s; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(f, "\\%c", *c);
		else if (*c == '\n')
			fputs("\\n", f);
		else if (*c == '\t')
			fputs("\\t", f);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(f, "\\x%02x", *c);
		else
			putc(*c, f);
	}
	putc('"', f);
}

static void line(FILE *f, const char *name, const char *value)
{
	fputs(name, f);
	word(f, value);
	putc('\n', f);
}

static void words(FILE *f, const char *const *list)
{
	for (; list && *list; list++)
		word(f, *list);
}

/* " a,b,c": the names of the bits that are there. */
struct bit {
	uint64_t bit, mask; /* mask 0: the bit itself */
	const char *on, *off;
};

static void bits(FILE *f, const struct bit *table, size_t n, uint64_t set, uint64_t clear,
		 const char *prefix)
{
	char separator = ' ';

	for (size_t i = 0; i < n; i++) {
		uint64_t mask = table[i].mask ? table[i].mask : table[i].bit;
		const char *name = NULL;

		/* Of an enumeration the value that is set counts, and zero only where it is cleared. */
		if (table[i].mask) {
			if ((set & mask) == table[i].bit && ((set | clear) & mask))
				name = table[i].on;
		} else if (set & mask) {
			name = table[i].on;
		} else if (clear & mask) {
			name = table[i].off;
		}
		if (!name)
			continue;
		fprintf(f, "%c%s%s", separator, prefix, name);
		separator = ',';
	}
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct bit namespaces[] = {
	{ CLONE_NEWUSER, 0, "user", NULL }, { CLONE_NEWNS, 0, "mount", NULL },
	{ CLONE_NEWPID, 0, "pid", NULL },   { CLONE_NEWNET, 0, "network", NULL },
	{ CLONE_NEWIPC, 0, "ipc", NULL },   { CLONE_NEWUTS, 0, "uts", NULL },
	{ CLONE_NEWTIME, 0, "time", NULL }, { CLONE_NEWCGROUP, 0, "cgroup", NULL },
};

static void namespace_flags(FILE *f, const char *name, uint64_t flags)
{
	if (!flags)
		return;
	fputs(name, f);
	bits(f, namespaces, array_len(namespaces), flags, 0, "");
	putc('\n', f);
}

static void namespace_lines(FILE *f, const struct plan *p)
{
	namespace_flags(f, "namespaces new", p->clone_flags);
	for (size_t i = 0; i < p->n_joins; i++) {
		fputs("namespace join", f);
		bits(f, namespaces, array_len(namespaces), (uint64_t)p->joins[i].type, 0, "");
		word(f, p->joins[i].path);
		fprintf(f, " linux.namespaces[%zu]\n", p->joins[i].index);
	}
	namespace_flags(f, "namespaces join-container", p->exec_flags);
	namespace_flags(f, "namespaces unshare", p->unshare_flags);
	if (p->new_userns)
		fputs("id-maps ask\n", f);
	else if (p->userns)
		fputs("user-namespace joined\n", f);
	if (p->time_offsets)
		line(f, "time-offsets", p->time_offsets);
	if (p->new_netns)
		fputs("loopback up\n", f);
	if (p->hostname)
		line(f, "hostname", p->hostname);
	if (p->domainname)
		line(f, "domainname", p->domainname);
	if (p->keyring)
		line(f, "keyring", p->keyring);
	if (p->wait_early)
		fputs("wait before the mounts\n", f);
	if (p->wait_late)
		fputs("wait for the cgroup\n", f);
	if (p->stay)
		fputs("init stays\n", f);
}

/* ---- mounts ---------------------------------------------------------------------------------- */

static const struct bit attributes[] = {
	{ MOUNT_ATTR_RDONLY, 0, "ro", "rw" },
	{ MOUNT_ATTR_NOSUID, 0, "nosuid", "suid" },
	{ MOUNT_ATTR_NODEV, 0, "nodev", "dev" },
	{ MOUNT_ATTR_NOEXEC, 0, "noexec", "exec" },
	{ MOUNT_ATTR_NODIRATIME, 0, "nodiratime", "diratime" },
	{ MOUNT_ATTR_NOSYMFOLLOW, 0, "nosymfollow", "symfollow" },
	{ MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, "noatime", NULL },
	{ MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, "strictatime", NULL },
	{ MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, "relatime", NULL },
};

static const struct bit propagations[] = {
	{ MS_SHARED, 0, "shared", NULL },
	{ MS_SLAVE, 0, "slave", NULL },
	{ MS_PRIVATE, 0, "private", NULL },
	{ MS_UNBINDABLE, 0, "unbindable", NULL },
};

static void propagation(FILE *f, uint32_t flags)
{
	bits(f, propagations, array_len(propagations), flags, 0, flags & MS_REC ? "r" : "");
}

static void mount_line(FILE *f, const struct plan_mount *m)
{
	static const char *const verbs[] = {
		[PLAN_MOUNT_NEW] = "mount",
		[PLAN_MOUNT_BIND] = "bind",
		[PLAN_MOUNT_REMOUNT] = "remount",
		[PLAN_MOUNT_LINK] = "symlink",
	};
	const bool is_new = m->kind == PLAN_MOUNT_NEW, is_bind = m->kind == PLAN_MOUNT_BIND;
	const struct {
		bool is;
		const char *name;
	} notes[] = {
		{ m->recursive, "recursive" },
		{ m->superblock_ro, "superblock-ro" },
		{ m->sync, "sync" },
		{ m->dirsync, "dirsync" },
		{ m->lazytime, "lazytime" },
		{ m->mand, "mand" },
		{ m->silent, "silent" },
		{ m->idmap && !m->idmap_recursive, "idmap" },
		{ m->idmap && m->idmap_recursive, "ridmap" },
		{ m->copy_up, "copy-up" },
		{ m->inherit_mode, "inherit-mode" },
		{ m->real_directory, "real-directory" },
		{ m->sysfs_fallback, "or-bind-host" },
		{ m->copy_symlink, "copy-symlink" },
		{ is_bind && !m->follow_source, "source-nofollow" },
		{ (is_new || is_bind) && !m->follow_destination, "destination-nofollow" },
		{ m->needs_cgroup, "in-cgroup" },
		{ m->optional, "optional" },
		{ m->data != NULL, "one-string" },
	};

	fputs(verbs[m->kind], f);
	word(f, m->destination);
	if (is_new)
		word(f, m->type);
	if (m->source) {
		fputs(m->kind == PLAN_MOUNT_LINK ? " ->" : " from", f);
		word(f, m->source);
	}
	bits(f, attributes, array_len(attributes), m->tree_set, m->tree_clear, "r");
	bits(f, attributes, array_len(attributes), m->attr_set, m->attr_clear, "");
	for (size_t i = 0; i < array_len(m->propagation) && m->propagation[i]; i++)
		propagation(f, m->propagation[i]);
	for (size_t i = 0; i < m->n_options; i++) {
		word(f, m->options[i].key);
		if (m->options[i].value) {
			putc('=', f);
			fputs(m->options[i].value, f);
		}
	}
	for (size_t i = 0; i < array_len(notes); i++)
		if (notes[i].is)
			fprintf(f, " +%s", notes[i].name);
	if (m->idmap_text)
		fprintf(f, "=%s", m->idmap_text);
	putc('\n', f);
}

/* ---- the root file system -------------------------------------------------------------------- */

static void device_line(FILE *f, const struct plan_device *d)
{
	char type = S_ISCHR(d->mode) ? 'c' : S_ISBLK(d->mode) ? 'b' : 'p';

	fputs("device", f);
	word(f, d->path);
	fprintf(f, " %c", type);
	if (type != 'p')
		fprintf(f, " %u:%u", d->major, d->minor);
	fprintf(f, " %04o %u:%u%s\n", (unsigned)d->mode & 07777, d->uid, d->gid,
		d->bind ? " +bind-host" : "");
}

static void overlay_lines(FILE *f, const struct plan_overlay *o)
{
	line(f, "layer upper", o->upper ? o->upper : "tmpfs");
	if (o->work)
		line(f, "layer work", o->work);
	for (size_t i = 0; i < o->n_lower; i++)
		line(f, "layer lower", o->lower[i]);
	if (o->label)
		line(f, "layer label", o->label);
}

static void fs_lines(FILE *f, const struct plan_fs *fs)
{
	fputs("root", f);
	word(f, fs->rootfs);
	fputs(fs->readonly ? " ro" : "", f);
	fputs(fs->no_pivot ? " +no-pivot" : "", f);
	propagation(f, fs->propagation);
	putc('\n', f);
	if (fs->overlay)
		overlay_lines(f, fs->overlay);
	for (size_t i = 0; i < fs->n_mounts; i++)
		mount_line(f, &fs->mounts[i]);
	for (size_t i = 0; i < fs->n_devices; i++)
		device_line(f, &fs->devices[i]);
	for (size_t i = 0; i < fs->n_links; i++) {
		fputs("link", f);
		word(f, fs->links[i].path);
		fputs(" ->", f);
		word(f, fs->links[i].target);
		fputs(fs->links[i].optional ? " +if-there\n" : "\n", f);
	}
	if (fs->ptmx)
		fputs("link /dev/ptmx -> pts/ptmx\n", f);
	for (size_t i = 0; i < fs->n_masked; i++)
		line(f, "mask", fs->masked[i]);
	for (size_t i = 0; i < fs->n_readonly_paths; i++)
		line(f, "readonly", fs->readonly_paths[i]);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void capability_line(FILE *f, const char *set, uint64_t caps)
{
	char unnamed[24];

	fprintf(f, "capabilities %s", set);
	for (int i = 0; i < 64; i++) {
		if (!(caps >> i & 1))
			continue;
		snprintf(unnamed, sizeof(unnamed), "capability-%d", i);
		word(f, capability_name(i) ? capability_name(i) : unnamed);
	}
	fputs(caps ? "\n" : " none\n", f);
}

static const char *rlimit_name(int resource)
{
	for (size_t i = 0; i < n_rlimit_names; i++)
		if (rlimit_names[i].number == resource)
			return rlimit_names[i].name;
	return "?";
}

static void limit(FILE *f, uint64_t value)
{
	if (value == UINT64_MAX)
		fputs(" unlimited", f);
	else
		fprintf(f, " %" PRIu64, value);
}

/* " 0-3,5" */
static void bitmap(FILE *f, const unsigned long *map, size_t n)
{
	const size_t width = 8 * sizeof(*map);
	char separator = ' ';

	for (size_t i = 0; map && i < n; i++) {
		size_t last = i;

		if (!(map[i / width] >> i % width & 1))
			continue;
		while (last + 1 < n && map[(last + 1) / width] >> (last + 1) % width & 1)
			last++;
		fprintf(f, last > i ? "%c%zu-%zu" : "%c%zu", separator, i, last);
		separator = ',';
		i = last;
	}
}

static void scheduler_line(FILE *f, const struct plan_sched *s)
{
	static const char *const policies[] = {
		[SCHED_OTHER] = "OTHER", [SCHED_FIFO] = "FIFO", [SCHED_RR] = "RR",
		[SCHED_BATCH] = "BATCH", [SCHED_IDLE] = "IDLE", [SCHED_DEADLINE] = "DEADLINE",
	};

	fputs("scheduler", f);
	if (s->policy < array_len(policies) && policies[s->policy])
		fprintf(f, " %s", policies[s->policy]);
	else
		fprintf(f, " %u", s->policy);
	fprintf(f, " flags=%#" PRIx64 " nice=%d priority=%u", s->flags, s->nice, s->priority);
	if (s->policy == SCHED_DEADLINE)
		fprintf(f, " runtime=%" PRIu64 " deadline=%" PRIu64 " period=%" PRIu64, s->runtime,
			s->deadline, s->period);
	putc('\n', f);
}

static void security_lines(FILE *f, const struct plan_process *p)
{
	const struct {
		const char *name;
		uint64_t caps;
	} sets[] = {
		{ "bounding", p->caps.bounding },   { "permitted", p->caps.permitted },
		{ "effective", p->caps.effective }, { "inheritable", p->caps.inheritable },
		{ "ambient", p->caps.ambient },
	};

	if (p->has_caps)
		for (size_t i = 0; i < array_len(sets); i++)
			capability_line(f, sets[i].name, sets[i].caps);
	else
		fputs("capabilities unset\n", f);
	if (p->apparmor)
		line(f, "apparmor", p->apparmor);
	if (p->selinux)
		line(f, "selinux", p->selinux);
	if (p->no_new_privs)
		fputs("no-new-privileges\n", f);
	if (p->seccomp.filter)
		fprintf(f, "seccomp %u instructions flags=%#x\n", p->seccomp.len, p->seccomp.flags);
}

static void process_lines(FILE *f, const struct plan_process *p)
{
	fputs("process", f);
	words(f, p->args);
	putc('\n', f);
	for (size_t i = 0; i < p->n_env; i++)
		line(f, "env", p->env[i]);
	if (p->needs_home)
		fputs("env HOME from /etc/passwd\n", f);
	fputs("path", f);
	words(f, p->path);
	putc('\n', f);
	line(f, "cwd", p->cwd);
	fprintf(f, "user %u:%u\n", p->uid, p->gid);
	fputs("groups", f);
	for (size_t i = 0; i < p->n_groups; i++)
		fprintf(f, " %u", p->groups[i]);
	fputs(p->keep_groups ? " as they are\n" : p->n_groups ? "\n" : " none\n", f);
	if (p->has_umask)
		fprintf(f, "umask %03o\n", (unsigned)p->umask);
	if (p->terminal && p->rows && p->columns)
		fprintf(f, "terminal %ux%u\n", p->columns, p->rows);
	else if (p->terminal)
		fputs("terminal\n", f);
	for (size_t i = 0; i < p->n_rlimits; i++) {
		fprintf(f, "rlimit %s", rlimit_name(p->rlimits[i].resource));
		limit(f, p->rlimits[i].soft);
		limit(f, p->rlimits[i].hard);
		putc('\n', f);
	}
	if (p->has_oom_score_adj)
		fprintf(f, "oom-score-adj %d\n", p->oom_score_adj);
	if (p->has_sched)
		scheduler_line(f, &p->sched);
	if (p->ioprio >= 0) /* ioprio_set(2): the class in the top three of 16 bits */
		fprintf(f, "ioprio class=%d level=%d\n", p->ioprio >> 13, p->ioprio & 0x1fff);
	if (p->personality >= 0)
		fprintf(f, "personality %#lx\n", (unsigned long)p->personality);
	if (p->has_mempolicy) {
		fprintf(f, "memory-policy %#x", (unsigned)p->mempolicy_mode);
		bitmap(f, p->mempolicy_nodes, p->mempolicy_maxnode);
		putc('\n', f);
	}
	if (p->initial_affinity) {
		fputs("affinity initial", f);
		bitmap(f, p->initial_affinity, 8 * p->initial_affinity_size);
		putc('\n', f);
	}
	if (p->affinity) {
		fputs("affinity", f);
		bitmap(f, p->affinity, 8 * p->affinity_size);
		putc('\n', f);
	}
	security_lines(f, p);
	if (p->preserve_fds)
		fprintf(f, "keep-descriptors 3-%d\n", 3 + p->preserve_fds - 1);
}

static void hook_lines(FILE *f, const char *kind, const struct plan_hook *hooks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "hook %s", kind);
		word(f, hooks[i].path);
		fputs(" args", f);
		words(f, hooks[i].args);
		if (hooks[i].env)
			fputs(" env", f);
		words(f, hooks[i].env);
		if (hooks[i].timeout)
			fprintf(f, " timeout=%" PRId64, hooks[i].timeout);
		putc('\n', f);
	}
}

int plan_text(const struct plan *p, char **out, size_t *len)
{
	static const char *const kinds[] = {
		[PLAN_CREATE] = "create",
		[PLAN_RUN] = "run",
		[PLAN_EXEC] = "exec",
	};
	FILE *f = open_memstream(out, len);

	if (!f)
		return -errno;
	fprintf(f, "plan %s\n", kinds[p->kind]);
	namespace_lines(f, p);
	if (p->fs)
		fs_lines(f, p->fs);
	for (size_t i = 0; i < p->n_sysctl; i++) {
		fputs("sysctl", f);
		word(f, p->sysctl[i].file);
		fputs(" =", f);
		word(f, p->sysctl[i].value);
		putc('\n', f);
	}
	hook_lines(f, "createContainer", p->create_container, p->n_create_container);
	hook_lines(f, "startContainer", p->start_container, p->n_start_container);
	if (p->process)
		process_lines(f, p->process);
	bool broken = ferror(f) != 0;

	if (fclose(f) != 0 || broken) {
		free(*out);
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}
