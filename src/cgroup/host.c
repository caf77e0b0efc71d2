/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host -- which hierarchies there are, and where.
 *
 * Most hosts have theirs where everybody expects them, and a look there costs a statfs(2) each.
 * Only when they are not there is /proc/self/mountinfo read: it may have thousands of lines on a
 * busy host, and every command would pay for them.
 */
#include "parts.h"

#include "base/file.h"
#include "base/util.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#define TOP       "/sys/fs/cgroup"
#define TOO_LARGE (64u << 20)

/* unsure: it could not be looked at. */
static bool is_filesystem(const char *path, unsigned long magic, bool *unsure)
{
	struct statfs s;

	if (statfs(path, &s) < 0) {
		*unsure |= errno != ENOENT;
		return false;
	}
	return (unsigned long)s.f_type == magic;
}

/* The strings of a struct cgroup_host, in one piece of memory whose size is known beforehand. */
struct store {
	char *next;
};

static const char *store_n(struct store *s, const char *text, size_t n)
{
	char *at = s->next;

	memcpy(at, text, n);
	at[n] = '\0';
	s->next += n + 1;
	return at;
}

static const char *store(struct store *s, const char *text)
{
	return store_n(s, text, strlen(text));
}

static struct cgroup_hierarchy *add(struct cgroup_host *host, const char *controllers,
				    const char *mount, const char *root)
{
	struct cgroup_hierarchy *h = &host->h[host->n];

	*h = (struct cgroup_hierarchy){
		.controllers = controllers, .mount = mount, .root = root, .v2 = !*controllers
	};
	if (h->v2)
		host->v2 = (int)host->n;
	host->n++;
	return h;
}

/* The name that the directory of a hierarchy has by convention. */
static const char *usual_name(const char *controllers)
{
	const char *name = after(controllers, "name=");

	return !*controllers ? "unified" : name ? name : controllers;
}

/* Where everybody mounts it; false: not there. */
static bool add_usual(struct cgroup_host *host, struct store *s, const char *controllers,
		      bool *unsure)
{
	char path[sizeof(TOP) + 256];

	if (snprintf(path, sizeof(path), TOP "/%s", usual_name(controllers)) >= (int)sizeof(path))
		return false;
	if (!is_filesystem(path, *controllers ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC, unsure))
		return false;
	add(host, store(s, controllers), store(s, path), "/");
	return true;
}

/* ---- the long way ---------------------------------------------------------------------------- */

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool cgroup_has_word(const char *list, const char *word, char separator)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == separator) &&
		    (at[n] == '\0' || at[n] == separator || at[n] == '\n'))
			return true;
	return false;
}

struct mount_line {
	char *root, *target, *type, *options;
};

/* Cuts one line of mountinfo into its fields: "36 35 98:0 ROOT TARGET MNTOPTS [TAGS] - TYPE SRC OPTS". */
static bool cut_line(char *line, struct mount_line *out)
{
	char *field[5], *rest = line;

	for (size_t i = 0; i < array_len(field); i++)
		if (!(field[i] = strsep(&rest, " ")) || !rest)
			return false;
	rest = strstr(rest, " - ");
	if (!rest)
		return false;
	rest += 3;
	out->root = field[3];
	out->target = field[4];
	out->type = strsep(&rest, " ");
	strsep(&rest, " ");
	out->options = rest;
	return rest != NULL;
}

/* For one line of /proc/self/cgroup, does this mount show its hierarchy? */
static bool shows(const struct mount_line *m, const char *controllers)
{
	char first[64];

	if (!*controllers)
		return streq(m->type, "cgroup2");
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(controllers, ","), controllers);
	return streq(m->type, "cgroup") && cgroup_has_word(m->options, first, ',');
}

static void add_mounted(struct cgroup_host *host, struct store *s, const struct mount_line *m,
			size_t n, const char *controllers)
{
	const struct mount_line *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!shows(&m[i], controllers))
			continue;
		/* Bind mounts show a part of it; the whole is what we want. */
		if (!best || (!streq(best->root, "/") && streq(m[i].root, "/")))
			best = &m[i];
	}
	if (best)
		add(host, store(s, controllers), store(s, best->target), store(s, best->root));
}

/* ---- /proc/self/cgroup ----------------------------------------------------------------------- */

/* The next line "ID:CONTROLLERS:PATH", cut in place. */
static bool next_line(char **rest, char **controllers, char **path)
{
	char *line;

	while ((line = strsep(rest, "\n"))) {
		strsep(&line, ":");
		*controllers = strsep(&line, ":");
		*path = line;
		if (line)
			return true;
	}
	return false;
}

/*
 * False: mountinfo has to be asked. Where there is one v1 hierarchy the others are beside it, v2, too,
 * or mounted nowhere: somebody used them once, or another mount namespace has them. But several
 * controllers in one hierarchy may be there in another order than we look for.
 */
static bool add_all_usual(struct cgroup_host *host, struct store *s, char *membership)
{
	char *controllers, *path;
	bool v1 = false, unsure = false;

	while (host->n < CGROUP_HIERARCHIES && next_line(&membership, &controllers, &path)) {
		if (add_usual(host, s, controllers, &unsure))
			v1 |= *controllers != '\0';
		else
			unsure |= strchr(controllers, ',') != NULL;
	}
	return v1 && !unsure;
}

