/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write -- from structs to JSON text, by the same rows that read it.
 *
 * The lower half emits JSON, one value after the other, into a buffer that grows; commands use it
 * for output that has no schema. The upper half walks the rows of a struct.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ocispec.h"
#include "utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64 /* bits in json_out.is_array */

/* ---- text ------------------------------------------------------------------------------------ */

static void add(struct json_out *j, const char *s, size_t n)
{
	if (j->error)
		return;
	if (n >= j->room - j->len || !j->room) { /* one byte is for the NUL */
		size_t room = (j->len + n + 1) * 2;
		char *bigger;

		if (j->fixed) {
			j->error = -ENOSPC;
			return;
		}
		if (room < 512)
			room = 512;
		bigger = realloc(j->text, room);
		if (!bigger) {
			j->error = -ENOMEM;
			return;
		}
		j->text = bigger;
		j->room = room;
	}
	memcpy(j->text + j->len, s, n);
	j->len += n;
	j->text[j->len] = '\0';
}

static void new_line(struct json_out *j)
{
	static const char spaces[] = "                                ";

	if (!j->pretty)
		return;
	add(j, "\n", 1);
	for (size_t left = j->depth * (size_t)2; left;) {
		size_t n = left < sizeof(spaces) - 1 ? left : sizeof(spaces) - 1;

		add(j, spaces, n);
		left -= n;
	}
}

/* What must come between the last value and the next name or value. */
static void separate(struct json_out *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->some)
		add(j, ",", 1);
	if (j->depth)
		new_line(j);
	j->some = true;
}

