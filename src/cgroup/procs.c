/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * procs -- the processes of a cgroup: put in, listed, signalled.
 *
 * A pid is only a number until a pidfd holds the process: it is opened first, and then the list is
 * read once more. Whoever is still on it is the one that the pidfd has, or that one is gone; no
 * process outside is ever signalled.
 */
#include "parts.h"

#include "base/file.h"
#include "base/sys.h"
#include "base/util.h"
#include "base/weakened.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define LIST_LIMIT (16u << 20)

/* ---- putting in ------------------------------------------------------------------------------ */

int cgroup_v2_fd(struct cgroup *c)
{
	if (c->driver == CGROUP_DISABLED || c->host->mode != CGROUP_V2 || c->awaits)
		return -1;
	return MAX(cgroup_dir(c, (size_t)c->host->v2), -1);
}

/* By the shortest way: most hierarchies have nothing else to be written. */
static int open_tasks(struct cgroup *c, size_t i)
{
	char file[4096];
	int top = cgroup_top(c, i);

	snprintf(file, sizeof(file), "%s/tasks", c->path + 1);
	return top < 0 ? top : cgroup_open_below(top, file, O_WRONLY | O_CLOEXEC);
}

size_t cgroup_self_join(struct cgroup *c, int *v2, int fds[CGROUP_HIERARCHIES])
{
	size_t n = 0;

	*v2 = -1;
	if (c->driver == CGROUP_DISABLED || c->host->mode == CGROUP_V2 || c->awaits)
		return 0;
	for (size_t i = 0; i < c->host->n; i++) {
		if (!c->at[i].used)
			continue;
		int *fd = c->host->h[i].v2 ? v2 : &fds[n++];

		*fd = c->host->h[i].v2 ? cgroup_dir(c, i) : open_tasks(c, i);
		if (*fd < 0)
			goto the_other_way;
	}
	return n;

the_other_way:
	while (n)
		fd_close(&fds[--n]);
	*v2 = -1;
	return 0;
}

void cgroup_sub_parse(char *option, struct cgroup_sub *out)
{
	char *colon = strchr(option, ':');

	/* A path may have colons, too, but begins with a slash then. */
	if (!colon || *option == '/') {
		*out = (struct cgroup_sub){ .path = option };
		return;
	}
	*colon = '\0';
	*out = (struct cgroup_sub){ .controllers = option, .path = colon + 1 };
}

