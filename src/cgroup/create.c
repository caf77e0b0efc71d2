/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create -- the directories of a container, ready for its first process.
 *
 * Everything is set before any process is in: none ever runs on the wrong CPU, beyond a limit, or
 * with a device that it must not have.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

#include <stdio.h>
#include <sys/stat.h>

#define MODE     0755
#define ATTEMPTS 20 /* a sibling's delete may take an empty parent away between two of our calls */

/* ---- making directories ---------------------------------------------------------------------- */

/* The leaf, and what is missing above it. Finds out what was there before. */
static int make_path(const struct cgroup *c, int mount, struct cgroup_place *p)
{
	const char *leaf = c->path + 1;
	uint16_t kept = c->depth;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (mkdirat(mount, leaf, MODE) == 0) {
			p->kept = MIN(MIN(kept, p->kept), (uint16_t)(c->depth - 1));
			return 0;
		}
		if (errno == EEXIST) {
			p->kept = c->depth;
			return 0;
		}
		if (errno != ENOENT)
			return -errno;
		for (uint16_t k = 1; k < c->depth; k++) {
			auto_free char *path = cgroup_components(c, k);

			if (!path)
				return -ENOMEM;
			if (mkdirat(mount, path, MODE) == 0)
				kept = MIN(kept, (uint16_t)(k - 1));
			else if (errno != EEXIST)
				return -errno;
		}
	}
	return -ENOENT;
}

static int cannot_make(const struct cgroup *c, size_t i, int err, struct error *e)
{
	fail(e, err, "linux.cgroupsPath: cannot make cgroup '%s' in %s", c->path,
	     c->host->h[i].mount);
	switch (-err) {
	case EACCES:
	case EPERM:
		return hint(e, "be root, or start where cgroups are delegated: "
			       "systemd-run --user --scope -p Delegate=yes ...");
	case EROFS:
		return hint(e, "the cgroup file system is mounted read-only");
	case EAGAIN:
		return hint(e, "cgroup.max.depth or cgroup.max.descendants of a cgroup above is "
			       "reached");
	case ENOTDIR:
		return hint(e, "a part of the path is an interface file of the kernel");
	case EINVAL:
		return hint(e, "the kernel does not take such a name for a cgroup");
	default:
		return -e->code;
	}
}

static int make_directories(struct cgroup *c, size_t i, bool needed, struct error *e)
{
	struct cgroup_place *p = &c->at[i];
	int mount = cgroup_top(c, i);

	if (mount < 0)
		return fail(e, mount, "cannot open %s", c->host->h[i].mount);
	/* The unit's own directory is systemd's to make. */
	int r = c->scope > 0 && c->scope == c->depth ? 0 : make_path(c, mount, p);

	if ((r == -EACCES || r == -EPERM || r == -EROFS) && c->host->tolerant && !needed) {
		log_debug("cgroup: no right to make %s in %s, done without", c->path,
			  c->host->h[i].mount);
		p->used = false;
		return 0;
	}
	if (r < 0)
		return cannot_make(c, i, r, e);
	/* Its own new one is opened when there is something to write. */
	r = p->kept == c->depth ? cgroup_dir(c, i) : 0;
	return r < 0 ? fail(e, r, "cannot open the cgroup %s%s", c->host->h[i].mount, c->path) : 0;
}

/* ---- v1: a fresh cpuset has no CPU and no memory, and takes no process ----------------------- */

struct inherited {
	char name[32];
	char text[4096]; /* of the directory above */
};

static int read_first(int mount, const struct row *row, struct inherited *in)
{
	const char *bar = strchr(row->v1, '|');

	snprintf(in->name, sizeof(in->name), "%.*s", (int)(bar - row->v1), row->v1);
	ssize_t r = file_read(mount, in->name, in->text, sizeof(in->text));

	if (r == -ENOENT) { /* mounted with "noprefix" */
		snprintf(in->name, sizeof(in->name), "%s", bar + 1);
		r = file_read(mount, in->name, in->text, sizeof(in->text));
	}
	return (int)MIN(r, 0);
}

