/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read -- from JSON text to structs, in one pass.
 *
 * yajl finds the tokens and calls back; what a token means is said by the rows of schema.c. There
 * is a frame per open object or array. An array's length is known only at its end, so its elements
 * grow on a scratch stack and move to the arena when it closes; arrays within elements simply stack
 * on top. Strings go into the arena at once.
 *
 * A configuration is read at every start of a container, hence: no tree, no malloc() per value
 * (yajl gets a piece of our stack), and places in the text are worked out only for an error.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reader.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- memory for yajl ------------------------------------------------------------------------- */

/*
 * yajl allocates its handle, its lexer, a stack of states and a buffer for strings with escapes.
 * All of it fits the piece of stack unless such a string is long.
 */
struct yajl_block {
	size_t size;
	size_t pad; /* keeps what follows aligned for anything */
};

static void *yajl_take(void *ctx, size_t size)
{
	struct reader *r = ctx;
	size_t whole = (sizeof(struct yajl_block) + size + 15) & ~(size_t)15;
	struct yajl_block *b;

	if (whole < size)
		return NULL;
	if (whole <= YAJL_START - r->yajl_used) {
		b = (void *)(r->yajl_memory + r->yajl_used);
		r->yajl_used += whole;
	} else {
		b = malloc(whole);
		if (!b)
			return NULL;
	}
	b->size = size;
	return b + 1;
}

static void yajl_give(void *ctx, void *p)
{
	struct reader *r = ctx;
	struct yajl_block *b = p;

	if (!p)
		return;
	b--;
	if ((char *)b < r->yajl_memory || (char *)b >= r->yajl_memory + YAJL_START)
		free(b);
}

static void *yajl_resize(void *ctx, void *p, size_t size)
{
	void *new = yajl_take(ctx, size);

	if (p && new) {
		size_t old = ((struct yajl_block *)p)[-1].size;

		memcpy(new, p, old < size ? old : size);
		yajl_give(ctx, p);
	}
	return new;
}

/* ---- the scratch stack ----------------------------------------------------------------------- */

/* Zeroed room for one more element; what was there before may have moved. */
static void *push(struct reader *r, size_t size)
{
	void *p;

	if (size > r->scratch_room - r->scratch_used) {
		size_t room = (r->scratch_room + size) * 2;
		char *bigger = malloc(room);

		if (!bigger)
			return NULL;
		memcpy(bigger, r->scratch, r->scratch_used);
		if (r->scratch != r->scratch_start)
			free(r->scratch);
		r->scratch = bigger;
		r->scratch_room = room;
	}
	p = r->scratch + r->scratch_used;
	r->scratch_used += size;
	return memset(p, 0, size);
}

static void align_scratch(struct reader *r)
{
	/* The start is aligned and the room a multiple of 8, or malloc()ed with more to spare. */
	r->scratch_used = (r->scratch_used + 7) & ~(size_t)7;
}

static struct frame *top(struct reader *r)
{
	return r->depth ? &r->frames[r->depth - 1] : NULL;
}

/* The struct that a frame fills, or the caller's for the document itself. */
static char *object_of(struct reader *r, const struct frame *f)
{
	if (!f)
		return r->out;
	return f->in_scratch ? r->scratch + f->at : f->object;
}

/* ---- names seen ------------------------------------------------------------------------------ */

