/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blob -- the static programs that ocirt carries inside itself.
 *
 * ocirt-init goes into a sealed memfd for every container; ocirt-demo becomes /bin/demo of the root
 * file system that `ocirt spec --demo` makes; ocirt-systemd talks to systemd. The bytes start on a page of their own and are never
 * touched by commands that do not need them.
 */
#pragma once
#include <stddef.h>

struct blob {
	const void *data;
	size_t size;
};

extern const struct blob blob_init;
extern const struct blob blob_demo;
#ifdef HAVE_SYSTEMD
extern const struct blob blob_systemd;
#endif
