/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * harness -- run commands in turns and compare what they cost.
 *
 *	harness [OPTION]... --as NAME COMMAND... [--then COMMAND...]... [--as NAME ...]...
 *
 *	-t TITLE    one for each step, separated by commas; "sum of TITLE" for all of them is added
 *	-n ROUNDS   -w WARMUPS, which do not count
 *	-b BATCH    -p PARALLEL: a round is so many runs, so many at once; the figures are those of one
 *	-c          count system calls, too, in one more round under strace(1)
 *	-o FILE     append the figures, a line for each command and step, separated by tabs
 *
 * A machine is faster in one minute than in the next, so the commands run interleaved, A B C, then
 * B C A, and it is their ratios that are worth something; the first one is what the others are
 * held against. Of each step: wall time from before its start to after its end, and what wait4(2)
 * tells about it and those of its descendants that were waited for. Orphans become ours: a step after
 * `--ended` instead of `--then` begins when there is none left. "@N@" in an argument becomes a number
 * of this run. A command that fails ends all, with what it said.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define MAX_STEPS    4
#define MAX_WORDS    64

enum measure { WALL, CPU, FAULTS, SWITCHES, MEMORY, MEASURES };

struct step {
	char **argv;
	bool when_ended;
	double *samples[MEASURES];
	long calls; /* of the system; 0: not counted */
};

struct command {
	const char *name;
	struct step steps[MAX_STEPS + 1]; /* the last one is their sum */
};

static struct command commands[MAX_COMMANDS];
static int n_commands, n_steps = 1, rounds = 50, warmups = 3, batch = 1, parallel = 1;
static int null, output;
static unsigned int runs; /* what @N@ is */
static bool count_calls;
static const char *file;
static char *titles[MAX_STEPS + 1];

