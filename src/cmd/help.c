/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "help.h"

#include "base/util.h"
#include "output.h"

#include <stdio.h>

/* "-b, --bundle DIR"; returns its width. */
static size_t spelling(const struct option_row *row, char *buf, size_t size)
{
	char letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	int n = snprintf(buf, size, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "");

	return MIN((size_t)n, size - 1);
}

static size_t widest(const struct option_row *rows)
{
	size_t width = 0;
	char buf[80];

	for (; rows && rows->name; rows++)
		if (!rows->hidden)
			width = MAX(width, spelling(rows, buf, sizeof(buf)));
	return width;
}

static void options(const struct option_row *rows, size_t width)
{
	char buf[80];

	for (; rows && rows->name; rows++) {
		if (rows->hidden)
			continue;
		spelling(rows, buf, sizeof(buf));
		output("   ");
		output_padded(buf, width + 2);
		output(rows->help);
		output("\n");
	}
}

/* Every line of `text`, indented as the rest of the help. */
static void indented(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			output("   ");
		output_n(text, n);
		output("\n");
		text += n + (text[n] == '\n');
	}
}

void help_program(void)
{
	output("NAME:\n"
	       "   ocirt - run containers as the OCI runtime specification says\n"
	       "\n"
	       "USAGE:\n"
	       "   ocirt [global options] COMMAND [options] [arguments]\n"
	       "\n"
	       "COMMANDS:\n");
	for (size_t i = 0; commands[i]; i++) {
		output("   ");
		output_padded(commands[i]->name, 12);
		output(commands[i]->summary);
		output("\n");
	}
	output("\nGLOBAL OPTIONS (before or after the command):\n");
	options(global_rows, widest(global_rows));
	output("\n'ocirt COMMAND --help' and the manual page ocirt-COMMAND(8) say more.\n");
}

void help_on(const struct command *c)
{
	static const char help[] = "-h, --help"; /* a global option, but expected here */
	size_t width = MAX(widest(c->rows), widest(c->more_rows));

	width = MAX(width, sizeof(help) - 1);
	output_format("NAME:\n   ocirt %s - %s\n\nUSAGE:\n   ocirt %s [options]%s%s\n", c->name,
		      c->summary, c->name, *c->arguments ? " " : "", c->arguments);
	if (c->description) {
		output("\nDESCRIPTION:\n");
		indented(c->description);
	}
	output("\nOPTIONS:\n");
	options(c->rows, width);
	options(c->more_rows, width);
	output("   ");
	output_padded(help, width + 2);
	output("show this\n\nThe global options ('ocirt --help') are understood here too.\n");
}

static int cmd_help(struct invocation *in)
{
	const struct command *c;

	if (in->n_args == 0) {
		help_program();
		return 0;
	}
	c = command_find(in->args[0], in->e);
	if (!c) {
		command_report(in->command, NULL, in->e);
		return EXIT_NO_COMMAND;
	}
	help_on(c);
	return 0;
}

const struct command help_command = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "show the commands, or the options of one",
	.max_args = 1,
	.run = cmd_help,
};
