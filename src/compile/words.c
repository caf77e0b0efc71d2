/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include "ocispec.h"

#include "../base/util.h"

#include <stdio.h>

const struct name *word_find(const struct name *table, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (streq(table[i].name, word))
			return &table[i];
	return NULL;
}

const struct name *word_of(const struct name *table, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

int hint_words(struct error *e, const struct name *table, size_t n, const char *word)
{
	char all[sizeof(e->hint)] = "", similar[64];
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? " " : "",
					 table[i].name);
	if (oci_did_you_mean_word(all, word, similar, sizeof(similar)))
		return hint(e, "did you mean '%s'?", similar);
	return hint(e, "known are: %s", all);
}

const char *const *word_list(const struct name *table, size_t n, const char **room)
{
	for (size_t i = 0; i < n; i++)
		room[i] = table[i].name;
	room[n] = NULL;
	return room;
}