static void die(const char *what)
{
	fprintf(stderr, "harness: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double milliseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Show what a failing command wrote, and end. */
static void give_up(const struct command *c, const struct step *s, int status)
{
	char buf[4096];
	ssize_t n;

	fprintf(stderr, "harness: %s failed (%s %d):", c->name,
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	for (char **arg = s->argv; *arg; arg++)
		fprintf(stderr, " %s", *arg);
	fputc('\n', stderr);
	lseek(output, 0, SEEK_SET);
	while ((n = read(output, buf, sizeof(buf))) > 0)
		if (write(STDERR_FILENO, buf, (size_t)n) < 0)
			break;
	exit(1);
}

/* ---- running --------------------------------------------------------------------------------- */

/* The words of a step with @N@ replaced, behind those of strace if its calls go into `calls`. */
static char **words(const struct step *s, unsigned int number, const char *calls)
{
	static char text[16384];
	static char *argv[MAX_WORDS];
	const char *const strace[] = { "strace", "-D", "-f", "-qq", "-c", "-o", calls };
	size_t n = 0, used = 0;

	for (size_t i = 0; calls && i < sizeof(strace) / sizeof(*strace); i++)
		argv[n++] = (char *)strace[i];
	for (char **arg = s->argv; *arg && n < MAX_WORDS - 1; arg++) {
		const char *at = strstr(*arg, "@N@");

		argv[n++] = text + used;
		used += (size_t)snprintf(text + used, sizeof(text) - used, at ? "%.*s%u%s" : "%.*s",
					 at ? (int)(at - *arg) : (int)strlen(*arg), *arg, number,
					 at ? at + 3 : "") +
			1;
		if (used >= sizeof(text))
			exit(64);
	}
	argv[n] = NULL;
	return argv;
}

static pid_t start(const struct step *s, unsigned int number, const char *calls)
{
	char **argv = words(s, number, calls);
	pid_t pid = vfork(); /* the cost of copying our memory is not theirs */

	if (pid == 0) {
		dup2(null, STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	return pid;
}

/* Those that we have become the parent of: programs of containers, tracers. */
static void await_orphans(void)
{
	while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR)
		;
}

static void clear_output(void)
{
	if (ftruncate(output, 0) < 0 || lseek(output, 0, SEEK_SET) < 0)
		die("output");
}

static void add(double sum[MEASURES], const struct rusage *used)
{
	sum[CPU] += milliseconds(used->ru_utime) + milliseconds(used->ru_stime);
	sum[FAULTS] += (double)(used->ru_minflt + used->ru_majflt);
	sum[SWITCHES] += (double)(used->ru_nvcsw + used->ru_nivcsw);
	if (sum[MEMORY] < (double)used->ru_maxrss / 1024)
		sum[MEMORY] = (double)used->ru_maxrss / 1024;
}

/* The whole batch of a step. With one at a time, only that one is waited for. */
static void run(const struct command *c, const struct step *s, double sum[MEASURES])
{
	pid_t running[256];
	int left = batch, n = 0, status;

	memset(sum, 0, MEASURES * sizeof(*sum));
	clear_output();
	double begin = now();

	while (left || n) {
		while (left && n < parallel) {
			running[n++] = start(s, runs + (unsigned int)left, NULL);
			left--;
		}
		struct rusage used;
		pid_t pid = wait4(parallel == 1 ? running[0] : -1, &status, 0, &used);
		int i = 0;

		if (pid < 0 && errno != EINTR)
			die("wait4");
		while (i < n && running[i] != pid)
			i++;
		if (pid < 0 || i == n)
			continue;
		running[i] = running[--n];
		if (status != 0)
			give_up(c, s, status);
		add(sum, &used);
	}
	sum[WALL] = now() - begin;
	for (enum measure m = WALL; m < MEMORY; m++)
		sum[m] /= batch;
}

static void run_steps(struct command *c, int round)
{
	double sum[MEASURES] = { 0 }, one[MEASURES];

	for (int i = 0; i < n_steps; i++) {
		struct step *s = &c->steps[i];

		if (s->when_ended)
			await_orphans();
		run(c, s, one);
		for (enum measure m = WALL; m < MEASURES; m++) {
			sum[m] = m != MEMORY ? sum[m] + one[m] : one[m] > sum[m] ? one[m] : sum[m];
			if (round >= 0)
				s->samples[m][round] = one[m];
		}
	}
	for (enum measure m = WALL; round >= 0 && m < MEASURES; m++)
		c->steps[n_steps].samples[m][round] = sum[m];
	runs += (unsigned int)batch;
}

/* ---- counting system calls ------------------------------------------------------------------- */

/* "100.00    0.011346          15       743        39 total" */
static long read_total(const char *name)
{
	char line[256];
	long total = 0;
	FILE *f = fopen(name, "re");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " total\n"))
			sscanf(line, "%*s %*s %*s %ld", &total);
	if (f)
		fclose(f);
	unlink(name);
	return total;
}

/* The tracers stay until the last process that they trace has ended, and write then. */
static void count(struct command *c)
{
	char names[MAX_STEPS][64];
	int status;

	clear_output();
	runs++;
	for (int i = 0; i < n_steps; i++) {
		struct step *s = &c->steps[i];

		snprintf(names[i], sizeof(names[i]), "/tmp/harness-%d-%d", getpid(), i);
		if (s->when_ended)
			await_orphans();
		pid_t pid = start(s, runs, names[i]);

		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				die("waitpid");
		if (status != 0)
			give_up(c, s, status);
	}
	await_orphans();
	for (int i = 0; i < n_steps; i++) {
		c->steps[i].calls = read_total(names[i]);
		c->steps[n_steps].calls += c->steps[i].calls;
	}
}

/* ---- what it says ---------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of sorted samples: 0 the smallest, 1 the largest. */
static double quantile(const struct step *s, enum measure m, double part)
{
	return s->samples[m][(int)(part * (rounds - 1) + 0.5)];
}

static double median(const struct step *s, enum measure m)
{
	return quantile(s, m, 0.5);
}

static void print_table(int step)
{
	printf("%s, %d rounds\n", titles[step], rounds);
	printf("%-22s %9s %9s %9s %8s %8s %8s %9s %8s %7s %7s\n", "", "min ms", "median", "p90",
	       "cpu ms", "faults", "switches", "max MiB", "calls", "ratio", "cpu");
	for (int i = 0; i < n_commands; i++) {
		const struct step *s = &commands[i].steps[step], *first = &commands[0].steps[step];

		printf("%-22s %9.2f %9.2f %9.2f %8.2f %8.0f %8.0f %9.1f %8ld %7.2f %7.2f\n",
		       commands[i].name, quantile(s, WALL, 0), median(s, WALL),
		       quantile(s, WALL, 0.9), median(s, CPU), median(s, FAULTS),
		       median(s, SWITCHES), median(s, MEMORY), s->calls,
		       median(s, WALL) / median(first, WALL), median(s, CPU) / median(first, CPU));
	}
	putchar('\n');
}

static void append_figures(int step)
{
	FILE *f = fopen(file, "ae");

	if (!f)
		die(file);
	for (int i = 0; i < n_commands; i++) {
		const struct step *s = &commands[i].steps[step];

		fprintf(f, "%s\t%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.0f\t%.0f\t%ld\t%.1f\n",
			titles[step], commands[i].name, rounds, quantile(s, WALL, 0),
			median(s, WALL), quantile(s, WALL, 0.9), median(s, CPU), median(s, FAULTS),
			median(s, SWITCHES), s->calls, median(s, MEMORY));
	}
	if (fclose(f) != 0)
		die(file);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > 100000) {
		fprintf(stderr, "harness: '%s' is not a number\n", text);
		exit(64);
	}
	return (int)n;
}

static void usage(void)
{
	fputs("usage: harness [-n ROUNDS] [-w WARMUPS] [-b BATCH] [-p PARALLEL] [-c] [-o FILE]\n"
	      "               [-t TITLE,...] --as NAME COMMAND... [--then|--ended COMMAND...]...\n"
	      "               [--as NAME ...]...\n",
	      stderr);
	exit(64);
}

static int read_options(int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+n:w:b:p:t:o:c")) > 0 && option != '?') {
		char *next, *title = optarg;

		switch (option) {
		case 'n':
			rounds = number(optarg);
			break;
		case 'w':
			warmups = number(optarg);
			break;
		case 'b':
			batch = number(optarg);
			break;
		case 'p':
			parallel = number(optarg);
			break;
		case 'o':
			file = optarg;
			break;
		case 'c':
			count_calls = true;
			break;
		case 't':
			for (int i = 0; title && i < MAX_STEPS; i++, title = next) {
				next = strchr(title, ',');
				if (next)
					*next++ = '\0';
				titles[i] = title;
			}
			break;
		}
	}
	return optind; /* "--as": where the commands begin */
}

