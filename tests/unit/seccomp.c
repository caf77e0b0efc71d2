/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the filter made from linux.seccomp says about system calls, and what is wrong with profiles.
 * Filters are run in an interpreter; where we and libseccomp mean the same, both are asked.
 */
#include "check.h"

#include "compile/compile.h"

#ifdef HAVE_SECCOMP
#include "base/util.h"
#include "compile/bpf.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define DENIED  (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define ALLOWED SECCOMP_RET_ALLOW
#define X32     0x40000000u
#define NATIVE  native()

static struct arena arena;
static struct plan_seccomp filter;
static struct error error;
static struct oci_seccomp *profile;

/* Reads the profile and compiles it. JSON here has ' for ". */
static int compile(const char *json)
{
	struct ocispec_error wrong;
	char *text = strdup(json);

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	arena_close(&arena);
	error = (struct error){ 0 };
	if (arena_open_private(&arena, 0) < 0)
		return -1;
	profile = arena_new(&arena, struct oci_seccomp);
	if (ocispec_read(&arena, &oci_seccomp_schema, text, strlen(text), profile, &wrong) < 0) {
		snprintf(error.text, sizeof(error.text), "not read: %s: %s", wrong.path,
			 wrong.text);
		free(text);
		return -1;
	}
	free(text);
	return compile_seccomp(&arena, profile, &filter, &error);
}

static const char *complaint(const char *json)
{
	return compile(json) < 0 ? error.text : "no error";
}

static uint32_t native(void)
{
	return seccomp_arch_native();
}

static uint32_t verdict(uint32_t arch, uint32_t nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = { .arch = arch, .nr = (int)nr, .args = { arg0, arg1 } };

	return bpf_run(filter.filter, filter.len, &data);
}

static uint32_t number(const char *name)
{
	return (uint32_t)seccomp_syscall_resolve_name(name);
}

static uint32_t ask(const char *name, uint64_t arg0)
{
	return verdict(NATIVE, number(name), arg0, 0);
}

/* The profile next to this file, read as text; the caller frees it. */
static char *usual_profile(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	struct stat st;
	char *text;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/seccomp-profile.json", top ? top : ".");
	f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) < 0)
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	if (fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		text[0] = '\0';
	fclose(f);
	return text;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static void a_listed_call_gets_its_action_and_others_the_default(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
		     "{'names': ['read', 'write', 'exit_group'], 'action': 'SCMP_ACT_ALLOW'},"
		     "{'names': ['mount'], 'action': 'SCMP_ACT_KILL_PROCESS'},"
		     "{'names': ['getuid'], 'action': 'SCMP_ACT_TRACE', 'errnoRet': 7}]}") == 0);
	check_int(ask("read", 0), ALLOWED);
	check_int(ask("write", 0), ALLOWED);
	check_int(ask("exit_group", 0), ALLOWED);
	check_int(ask("mount", 0), SECCOMP_RET_KILL_PROCESS);
	check_int(ask("getuid", 0), SECCOMP_RET_TRACE | 7);
	check_int(ask("chdir", 0), DENIED);
}

static void every_action_has_its_value(void)
{
	static const struct {
		const char *name;
		uint32_t value;
	} rows[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
	};
	char json[256];

	for (size_t i = 0; i < array_len(rows); i++) {
		snprintf(json, sizeof(json),
			 "{'defaultAction': '%s', 'listenerPath': '/run/agent', 'syscalls': "
			 "[{'names': ['openat2'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 99}]}",
			 rows[i].name);
		must(compile(json) == 0);
		check_int(ask("read", 0), rows[i].value);
		check_int(ask("openat2", 0), SECCOMP_RET_ERRNO | 99);
	}
}

static void a_call_newer_than_the_profile_does_not_exist(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
		     "{'names': ['read', 'openat2'], 'action': 'SCMP_ACT_ALLOW'}]}") == 0);
	check_int(ask("openat2", 0), ALLOWED);
	check_int(verdict(NATIVE, number("openat2") - 1, 0, 0), DENIED);
	check_int(verdict(NATIVE, number("openat2") + 1, 0, 0), UNKNOWN);
	check_int(verdict(NATIVE, 9999, 0, 0), UNKNOWN);
	/* What a tracer cancelled stays the default's business. */
	check_int(verdict(NATIVE, UINT32_MAX, 0, 0), DENIED);
}

