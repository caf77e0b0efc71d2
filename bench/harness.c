/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * harness -- run commands in turns and compare what they cost.
 *
 *	harness [-n ROUNDS] [-w WARMUPS] [-t TITLE] [-j FILE] --as NAME COMMAND... [--as NAME COMMAND...]...
 *
 * A machine is faster in one minute than in the next, so the commands run interleaved, A B C, then
 * B C A, and it is their ratios that are worth something; the first one is what the others are
 * held against. Of each: wall time from before its start to after its end, and what wait4(2) tells
 * about it and those of its descendants that were waited for. A command that fails ends all, with
 * what it said. Prints a table; -j appends a line of JSON for each command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16

enum measure { WALL, CPU, FAULTS, SWITCHES, MEMORY, MEASURES };

struct command {
	const char *name;
	char **argv;
	double *samples[MEASURES];
};

static struct command commands[MAX_COMMANDS];
static int n_commands, rounds = 50, warmups = 3;
static const char *title = "", *json;

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
static void give_up(const struct command *c, int status, int output)
{
	char buf[4096];
	ssize_t n;

	fprintf(stderr, "harness: %s failed (%s %d):", c->name,
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	for (char **arg = c->argv; *arg; arg++)
		fprintf(stderr, " %s", *arg);
	fputc('\n', stderr);
	lseek(output, 0, SEEK_SET);
	while ((n = read(output, buf, sizeof(buf))) > 0)
		if (write(STDERR_FILENO, buf, (size_t)n) < 0)
			break;
	exit(1);
}

/* One run; `round` is negative while warming up. `output` is a file for what it writes. */
static void run(const struct command *c, int round, int null, int output)
{
	struct rusage used;
	int status;

	if (ftruncate(output, 0) < 0 || lseek(output, 0, SEEK_SET) < 0)
		die("output");
	double start = now();
	pid_t pid = vfork(); /* the cost of copying our memory is not theirs */

	if (pid == 0) {
		dup2(null, STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		execvp(c->argv[0], c->argv);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			die("wait4");
	double wall = now() - start;

	if (status != 0)
		give_up(c, status, output);
	if (round < 0)
		return;
	c->samples[WALL][round] = wall;
	c->samples[CPU][round] = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
	c->samples[FAULTS][round] = (double)(used.ru_minflt + used.ru_majflt);
	c->samples[SWITCHES][round] = (double)(used.ru_nvcsw + used.ru_nivcsw);
	c->samples[MEMORY][round] = (double)used.ru_maxrss / 1024;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of sorted samples: 0 the smallest, 1 the largest. */
static double quantile(const struct command *c, enum measure m, double part)
{
	return c->samples[m][(int)(part * (rounds - 1) + 0.5)];
}

static double median(const struct command *c, enum measure m)
{
	return quantile(c, m, 0.5);
}

static void print_table(void)
{
	printf("%s%s%d rounds\n", title, *title ? ", " : "", rounds);
	printf("%-22s %9s %9s %9s %8s %8s %8s %9s %7s\n", "", "min ms", "median", "p90", "cpu ms",
	       "faults", "switches", "max MiB", "ratio");
	for (int i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		printf("%-22s %9.2f %9.2f %9.2f %8.2f %8.0f %8.0f %9.1f %7.2f\n", c->name,
		       quantile(c, WALL, 0), median(c, WALL), quantile(c, WALL, 0.9),
		       median(c, CPU), median(c, FAULTS), median(c, SWITCHES), median(c, MEMORY),
		       median(c, WALL) / median(&commands[0], WALL));
	}
	putchar('\n');
}

static void print_json(void)
{
	FILE *f = fopen(json, "ae");

	if (!f)
		die(json);
	for (int i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		fprintf(f,
			"{\"title\":\"%s\",\"name\":\"%s\",\"rounds\":%d,\"wall_ms\":{\"min\":%.3f,"
			"\"median\":%.3f,\"p90\":%.3f},\"cpu_ms\":%.3f,\"faults\":%.0f,"
			"\"switches\":%.0f,\"max_mib\":%.1f,\"ratio\":%.3f}\n",
			title, c->name, rounds, quantile(c, WALL, 0), median(c, WALL),
			quantile(c, WALL, 0.9), median(c, CPU), median(c, FAULTS),
			median(c, SWITCHES), median(c, MEMORY),
			median(c, WALL) / median(&commands[0], WALL));
	}
	if (fclose(f) != 0)
		die(json);
}

static int number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > 100000) {
		fprintf(stderr, "harness: '%s' is not a number of rounds\n", text);
		exit(64);
	}
	return (int)n;
}

static void usage(void)
{
	fputs("usage: harness [-n ROUNDS] [-w WARMUPS] [-t TITLE] [-j FILE] --as NAME COMMAND...\n"
	      "               [--as NAME COMMAND...]...\n",
	      stderr);
	exit(64);
}

static void read_arguments(int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && strcmp(argv[i], "--as") != 0; i += 2) {
		if (strcmp(argv[i], "-n") == 0)
			rounds = number(argv[i + 1]);
		else if (strcmp(argv[i], "-w") == 0)
			warmups = number(argv[i + 1]);
		else if (strcmp(argv[i], "-t") == 0)
			title = argv[i + 1];
		else if (strcmp(argv[i], "-j") == 0)
			json = argv[i + 1];
		else
			usage();
	}
	while (i + 2 < argc && strcmp(argv[i], "--as") == 0 && n_commands < MAX_COMMANDS) {
		struct command *c = &commands[n_commands++];

		argv[i] = NULL; /* ends the command before */
		c->name = argv[i + 1];
		c->argv = argv + i + 2;
		for (i += 2; i < argc && strcmp(argv[i], "--as") != 0; i++)
			;
	}
	if (i != argc || n_commands == 0 || rounds < 1)
		usage();
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int output = memfd_create("output", MFD_CLOEXEC);

	if (null < 0 || output < 0)
		die("open");
	read_arguments(argc, argv);
	for (int i = 0; i < n_commands; i++)
		for (int m = 0; m < MEASURES; m++) {
			commands[i].samples[m] = calloc((size_t)rounds, sizeof(double));
			if (!commands[i].samples[m])
				die("memory");
		}
	for (int round = -warmups; round < rounds; round++)
		for (int i = 0; i < n_commands; i++)
			run(&commands[(round + warmups + i) % n_commands], round, null, output);
	for (int i = 0; i < n_commands; i++)
		for (int m = 0; m < MEASURES; m++)
			qsort(commands[i].samples[m], (size_t)rounds, sizeof(double), compare);
	print_table();
	if (json)
		print_json();
	return 0;
}