static void quoted(struct json_out *j, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t from = 0, i = 0;

	add(j, "\"", 1);
	while (i < len) {
		size_t n = utf8_char(s + i, len - i);
		char escape[8];

		if (n > 1 || (n == 1 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')) {
			i += n;
			continue;
		}
		add(j, text + from, i - from);
		if (n == 0) {
			add(j, "\xef\xbf\xbd",
			    3); /* U+FFFD: the output is JSON whatever comes in */
		} else {
			const char *letters = "\"\"\\\\\bb\ff\nn\rr\tt", *l = letters;

			while (*l && *l != (char)s[i])
				l += 2;
			if (s[i] && *l) {
				escape[0] = '\\';
				escape[1] = l[1];
				add(j, escape, 2);
			} else {
				snprintf(escape, sizeof(escape), "\\u%04x", s[i]);
				add(j, escape, 6);
			}
		}
		from = ++i;
	}
	add(j, text + from, len - from);
	add(j, "\"", 1);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void open_level(struct json_out *j, bool array)
{
	separate(j);
	if (j->depth == MAX_DEPTH) {
		j->error = j->error ? j->error : -E2BIG;
		return;
	}
	if (array)
		j->is_array |= (uint64_t)1 << j->depth;
	else
		j->is_array &= ~((uint64_t)1 << j->depth);
	j->depth++;
	j->some = false;
	add(j, array ? "[" : "{", 1);
}

void json_object(struct json_out *j)
{
	open_level(j, false);
}

void json_array(struct json_out *j)
{
	open_level(j, true);
}

void json_close(struct json_out *j)
{
	bool some = j->some;

	if (!j->depth) {
		j->error = j->error ? j->error : -EINVAL;
		return;
	}
	j->depth--;
	if (some)
		new_line(j);
	add(j, j->is_array >> j->depth & 1 ? "]" : "}", 1);
	j->some = true;
}

void json_key(struct json_out *j, const char *key)
{
	separate(j);
	quoted(j, key, strlen(key));
	add(j, ": ", j->pretty ? 2 : 1);
	j->after_key = true;
}

void json_string_n(struct json_out *j, const char *s, size_t len)
{
	separate(j);
	quoted(j, s, len);
}

void json_string(struct json_out *j, const char *s)
{
	if (s)
		json_string_n(j, s, strlen(s));
	else
		json_null(j);
}

void json_raw(struct json_out *j, const char *json)
{
	separate(j);
	add(j, json, strlen(json));
}

void json_int(struct json_out *j, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	json_raw(j, text);
}

void json_uint(struct json_out *j, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	json_raw(j, text);
}

void json_double(struct json_out *j, double v)
{
	char text[40];

	if (!isfinite(v)) {
		json_null(j); /* JSON has no word for it */
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	json_raw(j, text);
}

void json_bool(struct json_out *j, bool v)
{
	json_raw(j, v ? "true" : "false");
}

void json_null(struct json_out *j)
{
	json_raw(j, "null");
}

void json_key_object(struct json_out *j, const char *key)
{
	json_key(j, key);
	json_object(j);
}

void json_key_array(struct json_out *j, const char *key)
{
	json_key(j, key);
	json_array(j);
}

void json_key_string(struct json_out *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void json_key_int(struct json_out *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void json_key_uint(struct json_out *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

void json_key_bool(struct json_out *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

int json_end(struct json_out *j)
{
	if (!j->error && (j->depth || j->after_key))
		j->error = -EINVAL;
	return j->error;
}

void json_free(struct json_out *j)
{
	if (!j->fixed)
		free(j->text);
	*j = (struct json_out){ .pretty = j->pretty };
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The value of a number or bool; false when it is absent. */
static bool scalar(const struct oci_row *row, const char *member, int64_t *i, uint64_t *u)
{
	const void *p = member;

	switch ((enum oci_kind)row->kind) {
	case OCI_BOOL: {
		const struct opt_bool *o = p;

		*u = row->opt ? o->v : *(const bool *)p;
		return !row->opt || o->set;
	}
	case OCI_I32: {
		const struct opt_i32 *o = p;

		*i = row->opt ? o->v : *(const int32_t *)p;
		return !row->opt || o->set;
	}
	case OCI_I64: {
		const struct opt_i64 *o = p;

		*i = row->opt ? o->v : *(const int64_t *)p;
		return !row->opt || o->set;
	}
	case OCI_U16: {
		const struct opt_u16 *o = p;

		*u = o->v;
		return o->set;
	}
	case OCI_U32: {
		const struct opt_u32 *o = p;

		*u = row->opt ? o->v : *(const uint32_t *)p;
		return !row->opt || o->set;
	}
	case OCI_U64: {
		const struct opt_u64 *o = p;

		*u = row->opt ? o->v : *(const uint64_t *)p;
		return !row->opt || o->set;
	}
	default:
		return false;
	}
}

static void write_array(struct json_out *j, const struct oci_row *row, const void *p, size_t n)
{
	json_array(j);
	for (size_t i = 0; i < n; i++) {
		if (row->kind == OCI_STRINGS)
			json_string(j, ((const char *const *)p)[i]);
		else if (row->kind == OCI_U32S)
			json_uint(j, ((const uint32_t *)p)[i]);
		else
			json_struct(j, row->schema, (const char *)p + i * row->schema->size);
	}
	json_close(j);
}

static void write_map(struct json_out *j, const struct oci_row *row, const void *p, size_t n)
{
	json_object(j);
	for (size_t i = 0; i < n; i++) {
		const char *element = (const char *)p + i * row->schema->size;

		json_key(j, *(const char *const *)(const void *)element);
		json_struct(j, row->schema, element);
	}
	json_close(j);
}

static void write_string_map(struct json_out *j, const struct oci_string_map *map)
{
	json_object(j);
	for (size_t i = 0; i < map->n; i++)
		json_key_string(j, map->items[i].key, map->items[i].value);
	json_close(j);
}

static void write_member(struct json_out *j, const struct oci_row *row, const char *object)
{
	const char *member = object + row->offset;
	const void *p;
	uint64_t u = 0;
	int64_t i = 0;
	size_t n;

	switch ((enum oci_kind)row->kind) {
	case OCI_FOREIGN:
		return;
	case OCI_BOOL:
	case OCI_I32:
	case OCI_I64:
	case OCI_U16:
	case OCI_U32:
	case OCI_U64:
		if (!scalar(row, member, &i, &u))
			return;
		json_key(j, row->name);
		if (row->kind == OCI_BOOL)
			json_bool(j, u != 0);
		else if (row->kind == OCI_I32 || row->kind == OCI_I64)
			json_int(j, i);
		else
			json_uint(j, u);
		return;
	default:
		break;
	}

	/* Everything else is a pointer, and NULL when absent. */
	p = *(const void *const *)(const void *)member;
	if (!p)
		return;
	n = row->n_offset ? *(const size_t *)(const void *)(object + row->n_offset) : 0;
	json_key(j, row->name);
	switch ((enum oci_kind)row->kind) {
	case OCI_STRING:
		json_string(j, p);
		break;
	case OCI_OBJECT:
		json_struct(j, row->schema, p);
		break;
	case OCI_STRING_MAP:
		write_string_map(j, p);
		break;
	case OCI_OBJECT_MAP:
		write_map(j, row, p, n);
		break;
	default:
		write_array(j, row, p, n);
		break;
	}
}

void json_struct_members(struct json_out *j, const struct oci_schema *s, const void *value)
{
	for (size_t i = 0; i < s->n_rows; i++)
		write_member(j, &s->rows[i], value);
}

void json_struct(struct json_out *j, const struct oci_schema *s, const void *value)
{
	json_object(j);
	json_struct_members(j, s, value);
	json_close(j);
}

char *ocispec_write(const struct oci_schema *s, const void *value, bool pretty, size_t *len)
{
	struct json_out j = { .pretty = pretty };

	json_struct(&j, s, value);
	if (pretty)
		add(&j, "\n", 1);
	if (json_end(&j) < 0) {
		json_free(&j);
		return NULL;
	}
	if (len)
		*len = j.len;
	return j.text;
}
