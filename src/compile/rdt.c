/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rdt -- linux.intelRdt: what can be said of it without looking at the machine. The rest, and the
 * doing, is host/resctrl.c: nothing of it is ocirt-init's affair.
 */
#include "parts.h"

/* A directory below the root of resctrl, beside those that the kernel has there itself. */
static int check_class(const char *name, struct error *e)
{
	static const char *const reserved[] = { "info", "mon_groups", "mon_data", ".", ".." };

	if (!name || streq(name, "/"))
		return 0;
	for (size_t i = 0; i < array_len(reserved); i++)
		if (streq(name, reserved[i]))
			return fail(e, 0, "closID: '%s' cannot be the name of a class", name);
	if (*name && strlen(name) <= 255 && !strpbrk(name, "/\n"))
		return 0;
	fail(e, 0, "closID: '%s' cannot be the name of a class", name);
	return hint(e, "it is one directory below /sys/fs/resctrl, or '/' for that itself");
}

/* "L3:0=ff;1=f0", or "L3CODE:" and "L3DATA:" where code and data are told apart. */
static int check_l3(const char *schema, struct error *e)
{
	for (const char *line = schema; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line && !after(line, "L3:") && !after(line, "L3CODE:") &&
		    !after(line, "L3DATA:") && !after(line, "MB:"))
			return fail(e, 0, "l3CacheSchema: '%.*s' does not begin with 'L3:'",
				    (int)strcspn(line, "\n"), line);
	}
	return schema && !schema[strspn(schema, "\n")]
		       ? fail(e, 0, "l3CacheSchema: is given and says nothing")
		       : 0;
}

int compile_intel_rdt(const struct oci_intel_rdt *r, struct error *e)
{
	const char *mb = r->memBwSchema;

	if (check_class(r->closID, e) < 0 || check_l3(r->l3CacheSchema, e) < 0)
		return within(e, "linux.intelRdt");
	if (mb && (!after(mb, "MB:") || strchr(mb, '\n')))
		return fail(e, 0, "linux.intelRdt.memBwSchema: '%s' is not one line 'MB:...'", mb);
	for (size_t i = 0; i < r->n_schemata; i++) {
		const char *line = r->schemata[i];

		if (strchr(line, '\n') || !strchr(line, ':') || *line == ':')
			return fail(e, 0,
				    "linux.intelRdt.schemata[%zu]: '%s' is not one line such as "
				    "'L3:0=ff'",
				    i, line);
	}
	return 0;
}
