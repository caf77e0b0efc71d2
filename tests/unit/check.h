/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check -- what a unit test needs: checks, a table of tests, TAP output.
 *
 *	static void zero_is_not_absent(void)
 *	{
 *		must(read(text) == 0);        // the rest makes no sense without
 *		check(memory->limit.set);
 *		check_int(memory->limit.v, 0);
 *	}
 *
 *	static const struct test tests[] = {
 *		TEST(zero_is_not_absent),
 *	};
 *
 *	TEST_MAIN(tests)
 *
 * A check that fails says where and what, the test goes on. The name of the function, with spaces,
 * is what is printed: "ok 1 - zero is not absent". The program ends non-zero when a test failed.
 * Arguments of the program choose the tests whose names contain one of them.
 */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* clang-format off */
#define TEST(function) { #function, function }
#define TEST_MAIN(tests) \
	int main(int argc, char **argv) \
	{ \
		return run_tests(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv); \
	}
/* clang-format on */

static bool test_failed;
static const char *test_skipped;

/* A line of diagnosis; line breaks in what was found must not look like results. */
static inline void check_say(const char *label, const char *s)
{
	printf("#   %s ", label);
	for (; s && *s; s++) {
		putchar(*s);
		if (*s == '\n')
			printf("#        ");
	}
	puts(s ? "" : "(null)");
}

static inline bool check_true(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		test_failed = true;
		printf("# %s:%d: not true: %s\n", file, line, what);
	}
	return ok;
}

static inline bool check_same(const char *got, const char *want, const char *what, const char *file,
			      int line)
{
	bool ok = got && want ? strcmp(got, want) == 0 : got == want;

	if (!ok) {
		test_failed = true;
		printf("# %s:%d: %s\n", file, line, what);
		check_say("got: ", got);
		check_say("want:", want);
	}
	return ok;
}

static inline bool check_equal(intmax_t got, intmax_t want, const char *what, const char *file,
			       int line)
{
	if (got != want) {
		test_failed = true;
		printf("# %s:%d: %s: got %" PRIdMAX ", want %" PRIdMAX "\n", file, line, what, got,
		       want);
	}
	return got == want;
}

#define check(cond)          check_true((cond) ? true : false, #cond, __FILE__, __LINE__)
#define check_str(got, want) check_same((got), (want), #got, __FILE__, __LINE__)
#define check_int(got, want) \
	check_equal((intmax_t)(got), (intmax_t)(want), #got, __FILE__, __LINE__)

/* The same, but ends the test. */
#define must(cond)                \
	do {                      \
		if (!check(cond)) \
			return;   \
	} while (0)

/* Ends the test, which counts as skipped. */
#define skip(reason)                     \
	do {                             \
		test_skipped = (reason); \
		return;                  \
	} while (0)

static inline bool test_chosen(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return argc <= 1;
}

static inline int run_tests(const struct test *tests, size_t n, int argc, char **argv)
{
	size_t failed = 0, number = 0, chosen = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not swallow what was said before it */
	for (size_t i = 0; i < n; i++)
		chosen += test_chosen(tests[i].name, argc, argv);
	printf("1..%zu\n", chosen);
	for (size_t i = 0; i < n; i++) {
		if (!test_chosen(tests[i].name, argc, argv))
			continue;
		test_failed = false;
		test_skipped = NULL;
		tests[i].run();
		failed += test_failed;
		printf("%s %zu - ", test_failed ? "not ok" : "ok", ++number);
		for (const char *s = tests[i].name; *s; s++)
			putchar(*s == '_' ? ' ' : *s);
		if (test_skipped && !test_failed)
			printf(" # SKIP %s", test_skipped);
		putchar('\n');
	}
	return failed ? 1 : 0;
}