static uint32_t hash_name(uint32_t serial, const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ serial * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static struct name *name_place(struct name *names, size_t room, uint32_t serial, uint32_t hash,
			       const char *s, size_t len)
{
	size_t i = hash & (room - 1);

	while (names[i].text && !(names[i].hash == hash && names[i].serial == serial &&
				  names[i].len == len && memcmp(names[i].text, s, len) == 0))
		i = (i + 1) & (room - 1);
	return &names[i];
}

static bool grow_names(struct reader *r)
{
	size_t room = r->names_room ? r->names_room * 2 : 64;
	struct name *names = calloc(room, sizeof(*names));

	if (!names)
		return false;
	for (size_t i = 0; i < r->names_room; i++) {
		const struct name *n = &r->names[i];

		if (n->text)
			*name_place(names, room, n->serial, n->hash, n->text, n->len) = *n;
	}
	free(r->names);
	r->names = names;
	r->names_room = room;
	return true;
}

static bool in_text(const struct reader *r, const char *s)
{
	return s >= r->text && s < r->text + r->len;
}

/* A name that stays: those with escapes live in a buffer that yajl uses again. */
static const char *keep_name(struct reader *r, const char *s, size_t len)
{
	struct block *b;

	if (in_text(r, s))
		return s;
	b = malloc(sizeof(*b) + len + 1);
	if (!b)
		return NULL;
	memcpy(b->data, s, len);
	b->next = r->copies;
	r->copies = b;
	return b->data;
}

/* Note the name that is now f->key; 0 when the object has it already. */
static int note_name(struct reader *r, struct frame *f)
{
	uint32_t hash = hash_name(f->serial, f->key, f->key_len);
	struct name *n;

	if (r->n_names * 2 >= r->names_room && !grow_names(r))
		return reader_no_memory(r);
	n = name_place(r->names, r->names_room, f->serial, hash, f->key, f->key_len);
	if (n->text)
		return reader_fail(r, "given twice");
	*n = (struct name){ f->key, f->key_len, f->serial, hash };
	r->n_names++;
	return 1;
}

/* ---- strings --------------------------------------------------------------------------------- */

static bool valid_utf8(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint64_t word;
		size_t len;

		if (n - i >= sizeof(word)) { /* almost all text is ASCII */
			memcpy(&word, s + i, sizeof(word));
			if (!(word & 0x8080808080808080u)) {
				i += sizeof(word);
				continue;
			}
		}
		len = utf8_char(s + i, n - i);
		if (!len)
			return false;
		i += len;
	}
	return true;
}

