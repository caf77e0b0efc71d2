/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timestamp.h"

#include <stdio.h>
#include <time.h>

#define DAY             86400
#define DAYS_400_YEARS  146097 /* the Gregorian calendar repeats then */
#define DAYS_TO_1970_03 719468 /* from 0000-03-01: years that begin in March end in the leap day */

const char *timestamp_text(char *buf, const struct timespec *when)
{
	unsigned long seconds = (unsigned long)when->tv_sec % DAY;
	unsigned long days = (unsigned long)when->tv_sec / DAY + DAYS_TO_1970_03;
	unsigned long era = days / DAYS_400_YEARS, of_era = days % DAYS_400_YEARS;
	unsigned long year_of_era =
		(of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_400_YEARS - 1)) / 365;
	unsigned long of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned long march = (5 * of_year + 2) / 153; /* months since March */
	unsigned long day = of_year - (153 * march + 2) / 5 + 1;
	unsigned long month = march < 10 ? march + 3 : march - 9;
	unsigned long year = era * 400 + year_of_era + (month <= 2);

	/* Narrow types, so that the compiler can see that it fits. */
	snprintf(buf, TIMESTAMP_SIZE, "%04hu-%02hhu-%02hhuT%02hhu:%02hhu:%02hhu.%09uZ",
		 (unsigned short)year, (unsigned char)month, (unsigned char)day,
		 (unsigned char)(seconds / 3600), (unsigned char)(seconds / 60 % 60),
		 (unsigned char)(seconds % 60), (unsigned int)when->tv_nsec);
	return buf;
}

const char *timestamp_now(char *buf)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return timestamp_text(buf, &now);
}
