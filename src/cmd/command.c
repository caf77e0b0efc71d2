/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/log.h"
#include "base/util.h"
#include "libocispec/ocispec.h"

#include <regex.h>
#include <stdio.h>

const struct command *command_find(const char *name, struct error *e)
{
	char names[512] = "", similar[32];
	size_t used = 0;

	for (size_t i = 0; commands[i]; i++) {
		if (streq(commands[i]->name, name))
			return commands[i];
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s ",
						 commands[i]->name);
	}
	fail(e, 0, "No help topic for '%s'", name); /* scripts look for these words of runc's */
	if (oci_did_you_mean_word(names, name, similar, sizeof(similar)))
		hint(e, "there is no such command; did you mean '%s'?", similar);
	else
		hint(e, "there is no such command; 'ocirt help' lists them");
	return NULL;
}

int command_missing_id(struct invocation *in)
{
	fail(in->e, 0, "the container's id is missing");
	return hint(in->e, "usage: ocirt %s [options] %s", in->command->name,
		    in->command->arguments);
}

int command_arena(struct invocation *in, struct arena *a)
{
	int r = arena_open_private(a, 0);

	return r < 0 ? fail(in->e, r, "no memory") : 0;
}

void command_report(const struct command *command, const char *id, struct error *e)
{
	if (id)
		during(e, "%s %s", command->name, id);
	else
		during(e, "%s", command->name);
	log_error(e);
}

typedef int action(struct invocation *in, const char *id, struct error *e);

static bool do_one(struct invocation *in, const char *id, action *act)
{
	struct error e = { 0 };

	if (act(in, id, &e) >= 0)
		return true;
	command_report(in->command, id, &e);
	return false;
}

static int do_matching(struct invocation *in, const char *pattern, struct arena *a, action *act)
{
	const char **ids;
	regex_t regex;
	size_t n;
	int bad = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	int status = 0;

	if (bad) {
		char why[128];

		regerror(bad, &regex, why, sizeof(why));
		return fail(in->e, 0, "--regex: '%s' is not a regular expression: %s", pattern,
			    why);
	}
	int r = container_ids(&in->settings, a, &ids, &n, in->e);

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (regexec(&regex, ids[i], 0, NULL, 0) == 0 && !do_one(in, ids[i], act))
			status = 1;
	regfree(&regex);
	return r < 0 ? r : status;
}

int command_for_each(struct invocation *in, size_t n, bool regex, action *act)
{
	struct arena a;
	int status = 0, r = 0;

	if (!regex && n == 1)
		return act(in, in->args[0], in->e);
	if (!regex) {
		for (size_t i = 0; i < n; i++)
			if (!do_one(in, in->args[i], act))
				status = 1;
		return status;
	}
	r = command_arena(in, &a);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = do_matching(in, in->args[i], &a, act);
		status = MAX(status, r);
	}
	arena_close(&a);
	return r < 0 ? r : status;
}
