/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log -- where messages go: standard error and, with --log, a file that managers read back.
 *
 * Errors travel as struct error and are printed once, by main(); this is for that one place, for
 * warnings, and for --debug. With a log file, warnings and debug lines go to it alone; an error
 * goes to both, because conmon and the containerd shim take the last error of the log while a
 * person looks at the terminal.
 */
#pragma once

#include "error.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_options {
	const char *file; /* NULL: standard error only */
	bool json;        /* objects with level, msg and time, a line each */
	enum log_level level;
};

/* Opens the file (append, created 0644). Call before anything else may fail. */
int log_open(const struct log_options *o, struct error *e);

bool log_enabled(enum log_level level);
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The failure of the whole command: text, then its hint. */
void log_error(const struct error *e);
