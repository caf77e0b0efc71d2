/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devices -- which devices the container may make and open: linux.resources.devices.
 *
 * The rules are applied in order, and the last one that matches decides, starting from "nothing is
 * allowed". v1 has that in the kernel, but as a list of exceptions to one default, so there are
 * lists it cannot express; they are refused rather than loosened. v2 wants a program: filter.c.
 */
#include "table.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>

#define RULE_TEXT 64

/* What every container has in /dev, and that nodes may be made as long as nobody opens them. */
static const struct device_rule defaults[] = {
	{ true, 'c', -1, -1, DEVICE_MKNOD }, { true, 'b', -1, -1, DEVICE_MKNOD },
	{ true, 'c', 1, 3, DEVICE_ALL },    /* null */
	{ true, 'c', 1, 5, DEVICE_ALL },    /* zero */
	{ true, 'c', 1, 7, DEVICE_ALL },    /* full */
	{ true, 'c', 1, 8, DEVICE_ALL },    /* random */
	{ true, 'c', 1, 9, DEVICE_ALL },    /* urandom */
	{ true, 'c', 5, 0, DEVICE_ALL },    /* tty */
	{ true, 'c', 5, 1, DEVICE_ALL },    /* console */
	{ true, 'c', 5, 2, DEVICE_ALL },    /* ptmx */
	{ true, 'c', 136, -1, DEVICE_ALL }, /* pts/N */
	{ true, 'c', 10, 200, DEVICE_ALL }, /* net/tun: of use only with CAP_NET_ADMIN in its netns */
};

/* ---- from the configuration ------------------------------------------------------------------ */

static int read_access(const char *text, unsigned int *out)
{
	*out = text ? 0 : DEVICE_ALL;
	for (; text && *text; text++) {
		switch (*text) {
		case 'r':
			*out |= DEVICE_READ;
			break;
		case 'w':
			*out |= DEVICE_WRITE;
			break;
		case 'm':
			*out |= DEVICE_MKNOD;
			break;
		default:
			return -EINVAL;
		}
	}
	return *out ? 0 : -EINVAL;
}

static int read_number(const struct opt_i64 *o, int64_t *out)
{
	*out = o->set ? o->v : -1;
	return *out >= -1 && *out <= UINT32_MAX / 2 ? 0 : -EINVAL;
}

static int read_rule(const struct oci_device_cgroup *d, char *type, struct device_rule *out,
		     struct error *e)
{
	*type = d->type ? *d->type : 'a';
	if (d->type && (!strchr("abc", *d->type) || !*d->type || d->type[1])) {
		fail(e, 0, "type: '%s' is unknown", d->type);
		return hint(e, "\"a\" (all), \"b\" (block) and \"c\" (character) are known");
	}
	if (read_access(d->access, &out->access) < 0) {
		fail(e, 0, "access: '%s' is not understood", d->access);
		return hint(e, "write some of the letters r (read), w (write), m (mknod)");
	}
	if (read_number(&d->major, &out->major) < 0)
		return fail(e, 0, "major: %" PRId64 " is no device number", d->major.v);
	if (read_number(&d->minor, &out->minor) < 0)
		return fail(e, 0, "minor: %" PRId64 " is no device number", d->minor.v);
	out->allow = d->allow;
	return 0;
}

int cgroup_device_rules(struct arena *a, const struct oci_resources *r, struct device_rules *out,
			struct error *e)
{
	*out = (struct device_rules){ .allow = false };
	out->rules = arena_new_array(a, struct device_rule, 2 * r->n_devices + array_len(defaults));
	if (!out->rules)
		return fail(e, ENOMEM, "linux.resources.devices");
	for (size_t i = 0; i < r->n_devices; i++) {
		struct device_rule rule;
		char type;

		if (read_rule(&r->devices[i], &type, &rule, e) < 0)
			return within(e, "linux.resources.devices[%zu]", i);
		if (type == 'a' && rule.major < 0 && rule.minor < 0 && rule.access == DEVICE_ALL) {
			out->allow = rule.allow;
			out->n = 0;
			continue;
		}
		/* "a" with numbers means both kinds; the kernel's v1 would take it for everything. */
		for (const char *t = type == 'a' ? "bc" : type == 'b' ? "b" : "c"; *t; t++) {
			rule.type = *t;
			out->rules[out->n++] = rule;
		}
	}
	if (!out->allow) {
		memcpy(out->rules + out->n, defaults, sizeof(defaults));
		out->n += array_len(defaults);
	}
	return 0;
}

