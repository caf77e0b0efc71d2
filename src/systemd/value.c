/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two passes over the text: what type is it, then the value itself, led by that type. The first is
 * the stricter one: whatever it accepts is a value as far as syntax goes.
 */
#include "value.h"

#include "base/util.h"

#include <ctype.h>

#define DEEP 8  /* containers inside each other; properties of units have two */
#define LONG 64 /* a type */

static const struct {
	const char *word;
	char type;
} keywords[] = {
	{ "byte", 'y' },   { "boolean", 'b' }, { "int16", 'n' },      { "uint16", 'q' },
	{ "int32", 'i' },  { "uint32", 'u' },  { "int64", 'x' },      { "uint64", 't' },
	{ "double", 'd' }, { "string", 's' },  { "objectpath", 'o' }, { "signature", 'g' },
};

static void skip_space(const char **p)
{
	*p += strspn(*p, " \t\n");
}

static bool next_is(const char **p, char c)
{
	skip_space(p);
	if (**p != c)
		return false;
	++*p;
	return true;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]))
		n++;
	return isalpha((unsigned char)*p) ? n : 0;
}

static bool is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* "uint64 " in front of a value; 0: there is none. */
static char keyword(const char **p)
{
	skip_space(p);
	size_t n = word_length(*p);

	for (size_t i = 0; i < array_len(keywords); i++)
		if (is_word(*p, n, keywords[i].word)) {
			*p += n;
			skip_space(p);
			return keywords[i].type;
		}
	return 0;
}

/* "@ay " in front of a value; its length without the '@', 0: there is none. */
static size_t annotation(const char **p, const char **type)
{
	if (!next_is(p, '@'))
		return 0;
	size_t n = strcspn(*p, " \t\n");

	*type = *p;
	*p += n;
	skip_space(p);
	return n;
}

/* A quoted text; `out` may be NULL, else it has room for all of the input. */
static int quoted(const char **p, char *out)
{
	char quote = *(*p)++;

	for (; **p != quote; ++*p) {
		char c = **p;

		if (!c)
			return -EINVAL;
		if (c == '\\') {
			static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
			const char *found = *++*p ? strchr(from, **p) : NULL;

			if (!found)
				return -EINVAL;
			c = to[found - from];
		}
		if (out)
			*out++ = c;
	}
	++*p;
	if (out)
		*out = '\0';
	return 0;
}

static size_t number_length(const char *p)
{
	return strspn(p, "+-0123456789abcdefABCDEFxX.");
}

/* ---- which type ------------------------------------------------------------------------------ */

static int add(char type[LONG], const char *more, size_t n)
{
	size_t have = strlen(type);

	if (have + n >= LONG)
		return -EINVAL;
	memcpy(type + have, more, n);
	type[have + n] = '\0';
	return 0;
}

static int infer(const char **p, char type[LONG], int depth);

static int infer_array(const char **p, char type[LONG], int depth)
{
	char first[LONG] = "", other[LONG];
	int r = 0;

	while (r == 0 && !next_is(p, ']')) {
		if (*first && !next_is(p, ','))
			return -EINVAL;
		other[0] = '\0';
		r = infer(p, *first ? other : first, depth);
	}
	/* Nothing inside: '?' is good for a type that is said in front, and for nothing else. */
	if (r == 0)
		r = add(type, "a", 1);
	return r < 0 ? r : add(type, *first ? first : "?", *first ? strlen(first) : 1);
}

static int infer_tuple(const char **p, char type[LONG], int depth)
{
	int r = add(type, "(", 1);

	for (bool first = true; r == 0 && !next_is(p, ')'); first = false) {
		if (!first && !next_is(p, ','))
			return -EINVAL;
		if (!first && next_is(p, ')'))
			break; /* a tuple of one has a comma behind it */
		r = infer(p, type, depth);
	}
	return r < 0 ? r : add(type, ")", 1);
}

static int infer(const char **p, char type[LONG], int depth)
{
	char below[LONG] = "";
	const char *given;
	size_t n = annotation(p, &given);

	if (depth >= DEEP)
		return -EINVAL;
	if (n > 0) {
		int r = infer(p, below, depth + 1);

		return r < 0 ? r : add(type, given, n);
	}
	char word = keyword(p);

	if (word) {
		int r = infer(p, below, depth + 1);

		/* Of one kind with what it is said to be: a number, a text, or true and false. */
		return r < 0 || below[1] ? -EINVAL : add(type, &word, 1);
	}
	if (**p == '\'' || **p == '"') {
		int r = quoted(p, NULL);

		return r < 0 ? r : add(type, "s", 1);
	}
	if (next_is(p, '['))
		return infer_array(p, type, depth + 1);
	if (next_is(p, '('))
		return infer_tuple(p, type, depth + 1);
	n = word_length(*p);
	if (is_word(*p, n, "true") || is_word(*p, n, "false")) {
		*p += n;
		return add(type, "b", 1);
	}
	n = number_length(*p);
	if (n == 0)
		return -EINVAL;
	bool real = memchr(*p, '.', n) && **p != 'x';

	*p += n;
	return add(type, real ? "d" : "i", 1);
}

