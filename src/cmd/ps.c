/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"
#include "format.h"
#include "libocispec/ocispec.h"
#include "output.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

struct ps_options {
	bool json;
};

static const struct option_row rows[] = {
	FORMAT_ROW(struct ps_options, json),
	{ 0 },
};

#define PS_OUTPUT_LIMIT ((size_t)64 << 20)

static int print_json(const pid_t *pids, size_t n, struct error *e)
{
	struct json_out j = { 0 };

	json_array(&j);
	for (size_t i = 0; i < n; i++)
		json_int(&j, pids[i]);
	json_close(&j);
	return output_json(&j, e);
}

/* The n-th word of a line (from 0), and its length; length 0 when there are fewer. */
static const char *word_at(const char *line, size_t n, size_t *len)
{
	for (;; n--) {
		line += strspn(line, " \t");
		*len = strcspn(line, " \t\n");
		if (n == 0 || *len == 0)
			return line;
		line += *len;
	}
}

/* In which column `ps` has the pids. */
static int find_pid_column(const char *header, size_t *column)
{
	size_t len;

	for (size_t i = 0;; i++) {
		const char *word = word_at(header, i, &len);

		if (len == 0)
			return -ENOENT;
		if (len == 3 && memcmp(word, "PID", 3) == 0) {
			*column = i;
			return 0;
		}
	}
}

static bool wanted(const char *line, size_t column, const pid_t *pids, size_t n)
{
	uint64_t pid;
	size_t len;
	const char *word = word_at(line, column, &len);

	if (number_u64_n(word, len, INT32_MAX, &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((uint64_t)pids[i] == pid)
			return true;
	return false;
}

static int print_table(const char *text, const pid_t *pids, size_t n, struct error *e)
{
	size_t column;

	if (find_pid_column(text, &column) < 0) {
		fail(e, 0, "the output of ps has no PID column");
		return hint(e, "choose ps options that show it, as in 'ocirt ps ID -o pid,args'");
	}
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		if (line == text || wanted(line, column, pids, n))
			output_n(line, len);
		line += len;
	}
	return 0;
}

/* All that `ps ARGS` prints, malloc()ed. */
static int read_ps(const char *const *args, char **out, struct error *e)
{
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], status = 0;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(e, errno, "cannot make a pipe for ps");

	auto_close int from = pipe_fds[0];
	auto_close int to = pipe_fds[1];

	signal(SIGCHLD, SIG_DFL); /* who ignores it, and left that to us, would get no status */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	int r = posix_spawnp(&pid, args[0], &actions, NULL, (char *const *)(uintptr_t)args,
			     environ);

	posix_spawn_file_actions_destroy(&actions);
	if (r != 0) {
		fail(e, r, "cannot run ps");
		return hint_if(e, ENOENT, "install it (procps), or use --format json");
	}
	fd_close(&to);
	ssize_t len = file_read_fd(from, PS_OUTPUT_LIMIT, out);

	fd_close(&from); /* or a ps that writes too much would never end */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (len < 0)
		return fail(e, (int)len, "cannot read what ps prints");
	if (status != 0)
		return fail(e, 0, "ps failed (%s %d)", WIFEXITED(status) ? "exit status" : "signal",
			    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

static int cmd_ps(struct invocation *in)
{
	static const char *const all[] = { "ps", "-ef", NULL };
	struct ps_options *o = in->options;
	auto_free char *text = NULL;
	auto_free const char **args = NULL;
	struct arena a;
	pid_t *pids;
	size_t n;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = container_pids(&in->settings, in->args[0], &a, &pids, &n, in->e);
	if (r >= 0 && o->json) {
		r = print_json(pids, n, in->e);
	} else if (r >= 0) {
		/* The words after the id, NULL included; the id's place is for the name. */
		args = calloc(in->n_args + 1, sizeof(*args));
		if (args) {
			memcpy(args, in->args, (in->n_args + 1) * sizeof(*args));
			args[0] = all[0];
			r = read_ps(in->n_args > 1 ? args : all, &text, in->e);
		} else {
			r = fail(in->e, ENOMEM, "no memory");
		}
		if (r >= 0)
			r = print_table(text, pids, n, in->e);
	}
	arena_close(&a);
	return r;
}

const struct command ps_command = {
	.name = "ps",
	.arguments = "ID [PS-OPTIONS]",
	.summary = "show the processes of a container, as the host sees them",
	.description =
		"What follows the id goes to ps(1); without it that is -ef. Only the lines of\n"
		"the container's processes are shown, so there must be a PID column.\n",
	.rows = rows,
	.options_size = sizeof(struct ps_options),
	.order = OPTIONS_FIRST,
	.by_id = true,
	.min_args = 1,
	.max_args = ANY_NUMBER,
	.run = cmd_ps,
};
