/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/number.h"
#include "base/util.h"
#include "base/weakened.h"

struct exec_words {
	struct exec_options o;
	struct option_list env, caps, cgroups;
};

/*
 * UID[:GID], numbers only: names would be looked up in a file that the image brings, and could
 * mean anybody. The largest number is no id but the kernel's "leave it".
 */
static int parse_id(const char *text, size_t len, uint32_t *out)
{
	uint64_t id;
	int r = PROTECT(user_ids) ? number_u64_n(text, len, UINT32_MAX - 1, &id)
				  : number_u64_n(text, strspn(text, "0123456789"), UINT64_MAX, &id);

	if (r < 0)
		return r;
	*out = (uint32_t)id;
	return 0;
}

static int set_user(void *target, const char *value, struct error *e)
{
	struct exec_options *o = target;
	size_t len = strcspn(value, ":");

	if (parse_id(value, len, &o->uid) < 0)
		goto bad;
	o->has_user = true;
	o->has_gid = value[len] == ':';
	if (o->has_gid && parse_id(value + len + 1, strlen(value + len + 1), &o->gid) < 0)
		goto bad;
	return 0;
bad:
	return fail(e, 0, "'%s' is not UID or UID:GID, in numbers", value);
}

static int add_gid(void *target, const char *value, struct error *e)
{
	struct exec_options *o = target;
	uint32_t gid;

	if (parse_id(value, strlen(value), &gid) < 0)
		return fail(e, 0, "'%s' is not a group's number", value);

	gid_t *more = malloc((o->n_additional_gids + 1) * sizeof(*more));

	if (!more)
		return fail(e, ENOMEM, "no memory");
	if (o->n_additional_gids > 0)
		memcpy(more, o->additional_gids, o->n_additional_gids * sizeof(*more));
	more[o->n_additional_gids++] = gid;
	free((void *)(uintptr_t)o->additional_gids);
	o->additional_gids = more;
	return 0;
}

static int set_env(void *target, const char *value, struct error *e)
{
	const char *equals = strchr(value, '=');

	if (!equals || equals == value)
		return fail(e, 0, "'%s' is not NAME=VALUE", value);
	return option_list(target, value, e);
}

static int set_tty(void *target, const char *value, struct error *e)
{
	struct exec_options *o = target;

	o->tty_given = true;
	return option_flag(&o->tty, value, e);
}

/* clang-format off */
#define WORDS struct exec_words
static const struct option_row rows[] = {
	OPTION_STRING(WORDS, o.process_file, "process", 'p', "FILE",
		      "JSON of the process (user, args, env, ...), instead of PROGRAM"),
	OPTION_STRING(WORDS, o.cwd, "cwd", 0, "PATH",
		      "the working directory (default: the container's)"),
	OPTION_ROW(struct option_list, WORDS, env, "env", 'e', "NAME=VALUE", set_env,
		   "add to the environment; repeatable"),
	OPTION_ROW(struct exec_options, WORDS, o, "user", 'u', "UID[:GID]", set_user,
		   "who the process is"),
	OPTION_ROW(struct exec_options, WORDS, o, "additional-gids", 'g', "GID", add_gid,
		   "a supplementary group; repeatable"),
	OPTION_ROW(struct exec_options, WORDS, o, "tty", 't', NULL, set_tty,
		   "give it a terminal"),
	OPTION_FLAG(WORDS, o.detach, "detach", 'd',
		    "end as soon as the program runs"),
	OPTION_STRING(WORDS, o.console_socket, "console-socket", 0, "SOCKET",
		      "send the terminal's descriptor to this unix socket"),
	OPTION_STRING(WORDS, o.pidfd_socket, "pidfd-socket", 0, "SOCKET",
		      "send a pidfd of the process to this unix socket"),
	OPTION_STRING(WORDS, o.pid_file, "pid-file", 0, "FILE",
		      "write the pid of the process to this file"),
	OPTION_COUNT(WORDS, o.preserve_fds, "preserve-fds", 0, "N",
		     "keep N descriptors open, from 3 (after those of LISTEN_FDS)"),
	OPTION_LIST(WORDS, caps, "cap", 'c', "CAPABILITY",
		    "add to the bounding, effective and permitted set; repeatable"),
	OPTION_FLAG(WORDS, o.no_new_privs, "no-new-privs", 0,
		    "set-user-ID programs and file capabilities give nothing"),
	OPTION_STRING(WORDS, o.apparmor, "apparmor", 0, "PROFILE",
		      "the AppArmor profile"),
	OPTION_STRING(WORDS, o.process_label, "process-label", 0, "LABEL",
		      "the SELinux label"),
	OPTION_LIST(WORDS, cgroups, "cgroup", 0, "[CTRL,...:]PATH",
		    "a cgroup below the container's, for these v1 controllers; repeatable"),
	OPTION_FLAG(WORDS, o.ignore_paused, "ignore-paused", 0,
		    "in a paused container: wait until it is resumed"),
	{ 0 },
};
#undef WORDS
/* clang-format on */

static int cmd_exec(struct invocation *in)
{
	struct exec_words *words = in->options;
	struct exec_options *o = &words->o;
	int status = 0;

	o->id = in->args[0];
	o->args = in->args + 1;
	o->env = words->env.items;
	o->caps = words->caps.items;
	o->cgroups = words->cgroups.items;
	if (!o->process_file && !o->args[0]) {
		fail(in->e, 0, "the program to run is missing");
		return hint(in->e, "usage: ocirt exec [options] %s", in->command->arguments);
	}
	if (o->process_file && o->args[0])
		return fail(in->e, 0, "'%s' is one too many: --process names the program",
			    o->args[0]);

	int r = container_exec(&in->settings, o, &status, in->e);

	return r < 0 ? r : status;
}

const struct command exec_command = {
	.name = "exec",
	.arguments = "ID PROGRAM [ARGUMENTS]",
	.summary = "run a second program inside a container",
	.description =
		"What follows the id is the program and its own arguments. The exit status is\n"
		"the program's, 128 + N when signal N ended it, or 255 when ocirt could not\n"
		"run it.\n",
	.rows = rows,
	.options_size = sizeof(struct exec_words),
	.order = OPTIONS_FIRST,
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = ANY_NUMBER,
	.failure = 255,
	.run = cmd_exec,
};