static int inherit(int dir, struct inherited *in, bool fresh, bool skip)
{
	char own[sizeof(in->text)];
	ssize_t r = fresh ? 0 : file_read(dir, in->name, own, sizeof(own));

	if (r < 0)
		return (int)r;
	if (r > 0 && *own != '\n') {
		memcpy(in->text, own, (size_t)r + 1);
		return 0;
	}
	return skip ? 0 : file_write(dir, in->name, in->text);
}

static int inherit_cpuset(struct cgroup *c, size_t i, const struct oci_resources *r,
			  struct error *e)
{
	const struct row *row[] = { cg_row("cpu.cpus"), cg_row("cpu.mems") };
	struct inherited in[2];
	int mount = cgroup_top(c, i), err = MIN(mount, 0);

	for (size_t f = 0; f < 2 && err == 0; f++)
		err = read_first(mount, row[f], &in[f]);
	for (uint16_t k = 1; k <= c->depth && err == 0; k++) {
		auto_free char *path = cgroup_components(c, k);
		auto_close int dir = path ? cgroup_open_below(mount, path, O_PATH | O_DIRECTORY)
					  : -ENOMEM;

		err = dir < 0 ? dir : 0;
		for (size_t f = 0; f < 2 && err == 0; f++)
			err = inherit(dir, &in[f], k > c->at[i].kept,
				      k == c->depth && r && cg_text(row[f], r));
	}
	if (err < 0)
		return fail(e, err, "cannot set up the cpuset %s%s", c->host->h[i].mount, c->path);
	return 0;
}

/* ---- v1: real-time needs its share in every cgroup above ------------------------------------- */

static void give_parents_realtime(struct cgroup *c, const struct cg_writes *all)
{
	for (size_t n = 0; n < all->n; n++) {
		const struct cg_write *w = &all->w[n];

		if (w->row->group != GROUP_RT)
			continue;
		int mount = cgroup_top(c, w->at);

		for (uint16_t k = c->at[w->at].kept + 1; k < c->depth; k++) {
			auto_free char *path = cgroup_components(c, k);
			auto_close int dir =
				path ? cgroup_open_below(mount, path, O_PATH | O_DIRECTORY) : -1;

			/* Where this fails, the container's own write says why. */
			if (dir >= 0)
				(void)file_write(dir, w->file, w->text);
		}
	}
}

/* ---- one that is there already --------------------------------------------------------------- */

static int refuse_used(struct cgroup *c, size_t i, struct error *e)
{
	auto_free pid_t *pids = NULL;
	size_t n;
	int r = cgroup_pids_in(c->at[i].dir, &pids, &n);

	if (r < 0)
		return fail(e, r, "cannot read the processes of %s%s", c->host->h[i].mount,
			    c->path);
	if (n == 0)
		return 0;
	fail(e, 0, "container's cgroup is not empty: process %d%s in %s%s", (int)pids[0],
	     n > 1 ? " and others are" : " is", c->host->h[i].mount, c->path);
	e->code = EBUSY;
	return hint(e, "a container needs a cgroup of its own: change linux.cgroupsPath");
}

