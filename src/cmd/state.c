/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "libocispec/ocispec.h"
#include "output.h"

static int cmd_state(struct invocation *in)
{
	struct oci_state state = { 0 };
	struct arena a;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = container_state(&in->settings, in->args[0], &a, &state, in->e);
	if (r >= 0)
		r = output_struct(&oci_state_schema, &state, in->e);
	arena_close(&a);
	return r;
}

const struct command state_command = {
	.name = "state",
	.arguments = "ID",
	.summary = "print the state of a container as JSON",
	.description =
		"The members are those of the specification, and rootfs, created and owner.\n"
		"The status is creating, created, running, paused or stopped.\n",
	.by_id = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_state,
};
