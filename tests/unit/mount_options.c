/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compile/mount_options.c: words to attributes. */
#include "check.h"

#include "base/sys.h"
#include "compile/compile.h"
#include "compile/mount_options.h"

static struct arena arena;
static struct plan_mount m;
static struct mount_wishes wishes;
static struct error e;

/* Words separated by blanks. */
static int parse(const char *text)
{
	const char *words[16];
	char copy[512];
	size_t n = 0;

	if (!arena.base)
		arena_open_private(&arena, 0);
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = arena_strdup(&arena, w);
	m = (struct plan_mount){ 0 };
	e = (struct error){ 0 };
	return mount_options(&arena, words, n, &m, &wishes, &e);
}

static void the_last_of_two_opposites_wins(void)
{
	must(parse("ro nosuid rw suid nosuid") == 0);
	check_int(m.attr_set, MOUNT_ATTR_NOSUID);
	check_int(m.attr_clear, MOUNT_ATTR_RDONLY);
}

/* "rw,exec,dev" on a bind mount must reach the kernel: the source may have the opposite. */
static void clearing_words_alone_ask_for_something(void)
{
	must(parse("rw exec dev suid symfollow diratime") == 0);
	check_int(m.attr_set, 0);
	check_int(m.attr_clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV |
					MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOSYMFOLLOW |
					MOUNT_ATTR_NODIRATIME);
}

/* mount_setattr(2) refuses a part of the enumeration. */
static void an_access_time_word_clears_the_whole_enumeration(void)
{
	static const struct {
		const char *words;
		uint64_t set;
	} rows[] = {
		{ "noatime", MOUNT_ATTR_NOATIME },
		{ "strictatime", MOUNT_ATTR_STRICTATIME },
		{ "relatime", MOUNT_ATTR_RELATIME },
		{ "atime", 0 },
		{ "norelatime", 0 },
		{ "nostrictatime", 0 },
		{ "noatime strictatime", MOUNT_ATTR_STRICTATIME },
		{ "strictatime relatime", MOUNT_ATTR_RELATIME },
		{ "noatime atime", 0 },
		{ "strictatime nostrictatime", 0 },
		{ "noatime nostrictatime", MOUNT_ATTR_NOATIME },
		{ "strictatime norelatime", MOUNT_ATTR_STRICTATIME },
	};

	for (size_t i = 0; i < array_len(rows); i++) {
		must(parse(rows[i].words) == 0);
		check_int(m.attr_set, rows[i].set);
		check_int(m.attr_clear, MOUNT_ATTR__ATIME);
	}
}

static void directory_access_times_are_independent(void)
{
	must(parse("nodiratime noatime") == 0);
	check_int(m.attr_set, MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOATIME);
	check_int(m.attr_clear, MOUNT_ATTR__ATIME);
}

static void words_with_an_r_are_for_the_tree(void)
{
	must(parse("rro rnosuid rdev rnoatime rnosymfollow") == 0);
	check_int(m.attr_set, 0);
	check_int(m.attr_clear, 0);
	check_int(m.tree_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME |
				      MOUNT_ATTR_NOSYMFOLLOW);
	check_int(m.tree_clear, MOUNT_ATTR_NODEV | MOUNT_ATTR__ATIME);
}

static void the_tree_includes_its_top(void)
{
	must(parse("ro noatime rrw rrelatime") == 0);
	check_int(m.attr_set, 0);
	check_int(m.attr_clear, 0);
	must(parse("rro rw") == 0);
	check_int(m.tree_set, MOUNT_ATTR_RDONLY);
	check_int(m.attr_clear, MOUNT_ATTR_RDONLY);
}

static void propagation_keeps_its_order(void)
{
	must(parse("rslave shared rslave") == 0);
	check_int(m.propagation[0], MS_SLAVE | MS_REC);
	check_int(m.propagation[1], MS_SHARED);
	check_int(m.propagation[2], 0);
	check(parse("shared slave private unbindable rshared") < 0);
	check_str(e.text, "options[4]: 'rshared' is one propagation mode too many");
}

static void the_superblock_has_its_own_flags(void)
{
	must(parse("sync dirsync lazytime mand silent") == 0);
	check(m.sync && m.dirsync && m.lazytime && m.mand && m.silent);
	must(parse("sync async lazytime nolazytime mand nomand silent loud") == 0);
	check(!m.sync && !m.lazytime && !m.mand && !m.silent);
	check_int(m.n_options, 0);
}

static void what_is_not_known_is_for_the_file_system(void)
{
	must(parse("size=64k context=a=b noswap acl iversion") == 0);
	check_int(m.n_options, 5);
	check_str(mount_option_value(&m, "size"), "64k");
	check_str(mount_option_value(&m, "context"), "a=b");
	check_str(mount_option_value(&m, "noswap"), "");
	check(m.options[2].value == NULL);
	check(mount_option_value(&m, "mode") == NULL);
	must(parse("iversion noiversion") == 0);
	check_int(m.n_options, 0);
}

