/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/util.h"
#include "format.h"
#include "libocispec/ocispec.h"
#include "output.h"

#include <stdio.h>

struct list_options {
	bool json, quiet;
};

static const struct option_row rows[] = {
	FORMAT_ROW(struct list_options, json),
	OPTION_FLAG(struct list_options, quiet, "quiet", 'q', "print the ids only"),
	{ 0 },
};

static int print_ids(struct invocation *in, struct arena *a)
{
	const char **ids;
	size_t n;
	int r = container_ids(&in->settings, a, &ids, &n, in->e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		output(ids[i]);
		output("\n");
	}
	return r;
}

/* On one line: scripts read it so. */
static int print_json(const struct oci_state *states, size_t n, struct error *e)
{
	struct json_out j = { 0 };

	json_array(&j);
	for (size_t i = 0; i < n; i++)
		json_struct(&j, &oci_state_schema, &states[i]);
	json_close(&j);
	return output_json(&j, e);
}

enum { ID, PID, STATUS, BUNDLE, CREATED, OWNER, COLUMNS };

static const char *cell(const struct oci_state *s, int column, char *buf, size_t size)
{
	switch (column) {
	case ID:
		return s->id;
	case PID:
		snprintf(buf, size, "%d", s->pid.v);
		return buf;
	case STATUS:
		return s->status;
	case BUNDLE:
		return s->bundle;
	case CREATED:
		return s->created;
	default:
		return s->owner;
	}
}

static void print_table(const struct oci_state *states, size_t n)
{
	static const char *const headers[COLUMNS] = { "ID",     "PID",     "STATUS",
						      "BUNDLE", "CREATED", "OWNER" };
	size_t width[COLUMNS];
	char buf[16];

	for (int c = 0; c < COLUMNS; c++) {
		width[c] = 9;
		for (size_t i = 0; i < n; i++) {
			const char *text = cell(&states[i], c, buf, sizeof(buf));

			width[c] = MAX(width[c], strlen(text ? text : ""));
		}
	}
	for (size_t row = 0; row <= n; row++) {
		for (int c = 0; c < COLUMNS; c++) {
			const char *text = row == 0 ? headers[c]
						    : cell(&states[row - 1], c, buf, sizeof(buf));

			output_padded(text ? text : "", c < OWNER ? width[c] + 3 : 0);
		}
		output("\n");
	}
}

static int cmd_list(struct invocation *in)
{
	struct list_options *o = in->options;
	struct oci_state *states;
	struct arena a;
	size_t n;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	if (o->quiet) {
		r = print_ids(in, &a);
	} else {
		struct error unsaid = { 0 };

		r = container_list(&in->settings, &a, &states, &n, in->e);
		/* One that cannot be looked at does not hide the others. */
		if (r == 0 && o->json)
			r = print_json(states, n, in->e);
		else if (n && o->json)
			print_json(states, n, &unsaid);
		else if (r == 0 || n)
			print_table(states, n);
	}
	arena_close(&a);
	return r;
}

const struct command list_command = {
	.name = "list",
	.arguments = "",
	.summary = "list the containers, sorted by id",
	.description = "All containers below --root are listed, whatever their state.\n",
	.rows = rows,
	.options_size = sizeof(struct list_options),
	.run = cmd_list,
};