/* ---- the value ------------------------------------------------------------------------------- */

/* The length of the first complete type. */
static size_t one_type(const char *type)
{
	int open = 0;
	size_t n = 0;

	do {
		open += type[n] == '(' || type[n] == '{';
		open -= type[n] == ')' || type[n] == '}';
	} while ((type[n++] == 'a' || open > 0) && type[n]);
	return n;
}

static int append_number(const char **p, char type, sd_bus_message *m)
{
	static const struct {
		char type;
		int64_t min;
		uint64_t max;
	} ranges[] = {
		{ 'y', 0, UINT8_MAX },  { 'n', INT16_MIN, INT16_MAX },
		{ 'q', 0, UINT16_MAX }, { 'i', INT32_MIN, INT32_MAX },
		{ 'u', 0, UINT32_MAX }, { 'x', INT64_MIN, INT64_MAX },
		{ 't', 0, UINT64_MAX },
	};
	const char *begin = *p;
	char *end;
	union {
		uint8_t y;
		uint16_t q;
		uint32_t u;
		uint64_t t;
		double d;
	} v;

	*p += number_length(begin);
	if (type == 'd') {
		v.d = strtod(begin, &end);
		return *p == begin || end != *p ? -EINVAL
						: sd_bus_message_append_basic(m, type, &v);
	}
	errno = 0;
	bool minus = *begin == '-';
	uint64_t bits = minus ? (uint64_t)strtoll(begin, &end, 0) : strtoull(begin, &end, 0);

	if (errno || *p == begin || end != *p)
		return -EINVAL;
	for (size_t i = 0; i < array_len(ranges); i++) {
		if (ranges[i].type != type)
			continue;
		if (minus ? (int64_t)bits < ranges[i].min : bits > ranges[i].max)
			return -EINVAL;
		switch (type) {
		case 'y':
			v.y = (uint8_t)bits;
			break;
		case 'n':
		case 'q':
			v.q = (uint16_t)bits;
			break;
		case 'i':
		case 'u':
			v.u = (uint32_t)bits;
			break;
		default:
			v.t = bits;
		}
		return sd_bus_message_append_basic(m, type, &v);
	}
	return -EINVAL;
}

static int append(const char **p, const char *type, sd_bus_message *m);

/* What is inside of a container that is open already. */
static int append_inside(const char **p, const char *type, char close, sd_bus_message *m)
{
	bool array = close == ']';
	int r = 0;

	for (bool first = true; r >= 0 && !next_is(p, close); first = false) {
		if (!first && !next_is(p, ','))
			return -EINVAL;
		if (!first && next_is(p, close))
			break;
		if (!*type)
			return -EINVAL;
		r = append(p, type, m);
		if (!array)
			type += one_type(type);
	}
	return r < 0 || (!array && *type) ? (r < 0 ? r : -EINVAL) : 0;
}

static int append(const char **p, const char *type, sd_bus_message *m)
{
	char inside[LONG];
	const char *given;
	size_t n = one_type(type);

	(void)annotation(p, &given);
	(void)keyword(p);
	switch (*type) {
	case 'a':
		snprintf(inside, sizeof(inside), "%.*s", (int)n - 1, type + 1);
		break;
	case '(':
		snprintf(inside, sizeof(inside), "%.*s", (int)n - 2, type + 1);
		break;
	case 's':
	case 'o':
	case 'g': {
		auto_free char *text = strdup(*p);

		if (**p != '\'' && **p != '"')
			return -EINVAL;
		int r = text ? quoted(p, text) : -ENOMEM;

		return r < 0 ? r : sd_bus_message_append_basic(m, *type, text);
	}
	case 'b': {
		int yes = **p == 't';

		n = word_length(*p);
		if (!is_word(*p, n, "true") && !is_word(*p, n, "false"))
			return -EINVAL;
		*p += n;
		return sd_bus_message_append_basic(m, 'b', &yes);
	}
	default:
		return append_number(p, *type, m);
	}

	bool array = *type == 'a';

	if (!next_is(p, array ? '[' : '('))
		return -EINVAL;
	int r = sd_bus_message_open_container(m, array ? 'a' : 'r', inside);

	if (r >= 0)
		r = append_inside(p, inside, array ? ']' : ')', m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int value_append(sd_bus_message *m, const char *text)
{
	char type[LONG] = "";
	const char *p = text;
	int r = infer(&p, type, 0);

	skip_space(&p);
	if (r < 0 || *p || strchr(type, '?') || one_type(type) != strlen(type))
		return -EINVAL;
	p = text;
	r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = append(&p, type, m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int value_append_seconds(sd_bus_message *m, const char *text)
{
	char *end;

	(void)keyword(&text);
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds < 1e12))
		return -EINVAL;
	return sd_bus_message_append(m, "v", "t", (uint64_t)(seconds * 1e6));
}
