/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compile -- from a configuration to a plan.
 *
 * Everything that can be decided outside is decided here, before anything exists: flags, filters,
 * capability sets, ids, what is mounted where. Pure: reads only its input, needs no privileges,
 * makes nothing; a bad configuration fails here with the JSON path and there is nothing to undo.
 * Descriptors in the plan are left at -1: host/ fills them in. Every function words its failure in
 * `e`; the wording begins with the path inside its own part, the caller adds the rest with
 * within(). Uses libocispec, plan/, base/, libseccomp.
 */
#pragma once

#include "../base/error.h"
#include "../plan/plan.h"
#include "ocispec.h"

struct cgroup_host;
struct cgroup;

/* What the plan depends on besides config.json: the command line, and what the host has. */
struct compile_input {
	const struct oci_config *config;
	const char *id;
	const char *bundle; /* absolute */
	enum plan_kind kind;
	bool no_pivot, no_new_keyring;
	int preserve_fds;             /* --preserve-fds, plus LISTEN_FDS */
	const char *const *extra_env; /* LISTEN_FDS=..., NULL-terminated; replaces the same names */
	const char *notify_socket;    /* host directory to show at /run/notify, NULL: none */
	const struct cgroup_host *cgroup_host; /* NULL: cgroups are not looked at */
	const struct cgroup *cgroup;
	bool clone_into_cgroup; /* the process is born in its cgroup (v2) */
	uint64_t bounding_caps; /* what this process may grant; ~0 when unknown */
	bool privileged;        /* euid 0 in the initial user namespace */
	bool groups_denied;     /* setgroups(2) is denied to this process */
};

/* Annotations of our own: ocirt-config(5). */
#define OVERLAY_UPPER   "org.ocirt.overlay.upper"
#define OVERLAY_LOWER   "org.ocirt.overlay.lower"
#define INIT_ANNOTATION "org.ocirt.init"

/* The whole container. The plan and all it points to is in the arena. */
int compile_container(struct arena *a, const struct compile_input *in, struct plan **out,
		      struct error *e);

/*
 * A second process (exec): `process` is complete (args, env, cwd, user), config is the container's,
 * for what exec inherits from it (personality, scheduler, ioPriority, memoryPolicy, seccomp, umask).
 */
int compile_exec(struct arena *a, const struct compile_input *in, const struct oci_process *process,
		 struct plan **out, struct error *e);

/* ---- the parts, one file each ------------------------------------------------------------ */

/* namespaces.c: linux.namespaces, id mappings, time offsets, hostname, domainname, sysctl: what
 * goes together and what excludes each other. Joins get fd -1. */
int compile_namespaces(struct arena *a, const struct compile_input *in, struct plan *p,
		       struct error *e);

/* "network" of CLONE_NEWNET. */
const char *namespace_type(int flag);

/* mounts.c, mount_options.c, cgroup_mounts.c: mounts[]. devices.c: linux.devices, default devices
 * and links. fs.c: root, masked and read-only paths, the rest of plan->fs. */
int compile_fs(struct arena *a, const struct compile_input *in, struct plan *p, struct error *e);

/* process.c (args, env, cwd, user, rlimits, terminal), caps.c, sched.c (scheduler, ioPriority,
 * affinity, memory policy, personality). `in->config` is for linux.* */
int compile_process(struct arena *a, const struct compile_input *in,
		    const struct oci_process *process, struct plan_process *out, struct error *e);

/* seccomp.c: linux.seccomp to BPF. `no_new_privs` decides nothing here but a hint. */
int compile_seccomp(struct arena *a, const struct oci_seccomp *s, struct plan_seccomp *out,
		    struct error *e);

/* seccomp_names.c: with the annotation "1", a name that libseccomp does not know is an error. */
#define SECCOMP_STRICT "run.oci.seccomp_fail_unknown_syscall"
int compile_seccomp_names(const struct oci_config *c, struct error *e);

/* rdt.c: linux.intelRdt, as far as it can be checked without the machine. Nothing of it is planned. */
int compile_intel_rdt(const struct oci_intel_rdt *r, struct error *e);

/* hooks.c: checks all six kinds; puts the two that run inside into the plan. */
int compile_hooks(struct arena *a, const struct oci_hooks *hooks, struct plan *p, struct error *e);

/* All mount option words that are understood, for `features`: a NULL-terminated list. */
const char *const *compile_mount_option_words(void);
/* The seccomp names that this build understands, for `features`: NULL-terminated lists. */
const char *const *compile_seccomp_actions(void);
const char *const *compile_seccomp_operators(void);
const char *const *compile_seccomp_archs(void);
const char *const *compile_seccomp_flags(void);
