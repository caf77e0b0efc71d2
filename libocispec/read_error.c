/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read_error -- what is wrong with a document, in words, and where: the JSON path, line and column.
 *
 * Nothing of this is kept up while a document is read. A frame per open object or array is there
 * anyway, and the text is; the rest is found out when somebody wants to know.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- where we are ---------------------------------------------------------------------------- */

static bool in_number_or_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' ||
	       c == '-' || c == '.';
}

size_t reader_token_start(const struct reader *r, size_t end)
{
	size_t i = end;

	if (!end)
		return 0;
	if (r->text[end - 1] == '"') {
		/* The nearest quote that is not escaped, that is, after an even run of backslashes. */
		for (i = end - 1; i > 0; i--) {
			size_t slashes = 0;

			if (r->text[i - 1] != '"')
				continue;
			while (slashes < i - 1 && r->text[i - 2 - slashes] == '\\')
				slashes++;
			if (slashes % 2 == 0)
				return i - 1;
		}
		return end - 1;
	}
	while (i > 0 && in_number_or_word(r->text[i - 1]))
		i--;
	return i < end ? i : end - 1;
}

/* Text that always ends in NUL and is silently cut when it does not fit. */
struct bounded {
	char *text;
	size_t size, len;
};

static void put(struct bounded *b, const char *s, size_t n)
{
	size_t room = b->size - 1 - b->len;

	if (n > room)
		n = room;
	memcpy(b->text + b->len, s, n);
	b->len += n;
	b->text[b->len] = '\0';
}

static bool plain_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= '0' && s[i] <= '9') && s[i] != '_' && s[i] != '-' &&
		    !((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z'))
			return false;
	return n > 0;
}

/* Names with dots and the like in quotes. Nothing that a terminal would obey gets through. */
static void put_name(struct bounded *b, const char *s, size_t n)
{
	if (plain_name(s, n)) {
		put(b, s, n);
		return;
	}
	put(b, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[8];

		if (c < 0x20 || c == 0x7f) {
			put(b, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
		} else {
			if (c == '"' || c == '\\')
				put(b, "\\", 1);
			put(b, s + i, 1);
		}
	}
	put(b, "\"", 1);
}

void reader_path(const struct reader *r, const char *last, char *out, size_t size)
{
	struct bounded b = { .text = out, .size = size };
	char index[32];

	out[0] = '\0';
	for (size_t i = 0; i < r->depth; i++) {
		const struct frame *f = &r->frames[i];

		if (f->kind == IN_ARRAY || f->kind == SKIPPED_ARRAY) {
			put(&b, index, (size_t)snprintf(index, sizeof(index), "[%zu]", f->n));
			continue;
		}
		if (!f->in_value)
			continue;
		if (b.len)
			put(&b, ".", 1);
		if (f->kind == IN_STRUCT && f->row)
			put(&b, f->row->name, f->row->name_len);
		else
			put_name(&b, f->key, f->key_len);
	}
	if (last) {
		if (b.len)
			put(&b, ".", 1);
		put(&b, last, strlen(last));
	}
}

void reader_place(const struct reader *r, size_t offset, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void vfail(struct reader *r, size_t offset, const char *last, const char *format, va_list ap)
{
	struct ocispec_error *e = r->error;

	if (r->result)
		return; /* the first is the one that matters */
	r->result = -EINVAL;
	reader_path(r, last, e->path, sizeof(e->path));
	reader_place(r, offset, &e->line, &e->column);
	vsnprintf(e->text, sizeof(e->text), format, ap);
}

int reader_fail_at(struct reader *r, size_t offset, const char *last, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfail(r, offset, last, format, ap);
	va_end(ap);
	return 0;
}

int reader_fail(struct reader *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfail(r, reader_token_start(r, reader_consumed(r)), NULL, format, ap);
	va_end(ap);
	return 0;
}

int reader_wrong_type(struct reader *r, enum json_type wanted, enum json_type found)
{
	static const char *const names[] = { "null",   "boolean", "number",
					     "string", "array",   "object" };

	return reader_fail(r, "expected %s, found %s", names[wanted], names[found]);
}

int reader_no_memory(struct reader *r)
{
	if (r->arena->full)
		reader_fail(r, "does not fit: everything together may take %zu MiB",
			    r->arena->capacity >> 20);
	else
		reader_fail(r, "out of memory");
	r->result = -ENOMEM;
	return 0;
}

/* yajl's reason without its line break and marks; where it happened is said by us. */
int reader_not_json(struct reader *r)
{
	unsigned char *message = yajl_get_error(r->yajl, 0, (const unsigned char *)r->text, r->len);
	const char *reason = message ? (const char *)message : "unknown reason";
	size_t at = reader_consumed(r), len;

	if (strncmp(reason, "parse error: ", 13) == 0)
		reason += 13;
	else if (strncmp(reason, "lexical error: ", 15) == 0)
		reason += 15;
	len = strcspn(reason, "\n");
	while (len && (reason[len - 1] == ' ' || reason[len - 1] == '.'))
		len--;
	/*
	 * Where yajl has stopped: mostly behind the token; within a string before the offending
	 * character; and for these two it goes back by the token's length without its quotes.
	 */
	if (strstr(reason, "I expect")) {
		if (at >= 2 && r->text[at - 2] == '"' && !strchr("\" \t\r\n", r->text[at - 1]))
			at -= 2;
	} else if (!r->finishing && !strstr(reason, "inside string") &&
		   !strstr(reason, "inside a string")) {
		at = reader_token_start(r, at);
	}
	r->depth = 0; /* where the structure is broken, a path would only mislead */
	reader_fail_at(r, at, NULL, "not JSON: %.*s", (int)len, reason);
	if (message)
		yajl_free_error(r->yajl, message);
	return 0;
}