static int check_sub(const struct cgroup *c, const struct cgroup_sub *s, struct error *e)
{
	for (const char *p = s->path; *(p += strspn(p, "/")); p += strcspn(p, "/"))
		if (PROTECT(cgroup_path) && strncmp(p, "..", 2) == 0 &&
		    (p[2] == '/' || p[2] == '\0')) {
			fail(e, 0, "bad sub cgroup path: '%s' leaves the container's cgroup",
			     s->path);
			return hint(e, "name a cgroup below it");
		}
	if (!s->controllers)
		return 0;
	if (c->host->mode == CGROUP_V2) {
		fail(e, 0, "unknown controller '%s': cgroup v2 has one hierarchy", s->controllers);
		return hint(e, "give the path alone");
	}
	for (const char *p = s->controllers; *p; p += *p == ',') {
		char word[64];
		bool known = false;
		size_t n = strcspn(p, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		for (size_t i = 0; i < c->host->n && !known; i++)
			known = cgroup_has_word(c->host->h[i].controllers, word, ',');
		if (!known)
			return fail(e, 0, "unknown controller %s", word);
		p += n;
	}
	return 0;
}

/* Does the option name this hierarchy? */
static bool meant(const struct cgroup_sub *s, const struct cgroup_hierarchy *h)
{
	if (!s->controllers)
		return true;
	for (const char *p = s->controllers; *p; p += *p == ',') {
		char word[64];
		size_t n = strcspn(p, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		if (cgroup_has_word(h->controllers, word, ','))
			return true;
		p += n;
	}
	return false;
}

static int join(int dir, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return file_write(dir, "cgroup.procs", text);
}

/* The directory where `init` is now. */
static int join_like(struct cgroup *c, size_t i, pid_t pid, pid_t init)
{
	auto_free char *path = cgroup_membership(c->host, init, i);
	auto_close int mount = path ? cgroup_open_mount(c->host, i) : -ENOENT;

	if (mount < 0)
		return mount;
	auto_close int dir =
		cgroup_open_below(mount, path[1] ? path + 1 : ".", O_PATH | O_DIRECTORY);

	return dir < 0 ? dir : join(dir, pid);
}

static int attach_one(struct cgroup *c, size_t i, pid_t pid, const char *sub, pid_t init,
		      struct error *e)
{
	const struct cgroup_hierarchy *h = &c->host->h[i];
	int dir = cgroup_dir(c, i), r = dir;
	const char *below = sub ? sub + strspn(sub, "/") : "";

	if (dir >= 0 && *below) {
		auto_close int inner = cgroup_open_below(dir, below, O_PATH | O_DIRECTORY);

		r = inner < 0 ? inner : join(inner, pid);
	} else if (dir >= 0) {
		r = join(dir, pid);
		/* Somebody inside has enabled controllers for cgroups of their own. */
		if ((r == -EBUSY || r == -EOPNOTSUPP) && h->v2 && !sub && init > 0)
			r = join_like(c, i, pid, init);
	}
	if (r == 0)
		return 0;
	fail(e, r, "adding pid %d to cgroup %s%s%s%s", (int)pid, h->mount, c->path,
	     *below ? "/" : "", below);
	hint_if(e, ENOENT, "%s",
		*below ? "the sub-cgroup must exist"
		       : "somebody has removed the container's cgroup");
	hint_if(e, ENOSPC, "a cpuset without CPUs or memory nodes takes no process");
	hint_if(e, EACCES, "the cgroup, or one above both it and the caller, is not the caller's");
	return hint_if(e, EBUSY,
		       "cgroup v2: controllers are enabled for cgroups below; name one "
		       "of them");
}

int cgroup_attach_sub(struct cgroup *c, pid_t pid, const struct cgroup_sub *subs, size_t n,
		      pid_t init, struct error *e)
{
	if (c->driver == CGROUP_DISABLED)
		return n > 0 ? cgroup_none(c, "use a sub-cgroup", e) : 0;
	for (size_t k = 0; k < n; k++)
		if (check_sub(c, &subs[k], e) < 0)
			return e->code ? -e->code : -EINVAL;
	for (size_t i = 0; i < c->host->n; i++) {
		const char *sub = NULL;

		if (!c->at[i].used)
			continue;
		for (size_t k = 0; k < n; k++)
			if (meant(&subs[k], &c->host->h[i]))
				sub = subs[k].path;
		int r = attach_one(c, i, pid, sub, init, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_attach(struct cgroup *c, pid_t pid, struct error *e)
{
	return c->awaits ? cgroup_make_unit(c, pid, e) : cgroup_attach_sub(c, pid, NULL, 0, 0, e);
}

/* ---- listing --------------------------------------------------------------------------------- */

int cgroup_each_child(int dir, int (*f)(int dir, const char *name, void *arg), void *arg)
{
	struct stat st;
	int r = 0;

	/* kernfs counts subdirectories: mostly there is none, and some sixty files to walk past. */
	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_nlink <= 2)
		return 0;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	for (struct dirent *entry; r == 0 && (r = dir_next(d, &entry)) > 0;) {
		r = 0;
		if (entry->d_type != DT_DIR)
			continue;
		auto_close int child =
			openat(dir, entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (child >= 0)
			r = f(child, entry->d_name, arg);
		else if (errno != ENOENT) /* it has not just been removed */
			r = -errno;
	}
	closedir(d);
	return r;
}

struct pid_list {
	pid_t *pids;
	size_t n, room;
};

static int list_add(struct pid_list *l, pid_t pid)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		pid_t *more = realloc(l->pids, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->pids = more;
		l->room = room;
	}
	l->pids[l->n++] = pid;
	return 0;
}

static int list_dir(int dir, const char *name, void *arg)
{
	struct pid_list *l = arg;
	auto_free char *text = NULL;
	ssize_t r = file_read_all(dir, "cgroup.procs", LIST_LIMIT, &text);

	(void)name;
	if (r == -EOPNOTSUPP) /* a threaded cgroup */
		r = file_read_all(dir, "cgroup.threads", LIST_LIMIT, &text);
	if (r == -ENOENT || r == -ENODEV)
		return 0; /* removed while we look */
	if (r < 0)
		return (int)r;
	for (char *p = text, *end; *p; p = end + (*end == '\n')) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		/* 0 is a process of another pid namespace: nobody we could name. */
		if (pid > 0 && list_add(l, (pid_t)pid) < 0)
			return -ENOMEM;
	}
	return cgroup_each_child(dir, list_dir, arg);
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

int cgroup_pids_in(int dir, pid_t **out, size_t *n)
{
	struct pid_list l = { 0 };
	int r = list_dir(dir, NULL, &l);

	*out = NULL;
	*n = 0;
	if (r < 0) {
		free(l.pids);
		return r;
	}
	if (l.n > 1)
		qsort(l.pids, l.n, sizeof(*l.pids), by_number);
	for (size_t i = 0; i < l.n; i++) /* v1 may name one twice */
		if (i == 0 || l.pids[i] != l.pids[i - 1])
			l.pids[(*n)++] = l.pids[i];
	*out = l.pids;
	return 0;
}

/* The hierarchy that knows who belongs to the container: any does; v2 where there is one, as
 * nobody inside a container moves processes out of it. */
static int principal(struct cgroup *c)
{
	int v2 = c->host->v2;

	if (v2 >= 0 && c->at[v2].used)
		return cgroup_dir(c, (size_t)v2);
	for (size_t i = 0; i < c->host->n; i++)
		if (c->at[i].used)
			return cgroup_dir(c, i);
	return -ENOENT;
}

int cgroup_pids(struct cgroup *c, pid_t **out, size_t *n, struct error *e)
{
	int r = cgroup_none(c, "list processes", e);

	*out = NULL;
	*n = 0;
	if (r < 0)
		return r;
	int dir = principal(c);

	if (dir == -ENOENT)
		return 0; /* gone, and everybody with it */
	r = dir < 0 ? dir : cgroup_pids_in(dir, out, n);
	return r < 0 ? fail(e, r, "cannot read the processes of cgroup %s", c->path) : 0;
}

/* ---- signalling ------------------------------------------------------------------------------ */

static bool has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	return n > 0 && bsearch(&pid, pids, n, sizeof(pid), by_number);
}

static int signal_listed(int dir, const pid_t *pids, size_t n, int sig, int *fds)
{
	auto_free pid_t *again = NULL;
	size_t n_again;

	for (size_t i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(pids[i], 0);
	int r = cgroup_pids_in(dir, &again, &n_again);

	for (size_t i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (r < 0 || !has_pid(again, n_again, pids[i])) {
			fd_close(&fds[i]);
			continue;
		}
		int err = sys_pidfd_send_signal(fds[i], sig);

		if (err < 0 && err != -ESRCH)
			r = err;
	}
	return r;
}

int cgroup_signal_in(int dir, int sig, int **pidfds, size_t *n_pidfds)
{
	auto_free pid_t *pids = NULL;
	size_t n, left = 0;
	int r = cgroup_pids_in(dir, &pids, &n);

	if (r < 0)
		return r;
	int *fds = calloc(n + 1, sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	r = signal_listed(dir, pids, n, sig, fds);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0 && pidfds)
			fds[left++] = fds[i];
		else
			fd_close(&fds[i]);
	}
	if (!pidfds) {
		free(fds);
		return r;
	}
	*pidfds = fds;
	*n_pidfds = left;
	return r;
}

/* Where cgroup.kill is not: held, so that nobody forks away; killed until nobody new turns up. */
static int kill_one_by_one(struct cgroup *c, int dir)
{
	size_t before = SIZE_MAX;
	int r;

	cgroup_hold(c);
	for (int round = 0; round < 1000; round++) {
		auto_free pid_t *pids = NULL;
		size_t n;

		r = cgroup_signal_in(dir, SIGKILL, NULL, NULL);
		if (r < 0)
			break;
		r = cgroup_pids_in(dir, &pids, &n);
		if (r < 0 || n == 0 || n == before)
			break;
		before = n;
	}
	cgroup_thaw_quietly(c); /* v1 delivers even SIGKILL only then */
	return r;
}

int cgroup_kill_all(struct cgroup *c, int sig, struct error *e)
{
	int r = cgroup_none(c, "signal all processes", e);

	if (r < 0)
		return r;
	int dir = principal(c), v2 = c->host->v2;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0) {
		r = dir;
	} else if (sig != SIGKILL) {
		r = cgroup_signal_in(dir, sig, NULL, NULL);
	} else {
		r = v2 >= 0 && c->at[v2].used ? file_write(dir, "cgroup.kill", "1") : -ENOENT;
		if (r < 0) /* a kernel before 5.14, or a threaded cgroup */
			r = kill_one_by_one(c, dir);
		else if (c->host->mode == CGROUP_HYBRID)
			cgroup_thaw_quietly(c);
	}
	return r < 0 ? fail(e, r, "cannot signal the processes of cgroup %s", c->path) : 0;
}
