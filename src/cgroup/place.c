/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place -- the path of a container's cgroup: chosen, written down, read back, opened.
 *
 * Drivers differ only in who makes the directory and so in how a path comes about: cgroupfs takes
 * cgroupsPath as it is; systemd is told names, of which a path will come (systemd.c); disabled has
 * none.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/sys.h"
#include "base/util.h"
#include "base/weakened.h"

#include <stdio.h>

#define PATH_LIMIT 4000 /* leaves room for the mount and a file name in PATH_MAX */

static const char *const driver_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};

static void clear(struct cgroup *c, struct cgroup_host *host, enum cgroup_driver driver)
{
	*c = (struct cgroup){ .host = host, .driver = driver };
	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
		c->at[i].mount = c->at[i].dir = -1;
}

void cgroup_free(struct cgroup *c)
{
	/* An all-zero struct has no descriptors: 0 is not one of them. */
	for (size_t i = 0; c->host && i < CGROUP_HIERARCHIES; i++) {
		fd_close(&c->at[i].mount);
		fd_close(&c->at[i].dir);
	}
	free(c->path);
	clear(c, NULL, CGROUP_DISABLED);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* Appends the components of `path` to `out`, each behind one slash. */
static int normalise(char *out, size_t *depth, const char *path, struct error *e)
{
	const char *whole = path;
	char *end = out + strlen(out);

	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		if (PROTECT(cgroup_path) && n == 2 && path[0] == '.' && path[1] == '.') {
			fail(e, 0, "linux.cgroupsPath: '%s' has a '..' in it", whole);
			return hint(e, "name the cgroup by its path from the top of the hierarchy");
		}
		if (n > 255)
			return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
		if (memchr(path, '\n', n))
			return fail(e, 0, "linux.cgroupsPath: a line break in a cgroup's name");
		if (!(n == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
			*end = '\0';
			++*depth;
		}
		path += n;
	}
	return 0;
}

/* The hierarchy that decides whether we may write at the top. */
static size_t principal(const struct cgroup_host *host)
{
	return host->v2 >= 0 ? (size_t)host->v2 : 0;
}

/* Where the caller may make cgroups: "" is the top, else next to the cgroup it is in. */
static char *home(const struct cgroup_host *host)
{
	size_t i = principal(host);

	if (host->n == 0 || faccessat(AT_FDCWD, host->h[i].mount, W_OK, AT_EACCESS) == 0)
		return strdup("");
	char *own = cgroup_membership(host, 0, i);

	if (!own)
		return strdup("");
	*strrchr(own, '/') = '\0';
	return own;
}

char *cgroup_components(const struct cgroup *c, size_t n)
{
	const char *end = c->path;

	while (n-- > 0)
		end += 1 + strcspn(end + 1, "/");
	/* Relative to the mount, hence without the first slash. */
	return end == c->path ? strdup(".") : strndup(c->path + 1, (size_t)(end - c->path) - 1);
}

/* How many leading components are there already. */
static int look(struct cgroup *c, size_t i)
{
	int mount = cgroup_top(c, i); /* what is wrong with it, create will find, too */
	size_t k = c->depth;

	for (; k > 0; k--) {
		auto_free char *path = cgroup_components(c, k);

		if (!path)
			return -ENOMEM;
		if (faccessat(mount, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			break;
	}
	c->at[i].kept = (uint16_t)k;
	c->at[i].used = true;
	return 0;
}

/* The slices stay whoever made them; a unit that is there before us is not ours to stop. */
static int plan_unit(struct cgroup *c, const char *path, const char *id, struct error *e)
{
	int r = systemd_plan(c, path, id, e);

	if (r < 0)
		return r;
	size_t i = (size_t)c->host->v2;

	r = look(c, i);
	c->at[i].kept = MAX(c->at[i].kept, (uint16_t)(c->scope - 1));
	c->awaits = true;
	return r < 0 ? fail(e, r, "cgroup %s", c->path) : 0;
}

int cgroup_plan(struct cgroup_host *host, const char *path, const char *id,
		enum cgroup_driver driver, struct cgroup *out, struct error *e)
{
	clear(out, host, driver);
	if (driver == CGROUP_DISABLED)
		return 0;
	if (driver == CGROUP_SYSTEMD)
		return plan_unit(out, path, id, e);

	char text[PATH_LIMIT + 1], fallback[300];
	size_t depth = 0;
	auto_free char *below = path && *path == '/' ? strdup("") : home(host);

	if (!below)
		return fail(e, ENOMEM, "cgroup");
	if (!path || !*path) {
		/* A prefix, as an id may be what the host calls one of its own: "system.slice". */
		snprintf(fallback, sizeof(fallback), strlen(id) < 250 ? "ocirt-%s" : "%s", id);
		path = fallback;
	}
	if (strlen(below) + strlen(path) + 2 > sizeof(text))
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
	text[0] = '\0';
	int r = normalise(text, &depth, below, e);

	if (r == 0)
		r = normalise(text, &depth, path, e);
	if (r < 0)
		return r;
	if (depth == 0) {
		fail(e, 0, "linux.cgroupsPath: '%s' is the top of the hierarchy, not a cgroup",
		     path);
		return hint(e, "leave it out, or name a cgroup such as '/containers/%s'", id);
	}
	out->path = strdup(text);
	out->depth = (uint16_t)depth;
	r = out->path ? 0 : -ENOMEM;
	for (size_t i = 0; i < host->n && r == 0; i++)
		r = look(out, i);
	return r < 0 ? fail(e, r, "cgroup %s", text) : 0;
}

/* ---- the line in the state file -------------------------------------------------------------- */

/* "cgroupfs cpu,cpuacct:0 name=systemd:0 v2:1 /a/b": the driver, per hierarchy how many components
 * were there before us, the path. The path is last because it may have spaces. With systemd the
 * hierarchies come after whose manager it is and which component the unit is: "systemd user:4 v2:3".
 */
char *cgroup_to_text(const struct cgroup *c)
{
	const char *path = c->path ? c->path : "";
	size_t room = 64 + strlen(path);

	for (size_t i = 0; c->path && i < c->host->n; i++)
		room += strlen(c->host->h[i].controllers) + sizeof(" v2:65535");
	char *text = malloc(room);

	if (!text)
		return NULL;
	size_t n = (size_t)snprintf(text, room, "%s", driver_names[c->driver]);

	if (c->driver == CGROUP_SYSTEMD)
		n += (size_t)snprintf(text + n, room - n, " %s:%u",
				      c->user_manager ? "user" : "system", c->scope);
	for (size_t i = 0; c->path && i < c->host->n; i++)
		if (c->at[i].used)
			n += (size_t)snprintf(text + n, room - n, " %s:%u",
					      c->host->h[i].v2 ? "v2" : c->host->h[i].controllers,
					      c->at[i].kept);
	snprintf(text + n, room - n, " %s", path);
	return text;
}

static int read_place(struct cgroup *c, const char *word, size_t n)
{
	const char *colon = memrchr(word, ':', n);
	uint64_t kept;

	if (!colon ||
	    number_u64_n(colon + 1, n - (size_t)(colon + 1 - word), UINT16_MAX, &kept) < 0)
		return -EINVAL;
	n = (size_t)(colon - word);
	if (c->driver == CGROUP_SYSTEMD && c->scope == 0) {
		c->user_manager = after(word, "user:") != NULL;
		c->scope = (uint16_t)kept;
		return c->scope > 0 && (c->user_manager || after(word, "system:")) ? 0 : -EINVAL;
	}
	for (size_t i = 0; i < c->host->n; i++) {
		const char *name = c->host->h[i].v2 ? "v2" : c->host->h[i].controllers;

		if (strlen(name) == n && memcmp(name, word, n) == 0) {
			c->at[i].used = true;
			c->at[i].kept = (uint16_t)kept;
			return 0;
		}
	}
	/* Mounted when the container was made, gone now: its directory is out of reach. */
	log_debug("cgroup: the hierarchy '%.*s' is not mounted any more", (int)n, word);
	return 0;
}

int cgroup_from_text(struct cgroup_host *host, const char *text, struct cgroup *out,
		     struct error *e)
{
	const char *rest = NULL;
	char path[PATH_LIMIT + 1] = "";
	size_t depth = 0;
	int driver;

	clear(out, host, CGROUP_DISABLED);
	for (driver = CGROUP_CGROUPFS; driver <= CGROUP_DISABLED; driver++) {
		rest = after(text, driver_names[driver]);
		if (rest && *rest == ' ')
			break;
		rest = NULL;
	}
	if (!rest)
		return fail(e, 0, "unknown cgroup driver in '%.60s'", text);
	out->driver = (enum cgroup_driver)driver;
	if (driver == CGROUP_DISABLED)
		return 0;
	while (*++rest != '/') {
		size_t n = strcspn(rest, " ");

		if (!rest[n] || read_place(out, rest, n) < 0)
			return fail(e, 0, "cannot make out the cgroup in '%.60s'", text);
		rest += n;
	}
	if (strlen(rest) > PATH_LIMIT || normalise(path, &depth, rest, e) < 0 || depth == 0 ||
	    depth < out->scope || (driver == CGROUP_SYSTEMD && out->scope == 0))
		return fail(e, 0, "cannot make out the cgroup in '%.60s'", text);
	out->depth = (uint16_t)depth;
	out->path = strdup(path);
	return out->path ? 0 : fail(e, ENOMEM, "cgroup %s", path);
}

/* ---- opening --------------------------------------------------------------------------------- */

char *cgroup_directory(const struct cgroup *c, size_t i)
{
	char *path;

	return asprintf(&path, "%s%s", c->host->h[i].mount, c->path) < 0 ? NULL : path;
}

int cgroup_open_below(int dir, const char *path, int flags)
{
	return sys_openat2(
		dir, path, (uint64_t)flags, 0,
		PROTECT(cgroup_path) ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV : 0);
}

int cgroup_top(struct cgroup *c, size_t i)
{
	int *mount = &c->at[i].mount;

	if (*mount < 0) {
		int r = cgroup_open_mount(c->host, i);

		if (r < 0)
			return r;
		*mount = r;
	}
	return *mount;
}

int cgroup_dir(struct cgroup *c, size_t i)
{
	struct cgroup_place *p = &c->at[i];

	if (!p->used)
		return -ENOENT;
	if (p->dir < 0) {
		int mount = cgroup_top(c, i);

		if (mount < 0)
			return mount;
		int r = cgroup_open_below(mount, c->path + 1, O_PATH | O_DIRECTORY);

		if (r < 0)
			return r;
		p->dir = r;
	}
	return p->dir;
}

int cgroup_none(const struct cgroup *c, const char *what, struct error *e)
{
	if (c->driver != CGROUP_DISABLED)
		return 0;
	fail(e, 0, "cannot %s: cgroups disabled for this container", what);
	e->code = EOPNOTSUPP;
	return hint(e, "it was created with --cgroup-manager disabled");
}
