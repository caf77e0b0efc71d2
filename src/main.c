/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main -- the global options, the table of commands, and the one place that reports a failure.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "base/weakened.h"
#include "blob.h"
#include "cgroup/cgroup.h"
#include "cmd/command.h"
#include "cmd/help.h"
#include "cmd/output.h"
#include "commit.h"
#include "compile/seccomp_version.h"
#include "libocispec/ocispec.h"

#include <fcntl.h>
#include <stdio.h>

const struct command *const commands[] = {
	&create_command,   &start_command,      &run_command,    &state_command, &kill_command,
	&delete_command,   &exec_command,       &list_command,   &ps_command,    &pause_command,
	&resume_command,   &update_command,     &events_command, &stats_command, &spec_command,
	&features_command, &completion_command, &help_command,   NULL,
};

enum rootless { ROOTLESS_AUTO, ROOTLESS_NO, ROOTLESS_YES };

struct global_options {
	const char *root;
	struct log_options log;
	enum cgroup_driver driver;
	enum rootless rootless;
	bool help, version;
};

static int set_log_format(void *target, const char *value, struct error *e)
{
	if (!streq(value, "text") && !streq(value, "json"))
		return fail(e, 0, "'%s' is neither text nor json", value);
	*(bool *)target = streq(value, "json");
	return 0;
}

static int set_log_level(void *target, const char *value, struct error *e)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_ERROR }, { "warning", LOG_WARNING }, { "warn", LOG_WARNING },
		{ "info", LOG_INFO },   { "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < array_len(levels); i++)
		if (streq(value, levels[i].name)) {
			*(enum log_level *)target = levels[i].level;
			return 0;
		}
	return fail(e, 0, "'%s' is none of error, warning, info and debug", value);
}

static int set_debug(void *target, const char *value, struct error *e)
{
	bool on = false;

	if (option_flag(&on, value, e) < 0)
		return -EINVAL;
	if (on)
		*(enum log_level *)target = LOG_DEBUG;
	return 0;
}

static int set_driver(void *target, const char *value, struct error *e)
{
	enum cgroup_driver *driver = target;

	if (streq(value, "cgroupfs"))
		*driver = CGROUP_CGROUPFS;
	else if (streq(value, "systemd"))
		*driver = CGROUP_SYSTEMD;
	else if (streq(value, "disabled"))
		*driver = CGROUP_DISABLED;
	else
		return fail(e, 0, "'%s' is none of cgroupfs, systemd and disabled", value);
	return 0;
}

static int set_systemd(void *target, const char *value, struct error *e)
{
	bool on = false;

	if (option_flag(&on, value, e) < 0)
		return -EINVAL;
	if (on)
		*(enum cgroup_driver *)target = CGROUP_SYSTEMD;
	return 0;
}

static int set_rootless(void *target, const char *value, struct error *e)
{
	enum rootless *rootless = target;
	bool yes = false;

	if (streq(value, "auto")) {
		*rootless = ROOTLESS_AUTO;
		return 0;
	}
	if (option_flag(&yes, value, e) < 0)
		return fail(e, 0, "'%s' is none of true, false and auto", value);
	*rootless = yes ? ROOTLESS_YES : ROOTLESS_NO;
	return 0;
}

/* clang-format off */
#define GLOBAL struct global_options
const struct option_row global_rows[] = {
	OPTION_STRING(GLOBAL, root, "root", 0, "DIR",
		      "where the state of containers is kept (default: /run/ocirt)"),
	OPTION_STRING(GLOBAL, log.file, "log", 0, "FILE",
		      "append errors, warnings and debug messages to this file"),
	OPTION_WORDS(bool, GLOBAL, log.json, "log-format", 0, "FORMAT", set_log_format,
		   "text json", "text (the default) or json"),
	OPTION_WORDS(enum log_level, GLOBAL, log.level, "log-level", 0, "LEVEL", set_log_level,
		   "error warning info debug", "error, warning (the default), info or debug"),
	OPTION_ROW(enum log_level, GLOBAL, log.level, "debug", 0, NULL, set_debug,
		   "the same as --log-level debug"),
	OPTION_WORDS(enum cgroup_driver, GLOBAL, driver, "cgroup-manager", 0, "NAME", set_driver,
		   "cgroupfs systemd disabled",
		   "who makes cgroups: cgroupfs (the default), systemd or disabled"),
	OPTION_ROW(enum cgroup_driver, GLOBAL, driver, "systemd-cgroup", 0, NULL, set_systemd,
		   "the same as --cgroup-manager systemd"),
	OPTION_WORDS(enum rootless, GLOBAL, rootless, "rootless", 0, "WHEN", set_rootless,
		   "true false auto", "do without cgroups that we may not make: true, false or auto"),
	OPTION_FLAG(GLOBAL, version, "version", 'v', "show the version"),
	OPTION_FLAG(GLOBAL, help, "help", 'h', "show this, or the help of a command"),
	{ 0 },
};
#undef GLOBAL
/* clang-format on */

/* The first file we open must not become somebody's standard error. */
static void open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR); /* gets the lowest number: fd */
}

/* In the initial one every id stands for itself. */
static bool in_user_namespace(void)
{
	char map[256];
	unsigned int inside, outside, size;

	ssize_t len = file_read(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map));

	if (len < 0)
		return len == -EFBIG; /* so many lines; the rest means that there is no /proc */
	return sscanf(map, "%u %u %u", &inside, &outside, &size) == 3 &&
	       !(inside == 0 && outside == 0 && size == UINT32_MAX);
}

