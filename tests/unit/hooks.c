/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host/hooks.c and host/program.c: hooks are small shell scripts made in a temporary directory. */
#include "check.h"

#include "base/sys.h"
#include "host/hooks.h"
#include "host/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char bundle_path[] = "/tmp/ocirt-hooks-XXXXXX";
static int bundle = -1;
static const char state[] = "{\"status\":\"creating\"}";

static bool prepare(void)
{
	if (bundle < 0 && mkdtemp(bundle_path))
		bundle = open(bundle_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return bundle >= 0;
}

static void clean_up(void)
{
	static const char *const files[] = { "script", "seen", "pids", "out", "err" };

	for (size_t i = 0; i < array_len(files); i++)
		unlinkat(bundle, files[i], 0);
	rmdir(bundle_path);
}

/* What a hook left in a file of the bundle. */
static const char *seen(const char *file)
{
	static char text[4096];
	auto_close int fd = openat(bundle, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[MAX(n, 0)] = '\0';
	return text;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int shell_with(const char *script, struct oci_hook *h, const char *text, size_t len,
		      struct error *e)
{
	const char *args[] = { "sh", "-c", script, NULL };

	unlinkat(bundle, "seen", 0);
	*e = (struct error){ 0 };
	h->path = "/bin/sh";
	h->args = args;
	h->n_args = 3;
	int r = hooks_run(h, 1, "createRuntime", bundle, text, len, e);

	h->args = NULL;
	return r;
}

static int shell(const char *script, struct error *e)
{
	struct oci_hook h = { 0 };

	return shell_with(script, &h, state, strlen(state), e);
}

static void a_hook_reads_the_state_in_the_bundle(void)
{
	struct error e;

	must(prepare());
	check_int(shell("cat >seen", &e), 0);
	check_str(seen("seen"), state);
}

static void an_exit_status_is_reported_with_what_stderr_said(void)
{
	struct error e;

	must(prepare());
	check(shell("echo 'no such GPU' >&2; echo 'try another' >&2; exit 3", &e) < 0);
	check(after(e.text,
		    "error running createRuntime hook #0: /bin/sh: exit status 3 after 0."));
	check(strstr(e.text, "s, stderr: no such GPU | try another") != NULL);
	check(strchr(e.text, '\n') == NULL);
}

static void stdout_is_quoted_when_stderr_is_empty(void)
{
	struct error e;

	must(prepare());
	check(shell("echo oops; exit 1", &e) < 0);
	check(strstr(e.text, ", stdout: oops") != NULL);
}

static void a_signal_is_named(void)
{
	struct error e;

	must(prepare());
	check(shell("kill -KILL $$", &e) < 0);
	check(strstr(e.text, "/bin/sh: killed by SIGKILL after 0.") != NULL);
}

static void a_program_that_is_missing_is_reported_with_its_errno(void)
{
	struct oci_hook h[] = { { .path = "/bin/true" }, { .path = "/no/such/hook" } };
	struct error e = { 0 };

	must(prepare());
	check_int(hooks_run(h, 2, "prestart", bundle, state, strlen(state), &e), -ENOENT);
	check_str(e.text,
		  "error running prestart hook #1: /no/such/hook: No such file or directory");
}

static void a_script_whose_interpreter_is_missing_gets_a_hint(void)
{
	struct error e = { 0 };
	char path[64];

	must(prepare());
	auto_close int fd = openat(bundle, "script", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	must(fd >= 0 && write(fd, "#!/no/such/shell\n", 17) == 17);
	fd_close(&fd);
	snprintf(path, sizeof(path), "%s/script", bundle_path);
	struct oci_hook h = { .path = path };

	check_int(hooks_run(&h, 1, "poststart", bundle, state, strlen(state), &e), -ENOENT);
	check(strstr(e.hint, "the interpreter of its first line") != NULL);
	chmod(path, 0644);
	check_int(hooks_run(&h, 1, "poststart", bundle, state, strlen(state), &e), -EACCES);
	check_str(e.hint, "it is not executable (mode 0644)");
}

/* A background child must not survive: it is in the same process group. */
static void a_timeout_kills_the_whole_process_group(void)
{
	struct oci_hook h = { .timeout = { true, 1 } };
	struct error e;
	int child = 0;

	must(prepare());
	double start = now();

	check(shell_with("sleep 100 & echo $! >pids; echo late >&2; wait", &h, state, strlen(state),
			 &e) < 0);
	check(now() - start < 50); /* not when they end by themselves */
	check_str(e.text, "error running createRuntime hook #0: /bin/sh: timed out after 1s, "
			  "stderr: late");
	must(sscanf(seen("pids"), "%d", &child) == 1 && child > 1);
	auto_close int pidfd = sys_pidfd_open(child, 0); /* it may be dying, or gone already */

	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	check(pidfd < 0 || poll(&end, 1, 5000) == 1);
}

static void a_large_state_that_nobody_reads_does_not_hurt(void)
{
	static char large[1 << 20];
	struct oci_hook h = { 0 };
	struct error e;

	must(prepare());
	memset(large, 'x', sizeof(large));
	check_int(shell_with("exit 0", &h, large, sizeof(large), &e), 0);
	check_int(shell_with("wc -c >seen", &h, large, sizeof(large), &e), 0);
	check_int(atoi(seen("seen")), 1 << 20);
}

static void much_output_does_not_block_the_hook(void)
{
	struct error e;

	must(prepare());
	check(shell("head -c 300000 /dev/zero | tr '\\0' a; head -c 300000 /dev/zero | tr '\\0' b >&2;"
		    "echo end >&2; exit 4",
		    &e) < 0);
	check(strstr(e.text, "stderr: ...bbbb") != NULL);
	check(strstr(e.text, "bbbbend") != NULL);
}

/* What a hook leaves running may keep its pipes open for ever. */
static void a_daemon_is_not_waited_for(void)
{
	struct error e;
	int child = 0;

	must(prepare());
	double start = now();

	check_int(shell("sleep 100 & echo $! >seen", &e), 0);
	check(now() - start < 50);
	if (sscanf(seen("seen"), "%d", &child) == 1 && child > 1)
		kill(child, SIGKILL);
}

static void only_three_descriptors_are_open(void)
{
	struct error e;

	must(prepare());
	int leak = dup(1); /* without close-on-exec, as a careless caller leaves it */

	check_int(
		shell("exec >seen; for i in $(seq 0 1000); do [ -e /proc/$$/fd/$i ] && echo $i; done;"
		      "true",
		      &e),
		0);
	check_str(seen("seen"), "0\n1\n2\n");
	close(leak);
}

static void an_absent_env_is_ours_and_an_empty_one_is_empty(void)
{
	const char *none[] = { NULL }, *one[] = { "A=1", NULL };
	struct oci_hook h = { 0 };
	struct error e;

	must(prepare());
	setenv("OCIRT_TEST", "yes", 1);
	check_int(shell_with("echo $OCIRT_TEST >seen", &h, state, 1, &e), 0);
	check_str(seen("seen"), "yes\n");
	h.env = none;
	check_int(shell_with("echo \"$OCIRT_TEST\" >seen", &h, state, 1, &e), 0);
	check_str(seen("seen"), "\n");
	h.env = one;
	h.n_env = 1;
	check_int(shell_with("echo $A$OCIRT_TEST >seen", &h, state, 1, &e), 0);
	check_str(seen("seen"), "1\n");
}

static void a_hook_leads_its_own_session_with_nothing_blocked_or_ignored(void)
{
	struct error e;
	sigset_t all, before;

	must(prepare());
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	/* Ignored, as whatever make(1) starts gets it: the kernel's struct begins with the handler. */
	const uintptr_t ignored[8] = { (uintptr_t)SIG_IGN };

	check_int(syscall(SYS_rt_sigaction, 32, ignored, NULL, _NSIG / 8), 0);
	check_int(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '0\\t\\n' >seen;"
			"set -- $(cat /proc/$$/stat); test $5 = $$ && test $6 = $$",
			&e),
		  0);
	check_str(seen("seen"), "SigBlk:SigIgn:");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void the_first_failure_stops_the_rest_but_not_for_poststop(void)
{
	const char *fail_args[] = { "sh", "-c", "echo 1 >>seen; exit 1", NULL };
	const char *more_args[] = { "sh", "-c", "echo 2 >>seen", NULL };
	struct oci_hook h[] = { { .path = "/bin/sh", .args = fail_args, .n_args = 3 },
				{ .path = "/bin/sh", .args = more_args, .n_args = 3 } };
	struct error e = { 0 };

	must(prepare());
	unlinkat(bundle, "seen", 0);
	check(hooks_run(h, 2, "createRuntime", bundle, state, 1, &e) < 0);
	check_str(seen("seen"), "1\n");
	unlinkat(bundle, "seen", 0);
	/* The warning goes to standard error. */
	hooks_run_all(h, 2, "poststop", bundle, state, 1);
	check_str(seen("seen"), "1\n2\n");
}

static void output_goes_to_files_when_asked(void)
{
	char out[64], err[64];
	struct error e;

	must(prepare());
	snprintf(out, sizeof(out), "%s/out", bundle_path);
	snprintf(err, sizeof(err), "%s/err", bundle_path);
	hooks_output(out, err);
	check_int(shell("echo 1; echo 2 >&2", &e), 0);
	check(shell("echo 3; echo 4 >&2; exit 1", &e) < 0);
	hooks_output(NULL, NULL);
	check_str(seen("out"), "1\n3\n");
	check_str(seen("err"), "2\n4\n");
	check(strstr(e.hint, err) != NULL);
}

static void path_is_searched_for_absolute_directories_only(void)
{
	char *before = strdup(getenv("PATH")), found[256];

	setenv("PATH", ":.:bin:/no/such:/bin", 1);
	check_int(program_find("sh", found, sizeof(found)), 0);
	check_str(found, "/bin/sh");
	check_int(program_find("no-such-program", found, sizeof(found)), -ENOENT);
	setenv("PATH", before, 1);
	free(before);
}

static const struct test tests[] = {
	TEST(a_hook_reads_the_state_in_the_bundle),
	TEST(an_exit_status_is_reported_with_what_stderr_said),
	TEST(stdout_is_quoted_when_stderr_is_empty),
	TEST(a_signal_is_named),
	TEST(a_program_that_is_missing_is_reported_with_its_errno),
	TEST(a_script_whose_interpreter_is_missing_gets_a_hint),
	TEST(a_timeout_kills_the_whole_process_group),
	TEST(a_large_state_that_nobody_reads_does_not_hurt),
	TEST(much_output_does_not_block_the_hook),
	TEST(a_daemon_is_not_waited_for),
	TEST(only_three_descriptors_are_open),
	TEST(an_absent_env_is_ours_and_an_empty_one_is_empty),
	TEST(a_hook_leads_its_own_session_with_nothing_blocked_or_ignored),
	TEST(the_first_failure_stops_the_rest_but_not_for_poststop),
	TEST(output_goes_to_files_when_asked),
	TEST(path_is_searched_for_absolute_directories_only),
};

int main(int argc, char **argv)
{
	int r = run_tests(tests, array_len(tests), argc, argv);

	clean_up();
	return r;
}
