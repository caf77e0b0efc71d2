/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options -- the options of the command line, one row each.
 *
 * A row says how an option is spelled, what takes its value, where that goes and what help says of
 * it. The same rows are parsed by options_parse() and printed by help.c, so that no option works
 * without being listed. Where the value goes is an offset into a struct of the command's own: rows
 * are constants and can be shared by commands. Needs base/ and libocispec's list of similar words.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes the text of an option's value into `target`. `value` is NULL for a flag that stands alone.
 * Returns 0, or a failure whose words do not name the option: the parser does that.
 */
typedef int option_setter(void *target, const char *value, struct error *e);

option_setter option_flag;   /* bool; --flag, --flag=true, --flag=false */
option_setter option_string; /* const char *; the last one wins; empty is refused */
option_setter option_list;   /* struct option_list; may be repeated */
option_setter option_count;  /* int, 0 or more */

struct option_list {
	const char **items; /* NULL-terminated, NULL when there are none; malloc()ed */
	size_t n;
};

struct option_row {
	const char *name;     /* without the dashes; NULL ends the rows */
	char letter;          /* 0: none */
	bool hidden;          /* works, but help is silent about it */
	const char *argument; /* what help calls the value; NULL: a flag */
	const char *words;    /* all that it may be, with spaces between; NULL: anything else */
	option_setter *set;
	size_t offset; /* of the target */
	const char *help;
};

/* offsetof(S, member), which does not compile without a warning when the member is no T. */
#define OPTION_TARGET(T, S, member) \
	(offsetof(S, member) + 0 * sizeof(1 ? (T *)NULL : &((S *)NULL)->member))

#define OPTION_ROW(T, S, member, NAME, LETTER, ARGUMENT, SET, HELP)                       \
	{                                                                                 \
		.name = (NAME), .letter = (LETTER), .argument = (ARGUMENT), .set = (SET), \
		.offset = OPTION_TARGET(T, S, member), .help = (HELP)                     \
	}
/* `set` takes each of `words`; only completion reads them here. */
#define OPTION_WORDS(T, S, member, NAME, LETTER, ARGUMENT, SET, WORDS, HELP)              \
	{                                                                                 \
		.name = (NAME), .letter = (LETTER), .argument = (ARGUMENT), .set = (SET), \
		.words = (WORDS), .offset = OPTION_TARGET(T, S, member), .help = (HELP)   \
	}
#define OPTION_FLAG(S, member, name, letter, help) \
	OPTION_ROW(bool, S, member, name, letter, NULL, option_flag, help)
#define OPTION_STRING(S, member, name, letter, argument, help) \
	OPTION_ROW(const char *, S, member, name, letter, argument, option_string, help)
#define OPTION_LIST(S, member, name, letter, argument, help) \
	OPTION_ROW(struct option_list, S, member, name, letter, argument, option_list, help)
#define OPTION_COUNT(S, member, name, letter, argument, help) \
	OPTION_ROW(int, S, member, name, letter, argument, option_count, help)

/* Rows and the struct that their offsets are in. Several are searched in order. */
struct option_group {
	const struct option_row *rows; /* NULL ends the groups */
	void *into;
};

enum option_order {
	OPTIONS_ANYWHERE, /* before, between and after the other words */
	OPTIONS_FIRST,    /* the first word that is no option ends them, and starts something
			     that has options of its own */
};

/*
 * Take the options out of `argv` (NULL-terminated) and leave the other words, still
 * NULL-terminated, with their number in *n. Understands --opt VALUE, --opt=VALUE, -o VALUE, -oVALUE,
 * -o=VALUE, several flags behind one dash, and "--" for the end of the options.
 */
int options_parse(const struct option_group *groups, enum option_order order, char **argv,
		  size_t *n, struct error *e);
