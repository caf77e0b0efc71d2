/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of the process object: program, environment, user, limits, terminal.
 */
#include "check.h"

#include "compile/compile.h"
#include "configured.h"

#include <sys/resource.h>

static struct plan_process out;
static struct compile_input input;

/* Compiles the process object, and the rest of the configuration that is given after it. */
static int compile(const char *text)
{
	if (!configure(text))
		return -1;
	input.config = config;
	input.bounding_caps = ~0ull;
	return compile_process(&arena, &input, config->process, &out, &error);
}

/* A process that has what it must have, and `more`. */
static int with(const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text), "{'process': {'cwd': '/', 'args': ['sh'], %s}}", more);
	return compile(text);
}

static const char *complaint(const char *more)
{
	return with(more) < 0 ? error.text : "no error";
}

/* The list with a space after each element. */
static const char *joined(const char *const *list)
{
	static char text[1024];

	*text = '\0';
	for (; list && *list; list++) {
		strncat(text, *list, sizeof(text) - strlen(text) - 1);
		strncat(text, " ", sizeof(text) - strlen(text) - 1);
	}
	return text;
}

/* ---- args, cwd ------------------------------------------------------------------------------- */

static void the_least_that_a_process_has_is_enough(void)
{
	must(compile("{'process': {'cwd': '/', 'args': ['sh', '-c', '']}}") == 0);
	check_str(joined(out.args), "sh -c  ");
	check_str(out.cwd, "/");
	check_int(out.uid, 0);
	check_int(out.n_env, 0);
	check(out.env && !out.env[0]);
	check_int(out.ioprio, -1);
	check_int(out.personality, -1);
	check(!out.has_umask && !out.has_caps && !out.has_sched && !out.has_mempolicy);
	check(!out.has_oom_score_adj && !out.affinity && !out.apparmor && !out.selinux);
	check(!out.terminal && !out.no_new_privs);
}

static void a_program_is_required(void)
{
	check(compile("{'process': {'cwd': '/'}}") < 0);
	check_str(error.text, "process.args: is missing, there is no program to start");
	check_str(error.hint, "its first element is the program, the others are its arguments");
	check(compile("{'process': {'cwd': '/', 'args': []}}") < 0);
	check_str(error.text, "process.args: is empty, there is no program to start");
	check(compile("{'process': {'cwd': '/', 'args': ['', 'x']}}") < 0);
	check_str(error.text, "process.args[0]: is empty, it is the program to start");
}

static void the_working_directory_is_absolute(void)
{
	check(compile("{'process': {'cwd': 'tmp', 'args': ['sh']}}") < 0);
	check_str(error.text, "process.cwd: 'tmp' is not an absolute path");
	check_str(error.hint, "it begins with '/', the root of the container");
	check(compile("{'process': {'cwd': '', 'args': ['sh']}}") < 0);
	check_str(error.text, "process.cwd: is empty");
}

/* Those of a command line are not in the arena, where the container side could not see them. */
static void strings_from_elsewhere_are_copied(void)
{
	const char *args[] = { "ls", NULL }, *env[] = { "A=1", NULL };
	struct oci_process p = { .args = args, .n_args = 1, .env = env, .n_env = 1, .cwd = "/tmp" };

	must(with("'terminal': false") == 0);
	must(compile_process(&arena, &input, &p, &out, &error) == 0);
	check_str(out.args[0], "ls");
	check(out.args != args && out.args[0] != args[0] && out.env[0] != env[0]);
	check(out.cwd != p.cwd);
	check((const char *)out.args > arena.base && out.args[0] > arena.base);
}

/* ---- env ------------------------------------------------------------------------------------- */

static void the_last_of_two_values_counts_in_the_place_of_the_first(void)
{
	must(with("'env': ['A=1', 'B=2', 'A=3', 'AB=4', 'HOME=/root', 'C=']") == 0);
	check_str(joined(out.env), "A=3 B=2 AB=4 HOME=/root C= ");
	check_int(out.n_env, 5);
	check(!out.needs_home);
}

static void variables_of_the_runtime_replace_those_of_the_configuration(void)
{
	const char *const extra[] = { "LISTEN_FDS=2", "NEW=1", NULL };

	input.extra_env = extra;
	must(with("'env': ['LISTEN_FDS=9', 'B=2']") == 0);
	check_str(joined(out.env), "LISTEN_FDS=2 B=2 NEW=1 ");
	input.extra_env = NULL;
}

