/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * activation -- descriptors that go through to the program: --preserve-fds and those of socket
 * activation, sd_listen_fds(3); and the service manager that wants to hear of it, sd_notify(3).
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

struct activation {
	int preserve_fds;          /* all of them, from 3 on */
	const char *notify_socket; /* the service manager's $NOTIFY_SOCKET, NULL: none */
	const char *const *env;    /* LISTEN_FDS and so on for the program; NULL-terminated */
};

/* Descriptors and notifications for a container; exec passes `notify` false.
 * From the options and this process's environment. Arrays are in the arena. */
int activation_read(struct arena *a, int preserve_fds, bool notify, struct activation *out,
		    struct error *e);
