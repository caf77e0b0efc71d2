/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay -- every target with every input that is known, as TAP.
 *
 *	replay [TARGET...]          the seeds, each also changed in some places, and the files of
 *	                            tests/fuzz/corpus/TARGET: what the fuzzer has found once
 *	replay --seeds TARGET DIR   write the seeds for a fuzzer
 *	replay --dictionary         the words for it
 *	replay --targets            their names
 *	replay TARGET FILE          this one input
 *
 * Needs no privileges and no clang. The changes are the same in each run.
 */
#include "fuzz.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT   ((size_t)1 << 20)
#define CHANGES 3 /* of each seed */

static void write_seed(void *arg, const char *name, const void *data, size_t size)
{
	int dir = *(int *)arg;

	if (file_replace(dir, name, data, size, 0644) < 0)
		fprintf(stderr, "cannot write the seed '%s'\n", name);
}

/* ---- replaying ------------------------------------------------------------------------------- */

struct replaying {
	const struct fuzz_target *target;
	uint64_t random;
	size_t n;
};

static size_t below(struct replaying *r, size_t limit)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return limit ? r->random % limit : 0;
}

static void run_one(struct replaying *r, const uint8_t *data, size_t size)
{
	/* Exactly as large as it is: a sanitizer, or valgrind, sees what goes beyond. */
	uint8_t *copy = malloc(size + !size);

	ensure(copy);
	memcpy(copy, data, size);
	r->target->run(copy, size);
	free(copy);
	r->n++;
}

static void run_changed(void *arg, const char *name, const void *data, size_t size)
{
	struct replaying *r = arg;
	uint8_t *changed = malloc(size + 1);

	(void)name;
	ensure(changed);
	run_one(r, data, size);
	for (int i = 0; i < CHANGES && size; i++) {
		size_t len = i == 0 ? below(r, size) : size; /* once it ends too early */

		memcpy(changed, data, size);
		for (int k = 0; k < i; k++)
			changed[below(r, size)] = (uint8_t) "\"\\{}[],:0\n\xff\x01"[below(r, 13)];
		run_one(r, changed, len);
	}
	free(changed);
}

static void run_file(struct replaying *r, int dir, const char *name)
{
	char *text;
	ssize_t n = file_read_all(dir, name, LIMIT, &text);

	if (n < 0) {
		printf("# cannot read %s\n", name);
		return;
	}
	run_one(r, (const uint8_t *)text, (size_t)n);
	free(text);
}

static void run_corpus(struct replaying *r)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top ? top : ".", r->target->name);
	DIR *d = opendir(path);

	for (struct dirent *entry; d && (entry = readdir(d));)
		if (entry->d_name[0] != '.')
			run_file(r, dirfd(d), entry->d_name);
	if (d)
		closedir(d);
}

static void replay(const struct fuzz_target *t, size_t number)
{
	struct replaying r = { .target = t, .random = 88172645463325252ull };

	printf("# %s\n", t->name); /* whose fault a crash is */
	run_corpus(&r);
	seeds_each(t, run_changed, &r);
	printf("ok %zu - %s holds for %zu inputs\n", number, t->name, r.n);
}

static int no_target(const char *name)
{
	fprintf(stderr, "replay: there is no target '%s'\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	const struct log_options log = { .file = "/dev/null", .level = LOG_WARNING };
	struct error e = { 0 };
	size_t n = 0, number = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (log_open(&log, &e) < 0)
		return 2;
	if (argc == 2 && streq(argv[1], "--dictionary")) {
		seeds_dictionary(stdout);
		return 0;
	}
	if (argc == 2 && streq(argv[1], "--targets")) {
		for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
			puts(t->name);
		return 0;
	}
	if (argc == 4 && streq(argv[1], "--seeds")) {
		int dir = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (!fuzz_find(argv[2]))
			return no_target(argv[2]);
		if (dir < 0)
			return 2;
		seeds_each(fuzz_find(argv[2]), write_seed, &dir);
		return 0;
	}
	if (argc == 3 && fuzz_find(argv[1]) && access(argv[2], R_OK) == 0) {
		struct replaying r = { .target = fuzz_find(argv[1]) };

		run_file(&r, AT_FDCWD, argv[2]);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		if (!fuzz_find(argv[i]))
			return no_target(argv[i]);
	while (fuzz_targets[n].name)
		n++;
	printf("1..%zu\n", argc > 1 ? (size_t)argc - 1 : n);
	for (int i = 1; i < argc; i++)
		replay(fuzz_find(argv[i]), ++number);
	for (const struct fuzz_target *t = fuzz_targets; argc == 1 && t->name; t++)
		replay(t, ++number);
	return 0;
}