bool cgroup_device_verdict(const struct device_rules *d, char type, int64_t major, int64_t minor,
			   unsigned int access)
{
	for (size_t i = d->n; i-- > 0;) {
		const struct device_rule *r = &d->rules[i];

		if (r->type != type || (r->major >= 0 && r->major != major) ||
		    (r->minor >= 0 && r->minor != minor))
			continue;
		if (!r->allow && ((access & r->access) || r->access == DEVICE_ALL))
			return false;
		if (r->allow && (access &= ~r->access) == 0)
			return true;
	}
	return d->allow;
}

/* ---- as text --------------------------------------------------------------------------------- */

static void number_or_star(char *text, size_t size, int64_t n)
{
	if (n < 0)
		snprintf(text, size, "*");
	else
		snprintf(text, size, "%" PRId64, n);
}

/* "c 1:3 rwm" */
static void rule_text(const struct device_rule *r, char text[RULE_TEXT])
{
	char major[24], minor[24];

	number_or_star(major, sizeof(major), r->major);
	number_or_star(minor, sizeof(minor), r->minor);
	snprintf(text, RULE_TEXT, "%c %s:%s %s%s%s", r->type, major, minor,
		 r->access & DEVICE_READ ? "r" : "", r->access & DEVICE_WRITE ? "w" : "",
		 r->access & DEVICE_MKNOD ? "m" : "");
}

static int64_t star_or_number(const char *text, size_t n)
{
	uint64_t v;

	return number_u64_n(text, n, UINT32_MAX, &v) < 0 ? -1 : (int64_t)v;
}

static bool rule_of_text(const char *line, struct device_rule *out)
{
	size_t colon = strcspn(line, ":"), space;

	if ((line[0] != 'b' && line[0] != 'c') || line[1] != ' ' || !line[colon])
		return false;
	space = colon + strcspn(line + colon, " ");
	if (!line[space])
		return false;
	*out = (struct device_rule){
		.allow = true,
		.type = line[0],
		.major = star_or_number(line + 2, colon - 2),
		.minor = star_or_number(line + colon + 1, space - colon - 1),
	};
	return read_access(line + space + 1, &out->access) == 0;
}

/* ---- cgroup v1 ------------------------------------------------------------------------------- */

/* The exceptions of a v1 devices cgroup: what is allowed while the rest is not, or the reverse. */
struct exceptions {
	struct device_rule *x;
	size_t n;
};

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool overlaps(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor) && (a->access & b->access);
}

/* As the kernel's dev_exception_add(). */
static void except(struct exceptions *all, const struct device_rule *r)
{
	for (size_t i = 0; i < all->n; i++)
		if (same_device(&all->x[i], r)) {
			all->x[i].access |= r->access;
			return;
		}
	all->x[all->n++] = *r;
}

/* As dev_exception_rm(), which knows equal devices only. False: it would leave some of it. */
static bool no_more(struct exceptions *all, const struct device_rule *r)
{
	for (size_t i = 0; i < all->n;) {
		struct device_rule *x = &all->x[i];

		if (!same_device(x, r)) {
			if (overlaps(x, r))
				return false;
			i++;
			continue;
		}
		x->access &= ~r->access;
		if (x->access == 0)
			memmove(x, x + 1, (--all->n - i) * sizeof(*x));
		else
			i++;
	}
	return true;
}

/* What the kernel will have after all rules. */
static int simulate(struct compile *c, const struct device_rules *d, struct exceptions *out)
{
	*out = (struct exceptions){ .x = arena_new_array(&c->out->memory, struct device_rule,
							 d->n + 1) };
	if (!out->x)
		return fail(c->e, ENOMEM, "linux.resources.devices");
	for (size_t i = 0; i < d->n; i++) {
		char text[RULE_TEXT];

		if (d->rules[i].allow != d->allow) {
			except(out, &d->rules[i]);
		} else if (!no_more(out, &d->rules[i])) {
			rule_text(&d->rules[i], text);
			cg_wrong(c, "devices",
				 "cgroup v1 cannot %s '%s' out of a rule for more devices",
				 d->allow ? "allow" : "deny", text);
			return hint(c->e, "name the devices one by one, without overlap");
		}
	}
	return 0;
}

static int put_rule(struct compile *c, const struct row *row, int h, bool allow, const char *text)
{
	const char *deny_file = row->v1, *plus = strchr(deny_file, '+');
	char file[32];

	snprintf(file, sizeof(file), "%.*s", (int)(plus - deny_file), deny_file);
	return cg_add(c, row, row->json, h, allow ? plus + 1 : file, text, NULL);
}

