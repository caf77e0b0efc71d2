/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

static int cmd_start(struct invocation *in)
{
	return container_start(&in->settings, in->args[0], in->e);
}

const struct command start_command = {
	.name = "start",
	.arguments = "ID",
	.summary = "run the program of a created container",
	.description = "Ends when the program has been executed, or with the reason why it could\n"
		       "not be.\n",
	.by_id = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_start,
};
