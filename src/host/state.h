/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state -- what is remembered of a container between two commands.
 *
 *   ROOT/ID/            mkdir is the lock on the name, flock on the directory that on the operation
 *     state.json        who, where, since when, cgroup; a second line that has the first process, too
 *     config.json       a copy of the configuration: what happens to the bundle's changes nothing
 *     start             a socket; there while the program has not been started
 *     notify/           the sd_notify proxy, where one is wanted
 *
 * What is about to be made is written down before it is made, so that `delete --force` can undo a
 * create that was killed at any point. The status is derived when asked, never stored.
 */
#pragma once

#include "base/error.h"
#include "cgroup/cgroup.h"
#include "host/container.h"
#include "host/resctrl.h"
#include "libocispec/ocispec.h"

#include <sys/types.h>

/* state.json. */
struct oci_record {
	struct oci_state *state; /* status is not stored */
	struct opt_u64 pidStart; /* when the process began, proc_pid_stat(5) field 22 */
	const char *bootID;      /* a process of another boot is nobody */
	const char *cgroup;      /* cgroup_to_text() */
	struct opt_bool init;    /* ocirt-init stays, and the program is its child */
	/* struct resctrl */
	const char *resctrlClass;
	struct opt_bool resctrlMade;
	const char *resctrlMonitor;
};

enum lock { LOCK_NOT, LOCK_READ, LOCK_WRITE };

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

const char *status_name(enum status s);

struct container {
	const char *id;
	int dir;        /* the state directory */
	enum lock lock; /* held on it */
	struct arena arena;
	struct oci_record record;
	struct oci_config *config;       /* after state_load_config() */
	struct cgroup_host *cgroup_host; /* once state_open_cgroup() has looked */
	struct cgroup cgroup;            /* after state_open_cgroup() */
	bool has_cgroup;
};

/* Make ROOT/ID and lock it. The name taken: "container 'ID' exists already". */
int state_make(const struct settings *s, const char *id, struct container *out, struct error *e);

/* Open, lock and read an existing one. Not there: -ENOENT, "container 'ID' does not exist". A
 * state.json that is missing or torn is a create that was killed: record.state is NULL then. */
int state_open(const struct settings *s, const char *id, enum lock lock, struct container *out,
	       struct error *e);
int state_open_at(int root, const char *id, enum lock lock, struct container *out, struct error *e);

/* Closes and frees; what is on disk stays. */
void state_close(struct container *c);

/* Let others operate on it, and take the lock back; -ENOENT when it was deleted meanwhile. */
void state_unlock(struct container *c);
int state_lock(struct container *c, struct error *e);

/* Write c->record: all of state.json, or, once it has a process, another line of it. */
int state_write(struct container *c, struct error *e);

/* Remove the directory and all in it. */
int state_remove(const struct settings *s, struct container *c, struct error *e);

/* c->config from the copy. */
int state_load_config(struct container *c, struct error *e);

/* c->cgroup from the record; fine when nothing was recorded (driver disabled then). */
int state_open_cgroup(const struct settings *s, struct container *c, struct error *e);

/* Where it is in resctrl; class NULL: nowhere. */
struct resctrl state_resctrl(const struct container *c);

/* From the process, the start socket and the freezer, now. Fails when the process cannot be looked
 * at, which must not be taken for its end: "cannot look at the container's process: ...". */
int state_status(const struct settings *s, struct container *c, enum status *out, struct error *e);

/* A pidfd of the first process if it is alive and the one recorded, -ESRCH if it is not; another
 * -errno when that cannot be told. */
int state_pidfd(const struct container *c);

/* A connection to the first process, which waits for `start`; -errno. `flags` as for socket(2). */
int state_connect(const struct container *c, int flags);

/* The state as JSON for hooks (malloc'ed), with this status and pid (0: none). */
char *state_json(const struct container *c, const char *status, pid_t pid, size_t *len);

/* Who runs this, by name where there is one. In the arena. */
char *owner_name(struct arena *a);

/* Field 22 of /proc/PID/stat and whether it is a zombie; 0 or -errno. */
int process_start(pid_t pid, uint64_t *start, bool *zombie);

/* The root directory of all state, opened O_DIRECTORY; -ENOENT when it is not there. */
int state_root(const struct settings *s, bool make, struct error *e);
