/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd/options.c: how options may be spelled, and what is said about those that may not. */
#include "check.h"

#include "base/util.h"
#include "cmd/options.h"

struct values {
	const char *bundle, *file;
	struct option_list env;
	int fds;
	bool detach, tty, debug;
};

static const struct option_row rows[] = {
	OPTION_STRING(struct values, bundle, "bundle", 'b', "DIR", ""),
	OPTION_STRING(struct values, file, "file", 0, "FILE", ""),
	OPTION_LIST(struct values, env, "env", 'e', "NAME=VALUE", ""),
	OPTION_COUNT(struct values, fds, "preserve-fds", 0, "N", ""),
	OPTION_FLAG(struct values, detach, "detach", 'd', ""),
	OPTION_FLAG(struct values, tty, "tty", 't', ""),
	{ 0 },
};

static const struct option_row more_rows[] = {
	OPTION_FLAG(struct values, debug, "debug", 0, ""),
	OPTION_STRING(struct values, file, "bundle", 'b', "DIR", ""),
	{ 0 },
};

static struct values v;
static struct error e;
static char *words[16];
static size_t n;

/* Parses a command line; what remains is in `words`. */
static int parse(enum option_order order, const char *const *line)
{
	const struct option_group groups[] = { { rows, &v }, { more_rows, &v }, { 0 } };
	size_t i = 0;

	free(v.env.items);
	v = (struct values){ 0 };
	e = (struct error){ 0 };
	for (; line[i]; i++)
		words[i] = (char *)(uintptr_t)line[i];
	words[i] = NULL;
	return options_parse(groups, order, words, &n, &e);
}

#define LINE(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define ANYWHERE(...) parse(OPTIONS_ANYWHERE, LINE(__VA_ARGS__))
#define FIRST(...)    parse(OPTIONS_FIRST, LINE(__VA_ARGS__))

static void a_value_may_be_the_next_word_or_part_of_this_one(void)
{
	const char *const *const spellings[] = {
		LINE("--bundle", "/b"), LINE("--bundle=/b"), LINE("-b", "/b"),
		LINE("-b/b"),           LINE("-b=/b"),
	};

	for (size_t i = 0; i < array_len(spellings); i++) {
		check_int(parse(OPTIONS_ANYWHERE, spellings[i]), 0);
		check_str(v.bundle, "/b");
		check_int(n, 0);
	}
}

static void a_value_keeps_what_follows_its_first_equals_sign(void)
{
	check_int(ANYWHERE("--env=A=b=c", "-eB=", "-e", "C"), 0);
	must(v.env.n == 3);
	check_str(v.env.items[0], "A=b=c");
	check_str(v.env.items[1], "B=");
	check_str(v.env.items[2], "C");
	check(v.env.items[3] == NULL);
}

static void a_value_may_look_like_an_option(void)
{
	check_int(ANYWHERE("--file", "-1", "-b", "--", "x"), 0);
	check_str(v.file, "-1");
	check_str(v.bundle, "--");
	check_int(n, 1);
}

static void the_last_of_two_values_wins(void)
{
	check_int(ANYWHERE("-b", "/a", "--bundle", "/b"), 0);
	check_str(v.bundle, "/b");
}

static void an_empty_value_is_refused(void)
{
	check(ANYWHERE("--bundle=") < 0);
	check_str(e.text, "--bundle: the value is empty");
}

static void a_missing_value_is_refused(void)
{
	check(ANYWHERE("web", "--bundle") < 0);
	check_str(e.text, "--bundle: DIR is missing");
	check(ANYWHERE("-db") < 0);
	check_str(e.text, "--bundle: DIR is missing");
}

static void flags_share_a_dash_and_the_last_may_have_a_value(void)
{
	check_int(ANYWHERE("-dt", "web"), 0);
	check(v.detach && v.tty);
	check_int(ANYWHERE("-dtb/b", "web"), 0);
	check(v.detach && v.tty);
	check_str(v.bundle, "/b");
	check_int(ANYWHERE("-db", "/b", "web"), 0);
	check_str(v.bundle, "/b");
	check_int(n, 1);
}

static void a_flag_can_be_told_true_or_false(void)
{
	check_int(ANYWHERE("--detach=true", "-t=1"), 0);
	check(v.detach && v.tty);
	check_int(ANYWHERE("-d", "--detach=false", "-t", "-t=0"), 0);
	check(!v.detach && !v.tty);
	check(ANYWHERE("--detach=yes") < 0);
	check_str(e.text, "--detach: 'yes' is neither true nor false");
}

