/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd -- a cgroup that systemd makes: a transient scope, and below it the container's own.
 *
 * systemd owns the files of the scope, so limits go there as properties of the unit. Processes and
 * everything that systemd has no property for are in a sub-cgroup ("container") that it does not
 * touch: it was delegated to us. There the resources are written like with cgroupfs, which also
 * spares them systemd's roundings. The scope takes a process that exists, so it is not made by
 * cgroup_create() but by cgroup_attach(), while the process still waits.
 *
 * cgroup v2 only. The D-Bus part is another program, see systemd/main.c.
 */
#pragma once

#include "table.h"

/* The unit's name and where its cgroup will be, from linux.cgroupsPath: "SLICE:PREFIX:NAME". */
int systemd_plan(struct cgroup *c, const char *path, const char *id, struct error *e);

/* Make the scope with this process in it. */
int systemd_start(struct cgroup *c, const struct cg_writes *all, pid_t pid, struct error *e);

/* Tell systemd the new limits. */
int systemd_set(struct cgroup *c, const struct cg_writes *all, struct error *e);

/* The unit is gone afterwards. */
int systemd_stop(struct cgroup *c, struct error *e);

/* ---- systemd_ask.c --------------------------------------------------------------------------- */

/* The words of one request, as systemd/main.c takes them. */
struct systemd_request {
	char **v;
	size_t n;
	bool full; /* no memory */
};

void systemd_add(struct systemd_request *q, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void systemd_request_free(struct systemd_request *q);

/* A failure where this build has no ocirt-systemd. */
int systemd_have_program(struct error *e);

/* Run it; the first line of its output is left in `out` (may be NULL). */
int systemd_ask(struct systemd_request *q, char **out, struct error *e);

/* ---- systemd_properties.c -------------------------------------------------------------------- */

/* Those of the writes that systemd has properties for; how many words that were. */
size_t systemd_add_limits(struct systemd_request *q, struct cgroup *c, const struct cg_writes *all);

/* Controllers that systemd enables where they are delegated, and disables where not: not ours. */
bool systemd_controls(const char *controller);
