/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

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

/* JSON and logfmt quote alike: \" \\ and control characters as \u00XX. */
static size_t quote(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c && n + 8 < size; c++) {
		if (*c == '"' || *c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)*c;
		} else if (*c == '\n') {
			out[n++] = '\\';
			out[n++] = 'n';
		} else if (*c < 0x20 || *c == 0x7f) {
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", *c);
		} else {
			out[n++] = (char)*c;
		}
	}
	out[n] = '\0';
	return n;
}

static void emit(int fd, enum log_level level, const char *text)
{
	char quoted[4096], line[4400], when[TIMESTAMP_SIZE];

	quote(quoted, sizeof(quoted), text);
	int n = snprintf(line, sizeof(line),
			 sink.json ? "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"}\n"
				   : "level=%s msg=\"%s\" time=\"%s\"\n",
			 level_names[level], quoted, timestamp_now(when));
	/* A full pipe or disk must not stop a container; there is nobody left to tell. */
	if (n > 0 && write(fd, line, MIN((size_t)n, sizeof(line) - 1)) < 0)
		return;
}

static void plain(const char *kind, const char *text)
{
	char line[2048];
	int n = snprintf(line, sizeof(line), "ocirt: %s%s\n", kind, text);

	if (n > 0 && write(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1)) < 0)
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
