/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "printable.h"

#include "util.h"

#include <stdint.h>
#include <stdio.h>

/* The bytes of the character that begins here, 1 when none does, which is then UINT32_MAX. */
static size_t decode(const unsigned char *text, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const size_t len = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? *text : *text & (0x7fu >> len);

	*out = UINT32_MAX;
	if (*text >= 0x80 && (*text < 0xc0 || *text >= 0xf8))
		return 1;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80) /* the end, too */
			return 1;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*out = c;
	return len;
}

static bool acts(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == UINT32_MAX;
}

size_t printable(char *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text) {
		uint32_t c;
		const size_t len = decode((const unsigned char *)text, &c), width = acts(c) ? 4 : 1;

		if (n + len * width >= size)
			break;
		for (size_t i = 0; i < len; i++, n += width)
			if (width == 1)
				out[n] = text[i];
			else
				snprintf(out + n, 5, "\\x%02x", (unsigned char)text[i]);
		text += len;
	}
	out[n] = '\0';
	return n;
}
