/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "systemd.h"

#include "base/log.h"
#include "base/util.h"

#include <stdio.h>

#define PREFIX     "ocirt" /* of units, where linux.cgroupsPath says nothing */
#define SUB        "container"
#define PROPERTY   "org.systemd.property."
#define ANNOTATION "run.oci.systemd.subgroup"

/* ---- names of units --------------------------------------------------------------------------- */

/* The last component of the scope's path is the unit. */
static char *unit_name(const struct cgroup *c)
{
	auto_free char *scope = cgroup_components(c, c->scope);

	return scope ? strdup(strrchr(scope, '/') ? strrchr(scope, '/') + 1 : scope) : NULL;
}

/* As it stands between quotes: names of units may have a backslash ("a\\x2db"). */
static char *escaped(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *end = out;

	for (; out && *text; *end++ = *text++)
		if (strchr("\\'", *text))
			*end++ = '\\';
	if (out)
		*end = '\0';
	return out;
}

static bool is_slice(const char *unit)
{
	const char *dot = strrchr(unit, '.');

	return dot && streq(dot, ".slice");
}

/* ---- the place ------------------------------------------------------------------------------- */

static int bad_path(const char *path, const char *why, struct error *e)
{
	fail(e, 0, "linux.cgroupsPath: '%s' %s", path, why);
	return hint(e, "the systemd driver wants 'slice:prefix:name', as in "
		       "'system.slice:" PREFIX ":web'");
}

static int check_name(const char *unit, const char *path, struct error *e)
{
	if (strlen(unit) > 255)
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
	for (const char *p = unit; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\+",
			    *p))
			return bad_path(path, "has a character that unit names cannot have", e);
	return 0;
}

/* Where systemd has a slice: a-b.slice is inside of a.slice; -.slice is the top. */
static int expand(const char *slice, const char *path, FILE *out, struct error *e)
{
	size_t n = strlen(slice);

	if (streq(slice, "-.slice") || streq(slice, "-"))
		return 0;
	if (!is_slice(slice) || n == strlen(".slice"))
		return bad_path(path, "names no slice: its name ends in .slice", e);
	n -= strlen(".slice");
	if (strchr(slice, '/') || *slice == '-' || slice[n - 1] == '-' || strstr(slice, "--"))
		return bad_path(path, "has a slice with an invalid name", e);
	if (check_name(slice, path, e) < 0)
		return -EINVAL;
	for (size_t i = 1; i <= n; i++)
		if (i == n || slice[i] == '-')
			fprintf(out, "/%.*s.slice", (int)i, slice);
	return 0;
}

/* The cgroup of the manager that is asked: the system's is the top, a user's is a service. */
static char *manager(const struct cgroup *c)
{
	char *own, *at;
	size_t n;

	if (!c->user_manager)
		return strdup("");
	/* Our own uid says little: in a user namespace it is not the one that the host knows. */
	own = cgroup_membership(c->host, 0, (size_t)c->host->v2);
	at = own ? strstr(own, "/user@") : NULL;
	n = at ? 1 + strcspn(at + 1, "/") : 0;
	if (n > strlen(".service") && strncmp(at + n - 8, ".service", 8) == 0) {
		at[n] = '\0';
		return own;
	}
	free(own);
	return asprintf(&own, "/user.slice/user-%u.slice/user@%u.service", geteuid(), geteuid()) < 0
		       ? NULL
		       : own;
}

static const char *annotation(const struct cgroup *c, const char *key)
{
	const struct oci_string_map *all = c->host->annotations;

	for (size_t i = 0; all && i < all->n; i++)
		if (streq(all->items[i].key, key))
			return all->items[i].value;
	return NULL;
}

static void put_unit(FILE *f, const char *prefix, size_t n, const char *name)
{
	if (is_slice(name))
		fprintf(f, "/%s", name);
	else
		fprintf(f, "/%.*s%s%s.scope", (int)n, prefix, n > 0 ? "-" : "", name);
}

