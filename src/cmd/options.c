/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include "base/number.h"
#include "base/util.h"
#include "libocispec/ocispec.h"

#include <stdio.h>

int option_flag(void *target, const char *value, struct error *e)
{
	bool *flag = target;

	if (!value || streq(value, "true") || streq(value, "1"))
		*flag = true;
	else if (streq(value, "false") || streq(value, "0"))
		*flag = false;
	else
		return fail(e, 0, "'%s' is neither true nor false", value);
	return 0;
}

int option_string(void *target, const char *value, struct error *e)
{
	if (!*value)
		return fail(e, 0, "the value is empty");
	*(const char **)target = value;
	return 0;
}

int option_list(void *target, const char *value, struct error *e)
{
	struct option_list *list = target;
	const char **more = realloc(list->items, (list->n + 2) * sizeof(*more));

	if (!more)
		return fail(e, ENOMEM, "no memory");
	more[list->n++] = value;
	more[list->n] = NULL;
	list->items = more;
	return 0;
}

int option_count(void *target, const char *value, struct error *e)
{
	const uint64_t max = 1 << 20; /* more descriptors than that no kernel allows by default */
	uint64_t n;

	if (number_u64(value, max, &n) < 0)
		return fail(e, 0, "'%s' is not a number from 0 to %llu", value,
			    (unsigned long long)max);
	*(int *)target = (int)n;
	return 0;
}

struct found {
	const struct option_row *row;
	void *target;
};

static struct found find(const struct option_group *groups, const char *name, size_t len,
			 char letter)
{
	for (const struct option_group *g = groups; g->rows; g++)
		for (const struct option_row *row = g->rows; row->name; row++)
			if (name ? strlen(row->name) == len && memcmp(row->name, name, len) == 0
				 : row->letter == letter)
				return (struct found){ row, (char *)g->into + row->offset };
	return (struct found){ NULL, NULL };
}

static int unknown(const struct option_group *groups, const char *name, size_t len, struct error *e)
{
	char names[4096] = "", word[64], similar[64];
	size_t used = 0;

	fail(e, 0, "unknown option '--%.*s'", (int)len, name);
	for (const struct option_group *g = groups; g->rows; g++)
		for (const struct option_row *row = g->rows; row->name; row++)
			if (!row->hidden && used < sizeof(names))
				used += (size_t)snprintf(names + used, sizeof(names) - used, "%s ",
							 row->name);
	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	if (oci_did_you_mean_word(names, word, similar, sizeof(similar)))
		hint(e, "did you mean '--%s'?", similar);
	return -EINVAL;
}

static int set(struct found f, const char *value, struct error *e)
{
	return f.row->set(f.target, value, e) < 0 ? during(e, "--%s", f.row->name) : 0;
}

/* The next word is the value, and *argv moves on to it. */
static int set_from_next(struct found f, char ***argv, struct error *e)
{
	if (!(*argv)[1])
		return fail(e, 0, "--%s: %s is missing", f.row->name, f.row->argument);
	return set(f, *++*argv, e);
}

/* **argv is "--name" or "--name=value". */
static int parse_long(const struct option_group *groups, char ***argv, struct error *e)
{
	const char *name = **argv + 2;
	size_t len = strcspn(name, "=");
	struct found f = find(groups, name, len, 0);

	if (!f.row)
		return unknown(groups, name, len, e);
	if (name[len])
		return set(f, name + len + 1, e);
	return f.row->argument ? set_from_next(f, argv, e) : set(f, NULL, e);
}

/* **argv is "-abc": flags, the last of which may be an option with a value. */
static int parse_letters(const struct option_group *groups, char ***argv, struct error *e)
{
	for (const char *letter = **argv + 1; *letter; letter++) {
		struct found f = find(groups, NULL, 0, *letter);

		if (!f.row)
			return fail(e, 0, "unknown option '-%c'", *letter);
		if (letter[1] == '=')
			return set(f, letter + 2, e);
		if (f.row->argument)
			return letter[1] ? set(f, letter + 1, e) : set_from_next(f, argv, e);
		if (set(f, NULL, e) < 0)
			return -EINVAL;
	}
	return 0;
}

int options_parse(const struct option_group *groups, enum option_order order, char **argv,
		  size_t *n, struct error *e)
{
	char **kept = argv, **word = argv;

	for (; *word; word++) {
		if (streq(*word, "--")) {
			word++;
			break;
		}
		if ((*word)[0] != '-' || !(*word)[1]) { /* "-" alone is a file: standard input */
			if (order == OPTIONS_FIRST)
				break;
			*kept++ = *word;
			continue;
		}
		int r = (*word)[1] == '-' ? parse_long(groups, &word, e)
					  : parse_letters(groups, &word, e);

		if (r < 0)
			return r;
	}
	while (*word)
		*kept++ = *word++;
	*kept = NULL;
	*n = (size_t)(kept - argv);
	return 0;
}
