/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup -- the control groups of a container, wherever the host keeps its controllers.
 *
 * A host has one hierarchy (cgroup v2), a dozen (v1), or both at once with the controllers divided
 * between them (hybrid). A container has one path, and a directory of that path in each hierarchy.
 * Which file of which directory a resource of the specification ends in is said once, by a row of
 * table.c, and create and update walk the same rows.
 *
 * The life of it: cgroup_host_detect(), cgroup_plan() (decides, makes nothing), cgroup_check()
 * (refuses a bad configuration while there is nothing to undo), cgroup_to_text() into the state
 * file, and only then cgroup_create(); the process comes in by cgroup_v2_fd() or cgroup_attach().
 * Later commands begin with cgroup_from_text(). Uses base/ and libocispec/.
 */
#pragma once

#include "base/error.h"
#include "libocispec/ocispec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the host -------------------------------------------------------------------------------- */

enum cgroup_mode {
	CGROUP_NONE, /* nothing mounted */
	CGROUP_V1,
	CGROUP_V2,     /* the only kind where cgroup_v2_fd() is all a process needs */
	CGROUP_HYBRID, /* v1 hierarchies and one v2 */
};

#define CGROUP_HIERARCHIES 24 /* the kernel has 14 controllers; the rest are named hierarchies */

struct cgroup_hierarchy {
	const char *controllers; /* "cpu,cpuacct", "name=systemd"; "" for v2 */
	const char *mount;       /* "/sys/fs/cgroup/cpu" */
	const char *root;        /* what of the hierarchy is mounted there, mostly "/" */
	bool v2;
};

struct cgroup_host {
	enum cgroup_mode mode;
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES];
	size_t n;
	int v2; /* index of the v2 hierarchy, -1: none */
	/* Set by the caller (rootless): a hierarchy where we may not make directories is done
	 * without, as long as nothing in it was asked for; so is the device filter. */
	bool tolerant;
	/* Set by the caller before cgroup_plan(): the systemd driver's are among them. May be NULL. */
	const struct oci_string_map *annotations;
	char *controllers; /* of the v2 hierarchy: "cpu io memory"; read when first asked for */
	char *text;        /* what the strings above are in */
};

/* What is mounted, in the order of /proc/self/cgroup. Finding none is no error (CGROUP_NONE). */
int cgroup_host_detect(struct cgroup_host *out, struct error *e);
void cgroup_host_free(struct cgroup_host *host);

/* The hierarchy that has this controller ("memory", v1 names; "devices" and "freezer" are at home
 * in any v2), or -1. */
int cgroup_find(struct cgroup_host *host, const char *controller);

/* ---- the place ------------------------------------------------------------------------------- */

