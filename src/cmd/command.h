/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command -- what a command is, and what it is called with.
 *
 * Each command is one file here: its option rows, its words for help, and one function. main.c has
 * the table of them, parses both its own options and those of the command, and prints the failure;
 * a command only calls host/ and prints results through output.h.
 */
#pragma once

#include "base/error.h"
#include "host/container.h"
#include "options.h"

struct invocation {
	const struct command *command;
	struct settings settings;
	const char *const *args; /* the words that are no options; NULL-terminated */
	size_t n_args;
	void *options; /* command->options_size bytes, filled in by the rows */
	struct error *e;
};

struct command {
	const char *name;
	const char *arguments;   /* for the usage line: "ID [SIGNAL]" */
	const char *summary;     /* one line, begins in lower case */
	const char *description; /* lines for help; may be NULL */
	const struct option_row *rows, *more_rows;
	size_t options_size;
	enum option_order order;
	bool by_id;   /* the first argument is a container's id */
	bool cgroups; /* makes or changes cgroups: the driver must be one we have */
	size_t min_args, max_args;
	int failure; /* exit status of our own errors; 0 means 1 */

	/* The exit status, or negative with the failure worded in in->e. */
	int (*run)(struct invocation *in);
};

#define ANY_NUMBER ((size_t)-1)

extern const struct command completion_command, create_command, delete_command, events_command,
	exec_command, features_command, help_command, kill_command, list_command, pause_command,
	ps_command, resume_command, run_command, spec_command, start_command, state_command,
	stats_command, update_command;

/* In the order in which help lists them; NULL ends them. Defined by main.c. */
extern const struct command *const commands[];
extern const struct option_row global_rows[];

/* The command of that name, or NULL with the failure (and its hint) in `e`. */
const struct command *command_find(const char *name, struct error *e);

/* The exit status for a command that is not there; what runc has, for who tests for it. */
#define EXIT_NO_COMMAND 3

/* Shared by create and run. */
extern const struct option_row create_rows[];

/* The failure of `min_args`, for commands whose need of an id depends on their options. */
int command_missing_id(struct invocation *in);

/*
 * Do `act` for the first `n` arguments, which are ids or (with `regex`) extended regular expressions
 * over all ids; none that matches is fine. One that fails does not keep the others from being done:
 * each failure is printed where it happens. Returns the exit status, or negative for a single id.
 */
int command_for_each(struct invocation *in, size_t n, bool regex,
		     int (*act)(struct invocation *in, const char *id, struct error *e));

/* Memory for what host/ returns; the caller ends it with arena_close(). */
int command_arena(struct invocation *in, struct arena *a);

/* "create web: ", then what is wrong, to standard error and the log. `id` may be NULL. */
void command_report(const struct command *command, const char *id, struct error *e);