static int refuse_frozen(struct cgroup *c, struct error *e)
{
	if (cgroup_would_freeze(c) != 1)
		return 0;
	fail(e, 0, "container's cgroup unexpectedly frozen: %s", c->path);
	e->code = EBUSY;
	return hint(e, "thaw it, or the one above it that is frozen, or change linux.cgroupsPath");
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The controllers that the writes to v2 need: " memory cpu"; malloc()ed. NULL: no memory. */
static char *needed_controllers(const struct cgroup *c, const struct cg_writes *all)
{
	size_t room = 1;

	for (size_t i = 0; i < all->n; i++)
		room += 1 + strlen(all->w[i].file);

	char *text = malloc(room), *end = text;

	for (size_t i = 0; text && i < all->n; i++) {
		const char *file = all->w[i].file;

		if (!c->host->h[all->w[i].at].v2 || *file == '(' || after(file, "cgroup."))
			continue;
		*end++ = ' ';
		end = mempcpy(end, file, strcspn(file, "."));
	}
	if (text)
		*end = '\0';
	return text;
}

/* Device rules do not count as asked for here: rootless, they restrict nothing that the user
 * namespace does not (nobody in it can make a device node), and every configuration has some. */
static int make_all(struct cgroup *c, const struct cg_writes *all, struct error *e)
{
	for (size_t i = 0; i < c->host->n; i++) {
		bool needed = false;

		if (!c->at[i].used)
			continue;
		for (size_t k = 0; k < all->n && !needed; k++)
			needed = all->w[k].at == i && all->w[k].row->put != put_devices;
		int r = make_directories(c, i, needed, e);

		if (r == 0 && c->at[i].used && c->at[i].kept == c->depth)
			r = refuse_used(c, i, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* `pid` is in already when the controllers are enabled, or 0: with systemd it is in the unit's own
 * cgroup before, which can give none to those below while it has processes. */
static int set_up(struct cgroup *c, const struct oci_resources *r, const struct cg_writes *all,
		  pid_t pid, struct error *e)
{
	int err = make_all(c, all, e);

	if (err == 0 && pid)
		err = cgroup_attach(c, pid, e);
	if (err == 0)
		err = refuse_frozen(c, e);
	if (err == 0 && c->host->v2 >= 0 && c->at[c->host->v2].used) {
		auto_free char *needed = needed_controllers(c, all);

		err = needed ? cgroup_enable_controllers(c, needed, e) : fail(e, ENOMEM, "cgroup");
	}
	int h = cgroup_find(c->host, "cpuset");

	if (err == 0 && h >= 0 && !c->host->h[h].v2 && c->at[h].used)
		err = inherit_cpuset(c, (size_t)h, r, e);
	if (err < 0)
		return err;
	give_parents_realtime(c, all);
	return cg_write_all(c, all, e);
}

int cgroup_create(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	struct cg_writes all = { 0 };
	struct compile compile = { .host = c->host, .r = r, .out = &all, .e = e };

	if (c->driver == CGROUP_DISABLED)
		return 0;
	if (c->driver == CGROUP_SYSTEMD) {
		c->resources = r;
		return 0;
	}
	int err = cg_compile(&compile);

	if (err == 0)
		err = set_up(c, r, &all, 0, e);
	cg_writes_free(&all);
	return err;
}

int cgroup_make_unit(struct cgroup *c, pid_t pid, struct error *e)
{
	struct cg_writes all = { 0 };
	struct compile compile = { .host = c->host, .r = c->resources, .out = &all, .e = e };
	int err = cg_compile(&compile);

	if (err == 0)
		err = systemd_start(c, &all, pid, e);
	if (err == 0) {
		c->awaits = false;
		err = set_up(c, c->resources, &all, pid, e);
	}
	cg_writes_free(&all);
	return err;
}

int cgroup_delegate(struct cgroup *c, uid_t uid, struct error *e)
{
	auto_free char *files = NULL;
	int v2 = c->host ? c->host->v2 : -1;

	if (c->driver == CGROUP_DISABLED || v2 < 0 || !c->at[v2].used)
		return 0;
	int dir = cgroup_dir(c, (size_t)v2);

	if (dir >= 0 && fchownat(dir, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0) {
		if (errno == EPERM && c->host->tolerant) {
			log_debug("cgroup: no right to give %s to user %u, done without", c->path,
				  uid);
			return 0;
		}
		dir = -errno;
	}
	if (dir < 0)
		return fail(e, dir, "cannot give the cgroup %s to user %u", c->path, uid);
	if (file_read_all(AT_FDCWD, "/sys/kernel/cgroup/delegate", 1 << 16, &files) < 0)
		return 0;
	for (char *file, *rest = files; (file = strsep(&rest, "\n"));) {
		if (!*file || strchr(file, '/'))
			continue;
		/* Files of controllers that are not enabled are on the list, too. */
		if (fchownat(dir, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return fail(e, errno, "cannot give %s of the cgroup %s to user %u", file,
				    c->path, uid);
	}
	return 0;
}
