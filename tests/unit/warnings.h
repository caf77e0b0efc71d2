/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * warnings -- what was logged, for a test to read.
 */
#pragma once

#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int warnings_fd = -1;

/* Forgets what was logged before. */
static inline void warnings_reset(void)
{
	if (warnings_fd < 0) {
		char path[64];
		struct log_options o = { .file = path, .level = LOG_WARNING };
		struct error e;

		warnings_fd = memfd_create("warnings", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", warnings_fd);
		if (log_open(&o, &e) < 0)
			abort();
	}
	if (ftruncate(warnings_fd, 0) < 0)
		abort();
}

/* The messages since, each with a newline, without level and time. */
static inline const char *warnings(void)
{
	static char text[8192];
	char lines[8192] = "", *out = text;
	ssize_t n = pread(warnings_fd, lines, sizeof(lines) - 1, 0);

	if (n < 0)
		return "cannot be read";
	*out = '\0';
	for (char *at = strstr(lines, "msg=\""); at; at = strstr(at, "msg=\"")) {
		at += strlen("msg=\"");
		size_t length = strcspn(at, "\"");

		memcpy(out, at, length);
		out[length] = '\n';
		out += length + 1;
		*out = '\0';
		at += length;
	}
	return text;
}
