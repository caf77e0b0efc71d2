/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sweeper -- let every system call of a command fail, one at a time, and look at what is left.
 *
 * A command is run under ptrace(2), and its n-th system call, counted over all of its processes until
 * they execute the container's program, meets a fault: it fails with an error, or the process that
 * makes it is killed, or all others are, or all of them. Then must hold:
 *
 *   - the command ends before its deadline, by success or with a message, never by a signal of its own;
 *   - what was done nevertheless is just what is done without a fault, as the program in the container,
 *     its state and the limits of its cgroups show: nothing was left out;
 *   - `delete --force`, once, succeeds, and leaves no process, cgroup, mount or state.
 *
 *   sweeper -r RUNTIME -b BUNDLE -d DIRECTORY -c COMMAND -f FAULT [-e EVERY] [-s FIRST] [-n COUNT]
 *           [-t SECONDS] [-v]
 *
 *   -r RUNTIME    ocirt, or another one
 *   -b BUNDLE     its program looks around and ends; that of the bundle standing/ in it stands still;
 *                 update.json has the resources for `update`
 *   -d DIRECTORY  for the state; not there before, and not there afterwards
 *   -c COMMAND    create start run exec delete kill update pause resume state
 *   -f FAULT      EINTR ENOMEM ENOSPC EMFILE EPERM EIO EAGAIN, kill, kill-others, kill-all
 *   -e EVERY      not each call but every so manieth, beginning with the FIRST; at most COUNT of them
 *   -t SECONDS    the deadline of a command (30; it needs hundredths)
 *   -v            a line for each
 *
 * The last line of the output is the total. The exit status is 1 when something did not hold.
 */
#include "../tracer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

/* glibc's <sys/mount.h> and <linux/mount.h> define the same names. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
#define MS_REC     16384
#define MS_PRIVATE (1 << 18)

#define OUTPUT 65536

static struct {
	const char *runtime, *bundle, *directory, *command, *fault;
	int error; /* 0: a kill */
	bool kill_others, kill_all, verbose;
	long every, first, most;
	int deadline;
} wish = { .every = 1, .first = 1, .most = -1, .deadline = 30 };

/* Of one round. */
static struct {
	long at, count;
	bool executed; /* before, it is still us */
	bool reached, killed;
	char call[64]; /* where the fault was */
} now;

static struct {
	long rounds, survived, refused, killed, faults;
} total;

static char id[32];        /* of the container */
static int out_fd, err_fd; /* memfds: what the command says */

