/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz -- what reads bytes that others choose, one target each.
 *
 * A target takes any bytes, gives them to the function that it is about, and checks with ensure()
 * what must hold whatever they were. libfuzzer.c runs one of them with inputs that clang's libFuzzer
 * makes up; replay.c runs all of them with inputs that are known, in `make check`. seeds.c makes
 * those from the rows of libocispec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef void fuzz_fn(const uint8_t *data, size_t size);

struct oci_schema;

struct fuzz_target {
	const char *name;
	fuzz_fn *run;
	const struct oci_schema *schema; /* of the seeds; NULL: texts */
	const char *const *texts;        /* NULL-terminated */
};

extern const struct fuzz_target fuzz_targets[]; /* a NULL name ends them */
const struct fuzz_target *fuzz_find(const char *name);

fuzz_fn fuzz_config, fuzz_state, fuzz_writer;                      /* json.c */
fuzz_fn fuzz_compile, fuzz_exec, fuzz_mount_options, fuzz_seccomp; /* plan.c */
fuzz_fn fuzz_resources, fuzz_cgroup_path, fuzz_cgroup_text;        /* cgroups.c */
fuzz_fn fuzz_numbers, fuzz_options;                                /* words.c */
fuzz_fn fuzz_talk, fuzz_notify;                                    /* container.c */

/* Holds for every input, or the fuzzer has found something. */
#define ensure(condition)                                                                 \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* The input as a string of its own, so that a read beyond its end is noticed; free() it. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	ensure(s);
	for (size_t i = 0; i < size; i++)
		s[i] = (char)data[i];
	s[size] = '\0';
	return s;
}

/* The lines of the input, NULL-terminated, at most `most`; what they point into is *text. */
static inline size_t fuzz_lines(const uint8_t *data, size_t size, char **text, char **lines,
				size_t most)
{
	size_t n = 0;

	*text = fuzz_string(data, size);
	for (char *at = *text, *end; at && n < most; at = end) {
		for (end = at; *end && *end != '\n'; end++)
			;
		end = *end ? (*end = '\0', end + 1) : NULL;
		lines[n++] = at;
	}
	lines[n] = NULL;
	return n;
}

/* Every input of a target that the rows or its texts give; `name` is a file name. */
typedef void seed_fn(void *arg, const char *name, const void *data, size_t size);
void seeds_each(const struct fuzz_target *t, seed_fn *f, void *arg);

/* The words of the rows, as libFuzzer's -dict= wants them. */
void seeds_dictionary(FILE *out);
