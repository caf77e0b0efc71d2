/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "number.h"

#include "util.h"

#include <ctype.h>

int number_u64_n(const char *text, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int number_u64(const char *text, uint64_t max, uint64_t *out)
{
	return number_u64_n(text, strlen(text), max, out);
}

int number_u32(const char *text, uint32_t *out)
{
	uint64_t value;
	int r = number_u64(text, UINT32_MAX, &value);

	if (r == 0)
		*out = (uint32_t)value;
	return r;
}

int number_i64(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	uint64_t value;
	int r = number_u64(text + negative, (uint64_t)INT64_MAX + negative, &value);

	if (r == 0)
		*out = negative ? (int64_t)(0 - value) : (int64_t)value;
	return r;
}

int number_size(const char *text, int64_t *out)
{
	static const char units[] = "kmgtp";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	unsigned int shift = 0;
	uint64_t value;

	if (streq(text, "-1")) {
		*out = -1;
		return 0;
	}
	if (*unit) {
		const char *found = strchr(units, tolower((unsigned char)*unit));

		if (found && *found) {
			shift = 10 * (unsigned int)(found - units + 1);
			unit++;
			if (tolower((unsigned char)*unit) == 'i')
				unit++;
		}
		if (tolower((unsigned char)*unit) == 'b')
			unit++;
		if (*unit)
			return -EINVAL;
	}
	int r = number_u64_n(text, digits, (uint64_t)INT64_MAX >> shift, &value);

	if (r == 0)
		*out = (int64_t)(value << shift);
	return r;
}