static int put_all(struct compile *c, const struct row *row, int h, const struct device_rules *d)
{
	int r = put_rule(c, row, h, d->allow, "a");

	for (size_t i = 0; i < d->n && r == 0; i++) {
		char text[RULE_TEXT];

		rule_text(&d->rules[i], text);
		r = put_rule(c, row, h, d->rules[i].allow, text);
	}
	return r;
}

/* The devices.list of a cgroup that has an allowed list. False: all is allowed, or not to be read. */
static bool read_list(struct compile *c, int h, struct exceptions *out)
{
	int dir = c->now && !c->dry ? cgroup_dir(c->now, (size_t)h) : -1;
	auto_free char *text = NULL;
	size_t lines = 0;

	*out = (struct exceptions){ 0 };
	if (dir < 0 || file_read_all(dir, "devices.list", 1 << 20, &text) < 0 || *text == 'a')
		return false;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	out->x = arena_new_array(&c->out->memory, struct device_rule, lines + 1);
	for (char *line, *rest = text; out->x && out->n < lines && (line = strsep(&rest, "\n"));)
		out->n += rule_of_text(line, &out->x[out->n]);
	return out->x != NULL;
}

static bool includes(const struct exceptions *all, const struct device_rule *r)
{
	for (size_t i = 0; i < all->n; i++)
		if (same_device(&all->x[i], r))
			return (r->access & ~all->x[i].access) == 0;
	return false;
}

/* From one allowed list to another without a moment in which something of both is refused. */
static int put_change(struct compile *c, const struct row *row, int h,
		      const struct exceptions *from, const struct exceptions *to)
{
	char text[RULE_TEXT];
	int r = 0;

	for (size_t i = 0; i < to->n && r == 0; i++) {
		if (includes(from, &to->x[i]))
			continue;
		rule_text(&to->x[i], text);
		r = put_rule(c, row, h, true, text);
	}
	for (size_t i = 0; i < from->n && r == 0; i++) {
		struct device_rule gone = from->x[i];

		for (size_t k = 0; k < to->n; k++)
			if (same_device(&to->x[k], &gone))
				gone.access &= ~to->x[k].access;
		if (gone.access == 0)
			continue;
		rule_text(&gone, text);
		r = put_rule(c, row, h, false, text);
	}
	return r;
}

static int put_v1(struct compile *c, const struct row *row, int h, const struct device_rules *d)
{
	struct exceptions to, from;
	int r = simulate(c, d, &to);

	if (r < 0)
		return r;
	return !d->allow && read_list(c, h, &from) ? put_change(c, row, h, &from, &to)
						   : put_all(c, row, h, d);
}

bool cgroup_device_rules_lapse(const struct cg_writes *all)
{
	return all->n > 1 && all->w[0].row->put == put_devices && streq(all->w[0].text, "a") &&
	       all->w[1].row->put == put_devices;
}

/* ---- the row --------------------------------------------------------------------------------- */

/* For people: "deny; allow c 1:3 rwm; ..." */
static int put_v2(struct compile *c, const struct row *row, int h, const struct device_rules *d)
{
	struct arena *a = &c->out->memory;
	struct device_rules *keep = arena_memdup(a, d, sizeof(*d), _Alignof(struct device_rules));
	size_t room = 16 + d->n * (RULE_TEXT + 10);
	char *all = arena_alloc(a, room, 1);

	if (!keep || !all)
		return fail(c->e, ENOMEM, "linux.resources.devices");
	size_t n = (size_t)snprintf(all, room, "%s", d->allow ? "allow" : "deny");

	for (size_t i = 0; i < d->n; i++) {
		char text[RULE_TEXT];

		rule_text(&d->rules[i], text);
		n += (size_t)snprintf(all + n, room - n, "; %s %s",
				      d->rules[i].allow ? "allow" : "deny", text);
	}
	int r = cg_add(c, row, row->json, h, row->v2, all, NULL);

	if (r == 0)
		c->out->w[c->out->n - 1].rules = keep;
	return r;
}

int put_devices(struct compile *c, const struct row *row)
{
	struct device_rules d;

	if (c->r->n_devices == 0)
		return 0; /* what the parent allows */
	int r = cgroup_device_rules(&c->out->memory, c->r, &d, c->e);

	if (r < 0)
		return r;
	if (c->host->tolerant && cgroup_find(c->host, row->controller) < 0)
		return 0;
	int h = cg_where(c, row, row->json);

	if (h < 0)
		return h;
	return c->host->h[h].v2 ? put_v2(c, row, h, &d) : put_v1(c, row, h, &d);
}