/* The profile knows the call, though its rule says nothing that the default does not. */
static void a_rule_like_the_default_still_tells_the_age_of_a_profile(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
		     "{'names': ['read'], 'action': 'SCMP_ACT_ALLOW'},"
		     "{'names': ['openat2'], 'action': 'SCMP_ACT_ERRNO'}]}") == 0);
	check_int(ask("openat2", 0), DENIED);
	check_int(verdict(NATIVE, number("openat2") + 1, 0, 0), UNKNOWN);
}

static void newer_calls_follow_a_default_that_lets_pass_or_asks(void)
{
	static const char *const defaults[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE",
						"SCMP_ACT_NOTIFY" };
	char json[256];

	for (size_t i = 0; i < array_len(defaults); i++) {
		snprintf(json, sizeof(json),
			 "{'defaultAction': '%s', 'listenerPath': '/run/agent', 'syscalls': "
			 "[{'names': ['read'], 'action': 'SCMP_ACT_KILL'}]}",
			 defaults[i]);
		must(compile(json) == 0);
		check(verdict(NATIVE, 9999, 0, 0) != UNKNOWN);
		check_int(verdict(NATIVE, 9999, 0, 0), ask("write", 0));
	}
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 5}") == 0);
	check_int(verdict(NATIVE, 9999, 0, 0), SECCOMP_RET_ERRNO | 5);
}

static void other_architectures_are_killed(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW'}") == 0);
	check_int(verdict(NATIVE, 1, 0, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_S390, 1, 0, 0), SECCOMP_RET_KILL_THREAD);
	check_int(verdict(AUDIT_ARCH_ALPHA, 1, 0, 0), SECCOMP_RET_KILL_THREAD);
}

/* An x32 call has the AUDIT_ARCH of x86-64: only its number tells. */
static void x32_is_an_architecture_of_its_own(void)
{
	if (NATIVE != SCMP_ARCH_X86_64)
		skip("not x86-64");
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW'}") == 0);
	check_int(verdict(NATIVE, X32 | 1, 0, 0), SECCOMP_RET_KILL_THREAD);

	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X32'], "
		     "'syscalls': [{'names': ['read', 'execve', 'openat2'], "
		     "'action': 'SCMP_ACT_ALLOW'}]}") == 0);
	check_int(verdict(NATIVE, 0, 0, 0), ALLOWED);
	check_int(verdict(NATIVE, X32 | 0, 0, 0), ALLOWED);
	check_int(verdict(NATIVE, X32 | 1, 0, 0), DENIED);
	check_int(verdict(NATIVE, X32 | 438, 0, 0), UNKNOWN);
	check_int(verdict(NATIVE, X32 | 511, 0, 0), UNKNOWN);
	check_int(verdict(NATIVE, X32 | 512, 0, 0), DENIED); /* old, and counted apart */
	check_int(verdict(NATIVE, X32 | 520, 0, 0), ALLOWED);
	check_int(verdict(NATIVE, X32 | 521, 0, 0), UNKNOWN);
	check_int(verdict(NATIVE, UINT32_MAX, 0, 0), DENIED);
}

static void multiplexed_calls_are_found_both_ways(void)
{
	if (NATIVE != SCMP_ARCH_X86_64)
		skip("not x86-64");
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X86'], "
		     "'syscalls': [{'names': ['socket', 'shmget'], 'action': 'SCMP_ACT_ALLOW'}]}") ==
	     0);
	check_int(verdict(AUDIT_ARCH_I386, 359, 0, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 102, 1, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 102, 2, 0), DENIED);
	check_int(verdict(AUDIT_ARCH_I386, 395, 0, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 117, 23, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 117, 1, 0), DENIED);
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_PPC64LE', "
		     "'SCMP_ARCH_MIPSEL'], 'syscalls': [{'names': ['socket', 'shmget'], "
		     "'action': 'SCMP_ACT_ALLOW'}]}") == 0);
	check_int(verdict(AUDIT_ARCH_PPC64LE, 326, 0, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_PPC64LE, 395, 0, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_MIPSEL, 4183, 0, 0), ALLOWED);
}

