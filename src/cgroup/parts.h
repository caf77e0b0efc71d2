/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parts -- what the files of cgroup/ share, and nobody else sees.
 */
#pragma once

#include "cgroup.h"

#include <fcntl.h>

/* ---- host.c ---------------------------------------------------------------------------------- */

/* Is `word` one of a list's words, whole? */
bool cgroup_has_word(const char *list, const char *word, char separator);

/* What v2 calls a controller of v1. */
const char *cgroup_v2_name(const char *controller);

/* The top of a hierarchy, O_PATH; an owned fd or -errno. For a container cgroup_top() does it once. */
int cgroup_open_mount(const struct cgroup_host *host, size_t i);

/* Where a process (0: this one) is in a hierarchy, below its mount; malloc()ed. NULL: not to be
 * known, or not below the mount. */
char *cgroup_membership(const struct cgroup_host *host, pid_t pid, size_t i);

/* ---- place.c --------------------------------------------------------------------------------- */

/* The first n components of the path, relative to the mount ("." for none); malloc()ed. */
char *cgroup_components(const struct cgroup *c, size_t n);

/* The top of hierarchy i: a borrowed fd, or -errno. */
int cgroup_top(struct cgroup *c, size_t i);

/* The container's directory in hierarchy i: a borrowed fd, -ENOENT where it has none, or -errno. */
int cgroup_dir(struct cgroup *c, size_t i);

/* openat2() that stays below `dir`. */
int cgroup_open_below(int dir, const char *path, int flags);

/* A failure when cgroups are disabled for this container; `what` cannot be done then. */
int cgroup_none(const struct cgroup *c, const char *what, struct error *e);

/* ---- create.c -------------------------------------------------------------------------------- */

/* systemd: what cgroup_create() does with the other drivers, once there is a process. */
int cgroup_make_unit(struct cgroup *c, pid_t pid, struct error *e);

/* ---- unify.c --------------------------------------------------------------------------------- */

/* Make controllers of v2 usable in the container's cgroup: those in `required` ("cpu memory"), or
 * it is an error, and on a pure v2 host all others that can be, for the sake of statistics. */
int cgroup_enable_controllers(struct cgroup *c, const char *required, struct error *e);

/* ---- procs.c --------------------------------------------------------------------------------- */

/* The processes in one directory and below it, sorted, malloc()ed. -errno. */
int cgroup_pids_in(int dir, pid_t **out, size_t *n);

/* Signal and, when `pidfds` is not NULL, leave the pidfds of those signalled there (owned). */
int cgroup_signal_in(int dir, int sig, int **pidfds, size_t *n_pidfds);

/* Call `f` with an O_PATH fd of each directory directly below. Stops at the first failure. */
int cgroup_each_child(int dir, int (*f)(int dir, const char *name, void *arg), void *arg);

/* ---- freezer.c ------------------------------------------------------------------------------- */

/* Whether a process that joins would stop at once, be it for this cgroup or one above: 1 or 0. */
int cgroup_would_freeze(struct cgroup *c);

int64_t cgroup_now_ms(void);

/* For v1, which has no events: a pause of 20 us, twice as long each time, up to 10 ms. */
void cgroup_back_off(unsigned int *round);

/* Stop them without waiting until they have, and let them go on; best effort. */
void cgroup_hold(struct cgroup *c);
void cgroup_thaw_quietly(struct cgroup *c);

/* Wait until cgroup.events of a v2 directory says so. -ENOENT on v1, -ETIMEDOUT, -errno. */
int cgroup_wait_event(int dir, const char *key, uint64_t value, int patience_ms);

/* "KEY N" in a flat-keyed file such as cgroup.events; false: not there. */
bool cgroup_keyed(const char *text, const char *key, uint64_t *out);

/* ---- devices.c, filter.c --------------------------------------------------------------------- */

/* The device rules of a configuration, reduced: what precedes a rule for everything has no effect. */
struct device_rule {
	bool allow;
	char type;            /* 'b' or 'c' */
	int64_t major, minor; /* -1: any */
	unsigned int access;  /* DEVICE_* */
};
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 }; /* as BPF has them */

struct device_rules {
	bool allow; /* whom no rule matches */
	struct device_rule *rules;
	size_t n;
};

/* From the configuration. The default devices are added where the rules make an allowed list. */
int cgroup_device_rules(struct arena *a, const struct oci_resources *r, struct device_rules *out,
			struct error *e);

/* What the rules say, bit by bit: the last that matches decides. */
bool cgroup_device_verdict(const struct device_rules *d, char type, int64_t major, int64_t minor,
			   unsigned int access);

struct bpf_insn;

/* The same as a program; malloc()ed, NULL: no memory. */
struct bpf_insn *cgroup_device_program(const struct device_rules *d, size_t *n);

/* Attach it to a v2 directory in place of an earlier one of ours. `log` (may be NULL) gets what
 * the kernel's verifier says. -errno. */
int cgroup_filter_attach(int dir, const struct device_rules *d, char *log, size_t log_size);
int cgroup_filter_detach(int dir);
