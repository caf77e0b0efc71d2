/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers, messages, moments, and lookups that cannot leave a directory. */
#include "check.h"

#include "base/confined.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "base/util.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- number ---------------------------------------------------------------------------------- */

static void only_whole_decimal_numbers_are_numbers(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "1a", "+1", "-1", "0x1", "1.0", "a" };
	uint32_t value = 7;

	for (size_t i = 0; i < array_len(bad); i++)
		check_int(number_u32(bad[i], &value), -EINVAL);
	check_int(value, 7);
	check_int(number_u32("4294967295", &value), 0);
	check_int(value, UINT32_MAX);
	check_int(number_u32("4294967296", &value), -ERANGE);
	check_int(number_u32("99999999999999999999999", &value), -ERANGE);
	check_int(number_u32("007", &value), 0);
	check_int(value, 7);
}

static void the_ends_of_64_bits_are_reached(void)
{
	int64_t value;

	check_int(number_i64("-9223372036854775808", &value), 0);
	check(value == INT64_MIN);
	check_int(number_i64("9223372036854775807", &value), 0);
	check(value == INT64_MAX);
	check_int(number_i64("9223372036854775808", &value), -ERANGE);
	check_int(number_i64("--1", &value), -EINVAL);
}

static void sizes_have_suffixes(void)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = { { "512", 512 },      { "1k", 1024 },       { "50M", 50 << 20 },
		     { "1GiB", 1 << 30 }, { "10kb", 10 << 10 }, { "-1", -1 } };
	static const char *const bad[] = { "", "k", "1x", "1kk", "-2", "1.5G", "9999999999P" };
	int64_t value;

	for (size_t i = 0; i < array_len(good); i++) {
		check_int(number_size(good[i].text, &value), 0);
		check_int(value, good[i].value);
	}
	for (size_t i = 0; i < array_len(bad); i++)
		check(number_size(bad[i], &value) < 0);
}

/* ---- error ----------------------------------------------------------------------------------- */

static void a_failure_grows_from_the_inside_out(void)
{
	struct error e = { 0 };

	check_int(fail(&e, ENOENT, "source: cannot open '%s'", "/x"), -ENOENT);
	within(&e, "mounts[%d]", 3);
	during(&e, "create web");
	check_str(e.text,
		  "create web: mounts[3].source: cannot open '/x': No such file or directory");
	hint_if(&e, EPERM, "no");
	check_str(e.hint, "");
	hint_if(&e, ENOENT, "make it");
	hint_if(&e, ENOENT, "the first one stays");
	check_str(e.hint, "make it");
}

static void a_failure_without_errno_has_no_kernel_text(void)
{
	struct error e = { 0 };

	check_int(fail(&e, 0, "root: is required"), -EINVAL);
	check_str(e.text, "root: is required");
}

static void a_message_that_is_too_long_is_cut(void)
{
	struct error e = { 0 };
	char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fail(&e, EIO, "%s", big);
	within(&e, "%s", big);
	check_int((long)strlen(e.text), (long)sizeof(e.text) - 1);
}

/* ---- timestamp ------------------------------------------------------------------------------- */

static void dates_are_those_of_the_calendar(void)
{
	char buf[TIMESTAMP_SIZE], expected[TIMESTAMP_SIZE], seconds[24];

	/* Odd steps through 1970 to 2106, leap years and centuries among them. */
	for (time_t t = 0; t < 4294967295; t += 86399 * 7 + 13) {
		struct timespec when = { .tv_sec = t, .tv_nsec = 5 };
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "%s.000000005Z", seconds);
		if (strcmp(timestamp_text(buf, &when), expected) != 0) {
			check_str(buf, expected);
			break;
		}
	}
	timestamp_text(buf, &(struct timespec){ .tv_sec = 951782400 });
	check_str(buf, "2000-02-29T00:00:00.000000000Z");
}

/* ---- confined -------------------------------------------------------------------------------- */

static char root_path[] = "/tmp/ocirt-unit-XXXXXX";
static int root = -1;

static void exists(const char *name, bool expected)
{
	struct stat st;

	check((fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0) == expected);
}

static void missing_directories_are_made(void)
{
	auto_close int fd = confined_mkdirs(root, "/a/b/../c//d", 0755);

	check(fd >= 0);
	exists("a/c/d", true);
	auto_close int again = confined_mkdirs(root, "/a/c/d/", 0755);

	check(again >= 0);
}

static void a_link_out_of_the_root_stays_inside(void)
{
	must(mkdirat(root, "etc", 0755) == 0);
	must(symlinkat("/etc", root, "absolute") == 0);
	must(symlinkat("../../../../etc", root, "relative") == 0);
	must(mknodat(root, "etc/here", S_IFREG | 0644, 0) == 0);
	auto_close int a = confined_open(root, "absolute/here", O_PATH);
	auto_close int b = confined_open(root, "relative/here", O_PATH);

	check(a >= 0);
	check(b >= 0);
	check_int(confined_open(root, "absolute/passwd", O_PATH), -ENOENT);
}

static void nothing_is_made_through_a_dangling_link(void)
{
	must(symlinkat("/tmp/ocirt-unit-nowhere", root, "dangling") == 0);
	check(confined_mkdirs(root, "dangling/x", 0755) < 0);
	check(confined_target(root, "dangling", false) < 0);
	check(confined_target(root, "dangling", true) < 0);
	exists("tmp", false);
}

