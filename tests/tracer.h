/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tracer -- a command, and all that it begets, stopped at each of its system calls.
 *
 * What security/stopper and faults/sweeper have in common: the bookkeeping of ptrace(2). What is to be
 * done at a call is for the two functions of struct tracer. Works on any program: nothing in it has to
 * take part.
 */
#pragma once

#include <linux/ptrace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* glibc's <sys/ptrace.h> and <linux/ptrace.h> define the same names. */
long ptrace(int request, ...);

struct tracee {
	pid_t tid;
	bool stopped;  /* until we say so */
	bool in_vfork; /* waits for its child, uninterruptible */
	bool pending;  /* `status` came while we waited for something else */
	int status;
	int error; /* the call that it is in has been made to fail */
};

struct tracer {
	/* It is about to make a call. */
	void (*on_call)(struct tracee *t, const struct ptrace_syscall_info *info);
	/* It executes another program now. True: let it go. */
	bool (*on_exec)(const struct tracee *t);
};

/* Start what become() executes; it is called in the child, as soon as that is traced. */
pid_t trace_start(void (*become)(void *arg), void *arg);

/* Until the command ends: its wait status. -1: it did not within so many seconds (0: no limit); it has
 * been killed now. Takes an untraced command, too. SIGALRM must have a handler when there is a limit. */
int trace(const struct tracer *tracer, pid_t command, int seconds);

/* Further calls are of no interest, which makes all of them faster. */
void trace_no_more_calls(void);

/* All that are still there go on by themselves. */
void trace_let_go(void);

/* The call that it is about to make does not happen, and returns the error. */
void trace_fail(struct tracee *t, int error);

/* SIGKILL for one, NULL: for all. */
void trace_kill(const struct tracee *one);
void trace_kill_others(const struct tracee *but);

/* Nobody moves any more, until this call has been dealt with. */
void trace_stop_others(const struct tracee *but);

/* The program that it runs; "" when that cannot be known. */
void trace_program(const struct tracee *t, char *out, size_t size);

/* "EPERM", or a number; 0: what is that? */
int error_number(const char *text);