int systemd_plan(struct cgroup *c, const char *path, const char *id, struct error *e)
{
	auto_free char *text = NULL, *slice = NULL, *top = NULL;
	const char *sub = annotation(c, ANNOTATION);
	const char *first = path ? strchr(path, ':') : NULL;
	const char *second = first ? strchr(first + 1, ':') : NULL;
	size_t size;

	if (systemd_have_program(e) < 0)
		return -EINVAL;
	if (c->host->mode != CGROUP_V2) {
		fail(e, 0, "the systemd cgroup driver needs a host with cgroup v2 alone");
		return hint(
			e,
			"cgroup v1, which systemd itself has given up, is mounted here: boot with "
			"systemd.unified_cgroup_hierarchy=1, or use --cgroup-manager cgroupfs");
	}
	c->user_manager = geteuid() != 0 || c->host->tolerant;
	if (path && *path && !second)
		return bad_path(path, "is not for systemd", e);
	if (second && !second[1])
		return bad_path(path, "has no name", e);
	slice = second && first != path ? strndup(path, (size_t)(first - path))
					: strdup(c->user_manager ? "user.slice" : "system.slice");
	top = manager(c);

	FILE *f = slice && top ? open_memstream(&text, &size) : NULL;

	if (!f)
		return fail(e, ENOMEM, "cgroup");
	fputs(top, f);
	int r = expand(slice, path, f, e);
	long unit = ftell(f);

	if (second)
		put_unit(f, first + 1, (size_t)(second - first) - 1, second + 1);
	else
		put_unit(f, PREFIX, strlen(PREFIX), id);
	if (fflush(f) == 0 && r == 0)
		r = check_name(text + unit + 1, path ? path : id, e);
	c->scope = 0;
	for (const char *p = text; r == 0 && *p; p++)
		c->scope += *p == '/';
	sub = sub ? sub : SUB;
	if (r == 0 && (strchr(sub, '/') || streq(sub, ".") || streq(sub, "..")))
		r = fail(e, 0, "annotation " ANNOTATION ": '%s' is not the name of a cgroup", sub);
	c->depth = (uint16_t)(c->scope + (*sub != '\0'));
	if (*sub)
		fprintf(f, "/%s", sub);
	if (fclose(f) != 0 && r == 0)
		r = fail(e, ENOMEM, "cgroup");
	if (r < 0)
		return r;
	if (strlen(text) > 3000)
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
	c->path = text;
	text = NULL;
	return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void begin(struct systemd_request *q, const struct cgroup *c, const char *request)
{
	auto_free char *unit = unit_name(c);

	systemd_add(q, "ocirt-systemd");
	systemd_add(q, "%s", c->user_manager ? "user" : "system");
	systemd_add(q, "%s", request);
	systemd_add(q, "%s", unit ? unit : "");
	q->full |= !unit;
}

static void add_annotations(struct systemd_request *q, const struct cgroup *c)
{
	const struct oci_string_map *all = c->host->annotations;

	for (size_t i = 0; all && i < all->n; i++) {
		const char *name = after(all->items[i].key, PROPERTY);

		if (name && *name)
			systemd_add(q, "%s=%s", name, all->items[i].value);
	}
}

/* The component above the scope is the slice; with none, the root slice has it. */
static char *slice_name(const struct cgroup *c)
{
	auto_free char *above = cgroup_components(c, (size_t)c->scope - 1);
	const char *name = above ? strrchr(above, '/') : NULL;

	if (!above)
		return NULL;
	name = name ? name + 1 : above;
	return strdup(is_slice(name) ? name : "-.slice");
}

static void add_unit(struct systemd_request *q, const struct cgroup *c, pid_t pid)
{
	auto_free char *slice_as_is = slice_name(c), *unit_as_is = unit_name(c);
	auto_free char *slice = slice_as_is ? escaped(slice_as_is) : NULL;
	auto_free char *unit = unit_as_is ? escaped(unit_as_is) : NULL;

	q->full |= !slice || !unit;
	if (q->full)
		return;
	systemd_add(q, "Description='container %s'", unit);
	systemd_add(q, "DefaultDependencies=false");
	/* A slice takes no processes; ours go to the cgroup below. */
	if (is_slice(unit)) {
		systemd_add(q, "Wants=['%s']", slice);
	} else {
		systemd_add(q, "Slice='%s'", slice);
		systemd_add(q, "Delegate=true");
		systemd_add(q, "PIDs=[uint32 %d]", (int)pid);
	}
	for (const char *const *p = (const char *const[]){ "CPU", "IO", "Memory", "Tasks", NULL };
	     *p; p++)
		systemd_add(q, "%sAccounting=true", *p);
}

/* systemd may be in a cgroup of its own (a container, a user): it knows better where the unit is. */
static int learn_path(struct cgroup *c, const char *scope, struct error *e)
{
	auto_free char *sub = c->depth > c->scope ? strdup(strrchr(c->path, '/')) : strdup("");
	char *path = NULL;
	uint16_t depth = 0;

	if (*scope != '/' || !scope[1])
		return fail(e, 0, "systemd tells no cgroup of the unit it made");
	for (const char *p = scope; *p; p++)
		depth += *p == '/';
	if (!sub || asprintf(&path, "%s%s", scope, sub) < 0)
		return fail(e, ENOMEM, "cgroup");
	if (!streq(path, c->path))
		log_debug("cgroup: systemd put the unit into %s", scope);
	free(c->path);
	c->path = path;
	c->depth = (uint16_t)(depth + c->depth - c->scope);
	c->scope = depth;
	c->at[c->host->v2].kept = (uint16_t)(depth - 1);
	return 0;
}

int systemd_start(struct cgroup *c, const struct cg_writes *all, pid_t pid, struct error *e)
{
	struct systemd_request q = { 0 };
	auto_free char *scope = NULL;

	begin(&q, c, "start");
	add_unit(&q, c, pid);
	systemd_add_limits(&q, c, all);
	/* Last: a user's own word prevails. */
	add_annotations(&q, c);
	int r = systemd_ask(&q, &scope, e);

	systemd_request_free(&q);
	return r < 0 ? r : learn_path(c, scope, e);
}

int systemd_set(struct cgroup *c, const struct cg_writes *all, struct error *e)
{
	struct systemd_request q = { 0 };
	int r = 0;

	begin(&q, c, "set");
	if (systemd_add_limits(&q, c, all) > 0)
		r = systemd_ask(&q, NULL, e);
	systemd_request_free(&q);
	return r;
}

int systemd_stop(struct cgroup *c, struct error *e)
{
	struct systemd_request q = { 0 };

	begin(&q, c, "stop");
	int r = systemd_ask(&q, NULL, e);

	systemd_request_free(&q);
	return r;
}
