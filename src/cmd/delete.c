/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

struct delete_options {
	bool force, regex;
};

static const struct option_row rows[] = {
	OPTION_FLAG(struct delete_options, force, "force", 'f',
		    "kill what still runs; an unknown id is no error"),
	OPTION_FLAG(struct delete_options, regex, "regex", 'r',
		    "ID is an extended regular expression: delete all that match"),
	{ 0 },
};

static int delete_one(struct invocation *in, const char *id, struct error *e)
{
	struct delete_options *o = in->options;

	return container_delete(&in->settings, id, o->force, e);
}

static int cmd_delete(struct invocation *in)
{
	struct delete_options *o = in->options;

	return command_for_each(in, in->n_args, o->regex, delete_one);
}

const struct command delete_command = {
	.name = "delete",
	.arguments = "ID...",
	.summary = "remove containers that are stopped or only created",
	.description =
		"With several ids, each is tried; the exit status is 1 when one could not be\n"
		"deleted.\n",
	.rows = rows,
	.options_size = sizeof(struct delete_options),
	.by_id = true,
	.min_args = 1,
	.max_args = ANY_NUMBER,
	.run = cmd_delete,
};
