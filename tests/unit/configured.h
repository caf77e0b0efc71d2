/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configured -- a configuration, written in C without a backslash before every quote.
 *
 *	must(configure("{'process': {'cwd': '/', 'args': ['sh']}}"));
 *	... config->process ...
 *
 * ' stands for ". What libocispec says against the text is in `error`, like what is said later.
 */
#pragma once

#include "base/error.h"
#include "ocispec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct error error;
static struct oci_config *config;

static inline bool configure(const char *text)
{
	struct ocispec_error wrong;
	char *json = malloc(strlen(text) + 32);

	/* What every configuration has. */
	sprintf(json, "{'ociVersion': '1.3.0'%s%s", text[1] == '}' ? "" : ", ", text + 1);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	arena_close(&arena);
	error = (struct error){ 0 };
	config = arena_open_private(&arena, 0) < 0
			 ? NULL
			 : oci_config_read(&arena, json, strlen(json), &wrong);
	if (!config)
		snprintf(error.text, sizeof(error.text), "not read: %s: %s", wrong.path,
			 wrong.text);
	free(json);
	return config != NULL;
}
