/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * weakened -- protections that a build of the tests can leave out.
 *
 * The test of an attack proves something if it fails where the protection is missing. So `make
 * check-weakened` makes a build (configure --enable-weakened) in which OCIRT_WEAKENED=word leaves one of
 * them out, and wants the tests that are about it to fail. Everywhere else PROTECT(word) is the
 * constant true, and nothing of this is in the programs.
 *
 * A protection has one place with PROTECT(), where it does its work, or a few in the same manner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PROTECTIONS(X)     \
	X(born_last)       \
	X(capabilities)    \
	X(cgroup_path)     \
	X(cgroup_readonly) \
	X(close_on_exec)   \
	X(confined)        \
	X(copy_links)      \
	X(devpts)          \
	X(dumpable)        \
	X(host_proc)       \
	X(inheritable)     \
	X(inside)          \
	X(keyring)         \
	X(mask_failures)   \
	X(null_device)     \
	X(null_readonly)   \
	X(path_length)     \
	X(pivot)           \
	X(proc_handle)     \
	X(proc_mounts)     \
	X(proc_real)       \
	X(readonly_paths)  \
	X(session)         \
	X(user_ids)

#define PROTECTION(word) PROTECT_##word,
enum protection { PROTECTIONS(PROTECTION) PROTECTION_COUNT };
#undef PROTECTION

#ifdef WEAKENED
extern uint64_t weakened; /* a bit for each that is left out */

/* Of the environment, or with a warning: this is no build to use. */
void weakened_choose(void);

#define PROTECT(word) (!(weakened >> PROTECT_##word & 1))
#else
#define PROTECT(word) (PROTECT_##word < PROTECTION_COUNT)
#endif
