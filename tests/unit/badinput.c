/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every property of the specification with values that it cannot have. The cases are made from the
 * rows of libocispec: whoever adds a row has added its bad values too.
 */
#include "check.h"

#include "base/error.h"
#include "base/util.h"
#include "compile/compile.h"
#include "ocispec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct document {
	const char *name;
	const struct oci_schema *schema;
	size_t least; /* rows that it has for certain */
} documents[] = {
	{ "config", &oci_config_schema, 200 },      { "process", &oci_process_schema, 40 },
	{ "resources", &oci_resources_schema, 60 }, { "state", &oci_state_schema, 9 },
	{ "features", &oci_features_schema, 20 },
};

static const struct document *document;
static struct arena arena;
static size_t visited;

/* ---- where a row is -------------------------------------------------------------------------- */

/*
 * A place in a document: what stands before and after it in the text, and its JSON path. All objects
 * on the way have what they require, so that only the place itself is wrong.
 */
struct place {
	char before[2048], after[64], path[256];
};

__attribute__((format(printf, 3, 4))) static void add(char *to, size_t size, const char *format,
						      ...)
{
	size_t used = strlen(to);
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(to + used, size - used, format, ap) >= (int)(size - used))
		abort(); /* make it larger */
	va_end(ap);
}

/* A value that the row takes. Words are separated by spaces; the first one will do. */
static void add_valid(char *to, size_t size, const struct oci_row *row)
{
	int len = row->words ? (int)strcspn(row->words, " ") : 0;

	switch ((enum oci_kind)row->kind) {
	case OCI_STRING:
		if (row->words)
			add(to, size, "\"%.*s\"", len, row->words);
		else
			add(to, size, "\"%s\"", streq(row->name, "ociVersion") ? "1.3.0" : "/");
		break;
	case OCI_STRINGS:
		add(to, size, "[\"%.*s\"]", len ?: 4, len ? row->words : "read");
		break;
	case OCI_BOOL:
		add(to, size, "true");
		break;
	case OCI_OBJECT:
		add(to, size, "{");
		for (size_t i = 0, n = 0; i < row->schema->n_rows; i++) {
			if (!row->schema->rows[i].required)
				continue;
			add(to, size, "%s\"%s\":", n++ ? "," : "", row->schema->rows[i].name);
			add_valid(to, size, &row->schema->rows[i]);
		}
		add(to, size, "}");
		break;
	case OCI_OBJECTS:
		add(to, size, "[]");
		break;
	case OCI_OBJECT_MAP:
	case OCI_STRING_MAP:
		add(to, size, "{}");
		break;
	default:
		add(to, size, "1");
	}
}

/* What a configuration needs besides what the rows require, to be compiled. */
static const struct {
	const char *path, *property, *text;
} needed[] = {
	{ "", "root", "\"root\":{\"path\":\"/\"}," },
	{ "", "process", "\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]}," },
	{ "process", "args", "\"args\":[\"x\"]," },
	{ "linux", "namespaces", "\"namespaces\":[{\"type\":\"mount\"}]," },
	{ "linux.memoryPolicy", "mode", "\"mode\":\"MPOL_BIND\"," },
};

/* The place of a row in the object at `p`. */
static struct place at_row(const struct place *p, const struct oci_schema *s,
			   const struct oci_row *row)
{
	struct place at = *p;

	add(at.before, sizeof(at.before), "{");
	for (size_t i = 0; i < array_len(needed) && document->schema == &oci_config_schema; i++)
		if (streq(p->path, needed[i].path) && !streq(row->name, needed[i].property))
			add(at.before, sizeof(at.before), "%s", needed[i].text);
	for (size_t i = 0; i < s->n_rows; i++) {
		if (!s->rows[i].required || &s->rows[i] == row)
			continue;
		add(at.before, sizeof(at.before), "\"%s\":", s->rows[i].name);
		add_valid(at.before, sizeof(at.before), &s->rows[i]);
		add(at.before, sizeof(at.before), ",");
	}
	add(at.before, sizeof(at.before), "\"%s\":", row->name);
	memmove(at.after + 1, at.after, strlen(at.after) + 1);
	at.after[0] = '}';
	add(at.path, sizeof(at.path), "%s%s", p->path[0] ? "." : "", row->name);
	return at;
}

