/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util -- the few words that C lacks, and owned descriptors.
 *
 * `int fd` borrows. A descriptor that a function returns, or leaves in `out`, belongs to the
 * caller; auto_close ends it with the scope, fd_take() marks where ownership moves on.
 * Used by both sides; header only.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define array_len(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/* -1 with errno, as libc has it, becomes -errno; anything else stays. */
static inline long nerrno(long r)
{
	return r < 0 ? -errno : r;
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* What follows `prefix` in `s`, or NULL when s does not begin with it. */
static inline const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static inline int fd_take(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

#define auto_close __attribute__((cleanup(fd_close)))
#define auto_free  __attribute__((cleanup(free_pointer)))