/* Arguments behind a pointer: permission is not given, refusal is. */
static void conditions_on_multiplexed_calls_err_on_the_safe_side(void)
{
	if (NATIVE != SCMP_ARCH_X86_64)
		skip("not x86-64");
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X86'], "
		     "'syscalls': [{'names': ['connect'], 'action': 'SCMP_ACT_ALLOW', "
		     "'args': [{'index': 0, 'value': 3, 'op': 'SCMP_CMP_EQ'}]},"
		     "{'names': ['listen'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 9, "
		     "'args': [{'index': 0, 'value': 3, 'op': 'SCMP_CMP_EQ'}]}]}") == 0);
	check_int(verdict(AUDIT_ARCH_I386, 362, 3, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 102, 3, 0), DENIED);
	check_int(verdict(AUDIT_ARCH_I386, 363, 4, 0), DENIED);
	check_int(verdict(AUDIT_ARCH_I386, 102, 4, 0), SECCOMP_RET_ERRNO | 9);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static const uint64_t values[] = {
	0,
	1,
	2,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	1ull << 32,
	(1ull << 32) | 1,
	(1ull << 32) | 0xffffffff,
	1ull << 33,
	1ull << 63,
	UINT64_MAX,
};

static bool holds(const char *op, uint64_t arg, uint64_t a, uint64_t b)
{
	if (streq(op, "SCMP_CMP_NE"))
		return arg != a;
	if (streq(op, "SCMP_CMP_LT"))
		return arg < a;
	if (streq(op, "SCMP_CMP_LE"))
		return arg <= a;
	if (streq(op, "SCMP_CMP_EQ"))
		return arg == a;
	if (streq(op, "SCMP_CMP_GE"))
		return arg >= a;
	if (streq(op, "SCMP_CMP_GT"))
		return arg > a;
	return (arg & a) == b;
}

static void each_operator_compares_all_64_bits(void)
{
	char json[320];
	int wrong = 0;

	for (const char *const *op = compile_seccomp_operators(); *op; op++)
		for (size_t i = 0; i < array_len(values); i++)
			for (size_t k = 0; k < array_len(values); k++) {
				uint64_t two = values[i] & values[k];

				snprintf(json, sizeof(json),
					 "{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{"
					 "'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW', "
					 "'args': [{'index': 1, 'value': %" PRIu64
					 ", 'valueTwo': %" PRIu64 ", 'op': '%s'}]}]}",
					 values[i], two, *op);
				must(compile(json) == 0);
				for (size_t m = 0; m < array_len(values); m++)
					wrong += verdict(NATIVE, number("lseek"), 77, values[m]) !=
						 (holds(*op, values[m], values[i], two) ? ALLOWED
											: DENIED);
			}
	check_int(wrong, 0);
}

static void of_narrow_arguments_only_the_lower_half_counts(void)
{
	if (NATIVE != SCMP_ARCH_X86_64)
		skip("not x86-64");
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X86'], "
		     "'syscalls': [{'names': ['personality'], 'action': 'SCMP_ACT_ALLOW', 'args': "
		     "[{'index': 0, 'value': 18446744073709551615, 'op': 'SCMP_CMP_EQ'}]}]}") == 0);
	check_int(verdict(AUDIT_ARCH_I386, 136, 0xffffffff, 0), ALLOWED);
	check_int(verdict(AUDIT_ARCH_I386, 136, 0xfffffffe, 0), DENIED);
	check_int(ask("personality", 0xffffffff), DENIED);
	check_int(ask("personality", UINT64_MAX), ALLOWED);
}

static void conditions_for_several_arguments_must_all_hold(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['lseek'], "
		     "'action': 'SCMP_ACT_ALLOW', 'args': ["
		     "{'index': 0, 'value': 1, 'op': 'SCMP_CMP_EQ'},"
		     "{'index': 1, 'value': 5, 'op': 'SCMP_CMP_LT'}]}]}") == 0);
	check_int(verdict(NATIVE, number("lseek"), 1, 4), ALLOWED);
	check_int(verdict(NATIVE, number("lseek"), 1, 5), DENIED);
	check_int(verdict(NATIVE, number("lseek"), 2, 4), DENIED);
}

static void conditions_for_the_same_argument_are_alternatives(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['lseek'], "
		     "'action': 'SCMP_ACT_ALLOW', 'args': ["
		     "{'index': 0, 'value': 1, 'op': 'SCMP_CMP_EQ'},"
		     "{'index': 0, 'value': 3, 'op': 'SCMP_CMP_EQ'}]}]}") == 0);
	check_int(ask("lseek", 1), ALLOWED);
	check_int(ask("lseek", 2), DENIED);
	check_int(ask("lseek", 3), ALLOWED);
}