static bool ends_words(const char *word)
{
	return strcmp(word, "--as") == 0 || strcmp(word, "--then") == 0 ||
	       strcmp(word, "--ended") == 0;
}

static void read_commands(int argc, char **argv, int i)
{
	int steps = 0;

	while (i < argc) {
		char *word = argv[i];
		bool first = strcmp(word, "--as") == 0;

		if (!ends_words(word) || i + 1 + first >= argc ||
		    (first ? n_commands == MAX_COMMANDS : !n_commands || steps == MAX_STEPS))
			usage();
		argv[i++] = NULL; /* ends the command before */
		if (first) {
			if (n_commands && steps != n_steps)
				n_steps = n_commands == 1 ? steps : 0;
			commands[n_commands++].name = argv[i++];
			steps = 0;
		}
		struct step *s = &commands[n_commands - 1].steps[steps++];

		s->when_ended = strcmp(word, "--ended") == 0;
		s->argv = argv + i;
		while (i < argc && !ends_words(argv[i]))
			i++;
	}
	if (n_commands == 1)
		n_steps = steps;
	if (n_commands == 0 || steps != n_steps || rounds < 1 || batch < 1 || parallel < 1 ||
	    parallel > 256)
		usage();
}

static void name_sum(void)
{
	char *sum = malloc(1024);

	if (!sum)
		die("memory");
	strcpy(sum, "sum of");
	for (int i = 0; i < n_steps; i++) {
		if (!titles[i])
			titles[i] = (char *)"";
		if (strlen(sum) + strlen(titles[i]) < 1000)
			strcat(strcat(sum, i ? " + " : " "), titles[i]);
	}
	titles[n_steps] = sum;
}

int main(int argc, char **argv)
{
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	output = memfd_create("output", MFD_CLOEXEC);
	if (null < 0 || output < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("open");
	read_commands(argc, argv, read_options(argc, argv));
	name_sum();
	for (int i = 0; i < n_commands; i++)
		for (int k = 0; k <= n_steps; k++)
			for (enum measure m = WALL; m < MEASURES; m++) {
				double *samples = calloc((size_t)rounds, sizeof(double));

				if (!samples)
					die("memory");
				commands[i].steps[k].samples[m] = samples;
			}
	for (int round = -warmups; round < rounds; round++)
		for (int i = 0; i < n_commands; i++)
			run_steps(&commands[(round + warmups + i) % n_commands], round);
	for (int i = 0; count_calls && i < n_commands; i++)
		count(&commands[i]);
	for (int k = 0; k < n_steps + (n_steps > 1); k++) {
		for (int i = 0; i < n_commands; i++)
			for (enum measure m = WALL; m < MEASURES; m++)
				qsort(commands[i].steps[k].samples[m], (size_t)rounds,
				      sizeof(double), compare);
		print_table(k);
		if (file)
			append_figures(k);
	}
	return 0;
}
