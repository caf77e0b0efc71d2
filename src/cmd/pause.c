/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

static int cmd_pause(struct invocation *in)
{
	return container_pause(&in->settings, in->args[0], in->e);
}

const struct command pause_command = {
	.name = "pause",
	.arguments = "ID",
	.summary = "stop all processes of a container until 'resume'",
	.description = "The processes are frozen by the cgroup freezer: they cannot notice.\n",
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_pause,
};
