/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

static const struct option_row rows[] = {
	OPTION_FLAG(struct create_options, detach, "detach", 'd',
		    "end as soon as the program runs; its stdio is ours"),
	OPTION_FLAG(struct create_options, keep, "keep", 0,
		    "leave the stopped container for a later 'delete'"),
	OPTION_FLAG(struct create_options, no_subreaper, "no-subreaper", 0,
		    "do not adopt the processes that the container leaves behind"),
	{ 0 },
};

static int cmd_run(struct invocation *in)
{
	struct create_options *o = in->options;
	int status = 0;

	o->id = in->args[0];
	int r = container_run(&in->settings, o, &status, in->e);

	return r < 0 ? r : status;
}

const struct command run_command = {
	.name = "run",
	.arguments = "ID",
	.summary = "create and start a container, and wait for it",
	.description = "Signals are passed on to the container's program. When that ends, the\n"
		       "container is deleted, and the exit status is the program's own, or\n"
		       "128 + N when signal N ended it.\n",
	.rows = create_rows,
	.more_rows = rows,
	.options_size = sizeof(struct create_options),
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_run,
};
