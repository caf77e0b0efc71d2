/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/util.h"

#include <stdio.h>

static int directory(const char *path, char **out, struct error *e)
{
	*out = realpath(path, NULL);
	return *out ? 0 : fail(e, errno, "'%s'", path);
}

static int set_upper(void *target, const char *value, struct error *e)
{
	char *path;
	int r = directory(value, &path, e);

	if (r == 0)
		*(const char **)target = path;
	return r;
}

/* Adds to the list of the annotation, which has a colon between two and a backslash before others. */
static int add_lower(void *target, const char *value, struct error *e)
{
	const char **list = target;
	auto_free char *path = NULL;
	int r = directory(value, &path, e);

	if (r < 0)
		return r;
	size_t n = *list ? strlen(*list) : 0;
	char *longer = malloc(n + 2 * strlen(path) + 2), *to = longer;

	if (!longer)
		return fail(e, ENOMEM, "no memory");
	if (n) {
		memcpy(to, *list, n);
		to[n] = ':';
		to += n + 1;
	}
	for (const char *from = path; *from; from++) {
		if (*from == ':' || *from == '\\')
			*to++ = '\\';
		*to++ = *from;
	}
	*to = '\0';
	free((char *)*list);
	*list = longer;
	return 0;
}

const struct option_row create_rows[] = {
	OPTION_STRING(struct create_options, bundle, "bundle", 'b', "DIR",
		      "the directory with config.json (default: the current one)"),
	OPTION_STRING(struct create_options, config, "config", 'f', "FILE",
		      "use this file instead of config.json, below the bundle"),
	OPTION_STRING(struct create_options, console_socket, "console-socket", 0, "SOCKET",
		      "send the terminal's descriptor to this unix socket"),
	OPTION_STRING(struct create_options, pidfd_socket, "pidfd-socket", 0, "SOCKET",
		      "send a pidfd of the first process to this unix socket"),
	OPTION_STRING(struct create_options, pid_file, "pid-file", 0, "FILE",
		      "write the pid of the first process to this file"),
	OPTION_COUNT(struct create_options, preserve_fds, "preserve-fds", 0, "N",
		     "keep N descriptors open, from 3 (after those of LISTEN_FDS)"),
	OPTION_FLAG(struct create_options, no_pivot, "no-pivot", 0,
		    "change the root by chroot, for a root on the initial ramfs (less safe)"),
	OPTION_FLAG(struct create_options, no_new_keyring, "no-new-keyring", 0,
		    "keep the caller's session keyring"),
	OPTION_FLAG(struct create_options, init, "init", 0,
		    "give the program a parent that reaps processes and passes on signals"),
	OPTION_FLAG(struct create_options, overlay, "overlay", 0,
		    "forget what is written to the root file system, instead of changing it"),
	OPTION_ROW(const char *, struct create_options, overlay_upper, "overlay-upper", 0, "DIR",
		   set_upper, "keep it in this directory, for the next container"),
	OPTION_ROW(const char *, struct create_options, overlay_lower, "overlay-lower", 0, "DIR",
		   add_lower,
		   "put the files of DIR over those of the root; the first is the uppermost"),
	{ 0 },
};

static int cmd_create(struct invocation *in)
{
	struct create_options *o = in->options;

	o->id = in->args[0];
	return container_create(&in->settings, o, in->e);
}

const struct command create_command = {
	.name = "create",
	.arguments = "ID",
	.summary = "make a container; 'start' then runs its program",
	.description =
		"Everything that config.json asks for is made, but the program does not run\n"
		"yet. When anything fails, nothing is left behind.\n",
	.rows = create_rows,
	.options_size = sizeof(struct create_options),
	.by_id = true,
	.cgroups = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_create,
};