static void recursive_words_that_cannot_be_done_are_refused(void)
{
	static const char *const words[] = { "rsync", "rasync", "rdirsync", "rmand", "rnomand" };
	char text[64];

	for (size_t i = 0; i < array_len(words); i++) {
		check(parse(words[i]) < 0);
		snprintf(text, sizeof(text), "options[0]: the kernel has no way to do '%s'",
			 words[i]);
		check_str(e.text, text);
	}
}

static void id_mapping_words(void)
{
	must(parse("idmap") == 0);
	check(m.idmap && !m.idmap_recursive && !m.idmap_text);
	must(parse("ridmap") == 0);
	check(m.idmap && m.idmap_recursive);
	must(parse("ridmap=uids=0-1-2;gids=0-1-2") == 0);
	check(m.idmap && m.idmap_recursive);
	check_str(m.idmap_text, "uids=0-1-2;gids=0-1-2");
}

static void links_are_followed_unless_told_otherwise(void)
{
	must(parse("bind") == 0);
	check(wishes.bind && !wishes.rbind && m.follow_source && m.follow_destination);
	must(parse("rbind src-nofollow dest-nofollow copy-symlink") == 0);
	check(wishes.rbind && !m.follow_source && !m.follow_destination && m.copy_symlink);
}

static void a_long_value_goes_in_one_string(void)
{
	char longest[300], longer[300];

	snprintf(longest, sizeof(longest), "lowerdir=%0255d index=off", 0);
	must(parse(longest) == 0 && mount_option_data(&arena, &m, &e) == 0);
	check(m.data == NULL);
	snprintf(longer, sizeof(longer), "lowerdir=%0256d index=off volatile", 0);
	must(parse(longer) == 0 && mount_option_data(&arena, &m, &e) == 0);
	must(m.data != NULL);
	for (char *c = longer; *c; c++)
		*c = *c == ' ' ? ',' : *c;
	check_str(m.data, longer);
	snprintf(longer, sizeof(longer), "lowerdir=%0256d context=u:r:t:s0:c1,c2", 0);
	must(parse(longer) == 0 && mount_option_data(&arena, &m, &e) == 0);
	check(strstr(m.data, ",context=\"u:r:t:s0:c1,c2\"") != NULL);
}

/* Every word of the specification's table, and the recursive ones that its text adds. */
static void features_lists_the_words_of_the_specification(void)
{
	static const char *const words[] = {
		"async",        "atime",        "bind",       "defaults",      "dev",
		"diratime",     "dirsync",      "exec",       "iversion",      "lazytime",
		"loud",         "noatime",      "nodev",      "nodiratime",    "noexec",
		"noiversion",   "nolazytime",   "norelatime", "nostrictatime", "nosuid",
		"nosymfollow",  "private",      "rbind",      "relatime",      "remount",
		"ro",           "rw",           "rprivate",   "rshared",       "rslave",
		"runbindable",  "shared",       "silent",     "slave",         "strictatime",
		"suid",         "symfollow",    "sync",       "unbindable",    "mand",
		"nomand",       "ratime",       "rdev",       "rdiratime",     "rexec",
		"rnoatime",     "rnodiratime",  "rnoexec",    "rnorelatime",   "rnostrictatime",
		"rnosuid",      "rnosymfollow", "rrelatime",  "rro",           "rrw",
		"rstrictatime", "rsuid",        "rsymfollow", "rnodev",        "idmap",
		"ridmap",       "tmpcopyup",    "acl",        "noacl",
	};
	const char *const *list = compile_mount_option_words();

	for (size_t i = 0; i < array_len(words); i++) {
		size_t k = 0;

		while (list[k] && !streq(list[k], words[i]))
			k++;
		if (!check(list[k] != NULL))
			printf("#   %s\n", words[i]);
	}
	for (size_t k = 1; list[k - 1] && list[k]; k++)
		check(strcmp(list[k - 1], list[k]) < 0);
}

static const struct test tests[] = {
	TEST(the_last_of_two_opposites_wins),
	TEST(clearing_words_alone_ask_for_something),
	TEST(an_access_time_word_clears_the_whole_enumeration),
	TEST(directory_access_times_are_independent),
	TEST(words_with_an_r_are_for_the_tree),
	TEST(the_tree_includes_its_top),
	TEST(propagation_keeps_its_order),
	TEST(the_superblock_has_its_own_flags),
	TEST(what_is_not_known_is_for_the_file_system),
	TEST(recursive_words_that_cannot_be_done_are_refused),
	TEST(id_mapping_words),
	TEST(links_are_followed_unless_told_otherwise),
	TEST(a_long_value_goes_in_one_string),
	TEST(features_lists_the_words_of_the_specification),
};

TEST_MAIN(tests)
