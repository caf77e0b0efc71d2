/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container -- what can be done with a container: one function for each command.
 *
 * cmd/ reads options and prints results; everything between is behind these. Every function
 * returns 0 or a negative number with the failure worded in `e`, and leaves nothing behind when it
 * fails (runtime.md, Errors). Strings are borrowed for the call.
 */
#pragma once

#include "../base/error.h"
#include "../cgroup/cgroup.h"
#include "ocispec.h"

#include <sys/types.h>

/* What the global options say. */
struct settings {
	const char *root;          /* the directory of all state; made when needed */
	bool root_given;           /* by --root: a missing one is an error for `list` */
	enum cgroup_driver driver; /* --cgroup-manager, --systemd-cgroup */
	bool privileged;           /* root of the initial user namespace */
	bool rootless;             /* tolerate what an ordinary user may not do with cgroups */
};

struct create_options {
	const char *id;
	const char *bundle;         /* NULL: the current directory */
	const char *config;         /* file below the bundle, NULL: config.json */
	const char *console_socket; /* NULL: none */
	const char *pidfd_socket;
	const char *pid_file;
	int preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper;
	bool init; /* the program gets a parent that looks after it */
	bool overlay;
	const char *overlay_upper, *overlay_lower; /* values of annotations, or NULL */
	bool detach, keep;                         /* run only */
};

/* runtime.md, Create: everything but the program. */
int container_create(const struct settings *s, const struct create_options *o, struct error *e);

/*
 * Create and start; unless o->detach, stay in the foreground, pass signals on (and the terminal's
 * bytes), delete the container when its program ends (unless o->keep), and leave the program's
 * exit status, or 128 + signal, in *status.
 */
int container_run(const struct settings *s, const struct create_options *o, int *status,
		  struct error *e);

/* runtime.md, Start. */
int container_start(const struct settings *s, const char *id, struct error *e);

struct exec_options {
	const char *id;
	const char *process_file; /* --process: JSON of a whole process object, else NULL */
	const char *const *args;  /* NULL-terminated; unused with process_file */
	const char *cwd;          /* NULL: the container's */
	const char *const *env;   /* added to the container's; NULL-terminated, may be NULL */
	bool has_user, has_gid;
	uid_t uid;
	gid_t gid;
	const gid_t *additional_gids;
	size_t n_additional_gids;
	const char *const *caps; /* added to bounding, effective, permitted; NULL-terminated */
	const char *apparmor, *process_label;
	const char *const *cgroups; /* "PATH" or "CTRL[,CTRL]:PATH" below the container's */
	const char *console_socket, *pidfd_socket, *pid_file;
	int preserve_fds;
	bool tty, tty_given; /* --tty, and whether it was said */
	bool no_new_privs, detach, ignore_paused;
};

/* A second process in a created or running container. *status as for container_run(). */
int container_exec(const struct settings *s, const struct exec_options *o, int *status,
		   struct error *e);

/* runtime.md, Kill. `sig` -1: the one by which the image wants to be stopped, or TERM. `all`: every
 * process of the cgroup, a stopped container is no error then. */
int container_kill(const struct settings *s, const char *id, int sig, bool all, struct error *e);

/* runtime.md, Delete. `force`: kill what runs, remove what is half made, an unknown id is fine. */
int container_delete(const struct settings *s, const char *id, bool force, struct error *e);

int container_pause(const struct settings *s, const char *id, struct error *e);
int container_resume(const struct settings *s, const char *id, struct error *e);

/*
 * runtime.md, Query State. The result is in the arena: all members of struct oci_state set,
 * pid 0 when stopped, status "creating", "created", "running", "paused" or "stopped".
 */
int container_state(const struct settings *s, const char *id, struct arena *a,
		    struct oci_state *out, struct error *e);

/* Every container, sorted by id. Those that come or go meanwhile are left out. When one cannot be
 * looked at, the others are in *out nevertheless, and the failure is that of the first such one. */
int container_list(const struct settings *s, struct arena *a, struct oci_state **out, size_t *n,
		   struct error *e);

/* The ids alone, sorted: no state is read. */
int container_ids(const struct settings *s, struct arena *a, const char ***out, size_t *n,
		  struct error *e);

/* Host pids of all the container's processes, in the arena; none when it is stopped. */
int container_pids(const struct settings *s, const char *id, struct arena *a, pid_t **out,
		   size_t *n, struct error *e);

/* Change limits of a running container; persisted for later updates. `rdt`: l3CacheSchema and
 * memBwSchema, where it has intelRdt; NULL: as they are. */
int container_update(const struct settings *s, const char *id, const struct oci_resources *r,
		     const struct oci_intel_rdt *rdt, struct error *e);

/* One path component of [A-Za-z0-9_+.-], not "." or "..", at most 255 bytes. */
int container_check_id(const char *id, struct error *e);
