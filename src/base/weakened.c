/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "weakened.h"

#ifdef WEAKENED
#include "util.h"

#include <stdio.h>

uint64_t weakened;

void weakened_choose(void)
{
#define PROTECTION(word) #word,
	static const char *const words[] = { PROTECTIONS(PROTECTION) };
#undef PROTECTION
	const char *wanted = getenv("OCIRT_WEAKENED");

	if (!wanted) {
		fputs("ocirt: WARNING: this build is for tests of ocirt only: its protections can be "
		      "taken away\n",
		      stderr);
		return;
	}
	for (size_t i = 0; i < array_len(words); i++)
		if (streq(wanted, words[i])) {
			weakened = UINT64_C(1) << i;
			return;
		}
	if (*wanted) {
		fprintf(stderr, "ocirt: OCIRT_WEAKENED: there is no protection '%s'\n", wanted);
		exit(EXIT_FAILURE);
	}
}
#else
/* A file of C has something in it. */
typedef enum protection nothing_to_weaken;
#endif