static int add_all_mounted(struct cgroup_host *host, char *membership, struct error *e)
{
	auto_free char *mountinfo = NULL;
	ssize_t size = file_read_all(AT_FDCWD, "/proc/self/mountinfo", TOO_LARGE, &mountinfo);

	if (size < 0)
		return fail(e, (int)size, "cannot read /proc/self/mountinfo");

	size_t lines = 0, n = 0;

	for (const char *p = mountinfo; (p = strstr(p, " - cgroup")); p++)
		lines++;
	auto_free struct mount_line *m = calloc(lines + 1, sizeof(*m));
	char *text = realloc(host->text, strlen(membership) + (size_t)size + 1);

	if (text)
		host->text = text;
	if (!m || !text)
		return fail(e, ENOMEM, "cgroups");
	for (char *line, *rest = mountinfo; (line = strsep(&rest, "\n")) && n < lines;) {
		if (!strstr(line, " - cgroup") || !cut_line(line, &m[n]))
			continue;
		unescape(m[n].root);
		unescape(m[n].target);
		n++;
	}

	struct store s = { text };
	char *controllers, *path;

	host->n = 0;
	host->v2 = -1;
	while (host->n < CGROUP_HIERARCHIES && next_line(&membership, &controllers, &path))
		add_mounted(host, &s, m, n, controllers);
	return 0;
}

int cgroup_host_detect(struct cgroup_host *out, struct error *e)
{
	bool unsure = false;

	*out = (struct cgroup_host){ .v2 = -1 };
	if (is_filesystem(TOP, CGROUP2_SUPER_MAGIC, &unsure)) {
		add(out, "", TOP, "/");
		out->mode = CGROUP_V2;
		return 0;
	}

	auto_free char *membership = NULL;
	ssize_t size = file_read_all(AT_FDCWD, "/proc/self/cgroup", TOO_LARGE, &membership);

	if (size == -ENOENT)
		return 0; /* a kernel without cgroups */
	if (size < 0)
		return fail(e, (int)size, "cannot read /proc/self/cgroup");

	auto_free char *copy = strdup(membership);

	/* Each line gives its controllers twice (alone, and in a path), and TOP. */
	out->text = malloc(2 * (size_t)size + CGROUP_HIERARCHIES * sizeof(TOP "/unified"));
	if (!copy || !out->text)
		return fail(e, ENOMEM, "cgroups");

	struct store s = { out->text };

	if (!add_all_usual(out, &s, copy)) {
		int r = add_all_mounted(out, membership, e);

		if (r < 0)
			return r;
	}
	out->mode = out->n == 0   ? CGROUP_NONE
		    : out->v2 < 0 ? CGROUP_V1
		    : out->n == 1 ? CGROUP_V2
				  : CGROUP_HYBRID;
	return 0;
}

void cgroup_host_free(struct cgroup_host *host)
{
	free(host->text);
	free(host->controllers);
	*host = (struct cgroup_host){ .v2 = -1 };
}

/* ---- questions ------------------------------------------------------------------------------- */

const char *cgroup_v2_name(const char *controller)
{
	return streq(controller, "blkio") ? "io" : controller;
}

/* v2 has some of what were controllers without any. */
static bool v2_has(struct cgroup_host *host, const char *controller)
{
	if (streq(controller, "devices") || streq(controller, "freezer"))
		return true;
	if (!host->controllers) {
		auto_close int dir = cgroup_open_mount(host, (size_t)host->v2);
		ssize_t r = file_read_all(dir, "cgroup.controllers", 4096, &host->controllers);

		if (r < 0 && !(host->controllers = strdup("")))
			return false;
		host->controllers[strcspn(host->controllers, "\n")] = '\0';
	}
	return cgroup_has_word(host->controllers, cgroup_v2_name(controller), ' ');
}

int cgroup_find(struct cgroup_host *host, const char *controller)
{
	for (size_t i = 0; i < host->n; i++)
		if (!host->h[i].v2 && cgroup_has_word(host->h[i].controllers, controller, ','))
			return (int)i;
	return host->v2 >= 0 && v2_has(host, controller) ? host->v2 : -1;
}

int cgroup_open_mount(const struct cgroup_host *host, size_t i)
{
	return (int)nerrno(openat(AT_FDCWD, host->h[i].mount, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

char *cgroup_membership(const struct cgroup_host *host, pid_t pid, size_t i)
{
	char name[64];
	auto_free char *text = NULL;
	char *rest, *controllers, *path;

	if (pid > 0)
		snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	if (file_read_all(AT_FDCWD, pid > 0 ? name : "/proc/self/cgroup", TOO_LARGE, &text) < 0)
		return NULL;
	rest = text;
	while (next_line(&rest, &controllers, &path)) {
		if (!streq(controllers, host->h[i].controllers))
			continue;
		if (!streq(host->h[i].root, "/")) {
			const char *inside = after(path, host->h[i].root);

			return inside ? strdup(*inside ? inside : "/") : NULL;
		}
		return strdup(path);
	}
	return NULL;
}
