/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp_version.h"

#include <stddef.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>

#define TEXT_OF(n) #n
#define TEXT(n)    TEXT_OF(n)

/* From the header: the library is linked statically, and asking a shared one would load it. */
const char *compile_seccomp_version(void)
{
	return TEXT(SCMP_VER_MAJOR) "." TEXT(SCMP_VER_MINOR) "." TEXT(SCMP_VER_MICRO);
}
#else
const char *compile_seccomp_version(void)
{
	return NULL;
}
#endif
