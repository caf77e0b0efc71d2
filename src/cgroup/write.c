/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write -- the writes that the table gives: checked, shown, done.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

int cgroup_each_write(struct cgroup_host *host, const struct oci_resources *r, cgroup_write_seen *f,
		      void *arg, struct error *e)
{
	struct cg_writes all = { 0 };
	struct compile c = { .host = host, .r = r, .dry = true, .out = &all, .e = e };
	int err = cg_compile(&c);

	for (size_t i = 0; err == 0 && i < all.n; i++) {
		const struct cg_write *w = &all.w[i];

		f(arg, w->json, host->h[w->at].controllers, w->file, w->text);
	}
	cg_writes_free(&all);
	return err;
}

static void not_looked_at(void *arg, const char *json, const char *controllers, const char *file,
			  const char *text)
{
	(void)arg, (void)json, (void)controllers, (void)file, (void)text;
}

int cgroup_check(struct cgroup_host *host, const struct oci_resources *r, struct error *e)
{
	return cgroup_each_write(host, r, not_looked_at, NULL, e);
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int filter(struct cgroup *c, const struct cg_write *w, struct error *e)
{
	char log[4096] = "";
	int dir = cgroup_dir(c, w->at);
	int err = dir < 0 ? dir : cgroup_filter_attach(dir, w->rules, log, sizeof(log));

	if (err == -EPERM && c->host->tolerant) {
		/* In a user namespace nobody can make a device node, nor use one from outside
		 * that its file system and its mode do not give. */
		log_debug(
			"linux.resources.devices: no right to load a device filter, done without");
		return 0;
	}
	if (err < 0) {
		fail(e, err, "linux.resources.devices: cannot attach the device filter to %s%s",
		     c->host->h[w->at].mount, c->path);
		if (*log)
			return hint(e, "the kernel's verifier says: %.400s", log);
		return hint_if(e, EPERM, "it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN");
	}
	return 0;
}

static int write_one(struct cgroup *c, const struct cg_write *w, struct error *e)
{
	int dir = cgroup_dir(c, w->at), err;

	if (!c->at[w->at].used && w->row->put == put_devices)
		return 0; /* rootless, see make_all() */
	if (w->file[0] == '(')
		return filter(c, w, e);
	err = dir < 0 ? dir : file_write(dir, w->file, w->text);
	if (err == -ENOENT && dir >= 0) {
		if (w->other_file)
			err = file_write(dir, w->other_file, w->other_text);
		if (err == -ENOENT && w->optional)
			return 0;
	}
	if (w->row->best_effort && (err == -ENOENT || err == -EOPNOTSUPP)) {
		log_warning("linux.resources.%s: ignored, this kernel has no %s any more", w->json,
			    w->file);
		return 0;
	}
	return err < 0 ? cg_explain(c, w, err, e) : 0;
}

/*
 * Writes that depend on each other. Which of two limits may be changed first depends on whether
 * they go up or down, and on those of the parent. The kernel knows: what it refuses is tried again
 * after the others, for as long as any of them gets through.
 */
static int write_group(struct cgroup *c, const struct cg_write *w, size_t n, struct error *e)
{
	bool done[16] = { false };
	size_t left = n, left_before;
	struct error why; /* stays here when a later attempt gets through */

	do {
		struct error other;
		bool refused = false;

		left_before = left;
		for (size_t i = 0; i < n; i++) {
			if (done[i])
				continue;
			/* The first refusal is the cause of those that follow. */
			done[i] = write_one(c, &w[i], refused ? &other : &why) == 0;
			refused |= !done[i];
			left -= done[i];
		}
	} while (left > 0 && left < left_before);
	if (left == 0)
		return 0;
	*e = why;
	return e->code ? -e->code : -EINVAL;
}

/* The rules of v1 for devices: a write(2) each, all of them to one or two files. */
static size_t rules_in_one_file(const struct cg_writes *all, size_t first)
{
	const struct cg_write *w = &all->w[first];
	size_t n = 1;

	while (w->row->put == put_devices && first + n < all->n && w[n].row == w->row &&
	       w[n].at == w->at && streq(w[n].file, w->file))
		n++;
	return n;
}

static int write_rules(struct cgroup *c, const struct cg_write *w, size_t n, struct error *e)
{
	int dir = cgroup_dir(c, w->at);
	auto_close int fd = dir < 0 ? dir : (int)nerrno(openat(dir, w->file, O_WRONLY | O_CLOEXEC));

	if (!c->at[w->at].used)
		return 0; /* rootless, see make_all() */
	if (fd < 0)
		return cg_explain(c, w, fd, e);
	for (size_t i = 0; i < n; i++)
		if (write(fd, w[i].text, strlen(w[i].text)) < 0)
			return cg_explain(c, &w[i], -errno, e);
	return 0;
}

int cg_write_all(struct cgroup *c, const struct cg_writes *all, struct error *e)
{
	for (size_t i = 0, n; i < all->n; i += n) {
		const struct cg_write *w = &all->w[i];
		int err;

		for (n = 1; w->row->group && i + n < all->n && n < 16; n++)
			if (w[n].row->group != w->row->group)
				break;
		size_t rules = rules_in_one_file(all, i);

		if (rules > 1)
			n = rules;
		err = rules > 1 ? write_rules(c, w, n, e)
		      : n > 1   ? write_group(c, w, n, e)
				: write_one(c, w, e);
		if (err < 0)
			return err;
	}
	return 0;
}

/* ---- changing it ----------------------------------------------------------------------------- */

static bool has_devices(const struct cg_writes *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->w[i].row->put == put_devices)
			return true;
	return false;
}

