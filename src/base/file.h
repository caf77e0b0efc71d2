/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file -- small files, whole: state, cgroup and proc files.
 *
 * All relative to a directory fd (AT_FDCWD for the caller's own paths). Results are lengths or
 * 0; failures are -errno and silent: the caller knows what the file meant.
 */
#pragma once

#include <dirent.h>
#include <stddef.h>
#include <sys/types.h>

/* Up to size - 1 bytes into buf, NUL-terminated. -EFBIG when there is more. Returns the length. */
ssize_t file_read(int dir, const char *name, char *buf, size_t size);

/* The whole file, malloc'ed and NUL-terminated, at most `limit` bytes (-EFBIG beyond). The caller
 * frees *out. Returns the length. */
ssize_t file_read_all(int dir, const char *name, size_t limit, char **out);

/* The same from an open descriptor, a pipe too. */
ssize_t file_read_fd(int fd, size_t limit, char **out);

/* One write(2) to an existing file (never created, never truncated): kernel interface files. */
int file_write(int dir, const char *name, const char *text);
int file_write_n(int dir, const char *name, const void *data, size_t n);

/* Make or replace a file so that no reader ever sees a part of it: temporary name + rename. */
int file_replace(int dir, const char *name, const void *data, size_t n, mode_t mode);

/* Make a file that nobody looks for yet, in place; -EEXIST when it is there. A new file and a rename
 * less than file_replace(). */
int file_create(int dir, const char *name, const void *data, size_t n, mode_t mode);

/* Write all of it, whatever write(2) does in portions. */
int write_all(int fd, const void *data, size_t n);

/* The next entry but "." and "..": 1 and *out, 0 at the end. readdir(3) alone tells a directory that
 * cannot be read from one that has ended by errno only, so that half of it looks like all of it. */
int dir_next(DIR *d, struct dirent **out);
