/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * words -- names in the configuration, and the numbers they stand for.
 *
 * Each list of the specification is one table of struct name where it is used; here are the look-up
 * and the hint for a word that is in none. Used by compile/.
 */
#pragma once

#include "../base/error.h"
#include "../base/names.h"

#define WORDS_OF(table) (table), array_len(table)

/* The row of `word`, letter by letter, or NULL. */
const struct name *word_find(const struct name *table, size_t n, const char *word);

/* The row of a number, or NULL. */
const struct name *word_of(const struct name *table, size_t n, int number);

/* Behind a fail() about an unknown word: the one that was probably meant, else all of them. */
int hint_words(struct error *e, const struct name *table, size_t n, const char *word);

/* Just the names, NULL-terminated. `room` holds n + 1. */
const char *const *word_list(const struct name *table, size_t n, const char **room);
