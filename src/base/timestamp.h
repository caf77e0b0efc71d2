/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timestamp -- the present moment as text.
 *
 * Not by gmtime(3) and strftime(3): they read the time zone's file first, which UTC has no use for
 * and a container's start would pay for.
 */
#pragma once

#include <time.h>

#define TIMESTAMP_SIZE 40

/* RFC 3339 in UTC with nanoseconds, "2026-01-31T12:00:00.123456789Z", into buf[TIMESTAMP_SIZE]. */
const char *timestamp_now(char *buf);

/* The same for a moment of CLOCK_REALTIME, not before 1970. */
const char *timestamp_text(char *buf, const struct timespec *when);