/* ---- held against libseccomp ----------------------------------------------------------------- */

static struct sock_filter *reference;
static size_t n_reference;

static void add_to_reference(scmp_filter_ctx ctx, uint32_t action, const char *name,
			     const struct oci_syscall *c)
{
	static const char *const ops[] = { "",
					   "SCMP_CMP_NE",
					   "SCMP_CMP_LT",
					   "SCMP_CMP_LE",
					   "SCMP_CMP_EQ",
					   "SCMP_CMP_GE",
					   "SCMP_CMP_GT",
					   "SCMP_CMP_MASKED_EQ" };
	struct scmp_arg_cmp args[6];
	bool seen[6] = { false }, any = false;
	int nr = seccomp_syscall_resolve_name(name);

	for (size_t i = 0; i < c->n_args; i++) {
		enum scmp_compare op = 0;

		while (!streq(ops[op], c->args[i].op))
			op++;
		args[i] = (struct scmp_arg_cmp){ c->args[i].index, op, c->args[i].value,
						 c->args[i].valueTwo.v };
		any = any || seen[c->args[i].index];
		seen[c->args[i].index] = true;
	}
	if (!any)
		seccomp_rule_add_array(ctx, action, nr, (unsigned int)c->n_args, args);
	for (size_t i = 0; any && i < c->n_args; i++)
		seccomp_rule_add_array(ctx, action, nr, 1, &args[i]);
}

/* libseccomp's filter for `profile`, whose default is ERRNO with `number`. */
static bool make_reference(uint32_t number_of_default)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(number_of_default));
	int fd = memfd_create("reference", MFD_CLOEXEC);
	struct stat st = { 0 };
	bool ok;

	for (size_t i = 0; i < profile->n_architectures; i++)
		seccomp_arch_add(ctx, streq(profile->architectures[i], "SCMP_ARCH_X32")
					      ? SCMP_ARCH_X32
				      : streq(profile->architectures[i], "SCMP_ARCH_X86")
					      ? SCMP_ARCH_X86
					      : SCMP_ARCH_X86_64);
	for (size_t i = 0; i < profile->n_syscalls; i++) {
		const struct oci_syscall *c = &profile->syscalls[i];
		uint32_t action = streq(c->action, "SCMP_ACT_ALLOW")
					  ? SCMP_ACT_ALLOW
					  : SCMP_ACT_ERRNO(c->errnoRet.set ? c->errnoRet.v : EPERM);

		for (size_t k = 0; k < c->n_names; k++)
			if (action != SCMP_ACT_ERRNO(number_of_default))
				add_to_reference(ctx, action, c->names[k], c);
	}
	free(reference);
	reference = NULL;
	ok = seccomp_export_bpf(ctx, fd) == 0 && fstat(fd, &st) == 0;
	if (ok) {
		reference = malloc((size_t)st.st_size);
		n_reference = (size_t)st.st_size / sizeof(*reference);
		ok = pread(fd, reference, (size_t)st.st_size, 0) == st.st_size;
	}
	close(fd);
	seccomp_release(ctx);
	return ok;
}

static int differences(uint32_t arch, uint32_t from, uint32_t to)
{
	static const uint64_t first[] = {
		0, 1, 8, 40, 131072, 131080, 2114060288, 0xffffffff, (1ull << 32) + 8, UINT64_MAX
	};
	int n = 0;

	for (uint32_t nr = from; nr <= to && nr >= from; nr++)
		for (size_t i = 0; i < array_len(first); i++) {
			struct seccomp_data data = { .arch = arch,
						     .nr = (int)nr,
						     .args = { first[i], 1, 2, 3 } };
			uint32_t want = bpf_run(reference, n_reference, &data);
			uint32_t got = bpf_run(filter.filter, filter.len, &data);

			if (got != want && n++ < 5)
				printf("# arch %x nr %x arg %" PRIx64 ": %x, libseccomp %x\n", arch,
				       nr, first[i], got, want);
		}
	return n;
}

