/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp_names -- the strict reading of a profile, for those who ask for it by an annotation.
 *
 * A name that libseccomp does not know is usually that of a new system call, and left out: it gets the
 * answer for new calls, which is ENOSYS. It may as well be misspelt, and what was to be refused by
 * name is then permitted by the default.
 */
#include "parts.h"

#ifdef HAVE_SECCOMP
#include <seccomp.h>

int compile_seccomp_names(const struct oci_config *c, struct error *e)
{
	const char *strict = oci_map_get(c->annotations, SECCOMP_STRICT);
	const struct oci_seccomp *s = linux_part(c)->seccomp;

	if (!s || !strict || !(streq(strict, "1") || streq(strict, "true")))
		return 0;
	for (size_t i = 0; i < s->n_syscalls; i++)
		for (size_t k = 0; k < s->syscalls[i].n_names; k++) {
			const char *name = s->syscalls[i].names[k];

			if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
				continue;
			fail(e, 0,
			     "linux.seccomp.syscalls[%zu].names[%zu]: unknown system call '%s'", i,
			     k, name);
			return hint(e, "without the annotation " SECCOMP_STRICT
				       " it would be left out");
		}
	return 0;
}
#else
/* There is no profile then. */
int compile_seccomp_names(const struct oci_config *c, struct error *e)
{
	(void)c;
	(void)e;
	return 0;
}
#endif
