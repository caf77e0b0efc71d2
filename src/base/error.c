/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fail(struct error *e, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	err = err < 0 ? -err : err; /* our own functions return -errno */
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (err && n >= 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", strerror(err));
	e->code = err;
	e->hint[0] = '\0';
	return err ? -err : -EINVAL;
}

static int prefix(struct error *e, const char *joint, const char *fmt, va_list ap)
{
	char text[sizeof(e->text)];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n >= 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", joint, e->text);
	memcpy(e->text, text, sizeof(text));
	return e->code ? -e->code : -EINVAL;
}

int within(struct error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = prefix(e, ".", fmt, ap);
	va_end(ap);
	return r;
}

int during(struct error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = prefix(e, ": ", fmt, ap);
	va_end(ap);
	return r;
}

int hint(struct error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code ? -e->code : -EINVAL;
}

int hint_if(struct error *e, int err, const char *fmt, ...)
{
	if (e->code == err && !e->hint[0]) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
		va_end(ap);
	}
	return e->code ? -e->code : -EINVAL;
}

bool failed(const struct error *e)
{
	return e->text[0] != '\0';
}
