/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * number -- the one strict way to read a number from text.
 *
 * Decimal digits only, all of the text, within range: "1a", " 1", "", "+1", "0x1" and 2^32 in a
 * 32 bit field are errors. A loose parser once made user 1 of `exec -u 1` into root
 * (CVE-2026-30892); there is no other parser here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 0, -EINVAL for what is not a number, -ERANGE for what is too large. */
int number_u64(const char *text, uint64_t max, uint64_t *out);
int number_i64(const char *text, int64_t *out); /* a leading '-' is allowed */
int number_u32(const char *text, uint32_t *out);

/* The same for the first n bytes of text. */
int number_u64_n(const char *text, size_t n, uint64_t max, uint64_t *out);

/* Bytes with an optional size suffix: 512, 50M, 1G, 1GiB, 10kb (powers of 1024; -1 is kept). */
int number_size(const char *text, int64_t *out);
