/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/names.h"
#include "base/util.h"
#include "output.h"

#include <signal.h>
#include <stdio.h>

struct kill_options {
	bool all, regex, list;
	int signal; /* -1: the container's own */
};

static const struct option_row rows[] = {
	OPTION_FLAG(struct kill_options, all, "all", 'a',
		    "signal every process of the container, also of a stopped one"),
	OPTION_FLAG(struct kill_options, regex, "regex", 'r',
		    "ID is an extended regular expression: signal all that match"),
	OPTION_FLAG(struct kill_options, list, "list", 'l', "list the signals and end"),
	{ 0 },
};

static int list_signals(void)
{
	char name[32];

	/* What has no name (0, and the two that libc keeps for itself) is not for users. */
	for (int i = 1; i <= SIGRTMAX; i++)
		if (after(signal_name(i, name, sizeof(name)), "SIG"))
			output_format("%2d %s\n", i, name);
	return 0;
}

static int kill_one(struct invocation *in, const char *id, struct error *e)
{
	struct kill_options *o = in->options;

	return container_kill(&in->settings, id, o->signal, o->all, e);
}

static int cmd_kill(struct invocation *in)
{
	struct kill_options *o = in->options;

	if (o->list)
		return list_signals();
	if (in->n_args == 0)
		return command_missing_id(in);
	o->signal = in->n_args > 1 ? signal_number(in->args[1]) : -1;
	if (in->n_args > 1 && o->signal < 0) {
		fail(in->e, 0, "'%s' is not a signal", in->args[1]);
		return hint(in->e, "'ocirt kill -l' lists them; a number will do");
	}
	return command_for_each(in, 1, o->regex, kill_one);
}

const struct command kill_command = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.summary = "send a signal to a container's first process",
	.description = "SIGNAL is a number or a name in any case, with or without SIG; when it is\n"
		       "missing, the one that the image wants to be stopped by (annotation\n"
		       "org.opencontainers.image.stopSignal), or TERM. 0 only asks whether the\n"
		       "process is there. Without a pid namespace of its own, KILL goes to every\n"
		       "process of the container.\n",
	.rows = rows,
	.options_size = sizeof(struct kill_options),
	.by_id = true,
	.max_args = 2,
	.run = cmd_kill,
};
