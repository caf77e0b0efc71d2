/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

static int cmd_resume(struct invocation *in)
{
	return container_resume(&in->settings, in->args[0], in->e);
}

const struct command resume_command = {
	.name = "resume",
	.arguments = "ID",
	.summary = "let the processes of a paused container go on",
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_resume,
};
