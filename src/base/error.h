/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error -- what went wrong, in words a user can act on.
 *
 * The function that knows which field or path was meant calls fail() once; its callers only add
 * where it happened, with within() or during(). Nobody prints but main(). Host side only.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

struct error {
	int code;        /* the errno behind it, 0 when there is none */
	char text[1024]; /* one line, no newline at the end */
	char hint[512];  /* what to do about it; empty when there is nothing to say */
};

/*
 * Word a failure: `fmt...`, followed by ": " and the kernel's text when err is not 0.
 * Replaces what was there. Returns -err, or -EINVAL when err is 0, so that a caller can
 * `return fail(...)`.
 */
int fail(struct error *e, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put the field that contains the failing one in front: "mounts[3]" + "." + text. Returns -code. */
int within(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put what was being done in front: "create web" + ": " + text. Returns -code. */
int during(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say what to do about it. Returns -code, so that `return hint(...)` reads well. */
int hint(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* hint(), only when the failure is `err` and nothing has been said yet. Returns -code. */
int hint_if(struct error *e, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

bool failed(const struct error *e);
