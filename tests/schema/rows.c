/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rows -- what tests/schema/check asks libocispec.
 *
 *	rows                     prints every row: DOCUMENT PATH KIND REQUIRED|- WORDS
 *	rows read DOCUMENT FILE  reads FILE; prints the error, if any, and ends non-zero
 *
 * In paths, "[]" stands for the elements of an array and "{}" for those of a map.
 */
#include "libocispec/ocispec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const struct oci_schema *schema;
} documents[] = {
	{ "config", &oci_config_schema },
	{ "state", &oci_state_schema },
	{ "features", &oci_features_schema },
};
#define N_DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

static const char *const kinds[] = {
	[OCI_STRING] = "string",
	[OCI_BOOL] = "bool",
	[OCI_I32] = "int32",
	[OCI_I64] = "int64",
	[OCI_U16] = "uint16",
	[OCI_U32] = "uint32",
	[OCI_U64] = "uint64",
	[OCI_STRINGS] = "strings",
	[OCI_U32S] = "uint32s",
	[OCI_OBJECT] = "object",
	[OCI_OBJECTS] = "objects",
	[OCI_STRING_MAP] = "string-map",
	[OCI_OBJECT_MAP] = "object-map",
	[OCI_FOREIGN] = "foreign",
};

static void print_rows(const char *document, const char *prefix, const struct oci_schema *s)
{
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct oci_row *row = &s->rows[i];
		char path[300];

		printf("%s %s%s %s %s %s\n", document, prefix, row->name, kinds[row->kind],
		       row->required ? "REQUIRED" : "-", row->words ? row->words : "");
		snprintf(path, sizeof(path), "%s%s%s.", prefix, row->name,
			 row->kind == OCI_OBJECTS      ? "[]"
			 : row->kind == OCI_OBJECT_MAP ? "{}"
						       : "");
		if (row->schema)
			print_rows(document, path, row->schema);
	}
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(1 << 20);

	if (!f || !text)
		exit(2);
	*len = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

static int read_file(const char *document, const char *path)
{
	struct ocispec_error e;
	struct arena a;
	size_t len;
	char *text = slurp(path, &len);
	int r = 2;

	for (size_t i = 0; i < N_DOCUMENTS; i++) {
		void *out;

		if (strcmp(documents[i].name, document) != 0)
			continue;
		if (arena_open_private(&a, 0) < 0)
			break;
		out = arena_alloc(&a, documents[i].schema->size, 8);
		r = ocispec_read(&a, documents[i].schema, text, len, out, &e) < 0;
		if (r)
			printf("%s:%u:%u: %s\n", e.path, e.line, e.column, e.text);
		arena_close(&a);
	}
	free(text);
	return r;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "read") == 0)
		return read_file(argv[2], argv[3]);
	for (size_t i = 0; i < N_DOCUMENTS; i++)
		print_rows(documents[i].name, "", documents[i].schema);
	return 0;
}
