/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of capabilities, signals and limits, held against libcap and libc.
 */
#include "check.h"

#include "base/names.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>

static void capabilities_are_those_of_libcap(void)
{
	for (size_t i = 0; i < n_capability_names; i++) {
		const char *ours = capability_name(capability_names[i].number);
		char *theirs = cap_to_name(capability_names[i].number);
		cap_value_t number;

		check(theirs && strcasecmp(ours, theirs) == 0);
		check_int(cap_from_name(ours, &number), 0);
		check_int(number, capability_names[i].number);
		cap_free(theirs);
	}
}

static void no_capability_is_missing(void)
{
	check_int(n_capability_names, CAP_LAST_CAP + 1);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (check(capability_name(cap)))
			check_int(capability_number(capability_name(cap)), cap);
	check(!capability_name(CAP_LAST_CAP + 1));
	check(!capability_name(-1));
}

static void capabilities_are_read_in_any_case_and_without_prefix(void)
{
	check_int(capability_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	check_int(capability_number("cap_sys_admin"), CAP_SYS_ADMIN);
	check_int(capability_number("sys_admin"), CAP_SYS_ADMIN);
	check_int(capability_number("CAP_"), -EINVAL);
	check_int(capability_number("CAP_SYS_ADMI"), -EINVAL);
	check_int(capability_number("21"), -EINVAL);
}

static void signals_are_those_of_libc(void)
{
#ifdef __GLIBC__
	for (int number = 1; number < 32; number++) {
		const char *theirs = sigabbrev_np(number);
		char ours[32];

		must(theirs);
		check_int(signal_number(theirs), number);
		check_int(signal_number(signal_name(number, ours, sizeof(ours))), number);
		check_str(ours + 3, number == SIGIO ? "IO" : theirs);
	}
#else
	skip("this libc has no list of its own");
#endif
}

static void signals_are_read_as_people_write_them(void)
{
	check_int(signal_number("TERM"), SIGTERM);
	check_int(signal_number("SIGTERM"), SIGTERM);
	check_int(signal_number("sigterm"), SIGTERM);
	check_int(signal_number("term"), SIGTERM);
	check_int(signal_number("15"), SIGTERM);
	check_int(signal_number("0"), 0);
	check_int(signal_number("SIGPOLL"), SIGIO);
	check_int(signal_number("64"), 64);
}

static void what_is_no_signal_is_refused(void)
{
	static const char *const wrong[] = { "",       "SIG",       "TERMS",   "65",
					     "-1",     "+9",        " 9",      "9 ",
					     "0x9",    "RTMIN-1",   "RTMAX+1", "RTMIN+99",
					     "RTMIN+", "SIGSIGTERM" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (!check_int(signal_number(wrong[i]), -EINVAL))
			printf("# '%s'\n", wrong[i]);
}

static void real_time_signals_count_from_both_ends(void)
{
	char name[32];

	/* As glibc has them, whatever this is linked with: musl begins at 35. */
	check_int(signal_number("RTMIN"), 34);
	check_int(signal_number("SIGRTMIN+3"), 37);
	check_int(signal_number("rtmin+3"), 37);
	check_int(signal_number("RTMAX"), 64);
	check_int(signal_number("SIGRTMAX-2"), 62);
	check_str(signal_name(34, name, sizeof(name)), "SIGRTMIN");
	check_str(signal_name(37, name, sizeof(name)), "SIGRTMIN+3");
	check_str(signal_name(99, name, sizeof(name)), "signal 99");
}

static void all_limits_have_a_name(void)
{
	check_int(n_rlimit_names, RLIMIT_NLIMITS);
	check_int(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	check_int(rlimit_number("RLIMIT_RTTIME"), RLIMIT_RTTIME);
	check_int(rlimit_number("NOFILE"), -EINVAL);
	check_int(rlimit_number("RLIMIT_"), -EINVAL);
	for (int number = 0; number < (int)RLIMIT_NLIMITS; number++) {
		bool found = false;

		for (size_t i = 0; i < n_rlimit_names; i++)
			found = found || rlimit_names[i].number == number;
		check(found);
	}
}

static const struct test tests[] = {
	TEST(capabilities_are_those_of_libcap),
	TEST(no_capability_is_missing),
	TEST(capabilities_are_read_in_any_case_and_without_prefix),
	TEST(signals_are_those_of_libc),
	TEST(signals_are_read_as_people_write_them),
	TEST(what_is_no_signal_is_refused),
	TEST(real_time_signals_count_from_both_ends),
	TEST(all_limits_have_a_name),
};

TEST_MAIN(tests)
