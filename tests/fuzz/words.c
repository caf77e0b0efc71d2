/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * words -- numbers, names and options of the command line: who is user 1, and who is not.
 */
#include "fuzz.h"

#include "base/names.h"
#include "base/number.h"
#include "base/util.h"
#include "cmd/command.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* For cmd/command.c. */
const struct command *const commands[] = { &create_command, &exec_command, &update_command,
					   &run_command, NULL };

static bool digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* Held against libc's, which takes more. */
void fuzz_numbers(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), name[32];
	uint64_t u = 0;
	uint32_t small = 0;
	int64_t i = 0;

	errno = 0;
	unsigned long long big = strtoull(text, NULL, 10);
	bool fits = errno == 0;
	int r = number_u64(text, UINT64_MAX, &u);

	ensure((r == 0) == (digits(text) && fits));
	ensure(r != 0 || u == big);
	r = number_u32(text, &small);
	ensure((r == 0) == (digits(text) && fits && big <= UINT32_MAX));
	ensure(r != 0 || small == big);
	errno = 0;
	long long whole = strtoll(text, NULL, 10);

	fits = errno == 0;
	r = number_i64(text, &i);
	ensure((r == 0) == (digits(text + (*text == '-')) && fits));
	ensure(r != 0 || i == whole);
	r = number_size(text, &i);
	ensure(r != 0 || i >= -1);
	ensure(number_u64_n(text, strlen(text) / 2, UINT64_MAX, &u) != 0 ||
	       isdigit((unsigned char)*text));
	r = signal_number(text);
	ensure(r <= 64 && (r < 0 || *signal_name(r, name, sizeof(name))));
	r = capability_number(text);
	ensure(r < 64 && (r < 0 || capability_name(r)));
	ensure(rlimit_number(text) < 16);
	free(text);
}

static void free_lists(const struct option_row *rows, char *into)
{
	for (; rows && rows->name; rows++)
		if (rows->set == option_list || streq(rows->name, "env")) {
			struct option_list *l = (struct option_list *)(void *)(into + rows->offset);

			free(l->items);
			*l = (struct option_list){ 0 };
		}
}

/* The first line chooses the command, the others are its arguments. */
void fuzz_options(const uint8_t *data, size_t size)
{
	char *words[65], *text;
	size_t n = fuzz_lines(data, size, &text, words, array_len(words) - 1);
	const struct command *c = &exec_command;

	for (size_t i = 0; commands[i]; i++)
		if (streq(words[0], commands[i]->name))
			c = commands[i];
	char *into = calloc(1, c->options_size);
	const struct option_group groups[] = { { c->rows, into }, { c->more_rows, into }, { 0 } };
	struct error e = { 0 };

	ensure(into && n > 0);
	if (options_parse(groups, c->order, words + 1, &n, &e) < 0)
		ensure(failed(&e));
	else
		for (size_t i = 0; i < n; i++)
			ensure(words[1 + i]);
	if (c == &exec_command) {
		/* The only option of another kind that has memory of its own comes last to the fore. */
		struct exec_options *o = (void *)into;

		for (size_t i = 0; i < o->n_additional_gids; i++)
			ensure(o->additional_gids[i] != (gid_t)-1);
		ensure(!o->has_user || o->uid != (uid_t)-1);
		ensure(!o->has_gid || o->gid != (gid_t)-1);
		free((void *)(uintptr_t)o->additional_gids);
	}
	free_lists(c->rows, into);
	free_lists(c->more_rows, into);
	free(into);
	free(text);
}
