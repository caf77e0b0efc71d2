/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfuzzer -- one target, that of $FUZZ_TARGET, for clang -fsanitize=fuzzer.
 */
#include "fuzz.h"

#include "base/log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct log_options log = { .file = "/dev/null", .level = LOG_WARNING };
	const char *name = getenv("FUZZ_TARGET");
	struct error e = { 0 };

	(void)argc, (void)argv;
	target = name ? fuzz_find(name) : NULL;
	if (!target || log_open(&log, &e) < 0) {
		fprintf(stderr,
			"libfuzzer: FUZZ_TARGET is the name of a target: replay --targets\n");
		exit(2);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	target->run(data, size);
	return 0;
}