/* With ENOSYS as the default there are no newer calls to tell apart: all must be equal. */
static void a_usual_profile_means_what_libseccomp_makes_of_it(void)
{
	auto_free char *text = usual_profile();
	char *number_at;

	if (NATIVE != SCMP_ARCH_X86_64)
		skip("not x86-64");
	must(text);
	number_at = strstr(text, "\"defaultErrnoRet\": 1,");
	must(number_at);
	memcpy(number_at, "\"defaultErrnoRet\":38,", strlen("\"defaultErrnoRet\": 1,"));
	must(compile(text) == 0);
	must(make_reference(38));
	check_int(differences(AUDIT_ARCH_X86_64, 0, 700), 0);
	check_int(differences(AUDIT_ARCH_X86_64, X32, X32 + 700), 0);
	check_int(differences(AUDIT_ARCH_X86_64, UINT32_MAX - 2, UINT32_MAX), 0);
	check_int(differences(AUDIT_ARCH_I386, 0, 700), 0);
	check_int(differences(AUDIT_ARCH_ARM, 0, 10), 0);
	/* The point of making it ourselves. */
	check(filter.len < n_reference);
	printf("# %u instructions, libseccomp %zu\n", filter.len, n_reference);
	free(reference);
	reference = NULL;
}

/* Which of two rules for one call counts is nowhere written, but profiles are made by trying. */
static void rules_that_contradict_are_resolved_as_libseccomp_does(void)
{
	static const char *const orders[] = {
		"{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW'},"
		"{'names': ['lseek'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 7}",

		"{'names': ['lseek'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 7},"
		"{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW'}",

		"{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW'},"
		"{'names': ['lseek'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 7, "
		"'args': [{'index': 0, 'value': 8, 'op': 'SCMP_CMP_EQ'}]}",

		"{'names': ['lseek'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 7, "
		"'args': [{'index': 0, 'value': 8, 'op': 'SCMP_CMP_EQ'}]},"
		"{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW'}",
	};
	char json[640];

	for (size_t i = 0; i < array_len(orders); i++) {
		snprintf(json, sizeof(json),
			 "{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 38, "
			 "'syscalls': [%s]}",
			 orders[i]);
		must(compile(json) == 0);
		must(make_reference(38));
		if (!check_int(differences(NATIVE, number("lseek"), number("lseek")), 0))
			printf("# order %zu\n", i);
	}
	free(reference);
	reference = NULL;
}

/* ---- the kernel's view ----------------------------------------------------------------------- */

static void the_kernel_takes_the_filter_and_obeys(void)
{
	auto_free char *text = usual_profile();
	int status = 0;
	pid_t pid;

	must(text);
	must(compile(text) == 0);
	pid = fork();
	if (pid == 0) {
		struct sock_fprog program = { .len = filter.len,
					      .filter = (struct sock_filter *)filter.filter };

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program) < 0)
			_exit(1);
		if (syscall(9999) != -1 || errno != ENOSYS)
			_exit(2);
		if (syscall(SYS_reboot, 0, 0, 0, 0) != -1 || errno != EPERM)
			_exit(3);
		if (getppid() <= 0)
			_exit(4);
		_exit(0);
	}
	must(pid > 0);
	check_int(waitpid(pid, &status, 0), pid);
	check_int(status, 0);
}

/* ---- flags, listener, architectures ---------------------------------------------------------- */

static void flags_become_those_of_the_system_call(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW'}") == 0);
	check_int(filter.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW', 'flags': []}") == 0);
	check_int(filter.flags, 0);
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW', 'flags': ['SECCOMP_FILTER_FLAG_TSYNC', "
		     "'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}") == 0);
	check_int(filter.flags, SECCOMP_FILTER_FLAG_LOG);
	must(compile("{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '/run/agent', "
		     "'flags': ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'], "
		     "'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]}") == 0);
	check_int(filter.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | 1u << 5);
	check_int(ask("mkdir", 0), SECCOMP_RET_USER_NOTIF);
}