/* The four hex digits that yajl has checked already, or 0 when there is no \u here. */
static unsigned escape_at(const char *s, const char *end)
{
	unsigned v = 0;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return 0;
	for (int i = 2; i < 6; i++) {
		char c = s[i];

		v = v << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

/* yajl turns half a pair into '?', so this must be seen in the text itself. */
static int whole_surrogates(struct reader *r)
{
	size_t last = reader_consumed(r), first = reader_token_start(r, last);
	const char *end = r->text + last;

	for (const char *s = r->text + first; s < end; s++) {
		unsigned v = escape_at(s, end);

		if (v >= 0xd800 && v <= 0xdbff) {
			unsigned low = escape_at(s + 6, end);

			if (low < 0xdc00 || low > 0xdfff)
				return reader_fail(r, "\\u%04x is half of a pair", v);
			s += 11;
		} else if (v >= 0xdc00 && v <= 0xdfff) {
			return reader_fail(r, "\\u%04x is half of a pair", v);
		} else if (*s == '\\') {
			s++;
		}
	}
	return 1;
}

static int good_string(struct reader *r, const char *s, size_t len, const char *what)
{
	if (memchr(s, '\0', len))
		return reader_fail(r, "%scontains a NUL character (\\u0000)", what);
	if (!in_text(r, s) && !whole_surrogates(r))
		return 0;
	if (!valid_utf8((const unsigned char *)s, len))
		return reader_fail(r, "%sis not valid UTF-8", what);
	return 1;
}

/* ---- what is expected here ------------------------------------------------------------------- */

enum { STOP, GO, SKIP };

/* What may stand where we are. */
struct target {
	const struct oci_row *row; /* NULL: the document's own struct */
	bool element;              /* of the array or map of `row` */
	char *member;              /* NULL for elements and the document */
};

static enum json_type type_wanted(const struct target *t)
{
	if (!t->row)
		return J_OBJECT;
	switch ((enum oci_kind)t->row->kind) {
	case OCI_STRING:
		return J_STRING;
	case OCI_BOOL:
		return J_BOOL;
	case OCI_I32:
	case OCI_I64:
	case OCI_U16:
	case OCI_U32:
	case OCI_U64:
		return J_NUMBER;
	case OCI_STRINGS:
		return t->element ? J_STRING : J_ARRAY;
	case OCI_U32S:
		return t->element ? J_NUMBER : J_ARRAY;
	case OCI_OBJECTS:
		return t->element ? J_OBJECT : J_ARRAY;
	case OCI_STRING_MAP:
		return t->element ? J_STRING : J_OBJECT;
	case OCI_OBJECT:
	case OCI_OBJECT_MAP:
	case OCI_FOREIGN:
		break;
	}
	return J_OBJECT;
}

static uint64_t row_bit(const struct frame *f)
{
	return (uint64_t)1 << (f->row - f->schema->rows);
}

/* Find out what a value of type `found` is for. */
static int meet(struct reader *r, enum json_type found, struct target *t)
{
	struct frame *f = top(r);

	*t = (struct target){ 0 };
	if (!f) {
		t->row = r->root_row;
		if (t->row)
			t->member = (char *)r->out + t->row->offset;
	} else if (f->kind == SKIPPED_OBJECT || f->kind == SKIPPED_ARRAY) {
		return SKIP;
	} else if (f->kind == IN_STRUCT) {
		if (!f->row || f->row->kind == OCI_FOREIGN)
			return SKIP;
		if (found == J_NULL)
			return SKIP; /* as if it were not there */
		t->row = f->row;
		t->member = object_of(r, f) + f->row->offset;
	} else {
		t->row = f->row;
		t->element = true;
	}
	if (found != type_wanted(t)) {
		reader_wrong_type(r, type_wanted(t), found);
		return STOP;
	}
	if (f && f->kind == IN_STRUCT)
		f->present |= row_bit(f);
	return GO;
}

/* A value is complete. */
static int done(struct reader *r)
{
	struct frame *f = top(r);

	if (f) {
		f->n++;
		f->in_value = false;
	}
	return 1;
}

static struct frame *open_frame(struct reader *r, enum frame_kind kind)
{
	struct frame *f;

	if (r->depth == MAX_DEPTH) {
		reader_fail(r, "nested deeper than %d levels", MAX_DEPTH);
		return NULL;
	}
	f = &r->frames[r->depth++];
	*f = (struct frame){ .kind = kind, .serial = r->serial++, .start = reader_consumed(r) - 1 };
	return f;
}

/* ---- what yajl calls ------------------------------------------------------------------------- */

static int on_null(void *ctx)
{
	struct target t;

	return meet(ctx, J_NULL, &t) != STOP && done(ctx);
}

static int on_bool(void *ctx, int v)
{
	struct reader *r = ctx;
	struct target t;

	switch (meet(r, J_BOOL, &t)) {
	case STOP:
		return 0;
	case GO:
		if (t.row->opt)
			*(struct opt_bool *)(void *)t.member = (struct opt_bool){ true, v != 0 };
		else
			*(bool *)t.member = v != 0;
	}
	return done(r);
}

static const struct range {
	int64_t min;
	uint64_t max;
} ranges[] = {
	[OCI_I32] = { INT32_MIN, INT32_MAX }, [OCI_I64] = { INT64_MIN, INT64_MAX },
	[OCI_U16] = { 0, UINT16_MAX },        [OCI_U32] = { 0, UINT32_MAX },
	[OCI_U64] = { 0, UINT64_MAX },
};

/*
 * The value as the 64 bits of the type that `row` has. JSON knows only one kind of number; what is
 * not written as a whole number in plain digits is not taken for one.
 */
static int parse_number(struct reader *r, const struct oci_row *row, const char *s, size_t len,
			uint64_t *out)
{
	enum oci_kind kind = row->kind == OCI_U32S ? OCI_U32 : row->kind;
	struct range range = ranges[kind];
	bool minus = s[0] == '-', fits = true;
	int shown = len > 40 ? 40 : (int)len;
	uint64_t v = 0;

	if (row->at_least_one)
		range.min = 1;
	for (size_t i = minus; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return reader_fail(r, "expected a whole number, found %.*s", shown, s);
		fits = fits && !__builtin_mul_overflow(v, (uint64_t)10, &v) &&
		       !__builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v);
	}
	if (minus && v) {
		/* -range.min is one more than fits into an int64_t. */
		fits = fits && range.min < 0 && v <= (uint64_t) - (range.min + 1) + 1;
		v = -v;
	} else {
		fits = fits && v <= range.max && (range.min <= 0 || v >= (uint64_t)range.min);
	}
	if (!fits)
		return reader_fail(r, "%.*s%s is out of range (%lld to %llu)", shown, s,
				   len > 40 ? "..." : "", (long long)range.min,
				   (unsigned long long)range.max);
	*out = v;
	return 1;
}

static void store_number(const struct oci_row *row, void *member, uint64_t v)
{
	switch ((enum oci_kind)row->kind) {
	case OCI_I32:
		if (row->opt)
			*(struct opt_i32 *)member = (struct opt_i32){ true, (int32_t)v };
		else
			*(int32_t *)member = (int32_t)v;
		break;
	case OCI_I64:
		if (row->opt)
			*(struct opt_i64 *)member = (struct opt_i64){ true, (int64_t)v };
		else
			*(int64_t *)member = (int64_t)v;
		break;
	case OCI_U16:
		*(struct opt_u16 *)member = (struct opt_u16){ true, (uint16_t)v };
		break;
	case OCI_U32:
		if (row->opt)
			*(struct opt_u32 *)member = (struct opt_u32){ true, (uint32_t)v };
		else
			*(uint32_t *)member = (uint32_t)v;
		break;
	case OCI_U64:
		if (row->opt)
			*(struct opt_u64 *)member = (struct opt_u64){ true, v };
		else
			*(uint64_t *)member = v;
		break;
	default:
		break;
	}
}

static int on_number(void *ctx, const char *s, size_t len)
{
	struct reader *r = ctx;
	struct target t;
	uint32_t *element;
	uint64_t v = 0;

	switch (meet(r, J_NUMBER, &t)) {
	case STOP:
		return 0;
	case SKIP:
		return done(r);
	}
	if (!parse_number(r, t.row, s, len, &v))
		return 0;
	if (t.element) {
		element = push(r, sizeof(*element));
		if (!element)
			return reader_no_memory(r);
		*element = (uint32_t)v;
	} else {
		store_number(t.row, t.member, v);
	}
	return done(r);
}

static int on_string(void *ctx, const unsigned char *bytes, size_t len)
{
	const char *s = (const char *)bytes;
	struct reader *r = ctx;
	const char *copy, **element;
	struct oci_pair *pair;
	struct target t;
	int what;

	if (!good_string(r, s, len, ""))
		return 0;
	what = meet(r, J_STRING, &t);
	if (what != GO)
		return what == SKIP && done(r);
	copy = arena_strndup(r->arena, s, len);
	if (!copy)
		return reader_no_memory(r);
	if (!t.element) {
		*(const char **)(void *)t.member = copy;
	} else if (t.row->kind == OCI_STRING_MAP) {
		pair = push(r, sizeof(*pair));
		if (!pair)
			return reader_no_memory(r);
		*pair = (struct oci_pair){ top(r)->key, copy };
	} else {
		element = push(r, sizeof(*element));
		if (!element)
			return reader_no_memory(r);
		*element = copy;
	}
	return done(r);
}

static int on_key(void *ctx, const unsigned char *bytes, size_t len)
{
	const char *s = (const char *)bytes;
	struct reader *r = ctx;
	struct frame *f = top(r);

	if (!good_string(r, s, len, "a name in this object "))
		return 0;
	f->in_value = true;
	if (f->kind == IN_STRUCT) {
		f->row = oci_row_find(f->schema, s, len);
		if (f->row) {
			if (f->seen & row_bit(f)) {
				if (memcmp(f->row->name, s, len) == 0)
					return reader_fail(r, "given twice");
				return reader_fail(r, "given twice, once as '%.*s'", (int)len, s);
			}
			f->seen |= row_bit(f);
			return 1;
		}
	}
	f->key_len = len;
	if (f->kind == IN_MAP)
		f->key = arena_strndup(r->arena, s, len);
	else
		f->key = keep_name(r, s, len);
	if (!f->key) {
		f->in_value = false; /* no name, no path */
		return reader_no_memory(r);
	}
	if (!note_name(r, f))
		return 0;
	if (f->kind == IN_STRUCT && r->sink) {
		struct ocispec_error e;

		reader_path(r, NULL, e.path, sizeof(e.path));
		reader_place(r, reader_token_start(r, reader_consumed(r)), &e.line, &e.column);
		r->sink->unknown(r->sink->arg, e.path, e.line, e.column,
				 oci_did_you_mean(f->schema, s, len));
	}
	return 1;
}

static int on_object(void *ctx)
{
	struct reader *r = ctx;
	struct frame *parent, *f;
	struct target t;
	size_t at;
	void *object;

	switch (meet(r, J_OBJECT, &t)) {
	case STOP:
		return 0;
	case SKIP:
		return open_frame(r, SKIPPED_OBJECT) != NULL;
	}
	if (!t.row) {
		f = open_frame(r, IN_STRUCT);
		if (!f)
			return 0;
		f->schema = r->root_schema;
		f->object = r->out;
		return 1;
	}
	if (!t.element && t.row->kind != OCI_OBJECT) { /* a map begins */
		f = open_frame(r, IN_MAP);
		if (!f)
			return 0;
		f->row = t.row;
		align_scratch(r);
		f->at = r->scratch_used;
		return 1;
	}
	if (!t.element) {
		object = arena_alloc(r->arena, t.row->schema->size, _Alignof(uint64_t));
		if (!object)
			return reader_no_memory(r);
		*(void **)(void *)t.member = object;
		f = open_frame(r, IN_STRUCT);
		if (!f)
			return 0;
		f->schema = t.row->schema;
		f->object = object;
		return 1;
	}
	at = r->scratch_used;
	object = push(r, t.row->schema->size);
	if (!object)
		return reader_no_memory(r);
	parent = top(r);
	if (parent->kind == IN_MAP)
		*(const char **)object = parent->key;
	f = open_frame(r, IN_STRUCT);
	if (!f)
		return 0;
	f->schema = t.row->schema;
	f->in_scratch = true;
	f->at = at;
	return 1;
}

static int on_array(void *ctx)
{
	struct reader *r = ctx;
	struct target t;
	struct frame *f;

	switch (meet(r, J_ARRAY, &t)) {
	case STOP:
		return 0;
	case SKIP:
		return open_frame(r, SKIPPED_ARRAY) != NULL;
	}
	f = open_frame(r, IN_ARRAY);
	if (!f)
		return 0;
	f->row = t.row;
	align_scratch(r);
	f->at = r->scratch_used;
	return 1;
}

/* Move the elements of the array or map that is innermost to the arena, and drop its frame. */
static int close_elements(struct reader *r)
{
	struct frame f = *top(r);
	size_t size = r->scratch_used - f.at, spare = 0;
	struct oci_string_map *map;
	char *parent;
	void *p;

	if (f.row->kind == OCI_STRINGS)
		spare = sizeof(char *); /* the NULL at the end */
	p = arena_alloc(r->arena, size + spare, _Alignof(uint64_t));
	if (!p)
		return reader_no_memory(r);
	if (size)
		memcpy(p, r->scratch + f.at, size);
	r->scratch_used = f.at;
	r->depth--;
	parent = object_of(r, top(r));
	if (f.row->kind == OCI_STRING_MAP) {
		map = arena_new(r->arena, struct oci_string_map);
		if (!map)
			return reader_no_memory(r);
		*map = (struct oci_string_map){ p, f.n };
		p = map;
	} else {
		*(size_t *)(void *)(parent + f.row->n_offset) = f.n;
	}
	*(void **)(void *)(parent + f.row->offset) = p;
	return done(r);
}

static int on_object_end(void *ctx)
{
	struct reader *r = ctx;
	struct frame *f = top(r);

	if (f->kind == IN_MAP)
		return close_elements(r);
	if (f->kind == IN_STRUCT)
		for (size_t i = 0; i < f->schema->n_rows; i++)
			if (f->schema->rows[i].required && !(f->present >> i & 1))
				return reader_fail_at(r, f->start, f->schema->rows[i].name,
						      "required, but missing");
	r->depth--;
	return done(r);
}

static int on_array_end(void *ctx)
{
	struct reader *r = ctx;

	if (top(r)->kind == IN_ARRAY)
		return close_elements(r);
	r->depth--;
	return done(r);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int run(struct reader *r)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_object,
		.yajl_map_key = on_key,
		.yajl_end_map = on_object_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_array_end,
	};
	yajl_alloc_funcs memory = {
		.malloc = yajl_take, .realloc = yajl_resize, .free = yajl_give, .ctx = r
	};
	yajl_status status;

	r->yajl = yajl_alloc(&callbacks, &memory, r);
	if (!r->yajl)
		return reader_no_memory(r);
	/* Ours is stricter, and can say in which property. */
	yajl_config(r->yajl, yajl_dont_validate_strings, 1);
	status = yajl_parse(r->yajl, (const unsigned char *)r->text, r->len);
	if (status == yajl_status_ok) {
		r->finishing = true;
		status = yajl_complete_parse(r->yajl);
	}
	if (status != yajl_status_ok && !r->result)
		reader_not_json(r);
	yajl_free(r->yajl);
	return 1;
}

