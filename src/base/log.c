/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

#include "printable.h"
#include "timestamp.h"
#include "util.h"

#include <fcntl.h>
#include <stdio.h>

static const char *const level_names[] = { "error", "warning", "info", "debug" };

static struct {
	int fd;
	bool json;
	enum log_level level;
} sink = { .fd = -1, .level = LOG_WARNING };

int log_open(const struct log_options *o, struct error *e)
{
	sink.json = o->json;
	sink.level = o->level;
	if (!o->file || !*o->file)
		return 0;
	/* O_NONBLOCK: a named pipe without a reader must be an error, not a wait for ever. */
	sink.fd = open(o->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
	if (sink.fd < 0) {
		fail(e, errno, "--log: cannot open '%s'", o->file);
		return hint_if(e, ENXIO, "it is a named pipe that nobody reads");
	}
	return 0;
}

bool log_enabled(enum log_level level)
{
	return level <= sink.level;
}

/* All that is written is printable, whoever shows it: managers do, what they read in the log. */
#define LONGEST 8192

static void emit(int fd, enum log_level level, const char *text)
{
	char shown[LONGEST], line[2 * LONGEST], when[TIMESTAMP_SIZE];
	size_t n;

	printable(shown, sizeof(shown), text);
	n = (size_t)snprintf(line, sizeof(line),
			     sink.json ? "{\"level\":\"%s\",\"msg\":\"" : "level=%s msg=\"",
			     level_names[level]);
	/* JSON and logfmt quote alike. */
	for (const char *c = shown; *c && n < sizeof(line) - 100; c++) {
		if (*c == '"' || *c == '\\')
			line[n++] = '\\';
		line[n++] = *c;
	}
	n += (size_t)snprintf(line + n, sizeof(line) - n,
			      sink.json ? "\",\"time\":\"%s\"}\n" : "\" time=\"%s\"\n",
			      timestamp_now(when));
	/* A full pipe or disk must not stop a container; there is nobody left to tell. */
	if (write(fd, line, n) < 0)
		return;
}

static void plain(const char *kind, const char *text)
{
	char line[LONGEST];
	size_t n = (size_t)snprintf(line, sizeof(line), "ocirt: %s", kind);

	n += printable(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

static void message(enum log_level level, const char *fmt, va_list ap)
{
	char text[2000];

	if (!log_enabled(level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (sink.fd >= 0)
		emit(sink.fd, level, text);
	else if (sink.json)
		emit(STDERR_FILENO, level, text);
	else
		plain(level == LOG_WARNING ? "warning: " : "debug: ", text);
}

void log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

void log_error(const struct error *e)
{
	char text[sizeof(e->text) + sizeof(e->hint) + 16];

	if (e->hint[0])
		snprintf(text, sizeof(text), "%s (hint: %s)", e->text, e->hint);
	else
		snprintf(text, sizeof(text), "%s", e->text);
	if (sink.fd >= 0)
		emit(sink.fd, LOG_ERROR, text);
	if (sink.json && sink.fd < 0) {
		emit(STDERR_FILENO, LOG_ERROR, text);
		return;
	}
	plain("", e->text);
	if (e->hint[0])
		plain("hint: ", e->hint);
}
