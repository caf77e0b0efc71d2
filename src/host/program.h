/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program -- run a helper program to its end: a hook, newuidmap(1).
 *
 * Started as vfork(2) does, because copying page tables costs more than all the rest. The program
 * gets a session of its own (no terminal of the caller's to play with, one process group to kill),
 * descriptors 0 to 2 and no other, default signal dispositions and an empty signal mask. Whatever
 * it writes is read, so that it never blocks on us, and the end of it is kept for messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program {
	const char *path;        /* no search in PATH: see program_find() */
	const char *const *args; /* NULL-terminated */
	const char *const *env;  /* NULL: ours */
	int dir;                 /* its working directory, -1: ours */
	/* Its 0 to 2, each above 2 or in its place; -1: /dev/null, and read into the result. */
	int in, out, err;
	int64_t timeout;    /* milliseconds, then SIGKILL to its process group; -1: none */
	bool interruptible; /* SIGKILL as well when supervise_interrupted() */
};

/* The last bytes that came. */
struct program_tail {
	char text[2048];
	size_t len;
	bool cut; /* there was more before */
};

struct program_result {
	int code;   /* exit status, when signal is 0 */
	int signal; /* that ended it, or 0 */
	bool timed_out, interrupted;
	int64_t elapsed; /* milliseconds */
	struct program_tail out, err;
};

/*
 * Returns 0 when the program ran, however it ended; -errno when it could not be started, with
 * what execve(2) said. A process that it left behind is not waited for.
 */
int program_run(const struct program *p, struct program_result *out);

/* "exit status 3 after 0.02s, stderr: ..." in one line, into buf. */
const char *program_words(const struct program_result *r, char *buf, size_t size);

/* The first executable file of that name in the absolute directories of $PATH: 0 or -ENOENT. */
int program_find(const char *name, char *out, size_t size);