static int read_text(struct arena *a, const struct oci_row *row, const struct oci_schema *s,
		     const char *text, size_t len, const struct ocispec_sink *sink, void *out,
		     struct ocispec_error *e)
{
	struct reader r;

	/* Not all of it: most of the buffers and frames is never touched. */
	memset(&r, 0, offsetof(struct reader, frames));
	r.depth = 0;
	r.serial = 0;
	r.names = NULL;
	r.n_names = r.names_room = 0;
	r.copies = NULL;
	r.yajl_used = 0;
	r.scratch = r.scratch_start;
	r.scratch_used = 0;
	r.scratch_room = SCRATCH_START;

	r.arena = a;
	r.text = text;
	r.len = len;
	r.root_row = row;
	r.root_schema = s;
	r.out = out;
	r.sink = sink;
	r.error = e;

	*e = (struct ocispec_error){ 0 };
	run(&r);

	if (r.scratch != r.scratch_start)
		free(r.scratch);
	free(r.names);
	while (r.copies) {
		struct block *next = r.copies->next;

		free(r.copies);
		r.copies = next;
	}
	return r.result;
}

int ocispec_read_noting(struct arena *a, const struct oci_schema *s, const char *text, size_t len,
			const struct ocispec_sink *sink, void *out, struct ocispec_error *e)
{
	return read_text(a, NULL, s, text, len, sink, out, e);
}