static void all_architectures_of_this_byte_order_go_together(void)
{
	char json[1024] = "{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['read', "
			  "'openat2'], 'action': 'SCMP_ACT_ALLOW'}], 'architectures': [";
	bool first = true;

	for (const char *const *name = compile_seccomp_archs(); *name; name++, first = false) {
		size_t n = strlen(json);

		snprintf(json + n, sizeof(json) - n, "%s'%s'", first ? "" : ", ", *name);
	}
	strncat(json, "]}", sizeof(json) - strlen(json) - 1);
	must(compile(json) == 0);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		check_int(verdict(AUDIT_ARCH_AARCH64, 63, 0, 0), ALLOWED);
		check_int(verdict(AUDIT_ARCH_AARCH64, 62, 0, 0), DENIED);
		check_int(verdict(AUDIT_ARCH_AARCH64, 438, 0, 0), UNKNOWN);
		check_int(verdict(AUDIT_ARCH_ARM, 3, 0, 0), ALLOWED);
		check_int(verdict(AUDIT_ARCH_ARM, 438, 0, 0), UNKNOWN);
		check_int(verdict(AUDIT_ARCH_ARM, 0x0f0005, 0, 0), DENIED);
		check_int(verdict(AUDIT_ARCH_MIPSEL, 4003, 0, 0), ALLOWED);
		check_int(verdict(AUDIT_ARCH_MIPSEL, 4437, 0, 0), ALLOWED);
		check_int(verdict(AUDIT_ARCH_MIPSEL, 4438, 0, 0), UNKNOWN);
		check_int(verdict(AUDIT_ARCH_MIPS, 4003, 0, 0), SECCOMP_RET_KILL_THREAD);
	}
	/* Known to the specification, not to every libseccomp. */
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', "
		     "'architectures': ['SCMP_ARCH_LOONGARCH64', 'SCMP_ARCH_SHEB']}") == 0);
}

static void no_profile_is_no_filter(void)
{
	filter.len = 5;
	check_int(compile_seccomp(&arena, NULL, &filter, &error), 0);
	check(!filter.filter);
	check_int(filter.len, 0);
}

static void a_call_that_nobody_knows_is_left_out(void)
{
	must(compile("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': "
		     "['frobnicate', 'read'], 'action': 'SCMP_ACT_ALLOW'}]}") == 0);
	check_int(ask("read", 0), ALLOWED);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void actions_and_their_numbers_are_checked(void)
{
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ALOW'}"),
		  "linux.seccomp.defaultAction: unknown action 'SCMP_ACT_ALOW'");
	check_str(error.hint, "did you mean 'SCMP_ACT_ALLOW'?");
	check_str(complaint("{'defaultAction': 'NO'}"),
		  "linux.seccomp.defaultAction: unknown action 'NO'");
	check(strstr(error.hint, "known are: SCMP_ACT_KILL "));
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ALLOW', 'defaultErrnoRet': 1}"),
		  "linux.seccomp.defaultErrnoRet: 1 is given, but SCMP_ACT_ALLOW does not take an "
		  "error number");
	check_str(error.hint, "remove it, or use SCMP_ACT_ERRNO or SCMP_ACT_TRACE");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 4096}"),
		  "linux.seccomp.defaultErrnoRet: 4096 is larger than 4095, the largest that "
		  "SCMP_ACT_ERRNO can give");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['read'], "
			    "'action': 'SCMP_ACT_TRACE', 'errnoRet': 65536}]}"),
		  "linux.seccomp.syscalls[0].errnoRet: 65536 is larger than 65535, the largest "
		  "that SCMP_ACT_TRACE can give");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
			    "{'names': ['read'], 'action': 'SCMP_ACT_ALLOW'}, "
			    "{'names': ['write'], 'action': 'SCMP_ACT_LOG', 'errnoRet': 3}]}"),
		  "linux.seccomp.syscalls[1].errnoRet: 3 is given, but SCMP_ACT_LOG does not take "
		  "an error number");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
			    "{'names': ['read'], 'action': 'ALLOW'}]}"),
		  "linux.seccomp.syscalls[0].action: unknown action 'ALLOW'");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
			    "{'names': [], 'action': 'SCMP_ACT_ALLOW'}]}"),
		  "linux.seccomp.syscalls[0].names: is empty");
}

static void conditions_are_checked(void)
{
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['read'], "
			    "'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 6, 'value': 0, "
			    "'op': 'SCMP_CMP_EQ'}]}]}"),
		  "linux.seccomp.syscalls[0].args[0].index: 6 is larger than 5");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['read'], "
			    "'action': 'SCMP_ACT_ALLOW', 'args': [{'index': 0, 'value': 0, "
			    "'op': 'SCMP_CMP_QE'}]}]}"),
		  "linux.seccomp.syscalls[0].args[0].op: unknown operator 'SCMP_CMP_QE'");
	check_str(error.hint, "did you mean 'SCMP_CMP_NE'?");
}

