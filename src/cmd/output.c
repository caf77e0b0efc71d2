/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"

#include "base/file.h"
#include "base/util.h"

#include <stdio.h>

static struct {
	char text[8192];
	size_t n;
	int error;
} buffer;

static void flush(void)
{
	int r = buffer.n ? write_all(STDOUT_FILENO, buffer.text, buffer.n) : 0;

	if (r < 0 && !buffer.error)
		buffer.error = r;
	buffer.n = 0;
}

void output_n(const char *text, size_t n)
{
	while (n > 0) {
		size_t part = MIN(n, sizeof(buffer.text) - buffer.n);

		memcpy(buffer.text + buffer.n, text, part);
		buffer.n += part;
		text += part;
		n -= part;
		if (buffer.n == sizeof(buffer.text))
			flush();
	}
}

void output(const char *text)
{
	output_n(text, strlen(text));
}

void output_format(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		buffer.error = -ENOMEM;
		return;
	}
	output_n(text, (size_t)n);
	free(text);
}

void output_padded(const char *text, size_t width)
{
	size_t n = strlen(text);

	output_n(text, n);
	for (; n < width; n++)
		output_n(" ", 1);
}

int output_json(struct json_out *j, struct error *e)
{
	int r = json_end(j);

	if (r == 0) {
		output_n(j->text, j->len);
		output("\n");
	}
	json_free(j);
	return r < 0 ? fail(e, r, "cannot write JSON") : 0;
}

int output_struct(const struct oci_schema *s, const void *value, struct error *e)
{
	size_t len;
	auto_free char *text = ocispec_write(s, value, true, &len);

	if (!text)
		return fail(e, ENOMEM, "no memory");
	output_n(text, len);
	return 0;
}

int output_end(struct error *e)
{
	flush();
	return buffer.error ? fail(e, buffer.error, "cannot write to standard output") : 0;
}
