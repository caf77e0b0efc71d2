/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hooks: what is refused in all six kinds, and what of two kinds becomes part of the plan.
 */
#include "check.h"

#include "base/util.h"
#include "compile/compile.h"
#include "configured.h"

static struct plan plan;

static const char *complaint(const char *text)
{
	if (!configure(text))
		return error.text;
	plan = (struct plan){ 0 };
	return compile_hooks(&arena, config->hooks, &plan, &error) < 0 ? error.text : "no error";
}

static void hooks_that_run_inside_are_planned(void)
{
	check_str(complaint("{'hooks': {'createContainer': [{'path': '/bin/a', 'args': ['x', 'y'], "
			    "'env': ['A=1'], 'timeout': 3}, {'path': '/bin/b'}], "
			    "'startContainer': [{'path': '/bin/c', 'args': []}], "
			    "'poststop': [{'path': '/bin/d'}]}}"),
		  "no error");
	must(plan.n_create_container == 2);
	must(plan.n_start_container == 1);
	check_str(plan.create_container[0].path, "/bin/a");
	check_str(plan.create_container[0].args[0], "x");
	check_str(plan.create_container[0].args[1], "y");
	check(!plan.create_container[0].args[2]);
	check_str(plan.create_container[0].env[0], "A=1");
	check_int(plan.create_container[0].timeout, 3);
	check_str(plan.create_container[1].args[0], "/bin/b");
	check(!plan.create_container[1].args[1]);
	check(!plan.create_container[1].env);
	check_int(plan.create_container[1].timeout, 0);
	check_str(plan.start_container[0].args[0], "/bin/c");
}

/* Absent and empty are not the same: empty is an empty environment. */
static void an_empty_environment_stays_empty(void)
{
	check_str(complaint("{'hooks': {'startContainer': [{'path': '/bin/c', 'env': []}]}}"),
		  "no error");
	must(plan.start_container[0].env);
	check(!plan.start_container[0].env[0]);
}

static void without_hooks_there_is_nothing_to_do(void)
{
	check_str(complaint("{}"), "no error");
	check(!plan.create_container && !plan.start_container);
	check_str(complaint("{'hooks': {'createContainer': []}}"), "no error");
	check_int(plan.n_create_container, 0);
}

static void all_kinds_are_checked(void)
{
	static const char *const kinds[] = { "prestart",       "createRuntime", "createContainer",
					     "startContainer", "poststart",     "poststop" };
	char text[256], wanted[128];

	for (size_t i = 0; i < array_len(kinds); i++) {
		snprintf(text, sizeof(text),
			 "{'hooks': {'%s': [{'path': '/bin/a'}, {'path': 'bin/b'}]}}", kinds[i]);
		snprintf(wanted, sizeof(wanted),
			 "hooks.%s[1].path: 'bin/b' is not an absolute path", kinds[i]);
		check_str(complaint(text), wanted);
		check_str(error.hint, "hooks are not looked up in PATH");
	}
	check_str(complaint("{'hooks': {'poststop': [{'path': ''}]}}"),
		  "hooks.poststop[0].path: is empty");
}

/* The reader refuses it already when it is in a text. */
static void a_timeout_is_at_least_a_second(void)
{
	struct oci_hook h = { .path = "/bin/a", .timeout = { true, 0 } };
	struct oci_hooks hooks = { .poststart = &h, .n_poststart = 1 };

	must(configure("{}"));
	check(compile_hooks(&arena, &hooks, &plan, &error) < 0);
	check_str(error.text, "hooks.poststart[0].timeout: 0 is not at least 1 second");
	check_str(error.hint, "leave it out for no limit");
	arena_close(&arena);
}

static const struct test tests[] = {
	TEST(hooks_that_run_inside_are_planned),    TEST(an_empty_environment_stays_empty),
	TEST(without_hooks_there_is_nothing_to_do), TEST(all_kinds_are_checked),
	TEST(a_timeout_is_at_least_a_second),
};

TEST_MAIN(tests)
