/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hooks -- the programs that a configuration wants run at points of the lifecycle (config.md,
 * POSIX-platform Hooks): those four kinds that run in the runtime's namespaces. The two that run
 * inside are init/hooks.c.
 *
 * A hook gets the state as JSON on its standard input, runs in the bundle, in a session of its
 * own, with no descriptors but 0 to 2, and with the caller's environment where `env` is absent.
 * After its timeout its whole process group is killed. What it wrote to standard error is quoted
 * in the failure.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

/*
 * Append what all hooks of this command write to these files instead of quoting it: the annotations
 * run.oci.hooks.stdout and run.oci.hooks.stderr. NULL: no file. Borrowed until the last hook ran.
 */
void hooks_output(const char *stdout_file, const char *stderr_file);

/* Run in order, stop at the first failure: "error running createRuntime hook #0: ...". */
int hooks_run(const struct oci_hook *hooks, size_t n, const char *kind, int bundle,
	      const char *state, size_t state_len, struct error *e);

/* poststop: a failure is logged as a warning and the rest still run. */
void hooks_run_all(const struct oci_hook *hooks, size_t n, const char *kind, int bundle,
		   const char *state, size_t state_len);