static void die(const char *what)
{
	fprintf(stderr, "sweeper: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- a call ---------------------------------------------------------------------------------- */

/* Calls that have no way to fail, or whose failure nobody, not even libc, looks at. A failing close()
 * has closed all the same; here it would not. */
static bool cannot_fail(uint64_t nr)
{
	static const int calls[] = {
		SYS_exit,           SYS_exit_group,   SYS_rt_sigreturn, SYS_close,
		SYS_getpid,         SYS_gettid,       SYS_getppid,      SYS_getuid,
		SYS_geteuid,        SYS_getgid,       SYS_getegid,      SYS_set_tid_address,
		SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_umask,
#ifdef SYS_arch_prctl
		SYS_arch_prctl,
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((uint64_t)calls[i] == nr)
			return true;
	return false;
}

static void on_call(struct tracee *t, const struct ptrace_syscall_info *info)
{
	char exe[256];

	if (!now.executed || (wish.error && cannot_fail(info->entry.nr)) || ++now.count != now.at)
		return;
	trace_program(t, exe, sizeof(exe));
	const char *slash = strrchr(exe, '/');

	snprintf(now.call, sizeof(now.call), "%.30s call %d(%d)", slash ? slash + 1 : exe,
		 (int)info->entry.nr, (int)info->entry.args[0]);
	now.reached = true;
	trace_no_more_calls();
	if (wish.error) {
		trace_fail(t, wish.error);
		return;
	}
	now.killed = true;
	if (wish.kill_others)
		trace_kill_others(t);
	else
		trace_kill(wish.kill_all ? NULL : t);
}

/* The container's program is none of ours. */
static bool on_exec(const struct tracee *t)
{
	char exe[256];

	now.executed = true;
	trace_program(t, exe, sizeof(exe));
	const char *slash = strrchr(exe, '/');

	return slash && strcmp(slash, "/demo") == 0;
}

static const struct tracer tracer = { on_call, on_exec };

/* ---- commands -------------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void become(void *arg)
{
	const char *const *argv = arg;
	const char *args[16] = { wish.runtime, "--root", wish.directory };

	for (size_t i = 0; argv[i]; i++)
		args[3 + i] = argv[i];
	dup2(out_fd, 1);
	dup2(err_fd, 2);
	if (chdir(wish.bundle) == 0)
		execv(wish.runtime, (char **)(uintptr_t)args);
	_exit(120);
}

static pid_t start(const char *const argv[], bool traced)
{
	void *arg = (void *)(uintptr_t)argv;

	if (traced)
		return trace_start(become, arg);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(arg);
	return pid;
}

/* The wait status of the command, or -1: it did not end in time (and is killed now). */
static int await(pid_t command)
{
	int status = trace(&tracer, command, wish.deadline);

	trace_let_go();
	return status;
}

static void forget_output(void)
{
	if (ftruncate(out_fd, 0) < 0 || ftruncate(err_fd, 0) < 0)
		die("ftruncate");
	lseek(out_fd, 0, SEEK_SET);
	lseek(err_fd, 0, SEEK_SET);
}

static void output(int fd, char text[OUTPUT])
{
	ssize_t n = pread(fd, text, OUTPUT - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
}

static void bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void bad(const char *format, ...)
{
	static char text[OUTPUT];
	va_list ap;

	total.faults++;
	printf("not ok: %s, %s at %ld (%s): ", wish.command, wish.fault, now.at, now.call);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	output(err_fd, text);
	for (char *s = text; *s; s++)
		if (*s == '\n')
			*s = '|';
	printf(" [%.400s]\n", text);
	fflush(stdout);
}

/* Without a fault; false: it failed. */
static bool plain(const char *const argv[])
{
	forget_output();
	int status = await(start(argv, false));

	if (status == -1)
		bad("'%s' hangs", argv[0]);
	else if (status != 0)
		bad("'%s' fails with status %#x", argv[0], (unsigned int)status);
	return status == 0;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct command {
	const char *name;
	const char *const *words;
	int before;             /* 1: create it, 2: and start it, 3: and pause it */
	const char *afterwards; /* its status; NULL: it is no more */
	bool looks;             /* it says what it, or the program that runs, sees */
} commands[] = {
	{ "create", WORDS("create", "--bundle", "standing", id), 0, "created", false },
	{ "start", WORDS("start", id), 1, "running", false },
	{ "run", WORDS("run", id), 0, NULL, true },
	{ "exec", WORDS("exec", id, "/bin/demo", "all"), 2, "running", true },
	{ "delete", WORDS("delete", "--force", id), 2, NULL, false },
	{ "kill", WORDS("kill", id, "KILL"), 2, "stopped", false },
	{ "update", WORDS("update", "--resources", "update.json", id), 2, "running", false },
	{ "pause", WORDS("pause", id), 2, "paused", false },
	{ "resume", WORDS("resume", id), 3, "running", false },
	{ "state", WORDS("state", id), 2, "running", true },
};

/* ---- afterwards ------------------------------------------------------------------------------ */

static long count_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	long n = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

/* Whatever was orphaned is our child, as we are the subreaper: it has to end soon. */
static void expect_no_process(void)
{
	time_t deadline = time(NULL) + 3;

	for (;;) {
		alarm(1);
		pid_t pid = waitpid(-1, NULL, __WALL);
		int err = errno;

		alarm(0);
		if (pid < 0 && err == ECHILD)
			return;
		if (time(NULL) > deadline)
			break;
	}
	bad("processes are left");
	char path[64];
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *f = fopen(path, "re");

	while (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

/* The container's, in all hierarchies. */
static void each_cgroup(void (*look)(const char *path))
{
	static const char *const begins[] = { "ocirt-", "" }; /* as others name them */
	DIR *d = opendir("/sys/fs/cgroup");
	char path[512];

	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (strcmp(entry->d_name, "..") == 0)
			continue;
		for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
			snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s%s", entry->d_name,
				 begins[i], id);
			if (access(path, F_OK) == 0)
				look(path);
		}
	}
	if (d)
		closedir(d);
}

static void is_left(const char *path)
{
	bad("%s is left", path);
	rmdir(path);
}

/* What `state` says of it. */
static bool has_status(const char *wanted)
{
	static char text[OUTPUT];
	char words[32];

	forget_output();
	int status = await(start(WORDS("state", id), false));

	if (!wanted || status != 0)
		return !wanted == (status != 0);
	output(out_fd, text);
	snprintf(words, sizeof(words), "\"%s\"", wanted);
	return strstr(text, words);
}

/* Of a signal it dies a moment later. */
static void expect_status(const char *wanted)
{
	time_t deadline = time(NULL) + 3;

	while (!has_status(wanted))
		if (time(NULL) > deadline) {
			bad("the state is not '%s'", wanted ? wanted : "gone");
			return;
		}
}

static void expect_no_state(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", wish.directory, id);
	if (access(path, F_OK) == 0)
		bad("%s is left", path);
}

/* What differs from run to run. */
static bool changes(const char *line)
{
	static const char *const begins[] = {
		"Vm",     "Rss",       "SigQ",  "voluntary_", "nonv",          "Cpus_all", "1: ",
		"2: ",    "0: pipe:[", "pid:",  "Pid:",       "Tgid",          "Ngid:",    "NSpid",
		"NStgid", "NSpgid",    "NSsid", "  \"pid\"",  "  \"created\"",
	};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(line, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* Is the line about a namespace that is the host's? No two containers have the same one. */
static bool of_host(const char *line)
{
	char kind[16], is[64], path[64], ours[64];

	if (sscanf(line, "namespace.%15[a-z]: %63s", kind, is) != 2)
		return false;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	ssize_t n = readlink(path, ours, sizeof(ours) - 1);

	ours[n < 0 ? 0 : n] = '\0';
	return strcmp(is, ours) == 0;
}

static bool same_line(const char *a, size_t n, const char *b, size_t m)
{
	static const char namespace[] = "namespace.";

	if (n == m && memcmp(a, b, n) == 0)
		return true;
	if (strncmp(a, namespace, strlen(namespace)) == 0)
		return strncmp(a, b, strcspn(a, ":")) == 0 && of_host(a) == of_host(b);
	return changes(a) && changes(b);
}

static void expect_same(const char *whose, const char *a, const char *b)
{
	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

		if (!same_line(a, n, b, m)) {
			bad("%s '%.*s' instead of '%.*s'", whose, (int)m, b, (int)n, a);
			return;
		}
		a += n + (a[n] != '\0');
		b += m + (b[m] != '\0');
	}
	if (*a || *b)
		bad("%s more or less than usual: '%.200s'", whose, *a ? a : b);
}

static void expect_same_view(void)
{
	static char usual[OUTPUT], seen[OUTPUT];

	if (!*usual)
		output(out_fd, usual);
	output(out_fd, seen);
	expect_same("the program sees", usual, seen);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static char limits[OUTPUT];
static size_t n_limits;

static void add_limit(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add_limit(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(limits + n_limits, sizeof(limits) - n_limits, format, ap);

	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(limits) - n_limits)
		die("too many limits");
	n_limits += (size_t)n;
}

/* A file that is written to in order to limit something, not to do or forget something. */
static bool is_limit(int dir, const char *name)
{
	static const char *const others[] = { "procs",   "tasks",    "threads",       "usage",
					      "failcnt", "pressure", "event_control", "force_empty",
					      "reclaim", "peak" };
	struct stat st;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strstr(name, others[i]))
			return false;
	return strcmp(name, "devices.list") == 0 ||
	       (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		(st.st_mode & 0600) == 0600);
}

/* On v2, what may be done with devices is not a file's but a program's. */
static void add_device_programs(int dir)
{
	union bpf_attr attr = { .query = { .target_fd = (uint32_t)dir,
					   .attach_type = BPF_CGROUP_DEVICE } };

	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0)
		add_limit("programs for devices: %u\n", attr.query.prog_cnt);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rules of v1 are a set. */
static ssize_t sort_lines(char *text, size_t n)
{
	static char sorted[4096];
	char *lines[256], *rest;
	size_t n_lines = 0, length = 0;

	text[n] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line && n_lines < 256;
	     line = strtok_r(NULL, "\n", &rest))
		lines[n_lines++] = line;
	qsort(lines, n_lines, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < n_lines; i++)
		length += (size_t)snprintf(sorted + length, sizeof(sorted) - length, "%s\n",
					   lines[i]);
	memcpy(text, sorted, length);
	return (ssize_t)length;
}

static void add_limits(const char *path)
{
	DIR *d = opendir(path);
	char text[4096];

	if (!d)
		return;
	add_device_programs(dirfd(d));
	for (struct dirent *entry; (entry = readdir(d));) {
		if (!is_limit(dirfd(d), entry->d_name))
			continue;
		int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

		if (fd >= 0)
			close(fd);
		if (n > 0 && strcmp(entry->d_name, "devices.list") == 0)
			n = sort_lines(text, (size_t)n);
		for (ssize_t i = 0; i < n; i++)
			if (text[i] == '\n')
				text[i] = '|';
		add_limit("%s/%s: %.*s\n", path, entry->d_name, (int)(n < 0 ? 0 : n), text);
	}
	closedir(d);
}

static void expect_same_limits(void)
{
	static char usual[OUTPUT];
	static bool known;

	n_limits = 0;
	limits[0] = '\0';
	each_cgroup(add_limits);
	if (!known)
		memcpy(usual, limits, sizeof(usual));
	known = true;
	expect_same("a limit is", usual, limits);
}

/* A failure is told by a line that says what failed, beyond whose failure it is. */
static void expect_message(void)
{
	static char text[OUTPUT];

	output(err_fd, text);
	if (strstr(text, "Error relocating"))
		return; /* so far the dynamic linker has the word */
	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") > 20)
			return;
	bad("it fails without a word");
}

/* ---- a round --------------------------------------------------------------------------------- */

/* False: the command makes fewer calls than that. */
static bool round_at(const struct command *c, long at)
{
	long mounts = count_mounts();

	now.call[0] = '\0';
	now.at = at;
	now.count = 0;
	now.executed = now.reached = now.killed = false;
	if (c->before >= 1)
		plain(WORDS("create", "--bundle", "standing", id));
	if (c->before >= 2)
		plain(WORDS("start", id));
	if (c->before >= 3)
		plain(WORDS("pause", id));
	forget_output();
	int status = await(start(c->words, true));

	if (now.reached)
		total.rounds++;
	if (status == -1) {
		bad("it hangs");
	} else if (WIFSIGNALED(status)) {
		total.killed++;
		if (!now.killed)
			bad("it dies of signal %d", WTERMSIG(status));
	} else if (WEXITSTATUS(status) == 0) {
		total.survived += now.reached;
		if (c->looks)
			expect_same_view();
		expect_same_limits();
	} else {
		total.refused++;
		/* Killed just before the program would have run, it counts as the program's end. */
		if (!(now.killed && c->looks && WEXITSTATUS(status) == 128 + SIGKILL))
			expect_message();
		if (!now.reached)
			bad("it fails without a fault");
	}
	if (wish.verbose) {
		static char text[OUTPUT];

		output(err_fd, text);
		printf("%ld %s: %#x %.*s\n", at, now.call, (unsigned int)status,
		       (int)strcspn(text, "\n"), text);
	}
	if (status == 0 && !now.killed)
		expect_status(c->afterwards);
	plain(WORDS("delete", "--force", id));
	expect_no_process();
	expect_no_state();
	each_cgroup(is_left);
	if (count_mounts() > mounts) /* fewer: the mount point of somebody else has gone */
		bad("mounts are left");
	return now.reached;
}

static int fault_number(const char *name)
{
	int number = error_number(name);

	if (number || strcmp(name, "kill") == 0 || strcmp(name, "kill-others") == 0 ||
	    strcmp(name, "kill-all") == 0)
		return number;
	fprintf(stderr, "sweeper: what is the fault '%s'?\n", name);
	exit(2);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "sweeper: what is the command '%s'?\n", name);
	exit(2);
}

/* Mounts of this namespace only, orphans to us, and a signal that ends a wait. */
static void prepare(void)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGALRM, &sa, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("unshare");
	snprintf(id, sizeof(id), "swept-%d", getpid());
	out_fd = memfd_create("out", MFD_CLOEXEC);
	err_fd = memfd_create("err", MFD_CLOEXEC);
	if (out_fd < 0 || err_fd < 0)
		die("memfd_create");
}

int main(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "r:b:d:c:f:e:s:n:t:v")) != -1)
		switch (option) {
		case 'r':
			wish.runtime = optarg;
			break;
		case 'b':
			wish.bundle = optarg;
			break;
		case 'd':
			wish.directory = optarg;
			break;
		case 'c':
			wish.command = optarg;
			break;
		case 'f':
			wish.fault = optarg;
			wish.error = fault_number(optarg);
			wish.kill_others = strcmp(optarg, "kill-others") == 0;
			wish.kill_all = strcmp(optarg, "kill-all") == 0;
			break;
		case 'e':
			wish.every = atol(optarg);
			break;
		case 's':
			wish.first = atol(optarg);
			break;
		case 'n':
			wish.most = atol(optarg);
			break;
		case 't':
			wish.deadline = atoi(optarg);
			break;
		case 'v':
			wish.verbose = true;
			break;
		default:
			return 2;
		}
	if (!wish.runtime || !wish.bundle || !wish.directory || !wish.command || !wish.fault ||
	    wish.every < 1 || wish.first < 1 || wish.deadline < 1) {
		fprintf(stderr, "sweeper: see the beginning of its source\n");
		return 2;
	}
	const struct command *c = find_command(wish.command);

	prepare();
	round_at(c, 0); /* no fault: what is usual */
	if (total.faults == 0)
		for (long at = wish.first, n = 0; n != wish.most && round_at(c, at); n++)
			at += wish.every;
	rmdir(wish.directory);
	printf("%s %s: faults %ld, survived %ld, refused %ld, killed %ld, not ok %ld\n",
	       wish.command, wish.fault, total.rounds, total.survived, total.refused, total.killed,
	       total.faults);
	return total.faults > 0;
}
