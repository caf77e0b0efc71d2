/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fortify -- entry points that archives built for glibc expect, for a program linked with musl.
 *
 * ocirt is linked with musl where that is there: glibc asks the processor for its features at every
 * start (some thirty cpuid instructions, each an exit to the hypervisor in a virtual machine) and
 * relocates itself, which takes a third of what `ocirt state` takes at all. The distribution's
 * libyajl_s.a and libseccomp.a are compiled with _FORTIFY_SOURCE, whose checking variants musl does
 * not have. These check what can be checked, and are otherwise the functions themselves. Nothing
 * else in those archives depends on the libc: configure tries.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
int __sprintf_chk(char *s, int flag, size_t room, const char *format, ...);
int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...);
int __fprintf_chk(FILE *f, int flag, const char *format, ...);
int __asprintf_chk(char **s, int flag, const char *format, ...);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(to, from, n);
}

int __sprintf_chk(char *s, int flag, size_t room, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	int n = vsnprintf(s, room, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= room)
		abort();
	return n;
}

int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...)
{
	va_list ap;

	(void)flag;
	if (n > room)
		abort();
	va_start(ap, format);
	int r = vsnprintf(s, n, format, ap);
	va_end(ap);
	return r;
}

int __fprintf_chk(FILE *f, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	int r = vfprintf(f, format, ap);
	va_end(ap);
	return r;
}

/* libcap, which only the tests use. */
int __asprintf_chk(char **s, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	int r = vasprintf(s, format, ap);
	va_end(ap);
	return r;
}