static void flags_and_architectures_are_checked(void)
{
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'flags': ['TSYNC']}"),
		  "linux.seccomp.flags[0]: unknown flag 'TSYNC'");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', "
			    "'architectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_AMD64']}"),
		  "linux.seccomp.architectures[1]: unknown architecture 'SCMP_ARCH_AMD64'");
}

static void a_listener_needs_a_path(void)
{
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': ["
			    "{'names': ['read'], 'action': 'SCMP_ACT_NOTIFY'}]}"),
		  "linux.seccomp.listenerPath: is missing, but SCMP_ACT_NOTIFY is used");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'listenerMetadata': 'x'}"),
		  "linux.seccomp.listenerMetadata: is given without listenerPath");
	check_str(complaint("{'defaultAction': 'SCMP_ACT_ERRNO', 'listenerPath': '/run/agent'}"),
		  "no error");
}

static void a_filter_beyond_the_kernels_limit_is_refused(void)
{
	enum { N = 600 };
	char *json = calloc(N, 128), *end = json;

	end += sprintf(end, "{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [");
	for (int i = 0; i < N; i++)
		end += sprintf(end,
			       "%s{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW', 'args': "
			       "[{'index': 0, 'value': %d, 'op': 'SCMP_CMP_GE'}]}",
			       i ? "," : "", i);
	sprintf(end, "]}");
	check_str(complaint(json), "no error");
	free(json);

	json = calloc(2 * N, 128);
	end = json + sprintf(json, "{'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [");
	for (int i = 0; i < 2 * N; i++)
		end += sprintf(end,
			       "%s{'names': ['lseek'], 'action': 'SCMP_ACT_ALLOW', 'args': "
			       "[{'index': 0, 'value': %d, 'op': 'SCMP_CMP_GE'}]}",
			       i ? "," : "", i);
	sprintf(end, "]}");
	check_str(complaint(json), "linux.seccomp: the profile needs more than 4096 instructions, "
				   "which is the kernel's limit");
	free(json);
	arena_close(&arena);
}

static const struct test tests[] = {
	TEST(a_listed_call_gets_its_action_and_others_the_default),
	TEST(every_action_has_its_value),
	TEST(a_call_newer_than_the_profile_does_not_exist),
	TEST(a_rule_like_the_default_still_tells_the_age_of_a_profile),
	TEST(newer_calls_follow_a_default_that_lets_pass_or_asks),
	TEST(other_architectures_are_killed),
	TEST(x32_is_an_architecture_of_its_own),
	TEST(multiplexed_calls_are_found_both_ways),
	TEST(conditions_on_multiplexed_calls_err_on_the_safe_side),
	TEST(each_operator_compares_all_64_bits),
	TEST(of_narrow_arguments_only_the_lower_half_counts),
	TEST(conditions_for_several_arguments_must_all_hold),
	TEST(conditions_for_the_same_argument_are_alternatives),
	TEST(a_usual_profile_means_what_libseccomp_makes_of_it),
	TEST(rules_that_contradict_are_resolved_as_libseccomp_does),
	TEST(the_kernel_takes_the_filter_and_obeys),
	TEST(flags_become_those_of_the_system_call),
	TEST(all_architectures_of_this_byte_order_go_together),
	TEST(no_profile_is_no_filter),
	TEST(a_call_that_nobody_knows_is_left_out),
	TEST(actions_and_their_numbers_are_checked),
	TEST(conditions_are_checked),
	TEST(flags_and_architectures_are_checked),
	TEST(a_listener_needs_a_path),
	TEST(a_filter_beyond_the_kernels_limit_is_refused),
};

#else

static void a_profile_is_refused_without_seccomp(void)
{
	struct oci_seccomp s = { .defaultAction = "SCMP_ACT_ALLOW" };
	struct plan_seccomp out;
	struct error e = { 0 };

	check(compile_seccomp(NULL, &s, &out, &e) < 0);
	check_str(e.text, "linux.seccomp: this build has no seccomp support");
	check_int(compile_seccomp(NULL, NULL, &out, &e), 0);
}

static const struct test tests[] = {
	TEST(a_profile_is_refused_without_seccomp),
};

#endif

TEST_MAIN(tests)
