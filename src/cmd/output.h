/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output -- what a command prints on standard output.
 *
 * One buffer and write(2): stdio would be a good part of the work of `state`. Failing to write is
 * sticky and reported once, by output_end(), which main() calls after the command.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

#include <stddef.h>

void output(const char *text);
void output_n(const char *text, size_t n);
void output_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* `text`, then spaces up to `width` columns. */
void output_padded(const char *text, size_t width);

/* A JSON text and a newline; ends and frees it. */
int output_json(struct json_out *j, struct error *e);

/* A struct of the specification, as JSON for people. */
int output_struct(const struct oci_schema *s, const void *value, struct error *e);

/* Everything is written, or `e` says why not. */
int output_end(struct error *e);