static void thousands_of_variables_are_no_trouble(void)
{
	enum { N = 5000 };
	char *text = malloc(64 * N), *end = text;

	end += sprintf(end, "{'process': {'cwd': '/', 'args': ['sh'], 'env': [");
	for (int i = 0; i < N; i++)
		end += sprintf(end, "%s'SERVICE_%d=%d'", i ? ", " : "", i % (N / 2), i);
	sprintf(end, "]}}");
	check_int(compile(text), 0);
	check_int(out.n_env, N / 2);
	check_str(out.env[0], "SERVICE_0=2500");
	check_str(out.env[N / 2 - 1], "SERVICE_2499=4999");
	free(text);
}

static void home_is_wanted_when_missing_or_empty(void)
{
	must(with("'env': ['A=1']") == 0);
	check(out.needs_home);
	must(with("'env': ['A=1', 'HOME=', 'B=2']") == 0);
	check(out.needs_home);
	check_str(joined(out.env), "A=1 B=2 ");
	check_int(out.n_env, 2);
}

static void path_is_split_for_the_search(void)
{
	must(with("'env': ['PATH=/bin::/usr/bin:']") == 0);
	check_str(joined(out.path), "/bin . /usr/bin . ");
	check_str(joined(out.env), "PATH=/bin::/usr/bin: ");
	must(with("'env': []") == 0);
	check_str(joined(out.path),
		  "/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin ");
	check_int(out.n_env, 0);
}

static void entries_have_a_name_and_a_value(void)
{
	check_str(complaint("'env': ['A=1', 'B']"), "process.env[1]: 'B' has no '='");
	check_str(error.hint, "entries look like NAME=VALUE");
	check_str(complaint("'env': ['=C']"), "process.env[0]: '=C' has no name");
}

/* ---- user ------------------------------------------------------------------------------------ */

static void ids_groups_and_umask_are_taken(void)
{
	must(with("'user': {'uid': 1000, 'gid': 4294967294, 'umask': 63, "
		  "'additionalGids': [5, 0, 7]}") == 0);
	check_int(out.uid, 1000);
	check_int(out.gid, 4294967294);
	check(out.has_umask);
	check_int(out.umask, 077);
	check_int(out.n_groups, 3);
	check_int(out.groups[0], 5);
	check_int(out.groups[2], 7);
	must(with("'user': {'uid': 1, 'umask': 0}") == 0);
	check(out.has_umask);
	check_int(out.umask, 0);
}

static void minus_one_is_no_id(void)
{
	check_str(complaint("'user': {'uid': 4294967295}"),
		  "process.user.uid: 4294967295 is not an id");
	check_str(error.hint, "it is -1, which the kernel takes for 'leave it as it is'");
	check_str(complaint("'user': {'gid': 4294967295}"),
		  "process.user.gid: 4294967295 is not an id");
	check_str(complaint("'user': {'additionalGids': [1, 4294967295]}"),
		  "process.user.additionalGids[1]: 4294967295 is not an id");
}