/* "--detach false web" would make "false" the id in some programs, and a value in others. */
static void a_flag_does_not_take_the_next_word(void)
{
	check_int(ANYWHERE("--detach", "false"), 0);
	check(v.detach);
	check_int(n, 1);
}

static void options_stand_before_between_and_after_the_words(void)
{
	check_int(ANYWHERE("--tty", "web", "-b", "/b", "9", "--debug"), 0);
	check(v.tty && v.debug);
	must(n == 2);
	check_str(words[0], "web");
	check_str(words[1], "9");
	check(words[2] == NULL);
}

static void options_of_what_comes_after_the_id_are_left_alone(void)
{
	check_int(FIRST("-t", "web", "sh", "-c", "--", "--detach"), 0);
	check(v.tty && !v.detach);
	must(n == 5);
	check_str(words[0], "web");
	check_str(words[2], "-c");
	check_str(words[3], "--");
	check_str(words[4], "--detach");
	check(words[5] == NULL);
}

static void two_dashes_end_the_options(void)
{
	check_int(ANYWHERE("-t", "--", "-d", "--"), 0);
	check(v.tty && !v.detach);
	must(n == 2);
	check_str(words[0], "-d");
	check_str(words[1], "--");
	check_int(FIRST("--", "-t"), 0);
	check_str(words[0], "-t");
}

static void a_dash_alone_is_a_word(void)
{
	check_int(ANYWHERE("-", "-t"), 0);
	check_int(n, 1);
	check_str(words[0], "-");
}

static void the_first_group_has_precedence(void)
{
	check_int(ANYWHERE("-b", "/b"), 0);
	check_str(v.bundle, "/b");
	check_str(v.file, NULL);
}

static void a_count_is_digits_within_range(void)
{
	static const char *const wrong[] = { "-1", "",    "x",       "1x",
					     " 1", "0x1", "1048577", "18446744073709551616" };

	check_int(ANYWHERE("--preserve-fds", "3"), 0);
	check_int(v.fds, 3);
	for (size_t i = 0; i < array_len(wrong); i++)
		check(ANYWHERE("--preserve-fds", wrong[i]) < 0);
	check_str(e.text,
		  "--preserve-fds: '18446744073709551616' is not a number from 0 to 1048576");
}

static void an_unknown_option_is_refused_with_the_one_that_was_meant(void)
{
	check(ANYWHERE("--bundel", "x") < 0);
	check_str(e.text, "unknown option '--bundel'");
	check_str(e.hint, "did you mean '--bundle'?");
	check(ANYWHERE("--prserve-fds=3") < 0);
	check_str(e.text, "unknown option '--prserve-fds'");
	check_str(e.hint, "did you mean '--preserve-fds'?");
	check(ANYWHERE("--quite-another-thing") < 0);
	check_str(e.hint, "");
	check(ANYWHERE("-tx") < 0);
	check_str(e.text, "unknown option '-x'");
}

/* An abbreviation that is unique today is not when there is one more option. */
static void an_abbreviation_is_refused(void)
{
	check(ANYWHERE("--bund", "x") < 0);
	check_str(e.text, "unknown option '--bund'");
}

static const struct test tests[] = {
	TEST(a_value_may_be_the_next_word_or_part_of_this_one),
	TEST(a_value_keeps_what_follows_its_first_equals_sign),
	TEST(a_value_may_look_like_an_option),
	TEST(the_last_of_two_values_wins),
	TEST(an_empty_value_is_refused),
	TEST(a_missing_value_is_refused),
	TEST(flags_share_a_dash_and_the_last_may_have_a_value),
	TEST(a_flag_can_be_told_true_or_false),
	TEST(a_flag_does_not_take_the_next_word),
	TEST(options_stand_before_between_and_after_the_words),
	TEST(options_of_what_comes_after_the_id_are_left_alone),
	TEST(two_dashes_end_the_options),
	TEST(a_dash_alone_is_a_word),
	TEST(the_first_group_has_precedence),
	TEST(a_count_is_digits_within_range),
	TEST(an_unknown_option_is_refused_with_the_one_that_was_meant),
	TEST(an_abbreviation_is_refused),
};

TEST_MAIN(tests)
