/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demo.h"

#include "base/number.h"
#include "base/util.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const tables[] = { look_commands, act_commands };

int refused(const char *what, const char *object)
{
	int e = errno;

	flush();
	fprintf(stderr, "demo: %s %s: %s (%s)\n", what, object, errno_name(e), strerror(e));
	return 1;
}

int answer(const char *key, bool ok)
{
	printf("%s: %s\n", key, ok ? "ok" : errno_name(errno));
	return ok ? 0 : 1;
}

long number_argument(const char *text)
{
	int64_t value;

	if (!text || number_i64(text, &value) < 0) {
		fprintf(stderr, "demo: '%s' is not a number\n", text ? text : "");
		exit(2);
	}
	return (long)value;
}

void flush(void)
{
	fflush(stdout);
}

int wait_forever(void)
{
	flush();
	for (;;)
		pause();
}

/*
 * The kernel drops signals for PID 1 that it did not ask for; a container that stands still must end
 * on SIGTERM all the same, with the exit status that a shell would show.
 */
static void end_on(int sig)
{
	_exit(128 + sig);
}

static void catch_what_ends_others(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	struct sigaction action = { .sa_handler = end_on };

	for (size_t i = 0; i < array_len(signals); i++)
		sigaction(signals[i], &action, NULL);
}

static int help(void)
{
	puts("usage: demo [COMMAND [ARGUMENT]...]\n\n"
	     "Shows what a container looks like from inside. Without a command: a summary.\n");
	for (size_t t = 0; t < array_len(tables); t++)
		for (const struct command *c = tables[t]; c->name; c++) {
			int n = printf("  %s %s", c->name, c->arguments);

			printf("%*s%s\n", n < 26 ? 26 - n : 1, "", c->help);
		}
	puts("  all                     every command that only shows something\n"
	     "  help                    this text");
	return 0;
}

/* How many of the arguments that help shows may not be left out. */
static int required_arguments(const char *arguments)
{
	int n = 0;
	bool at_start = true;

	for (const char *p = arguments; *p; p++) {
		if (at_start && *p != '[' && *p != ' ')
			n++;
		at_start = *p == ' ';
	}
	return n;
}

static int show_all(void)
{
	int status = 0;

	for (const struct command *c = look_commands; c->name; c++) {
		char *argv[] = { (char *)c->name, NULL };

		if (required_arguments(c->arguments) > 0)
			continue;
		printf("[%s]\n", c->name);
		status |= c->run(1, argv);
	}
	return status;
}

static int run_command(int argc, char **argv)
{
	if (streq(argv[0], "help") || streq(argv[0], "--help"))
		return help();
	if (streq(argv[0], "all"))
		return show_all();
	for (size_t t = 0; t < array_len(tables); t++)
		for (const struct command *c = tables[t]; c->name; c++) {
			if (!streq(c->name, argv[0]))
				continue;
			if (argc - 1 < required_arguments(c->arguments)) {
				fprintf(stderr, "demo: usage: demo %s %s\n", c->name, c->arguments);
				return 2;
			}
			return c->run(argc, argv);
		}
	fprintf(stderr, "demo: no command '%s'; 'demo help' lists them\n", argv[0]);
	return 2;
}

int main(int argc, char **argv)
{
	int status;

	if (getpid() == 1)
		catch_what_ends_others();
	status = argc > 1 ? run_command(argc - 1, argv + 1) : report();
	if (fflush(stdout) != 0)
		return refused("write", "standard output");
	return status;
}
