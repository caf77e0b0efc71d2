/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names -- the numbers behind the names of signals, capabilities and resource limits.
 *
 * Compile-time tables: no library is loaded, and nothing depends on the machine. A unit test
 * holds the capabilities against libcap. Of this, ocirt-init uses the table of signals.
 */
#pragma once

#include <stddef.h>

struct name {
	const char *name;
	int number;
};

/* Without prefix: "TERM", "CHOWN", "NOFILE". */
extern const struct name signal_names[], capability_names[], rlimit_names[];
extern const size_t n_signal_names, n_capability_names, n_rlimit_names;

/*
 * "TERM", "SIGTERM", "term", "15", "RTMIN+3", "0" (the existence probe of kill(2)).
 * Returns the number, or -EINVAL.
 */
int signal_number(const char *text);

/* "SIGTERM", "SIGRTMIN+1" into buf; "signal 99" for what has no name. */
const char *signal_name(int number, char *buf, size_t size);

/* "CAP_CHOWN", any case, the prefix may be missing. -EINVAL when unknown. */
int capability_number(const char *text);

/* "CAP_CHOWN", or NULL. */
const char *capability_name(int number);

/* "RLIMIT_NOFILE". -EINVAL when unknown. */
int rlimit_number(const char *text);