/* The place of its first element; a row that has none is its own. */
static struct place at_element(const struct place *p, const struct oci_row *row)
{
	struct place at = *p;
	bool map = row->kind == OCI_OBJECT_MAP || row->kind == OCI_STRING_MAP;

	if (!map && row->kind != OCI_OBJECTS && row->kind != OCI_STRINGS && row->kind != OCI_U32S)
		return at;
	add(at.before, sizeof(at.before), map ? "{\"key\":" : "[");
	memmove(at.after + 1, at.after, strlen(at.after) + 1);
	at.after[0] = map ? '}' : ']';
	add(at.path, sizeof(at.path), map ? ".key" : "[0]");
	return at;
}

typedef void visitor(const struct place *object, const struct oci_schema *s,
		     const struct oci_row *row);

static void visit(const struct place *p, const struct oci_schema *s, visitor *v)
{
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct oci_row *row = &s->rows[i];
		struct place at;

		visited++;
		v(p, s, row);
		if (!row->schema)
			continue;
		at = at_row(p, s, row);
		at = at_element(&at, row);
		visit(&at, row->schema, v);
	}
}

static void visit_all(visitor *v)
{
	const struct place top = { .before = "" };

	for (size_t i = 0; i < array_len(documents); i++) {
		document = &documents[i];
		visited = 0;
		visit(&top, document->schema, v);
		check(visited >= document->least);
	}
}

/* ---- what is said of it ---------------------------------------------------------------------- */

/* Read the document with `value` in this place; NULL when it is taken. */
static const struct ocispec_error *read_with(const struct place *p, const char *value)
{
	static struct ocispec_error e;
	static char text[4096];
	void *out;
	int r;

	text[0] = '\0';
	add(text, sizeof(text), "%s%s%s", p->before, value, p->after);
	arena_close(&arena);
	if (arena_open_private(&arena, 0) < 0)
		abort();
	out = arena_alloc(&arena, document->schema->size, _Alignof(uint64_t));
	r = ocispec_read(&arena, document->schema, text, strlen(text), out, &e);
	return r < 0 ? &e : NULL;
}

static void expect_refusal(const struct place *p, const char *value, const char *text)
{
	const struct ocispec_error *e = read_with(p, value);

	if (e && streq(e->path, p->path) && strstr(e->text, text))
		return;
	printf("# %s: %s: %s\n", document->name, p->path, value);
	check_str(e ? e->path : "taken", p->path);
	check_str(e ? e->text : "taken", text);
}

/* ---- wrong types ----------------------------------------------------------------------------- */

static const struct {
	const char *type, *value;
} values[] = {
	{ "null", "null" },    { "boolean", "true" }, { "number", "1" },
	{ "string", "\"/\"" }, { "array", "[]" },     { "object", "{}" },
};

static void expect_type(const struct place *p, const char *type, bool null)
{
	char text[64];

	for (size_t i = null ? 0 : 1; i < array_len(values); i++) {
		snprintf(text, sizeof(text), "expected %s, found %s", type, values[i].type);
		if (!streq(values[i].type, type))
			expect_refusal(p, values[i].value, text);
	}
}

static void wrong_types(const struct place *object, const struct oci_schema *s,
			const struct oci_row *row)
{
	static const struct {
		const char *whole, *element;
	} types[] = {
		[OCI_STRING] = { "string", NULL },
		[OCI_BOOL] = { "boolean", NULL },
		[OCI_I32] = { "number", NULL },
		[OCI_I64] = { "number", NULL },
		[OCI_U16] = { "number", NULL },
		[OCI_U32] = { "number", NULL },
		[OCI_U64] = { "number", NULL },
		[OCI_STRINGS] = { "array", "string" },
		[OCI_U32S] = { "array", "number" },
		[OCI_OBJECT] = { "object", NULL },
		[OCI_OBJECTS] = { "array", "object" },
		[OCI_STRING_MAP] = { "object", "string" },
		[OCI_OBJECT_MAP] = { "object", "object" },
		[OCI_FOREIGN] = { NULL, NULL }, /* another platform's: anything */
	};
	struct place at = at_row(object, s, row), element = at_element(&at, row);

	if (!types[row->kind].whole)
		return;
	expect_type(&at, types[row->kind].whole, false); /* null is as good as absent */
	if (types[row->kind].element)
		expect_type(&element, types[row->kind].element, true);
}