int ocispec_read(struct arena *a, const struct oci_schema *s, const char *text, size_t len,
		 void *out, struct ocispec_error *e)
{
	return ocispec_read_noting(a, s, text, len, NULL, out, e);
}

static void *read_new(struct arena *a, const struct oci_schema *s, const char *text, size_t len,
		      const struct ocispec_sink *sink, struct ocispec_error *e)
{
	void *out = arena_alloc(a, s->size, _Alignof(uint64_t));

	if (!out) {
		*e = (struct ocispec_error){ .text = "out of memory" };
		return NULL;
	}
	return ocispec_read_noting(a, s, text, len, sink, out, e) < 0 ? NULL : out;
}

struct oci_config *oci_config_read(struct arena *a, const char *text, size_t len,
				   struct ocispec_error *e)
{
	return read_new(a, &oci_config_schema, text, len, NULL, e);
}

struct oci_config *oci_config_read_noting(struct arena *a, const char *text, size_t len,
					  const struct ocispec_sink *sink, struct ocispec_error *e)
{
	return read_new(a, &oci_config_schema, text, len, sink, e);
}

struct oci_process *oci_process_read(struct arena *a, const char *text, size_t len,
				     struct ocispec_error *e)
{
	return read_new(a, &oci_process_schema, text, len, NULL, e);
}