/*
 * Below /run for root. Others, and the root of a user namespace that is somebody's session, have
 * their own directory; XDG_RUNTIME_DIR that is left over in a root shell means nothing.
 */
static const char *default_root(void)
{
	static char path[4096];
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");
	bool given = runtime && *runtime;

	if (geteuid() == 0) {
		bool session = given && !(user && streq(user, "root")) && in_user_namespace();

		if (!session)
			return "/run/ocirt";
	}
	if (given)
		snprintf(path, sizeof(path), "%s/ocirt", runtime);
	else
		snprintf(path, sizeof(path), "/run/user/%u/ocirt", geteuid());
	return path;
}

static int print_version(struct error *e)
{
	output("ocirt version " PACKAGE_VERSION "\n"
	       "commit: " OCIRT_COMMIT "\n"
	       "spec: " OCI_VERSION "\n");
	if (compile_seccomp_version())
		output_format("libseccomp: %s\n", compile_seccomp_version());
	return output_end(e);
}

static int settle(const struct global_options *g, struct invocation *in)
{
	const struct command *c = in->command;

#ifdef HAVE_SYSTEMD
	cgroup_systemd_program(blob_systemd.data, blob_systemd.size);
#endif
	in->settings = (struct settings){
		.root = g->root ? g->root : default_root(),
		.root_given = g->root != NULL,
		.driver = g->driver,
		.rootless = g->rootless == ROOTLESS_YES,
	};
	/* Only those that make or change something need to know; it costs a look into /proc. */
	if (c->cgroups)
		in->settings.privileged = geteuid() == 0 && !in_user_namespace();
	if (g->rootless == ROOTLESS_AUTO && c->cgroups)
		in->settings.rootless = !in->settings.privileged;
	return 0;
}

static int check_arguments(struct invocation *in)
{
	const struct command *c = in->command;

	if (in->n_args < c->min_args)
		return command_missing_id(in);
	if (in->n_args > c->max_args) {
		fail(in->e, 0, "'%s' is one argument too many", in->args[c->max_args]);
		return hint(in->e, "usage: ocirt %s [options]%s%s", c->name,
			    *c->arguments ? " " : "", c->arguments);
	}
	return 0;
}

/*
 * One command, from its options to the end; `argv` is what follows its name. Returns the exit status,
 * or negative with `in->e` worded. *id is set as soon as it is known to be one.
 */
static int run_command_line(struct global_options *g, struct invocation *in, char **argv,
			    const char **id)
{
	static max_align_t options[64];
	const struct command *c = in->command;
	struct option_group groups[4] = { 0 };
	struct error log_error = { 0 };
	size_t n = 0;

	in->options = options;
	if (c->options_size > sizeof(options))
		abort();
	if (c->rows)
		groups[n++] = (struct option_group){ c->rows, options };
	if (c->more_rows)
		groups[n++] = (struct option_group){ c->more_rows, options };
	groups[n++] = (struct option_group){ global_rows, g };

	int r = options_parse(groups, c->order, argv, &in->n_args, in->e);

	/* A wrong option is for the log, too, where that is known already. */
	int logging = log_open(&g->log, r < 0 ? &log_error : in->e);

	if (r < 0) {
		if (!in->e->hint[0])
			hint(in->e, "'ocirt %s --help' shows the options", c->name);
		return r;
	}
	if (g->help) {
		help_on(c);
		return 0;
	}
	if (g->version)
		return print_version(in->e);
	in->args = (const char *const *)argv;
	if (logging < 0)
		return logging;
	r = check_arguments(in);
	if (r >= 0 && c->by_id && in->n_args > 0)
		*id = in->args[0];
	if (r >= 0)
		r = settle(g, in);
	return r < 0 ? r : c->run(in);
}

/* Before there is a command, or because there is none. */
static int without_command(struct global_options *g, struct error *e)
{
	if (failed(e)) {
		struct error log_failure = { 0 };

		(void)log_open(&g->log, &log_failure);
		if (!e->hint[0])
			hint(e, "'ocirt --help' shows the options");
		log_error(e);
		return EXIT_FAILURE;
	}
	if (g->version) {
		(void)print_version(e);
	} else {
		help_program();
		(void)output_end(e);
	}
	if (!failed(e))
		return EXIT_SUCCESS;
	log_error(e);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct global_options g = { .log.level = LOG_WARNING };
	const struct option_group groups[] = { { global_rows, &g }, { 0 } };
	struct error e = { 0 };
	struct invocation in = { .e = &e };
	const char *id = NULL;
	size_t n = 0;

	open_standard_files();
#ifdef WEAKENED
	weakened_choose();
#endif
	if (argc > 0)
		argv++;
	if (options_parse(groups, OPTIONS_FIRST, argv, &n, &e) < 0 || n == 0 || g.help || g.version)
		return without_command(&g, &e);
	in.command = command_find(argv[0], &e);
	if (!in.command) {
		(void)without_command(&g, &e);
		return EXIT_NO_COMMAND;
	}

	int status = run_command_line(&g, &in, argv + 1, &id);
	struct error late = { 0 };

	/* What was printed before a failure still belongs to the reader. */
	if (output_end(&late) < 0 && status >= 0) {
		e = late;
		status = -EIO;
	}
	if (status >= 0)
		return status;
	command_report(in.command, id, &e);
	return in.command->failure ? in.command->failure : EXIT_FAILURE;
}
