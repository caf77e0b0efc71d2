/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of process.capabilities: masks, and warnings where the kernel would refuse.
 */
#include "check.h"

#include "compile/process.h"
#include "configured.h"
#include "warnings.h"

#include <linux/capability.h>

#define BIT(cap) (1ull << CAP_##cap)
#define ALL      (~0ull)

static struct plan_process out;

static bool caps(const char *sets, uint64_t grantable)
{
	char text[1024];

	snprintf(text, sizeof(text), "{'process': {'cwd': '/', 'capabilities': %s}}", sets);
	warnings_reset();
	if (!configure(text))
		return false;
	compile_caps(config->process->capabilities, grantable, &out);
	return true;
}

static void five_sets_become_five_masks(void)
{
	must(caps("{'bounding': ['CAP_KILL', 'CAP_CHOWN', 'CAP_BPF'], 'permitted': ['CAP_KILL', "
		  "'CAP_CHOWN'], 'effective': ['CAP_CHOWN'], 'inheritable': ['CAP_KILL'], "
		  "'ambient': ['CAP_KILL']}",
		  ALL));
	check(out.has_caps);
	check_int(out.caps.bounding, BIT(KILL) | BIT(CHOWN) | BIT(BPF));
	check_int(out.caps.permitted, BIT(KILL) | BIT(CHOWN));
	check_int(out.caps.effective, BIT(CHOWN));
	check_int(out.caps.inheritable, BIT(KILL));
	check_int(out.caps.ambient, BIT(KILL));
	check_str(warnings(), "");
}

static void absent_is_empty_but_can_be_told(void)
{
	must(configure("{'process': {'cwd': '/'}}"));
	out.caps.bounding = 7;
	compile_caps(config->process->capabilities, ALL, &out);
	check(!out.has_caps);
	check_int(out.caps.bounding, 0);
	must(caps("{}", ALL));
	check(out.has_caps);
	check_int(out.caps.bounding | out.caps.permitted, 0);
}

static void unknown_names_are_warned_of_and_ignored(void)
{
	must(caps("{'bounding': ['CAP_KILL', 'CAP_TELEPORT']}", ALL));
	check_int(out.caps.bounding, BIT(KILL));
	check_str(warnings(), "process.capabilities.bounding[1]: unknown capability "
			      "'CAP_TELEPORT' is ignored\n");
}

static void what_the_caller_does_not_have_is_left_out_of_all_sets(void)
{
	must(caps("{'bounding': ['CAP_KILL', 'CAP_BPF'], 'permitted': ['CAP_KILL', 'CAP_BPF'], "
		  "'effective': ['CAP_BPF'], 'inheritable': ['CAP_BPF'], 'ambient': ['CAP_BPF']}",
		  ALL & ~BIT(BPF)));
	check_int(out.caps.bounding, BIT(KILL));
	check_int(out.caps.permitted, BIT(KILL));
	check_int(out.caps.effective | out.caps.inheritable | out.caps.ambient, 0);
	check_str(warnings(), "process.capabilities: cannot grant CAP_BPF: the caller's own "
			      "bounding set does not have it, it is left out\n");
}

/* capset(2) would refuse the whole set with EPERM. */
static void sets_are_cut_to_what_the_kernel_takes(void)
{
	must(caps("{'bounding': ['CAP_KILL'], 'permitted': ['CAP_KILL'], "
		  "'effective': ['CAP_KILL', 'CAP_CHOWN'], 'inheritable': ['CAP_FOWNER']}",
		  ALL));
	check_int(out.caps.effective, BIT(KILL));
	check_int(out.caps.inheritable, 0);
	check_str(warnings(),
		  "process.capabilities.effective: cannot have CAP_CHOWN: it is not in the "
		  "permitted set\n"
		  "process.capabilities.inheritable: cannot have CAP_FOWNER: it is not in the "
		  "bounding set\n");
}

static void ambient_needs_permitted_and_inheritable(void)
{
	must(caps("{'bounding': ['CAP_KILL', 'CAP_CHOWN'], 'permitted': ['CAP_KILL', 'CAP_CHOWN'], "
		  "'inheritable': ['CAP_KILL'], 'ambient': ['CAP_KILL', 'CAP_CHOWN']}",
		  ALL));
	check_int(out.caps.ambient, BIT(KILL));
	check_str(warnings(), "process.capabilities.ambient: can't raise ambient capability "
			      "CAP_CHOWN: it is not in both the permitted and the inheritable "
			      "set\n");
}

/* Buildah's habit, in every step of a build. */
static void all_ambient_and_none_inheritable_is_not_worth_a_warning(void)
{
	must(caps("{'bounding': ['CAP_KILL'], 'permitted': ['CAP_KILL'], 'ambient': ['CAP_KILL']}",
		  ALL));
	check_int(out.caps.permitted, BIT(KILL));
	check_int(out.caps.ambient, 0);
	check_str(warnings(), "");
	arena_close(&arena);
}

static const struct test tests[] = {
	TEST(five_sets_become_five_masks),
	TEST(absent_is_empty_but_can_be_told),
	TEST(unknown_names_are_warned_of_and_ignored),
	TEST(what_the_caller_does_not_have_is_left_out_of_all_sets),
	TEST(sets_are_cut_to_what_the_kernel_takes),
	TEST(ambient_needs_permitted_and_inheritable),
	TEST(all_ambient_and_none_inheritable_is_not_worth_a_warning),
};

TEST_MAIN(tests)
