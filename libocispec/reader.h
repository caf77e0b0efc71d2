/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader -- what the two halves of the reader share: read.c makes values of tokens, read_error.c says
 * what is wrong, and where. Not for others.
 */
#pragma once

#include "ocispec.h"

#include <yajl/yajl_parse.h>

/* Deeper than anything the specification describes; unknown properties may nest that deep too. */
#define MAX_DEPTH 64

#define SCRATCH_START 8192
#define YAJL_START    4096

enum json_type { J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

enum frame_kind {
	IN_STRUCT,      /* an object with a schema */
	IN_MAP,         /* an object whose names are data */
	IN_ARRAY,       /* an array that a row describes */
	SKIPPED_OBJECT, /* parts of unknown properties: only their form matters */
	SKIPPED_ARRAY,
};

struct frame {
	enum frame_kind kind;
	bool in_scratch; /* IN_STRUCT: the struct is at r->scratch + at, which may move */
	bool in_value;   /* between a name and the end of its value */
	uint32_t serial; /* tells the names of this object from those of others */
	const struct oci_schema *schema; /* IN_STRUCT */
	const struct oci_row *row;       /* of the current name, or of the map or array itself */
	uint64_t seen, present; /* IN_STRUCT: a bit per row; null is seen but not present */
	void *object;           /* IN_STRUCT and not in_scratch */
	size_t at;              /* where the struct or the elements begin in the scratch */
	size_t n;               /* elements that are complete */
	const char *key;        /* the current name where no row has it */
	size_t key_len;
	size_t start; /* of the object or array, in the text */
};

/* A name in an object that has no bitmap, so that its second appearance is noticed. */
struct name {
	const char *text; /* NULL: the place is free */
	size_t len;
	uint32_t serial;
	uint32_t hash;
};

struct block {
	struct block *next;
	char data[];
};

struct reader {
	struct arena *arena;
	const char *text;
	size_t len;
	yajl_handle yajl;
	bool finishing; /* yajl counts what it consumed from 0 again */

	const struct oci_row
		*root_row; /* NULL: the document is the struct `root_schema` describes */
	const struct oci_schema *root_schema;
	void *out;
	const struct ocispec_sink *sink;
	struct ocispec_error *error;
	int result;

	struct frame frames[MAX_DEPTH];
	size_t depth;
	uint32_t serial;

	char *scratch;
	size_t scratch_used, scratch_room;

	struct name *names; /* open addressing; made when the first name comes */
	size_t n_names, names_room;
	struct block *copies;

	size_t yajl_used;
	_Alignas(16) char yajl_memory[YAJL_START];
	_Alignas(16) char scratch_start[SCRATCH_START];
};

/* ---- read_error.c ---------------------------------------------------------------------------- */

/* How much of the text yajl has taken, to the end of the present token. */
static inline size_t reader_consumed(const struct reader *r)
{
	size_t n = r->finishing ? r->len : yajl_get_bytes_consumed(r->yajl);

	return n < r->len ? n : r->len;
}

/* Where the token that ends before `end` begins. */
size_t reader_token_start(const struct reader *r, size_t end);

/* The path to the value being read; `last` names a property of the innermost struct, or is NULL. */
void reader_path(const struct reader *r, const char *last, char *out, size_t size);

/* From 1. Columns are counted in characters, as editors do. */
void reader_place(const struct reader *r, size_t offset, unsigned *line, unsigned *column);

/*
 * What is wrong with the present token, or with what is at `offset`. The first failure is the one that
 * counts. All return 0, which makes yajl stop.
 */
__attribute__((format(printf, 2, 3))) int reader_fail(struct reader *r, const char *format, ...);
__attribute__((format(printf, 4, 5))) int reader_fail_at(struct reader *r, size_t offset,
							 const char *last, const char *format, ...);
int reader_wrong_type(struct reader *r, enum json_type wanted, enum json_type found);
int reader_no_memory(struct reader *r);

/* What yajl itself does not understand. */
int reader_not_json(struct reader *r);