enum cgroup_driver { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

struct cgroup_place {
	bool used;     /* the container has, or will have, a directory in this hierarchy */
	uint16_t kept; /* so many leading components of the path were there before us, and stay */
	int mount;     /* the hierarchy's top, O_PATH, opened when first needed; -1 */
	int dir;       /* O_PATH, opened when first needed; -1 */
};

struct cgroup {
	struct cgroup_host *host;
	enum cgroup_driver driver;
	char *path;        /* "/ocirt-web", in every hierarchy */
	uint16_t depth;    /* components of path */
	uint16_t scope;    /* components up to the unit that systemd made; 0: another driver */
	bool user_manager; /* systemd: not the system's */
	bool awaits;       /* systemd: planned, but its unit is not made yet */
	const struct oci_resources *resources;      /* for then */
	struct cgroup_place at[CGROUP_HIERARCHIES]; /* one per host->h */
};

/*
 * Decide where; makes nothing. `path` is linux.cgroupsPath: absolute is below the mount of each
 * hierarchy; relative is the same with a slash in front, so that one value means one place; NULL
 * is "/ocirt-ID". Where the caller may not write at the top, relative and NULL are next to the
 * caller's own cgroup. ".." is refused. With CGROUP_DISABLED nothing is used.
 */
int cgroup_plan(struct cgroup_host *host, const char *path, const char *id,
		enum cgroup_driver driver, struct cgroup *out, struct error *e);

/* One line that says where, and what was there before us, for the state file; malloc()ed. Write it
 * before cgroup_create(), and once more after, when it may know better. NULL: no memory. */
char *cgroup_to_text(const struct cgroup *c);
int cgroup_from_text(struct cgroup_host *host, const char *text, struct cgroup *out,
		     struct error *e);

/* Closes and frees; the cgroup itself stays. */
void cgroup_free(struct cgroup *c);

/* The directory of the container in hierarchy i as a path of the host; malloc()ed or NULL. For
 * mounting cgroups inside: walk host->h, skip where !at[i].used. */
char *cgroup_directory(const struct cgroup *c, size_t i);

/* The program that the systemd driver runs (systemd/main.c); borrowed. Without it there is no such
 * driver. */
void cgroup_systemd_program(const void *data, size_t size);

/* ---- resources ------------------------------------------------------------------------------- */

/*
 * Pure: is every value in range, and does this host have what it needs? Messages begin with the
 * JSON path ("linux.resources.memory.limit"). `r` may be NULL here and below.
 */
int cgroup_check(struct cgroup_host *host, const struct oci_resources *r, struct error *e);

/* What would be written, in order: for `plan`. `controllers` and `file` say where; a device filter
 * of v2 has the file "(bpf)". */
typedef void cgroup_write_seen(void *arg, const char *json, const char *controllers,
			       const char *file, const char *text);
int cgroup_each_write(struct cgroup_host *host, const struct oci_resources *r, cgroup_write_seen *f,
		      void *arg, struct error *e);

/*
 * Make the directories and set every limit, before any process is in. A cgroup that is there
 * already must be empty and not frozen. On failure what was made stays for cgroup_destroy().
 * With systemd all of this is done by cgroup_attach(), and `r` must be there until then.
 */
int cgroup_create(struct cgroup *c, const struct oci_resources *r, struct error *e);

/* Change what `r` names and nothing else; all of it, or nothing: what was written before a refusal
 * is put back. `before` (may be NULL) is what the container has: its device rules cannot be read
 * from the kernel, and its memory.checkBeforeUpdate holds where `r` has none. */
int cgroup_update(struct cgroup *c, const struct oci_resources *r,
		  const struct oci_resources *before, struct error *e);

/* What a container that had `before` has after cgroup_update() with `r`. Memory is from `a`; strings
 * are shared. */
int cgroup_merge(struct arena *a, const struct oci_resources *before, const struct oci_resources *r,
		 struct oci_resources *out, struct error *e);

/* Give the cgroup to the user `uid` of the container: directory and the files the kernel lists as
 * delegatable. cgroup v2 only; nothing happens elsewhere. */
int cgroup_delegate(struct cgroup *c, uid_t uid, struct error *e);

/* ---- processes ------------------------------------------------------------------------------- */

/*
 * For CLONE_INTO_CGROUP: a borrowed directory fd when joining v2 is all there is to join (pure v2
 * host); else -1, then call cgroup_attach() after clone. The hybrid's v2 part is cgroup_attach's.
 */
int cgroup_v2_fd(struct cgroup *c);

/*
 * The quick way in where there is more than v2: the process joins by itself. Its birth in v2 (*v2, a
 * borrowed fd for CLONE_INTO_CGROUP, or -1), then "0" written to each of `fds`, the tasks files of
 * v1, opened here and the caller's to close. A process that moves another one takes a lock of all
 * threads, whose RCU wait is 7 ms and more; a single thread that moves itself needs none
 * (cgroup_procs_write_start() in kernel/cgroup/cgroup.c, 5.7). Returns how many fds, or 0 where
 * cgroup_attach() is the way.
 */
size_t cgroup_self_join(struct cgroup *c, int *v2, int fds[CGROUP_HIERARCHIES]);

/* Into every hierarchy. */
int cgroup_attach(struct cgroup *c, pid_t pid, struct error *e);

/* exec --cgroup [CONTROLLERS:]PATH */
struct cgroup_sub {
	char *controllers; /* "cpu,memory"; NULL: all hierarchies */
	const char *path;  /* below the container's cgroup, must exist */
};

/* Splits `option` (which it may cut in place). The path is checked by cgroup_attach_sub(). */
void cgroup_sub_parse(char *option, struct cgroup_sub *out);

/*
 * For exec: the sub-cgroup where one was named for the hierarchy, else the container's. On v2 the
 * container's own cgroup cannot take processes once controllers were enabled below it; then `init`
 * (0: nobody) says where: into the cgroup it is in, unless a sub-cgroup was asked for.
 */
int cgroup_attach_sub(struct cgroup *c, pid_t pid, const struct cgroup_sub *subs, size_t n,
		      pid_t init, struct error *e);

/* All processes in it and below, sorted, malloc()ed. */
int cgroup_pids(struct cgroup *c, pid_t **out, size_t *n, struct error *e);

/* Signal all of them. SIGKILL thaws what was frozen. None there is success. */
int cgroup_kill_all(struct cgroup *c, int sig, struct error *e);

int cgroup_freeze(struct cgroup *c, struct error *e); /* returns when all have stopped */
int cgroup_thaw(struct cgroup *c, struct error *e);
int cgroup_is_frozen(struct cgroup *c, struct error *e); /* 1, 0 or -errno */

/* ---- the end --------------------------------------------------------------------------------- */

/*
 * Remove what was made: sub-cgroups first, killing and awaiting whoever is left in it. Directories
 * that were there before us stay (of them only our device filter is taken off). Gone is success.
 */
int cgroup_destroy(struct cgroup *c, struct error *e);

/* Why a container may have died; 0 where the host does not count it. */
struct cgroup_trouble {
	uint64_t oom_kills;    /* processes killed for memory */
	uint64_t memory_hits;  /* times the memory limit was met */
	uint64_t memory_limit; /* in bytes, UINT64_MAX: none */
	uint64_t pids_hits;    /* forks refused */
};
int cgroup_trouble(struct cgroup *c, struct cgroup_trouble *out);