/* Without rules of its own a container has those of the cgroup above. */
static int lift_device_rules(struct cgroup *c)
{
	const struct row *row = cg_row("devices");
	int h = cgroup_find(c->host, row->controller), dir = h < 0 ? h : cgroup_dir(c, (size_t)h);

	if (dir < 0)
		return dir;
	return c->host->h[h].v2 ? cgroup_filter_detach(dir)
				: file_write(dir, strchr(row->v1, '+') + 1, "a");
}

static void put_back_devices(struct cgroup *c, const struct oci_resources *before)
{
	struct oci_resources rules = { .devices = before->devices, .n_devices = before->n_devices };
	struct cg_writes all = { 0 };
	struct error e = { 0 };
	struct compile compile = { .host = c->host, .r = &rules, .now = c, .out = &all, .e = &e };
	int err = rules.n_devices ? cg_compile(&compile) : lift_device_rules(c);

	if (err == 0)
		err = cg_write_all(c, &all, &e);
	cg_writes_free(&all);
	if (err < 0)
		log_warning("update: cannot put the device rules back: %s", e.text);
}

static int write_or_undo(struct cgroup *c, const struct oci_resources *before,
			 const struct cg_writes *all, struct error *e)
{
	struct cg_undo undo;
	int err = cg_undo_keep(c, all, &undo);

	if (err < 0) {
		cg_undo_free(&undo);
		return fail(e, err, "cannot hold the present limits");
	}
	err = cg_write_all(c, all, e);
	if (err == 0 && c->scope > 0)
		err = systemd_set(c, all, e); /* checks all before it changes any */
	if (err < 0) {
		cg_undo_do(c, &undo);
		if (before && has_devices(all))
			put_back_devices(c, before);
	}
	cg_undo_free(&undo);
	return err;
}

/* v1 can only replace a list of refused devices by lifting it first. Nobody may run then. */
static int write_stopped(struct cgroup *c, const struct oci_resources *before,
			 const struct cg_writes *all, struct error *e)
{
	struct error thaw;
	int err = cgroup_freeze(c, e);

	if (err < 0)
		return err;
	err = write_or_undo(c, before, all, e);
	if (cgroup_thaw(c, &thaw) < 0 && err == 0) {
		*e = thaw;
		err = -EIO;
	}
	return err;
}

int cgroup_update(struct cgroup *c, const struct oci_resources *asked,
		  const struct oci_resources *before, struct error *e)
{
	struct cg_writes all = { 0 };
	struct oci_resources r = *asked;
	struct oci_memory memory;
	struct compile compile = { .host = c->host, .r = &r, .now = c, .out = &all, .e = e };
	int err = cgroup_none(c, "change resources", e);

	if (err < 0)
		return err;
	if (r.memory && !r.memory->checkBeforeUpdate.set && before && before->memory) {
		memory = *r.memory;
		memory.checkBeforeUpdate = before->memory->checkBeforeUpdate;
		r.memory = &memory;
	}
	err = cg_compile(&compile);
	if (err == 0 && cgroup_device_rules_lapse(&all) && cgroup_is_frozen(c, e) == 0)
		err = write_stopped(c, before, &all, e);
	else if (err == 0)
		err = write_or_undo(c, before, &all, e);
	cg_writes_free(&all);
	return err;
}