static void every_value_of_a_wrong_type_is_refused_by_its_path(void)
{
	visit_all(wrong_types);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void bad_numbers(const struct place *object, const struct oci_schema *s,
			const struct oci_row *row)
{
	static const struct {
		const char *below, *above;
	} ends[] = {
		[OCI_I32] = { "-2147483649", "2147483648" },
		[OCI_I64] = { "-9223372036854775809", "9223372036854775808" },
		[OCI_U16] = { "-1", "65536" },
		[OCI_U32] = { "-1", "4294967296" },
		[OCI_U64] = { "-1", "18446744073709551616" },
		[OCI_U32S] = { "-1", "4294967296" },
		[OCI_FOREIGN] = { NULL, NULL },
	};
	struct place at = at_row(object, s, row);

	if (!ends[row->kind].below)
		return;
	at = at_element(&at, row);
	expect_refusal(&at, row->at_least_one ? "0" : ends[row->kind].below, "out of range");
	expect_refusal(&at, ends[row->kind].above, "out of range");
	expect_refusal(&at, "100000000000000000000000000000000000000000000000", "out of range");
	expect_refusal(&at, "1.5", "expected a whole number");
	expect_refusal(&at, "1e3", "expected a whole number");
}

static void every_number_out_of_range_is_refused_by_its_path(void)
{
	visit_all(bad_numbers);
}

/* ---- what must be there ---------------------------------------------------------------------- */

static void left_out(const struct place *object, const struct oci_schema *s,
		     const struct oci_row *row)
{
	struct place at = at_row(object, s, row);

	if (!row->required)
		return;
	/* The object ends where the value would stand, with an unknown name in place of this one. */
	at.before[strlen(at.before) - strlen(row->name) - strlen("\"\":")] = '\0';
	add(at.before, sizeof(at.before), "\"none\":");
	expect_refusal(&at, "1", "required, but missing");
	at = at_row(object, s, row);
	expect_refusal(&at, "null", "required, but missing");
}

static void what_is_required_is_missed(void)
{
	visit_all(left_out);
}

/* ---- words ----------------------------------------------------------------------------------- */

static size_t words_tried;

/* These are judged by those who know what they mean, not by the reader. */
static void bad_words(const struct place *object, const struct oci_schema *s,
		      const struct oci_row *row)
{
	struct place at = at_row(object, s, row);
	struct compile_input in = {
		.id = "x", .bundle = "/", .kind = PLAN_RUN, .privileged = true
	};
	static char text[4096];
	struct ocispec_error wrong;
	struct error e = { 0 };
	struct plan *plan;

	if (!row->words)
		return;
	words_tried++;
	at = at_element(&at, row);
	text[0] = '\0';
	add(text, sizeof(text), "%s\"NO_SUCH_WORD\"%s", at.before, at.after);
	arena_close(&arena);
	must(arena_open_private(&arena, 0) == 0);
	in.config = oci_config_read(&arena, text, strlen(text), &wrong);
	if (!in.config) {
		printf("# %s\n", text);
		check_str(wrong.text, "");
		return;
	}
	in.bounding_caps = ~(uint64_t)0;
	check(compile_container(&arena, &in, &plan, &e) < 0);
	if (strncmp(e.text, at.path, strlen(at.path)) == 0 && e.text[strlen(at.path)] == ':' &&
	    strstr(e.text, "NO_SUCH_WORD"))
		return;
	printf("# %s: %s\n", at.path, e.text);
	check(!"named by its path");
}

static void every_word_that_is_not_known_is_refused_by_its_path(void)
{
	const struct place top = { .before = "" };

	document = &documents[0];
	words_tried = 0;
	visit(&top, document->schema, bad_words);
	check(words_tried >= 13);
}

static const struct test tests[] = {
	TEST(every_value_of_a_wrong_type_is_refused_by_its_path),
	TEST(every_number_out_of_range_is_refused_by_its_path),
	TEST(what_is_required_is_missed),
	TEST(every_word_that_is_not_known_is_refused_by_its_path),
};

TEST_MAIN(tests)
