/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utf8 -- one character at a time, strictly.
 *
 * The reader refuses what is not UTF-8 and the writer must not produce it; both ask here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * How many bytes the character at `s` has, of the `n` that are there; 0 when they are none. Overlong
 * forms, surrogates and what lies beyond U+10FFFF are no characters.
 */
static inline size_t utf8_char(const unsigned char *s, size_t n)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	uint32_t c;

	if (len <= 1 || len > n)
		return len <= n ? len : 0;
	c = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < first[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}