struct oci_resources *oci_resources_read(struct arena *a, const char *text, size_t len,
					 struct ocispec_error *e)
{
	return read_new(a, &oci_resources_schema, text, len, NULL, e);
}

struct oci_state *oci_state_read(struct arena *a, const char *text, size_t len,
				 struct ocispec_error *e)
{
	return read_new(a, &oci_state_schema, text, len, NULL, e);
}

struct oci_features *oci_features_read(struct arena *a, const char *text, size_t len,
				       struct ocispec_error *e)
{
	return read_new(a, &oci_features_schema, text, len, NULL, e);
}

struct oci_mount *oci_mounts_read(struct arena *a, const char *text, size_t len, size_t *n,
				  struct ocispec_error *e)
{
	struct mounts {
		struct oci_mount *mounts;
		size_t n_mounts;
	} list = { 0 };
	static const struct oci_row row = {
		.name = "mounts",
		.name_len = 6,
		.kind = OCI_OBJECTS,
		.offset = offsetof(struct mounts, mounts),
		.n_offset = offsetof(struct mounts, n_mounts),
		.schema = &oci_mount_schema,
	};

	if (read_text(a, &row, NULL, text, len, NULL, &list, e) < 0)
		return NULL;
	*n = list.n_mounts;
	return list.mounts;
}