static void plain_means_no_link_at_all(void)
{
	auto_close int fd = confined_open_plain(root, "/etc", O_PATH | O_DIRECTORY);

	check(fd >= 0);
	check_int(confined_open_plain(root, "/absolute", O_PATH | O_DIRECTORY), -ELOOP);
}

static void targets_are_of_the_kind_that_was_asked_for(void)
{
	auto_close int file = confined_target(root, "/new/file", false);
	auto_close int directory = confined_target(root, "/new/directory", true);
	struct stat st;

	check(file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode));
	check(directory >= 0 && fstat(directory, &st) == 0 && S_ISDIR(st.st_mode));
	check_int(confined_target(root, "/new/file", true), -ENOTDIR);
}

/* ---- printable ------------------------------------------------------------------------------- */

static void check_printable(const char *text, const char *expected)
{
	char out[64];

	check_int(printable(out, sizeof(out), text), strlen(expected));
	check_str(out, expected);
}

static void text_of_all_languages_is_printable(void)
{
	const char *text =
		"/x y\\\"'\xc2\xa0\xc3\xa4\xe4\xb8\xad\xef\xbf\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";

	check_printable(text, text);
}

static void what_a_terminal_acts_upon_is_not_printable(void)
{
	check_printable("a\x1b[31m\r\n\x7f", "a\\x1b[31m\\x0d\\x0a\\x7f");
	check_printable("\xc2\x80\xc2\x9bz\xc2\x9f", "\\xc2\\x80\\xc2\\x9bz\\xc2\\x9f");
	check_printable("\xe2\x80\xaez\xe2\x81\xa9", "\\xe2\\x80\\xaez\\xe2\\x81\\xa9");
}

static void what_is_no_utf8_is_not_printable(void)
{
	check_printable("\x9bz\xe4", "\\x9bz\\xe4");
	check_printable("\xc1\x9b\xe0\x82\x9b",
			"\\xc1\\x9b\\xe0\\x82\\x9b"); /* longer than needed */
	check_printable("\xed\xa0\x80", "\\xed\\xa0\\x80");
	check_printable("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	check_printable("\xf0\x9f\x98z\xf8\xff", "\\xf0\\x9f\\x98z\\xf8\\xff");
}

static void what_is_printable_is_cut_at_a_character(void)
{
	char out[5];

	check_int(printable(out, sizeof(out), "abc\xc3\xa4"), 3);
	check_int(printable(out, sizeof(out), "\x1b["), 4);
	check_str(out, "\\x1b");
	check_int(printable(out, 4, "\x1b["), 0);
	check_str(out, "");
}

/* ---- file ------------------------------------------------------------------------------------ */

static void a_file_is_replaced_as_a_whole(void)
{
	char buf[16];

	check_int(file_replace(root, "state", "one", 3, 0600), 0);
	check_int(file_replace(root, "state", "two!", 4, 0600), 0);
	check_int(file_read(root, "state", buf, sizeof(buf)), 4);
	check_str(buf, "two!");
	check_int(file_read(root, "state", buf, 4), -EFBIG);
	exists("state.new", false);
}

/* Of a writer that was killed, or of somebody who may write there, too. */
static void a_leftover_is_not_written_to(void)
{
	char buf[16];
	struct stat st;

	must(file_create(root, "other", "theirs", 6, 0666) == 0);
	must(linkat(root, "other", root, "left.new", 0) == 0);
	check_int(file_replace(root, "left", "ours", 4, 0600), 0);
	check_int(file_read(root, "other", buf, sizeof(buf)), 6);
	check_int(file_read(root, "left", buf, sizeof(buf)), 4);
	check(fstatat(root, "left", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
	/* Opened for writing it would wait for a reader. */
	must(mkfifoat(root, "left.new", 0600) == 0);
	check_int(file_replace(root, "left", "again", 5, 0600), 0);
	check_int(file_read(root, "left", buf, sizeof(buf)), 5);
	must(mkdirat(root, "left.new", 0700) == 0);
	check_int(file_replace(root, "left", "no", 2, 0600), -EEXIST);
	check_int(file_read(root, "left", buf, sizeof(buf)), 5);
}

static const struct test tests[] = {
	TEST(only_whole_decimal_numbers_are_numbers),
	TEST(the_ends_of_64_bits_are_reached),
	TEST(sizes_have_suffixes),
	TEST(a_failure_grows_from_the_inside_out),
	TEST(a_failure_without_errno_has_no_kernel_text),
	TEST(a_message_that_is_too_long_is_cut),
	TEST(dates_are_those_of_the_calendar),
	TEST(missing_directories_are_made),
	TEST(a_link_out_of_the_root_stays_inside),
	TEST(nothing_is_made_through_a_dangling_link),
	TEST(plain_means_no_link_at_all),
	TEST(targets_are_of_the_kind_that_was_asked_for),
	TEST(text_of_all_languages_is_printable),
	TEST(what_a_terminal_acts_upon_is_not_printable),
	TEST(what_is_no_utf8_is_not_printable),
	TEST(what_is_printable_is_cut_at_a_character),
	TEST(a_file_is_replaced_as_a_whole),
	TEST(a_leftover_is_not_written_to),
};

int main(int argc, char **argv)
{
	if (!mkdtemp(root_path) || (root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 99;
	int r = run_tests(tests, array_len(tests), argc, argv);
	char command[sizeof(root_path) + 16];

	snprintf(command, sizeof(command), "rm -rf %s", root_path);
	return system(command) == 0 ? r : 99;
}
