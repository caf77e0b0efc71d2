/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * demo -- what a container looks like from inside.
 *
 * The only program of the root file system that `ocirt spec --demo` makes, and the probe of the
 * integration tests, which therefore need no distribution's image. Without arguments it introduces
 * itself and its surroundings; `demo help` lists the rest.
 *
 * Output is one fact per line, "key: value", always in the same order. What was refused goes to
 * stderr with the name of the errno, and the exit status is 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct command {
	const char *name;
	const char *arguments; /* as help shows them; "[X]" may be missing, "..." may repeat */
	const char *help;
	int (*run)(int argc, char **argv); /* argv[0] is the command's own name */
};

/* Each ends with a row without name. */
extern const struct command look_commands[]; /* show something, change nothing */
extern const struct command act_commands[];  /* do something */

/* errname.c */
const char *errno_name(int number); /* "EPERM", or "errno 4095" */

/* Says what was refused and why, on stderr; returns 1, the exit status. */
int refused(const char *what, const char *object);

/* The same on stdout, as the answer to a question: "key: EPERM", or "key: ok". */
int answer(const char *key, bool ok);

/* Not a number, missing: says so and ends with status 2. */
long number_argument(const char *text);

/* Sends what was printed on its way, since the caller is about to wait. */
void flush(void);

/* Waits until a signal ends the process. */
int wait_forever(void);

/* look.c: the report without arguments. */
int report(void);