static void a_umask_has_nine_bits(void)
{
	check_str(complaint("'user': {'umask': 512}"),
		  "process.user.umask: 512 (octal 1000) is more than octal 777");
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void limits_are_taken_up_to_infinity(void)
{
	must(with("'rlimits': [{'type': 'RLIMIT_NOFILE', 'soft': 10, 'hard': 20}, "
		  "{'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 18446744073709551615}]") == 0);
	check_int(out.n_rlimits, 2);
	check_int(out.rlimits[0].resource, RLIMIT_NOFILE);
	check_int(out.rlimits[0].soft, 10);
	check_int(out.rlimits[0].hard, 20);
	check_int(out.rlimits[1].resource, RLIMIT_CORE);
	check(out.rlimits[1].hard == UINT64_MAX);
	check_int(out.rlimits[1].index, 1);
}

static void limits_are_checked(void)
{
	check_str(complaint("'rlimits': [{'type': 'RLIMIT_NOFILE', 'soft': 1, 'hard': 2}, "
			    "{'type': 'RLIMIT_NOFILE', 'soft': 1, 'hard': 2}]"),
		  "process.rlimits[1].type: 'RLIMIT_NOFILE' is given twice");
	check_str(complaint("'rlimits': [{'type': 'NOFILE', 'soft': 1, 'hard': 2}]"),
		  "process.rlimits[0].type: unknown limit 'NOFILE'");
	check_str(error.hint, "they are those of getrlimit(2), such as 'RLIMIT_NOFILE'");
	check_str(complaint("'rlimits': [{'type': 'RLIMIT_CPU', 'soft': 3, 'hard': 2}]"),
		  "process.rlimits[0].soft: 3 is more than the hard limit, 2");
}

static void a_size_is_for_terminals(void)
{
	must(with("'terminal': true, 'consoleSize': {'height': 25, 'width': 80}") == 0);
	check(out.terminal);
	check_int(out.rows, 25);
	check_int(out.columns, 80);
	must(with("'consoleSize': {'height': 70000, 'width': 80}") == 0);
	check_int(out.columns, 0);
	check_str(complaint("'terminal': true, 'consoleSize': {'height': 70000, 'width': 80}"),
		  "process.consoleSize.height: 70000 is more than 65535");
	check_str(complaint("'terminal': true, 'consoleSize': {'height': 7, 'width': 65536}"),
		  "process.consoleSize.width: 65536 is more than 65535");
}

static void the_oom_score_has_a_range(void)
{
	must(with("'oomScoreAdj': 0") == 0);
	check(out.has_oom_score_adj);
	must(with("'oomScoreAdj': -1000") == 0);
	check_int(out.oom_score_adj, -1000);
	check_str(complaint("'oomScoreAdj': 1001"),
		  "process.oomScoreAdj: 1001 is not between -1000 and 1000");
	check_str(complaint("'oomScoreAdj': -1001"),
		  "process.oomScoreAdj: -1001 is not between -1000 and 1000");
}

static void labels_are_taken_and_empty_ones_are_none(void)
{
	must(with("'apparmorProfile': 'web', 'selinuxLabel': 'a:b:c:s0', "
		  "'noNewPrivileges': true, "
		  "'capabilities': {'bounding': ['CAP_CHOWN']}") == 0);
	check_str(out.apparmor, "web");
	check_str(out.selinux, "a:b:c:s0");
	check(out.no_new_privs);
	check_int(out.caps.bounding, 1);
	must(with("'apparmorProfile': '', 'selinuxLabel': ''") == 0);
	check(!out.apparmor && !out.selinux);
}

static void an_exec_inherits_what_it_does_not_say(void)
{
	const char *args[] = { "ls", NULL };
	struct oci_user other = { .uid = 5, .umask = { true, 0777 } };
	struct oci_process p = { .args = args, .n_args = 1, .cwd = "/" };

	input.kind = PLAN_EXEC;
	must(with("'user': {'uid': 7, 'umask': 18}, 'ioPriority': {'class': 'IOPRIO_CLASS_RT', "
		  "'priority': 3}, 'scheduler': {'policy': 'SCHED_BATCH', 'nice': 5}, "
		  "'oomScoreAdj': 9, 'execCPUAffinity': {'final': '1'}") == 0);
	must(compile_process(&arena, &input, &p, &out, &error) == 0);
	check_int(out.uid, 0);
	check_int(out.umask, 022);
	check_int(out.ioprio, 1 << 13 | 3);
	check_int(out.sched.nice, 5);
	check(out.affinity && out.affinity[0] == 2);
	check(!out.has_oom_score_adj);
	p.user = &other;
	must(compile_process(&arena, &input, &p, &out, &error) == 0);
	check_int(out.uid, 5);
	check_int(out.umask, 0777);
	input.kind = PLAN_CREATE;
}

static void cpus_for_exec_do_not_concern_the_first_process(void)
{
	must(with("'execCPUAffinity': {'final': '1', 'initial': '0'}") == 0);
	check(!out.affinity && !out.initial_affinity);
	check_str(complaint("'execCPUAffinity': {'final': 'x'}"),
		  "process.execCPUAffinity.final: 'x' is not a list of numbers");
}

static void a_full_arena_is_said_so(void)
{
	must(with("'terminal': false") == 0);
	arena.full = true;
	check(compile_process(&arena, &input, config->process, &out, &error) < 0);
	check(error.code != 0);
	arena_close(&arena);
}

static const struct test tests[] = {
	TEST(the_least_that_a_process_has_is_enough),
	TEST(a_program_is_required),
	TEST(the_working_directory_is_absolute),
	TEST(strings_from_elsewhere_are_copied),
	TEST(the_last_of_two_values_counts_in_the_place_of_the_first),
	TEST(variables_of_the_runtime_replace_those_of_the_configuration),
	TEST(thousands_of_variables_are_no_trouble),
	TEST(home_is_wanted_when_missing_or_empty),
	TEST(path_is_split_for_the_search),
	TEST(entries_have_a_name_and_a_value),
	TEST(ids_groups_and_umask_are_taken),
	TEST(minus_one_is_no_id),
	TEST(a_umask_has_nine_bits),
	TEST(limits_are_taken_up_to_infinity),
	TEST(limits_are_checked),
	TEST(a_size_is_for_terminals),
	TEST(the_oom_score_has_a_range),
	TEST(labels_are_taken_and_empty_ones_are_none),
	TEST(an_exec_inherits_what_it_does_not_say),
	TEST(cpus_for_exec_do_not_concern_the_first_process),
	TEST(a_full_arena_is_said_so),
};

TEST_MAIN(tests)
