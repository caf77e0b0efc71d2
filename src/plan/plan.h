/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan -- what the container side shall do, decided to the last number by the host side.
 *
 * compile/ fills it from config.json, host/ adds the descriptors, init/ walks it. It lives in the
 * sealed arena, mapped at the same address by both programs, so that its pointers hold without
 * any serialising. Everything here has been checked: the container side validates nothing and
 * parses nothing but what the image itself brings.
 *
 * Descriptors are numbers that are the same on both sides: spawn() lets exactly those of
 * plan->keep survive into the container side. -1 is none.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLAN_VERSION 1

enum plan_kind {
	PLAN_CREATE, /* build a container, then wait for `start` */
	PLAN_RUN,    /* build a container and go on at once */
	PLAN_EXEC,   /* a second process in a container that is there */
};

/* A namespace to join: an open /proc/PID/ns/TYPE or bind mount of one. setns(2). */
struct plan_join {
	int fd;
	int type;         /* CLONE_NEW* */
	const char *path; /* as in the configuration, for messages */
	size_t index;     /* linux.namespaces[index] */
};

/* One key of fsconfig(2): FSCONFIG_SET_STRING, or FSCONFIG_SET_FLAG when value is NULL. */
struct plan_option {
	const char *key;
	const char *value;
};

enum plan_mount_kind {
	PLAN_MOUNT_NEW,     /* a file system of `type` */
	PLAN_MOUNT_BIND,    /* `source`, or the detached tree in tree_fd */
	PLAN_MOUNT_REMOUNT, /* change what is at `destination` */
	PLAN_MOUNT_LINK, /* a symbolic link at `destination` that says `source`: for the co-mounted
			       controllers of cgroup v1 */
};

struct plan_mount {
	enum plan_mount_kind kind;
	size_t index;            /* mounts[index]; several plan mounts may come from one; SIZE_MAX:
				    not from the configuration */
	const char *destination; /* absolute in the container, cleaned: no "//", "." or ".." */
	const char *source;      /* NEW: the "source" key, may be NULL; BIND: absolute host path */
	const char *type;        /* NEW */
	const struct plan_option *options;
	size_t n_options;
	const char *data;  /* the same options as one string for mount(2), when a value is too long
				for fsconfig (256 bytes); else NULL */
	uint64_t attr_set; /* MOUNT_ATTR_*, for this mount alone; mount_setattr(2) */
	uint64_t attr_clear;
	uint64_t
		tree_set; /* the same for the whole tree: rro, rnosuid, ...; applied before attr_* */
	uint64_t tree_clear;
	uint32_t propagation[4]; /* MS_SHARED, ..., each perhaps with MS_REC; 0 ends the list */
	bool recursive;          /* BIND: rbind */
	bool superblock_ro;      /* NEW on a device: the file system itself is read-only, too */
	bool sync, dirsync, lazytime, mand, silent;
	bool needs_cgroup;   /* only after GO_ON: shows the container's own cgroup */
	bool real_directory; /* /proc and /sys: the destination must not be a symbolic link */
	bool copy_up;        /* tmpcopyup */
	bool inherit_mode;   /* tmpfs without mode=: as the directory that it covers */
	bool follow_source;  /* BIND: a symbolic link as source is followed (the default) */
	bool follow_destination;
	bool copy_symlink;   /* BIND of a symbolic link: make the same link instead */
	bool sysfs_fallback; /* sysfs or proc refused by the kernel: bind the host's, read-only */
	bool optional;       /* ENOENT of the source is no error (host part of a cgroup view) */
	int tree_fd;         /* a detached mount made by the host side, -1: made by the other */
	int idmap_fd;        /* the user namespace of an idmapped mount, -1: none */
	bool idmap; /* it is to be idmapped: the host side makes idmap_fd, from the mappings of
				idmap_text, else of mounts[index], else of the container */
	bool idmap_recursive;
	const char *idmap_text; /* of the option "idmap=uids=...;gids=...", or NULL */
	bool directory; /* the destination is a directory when it has to be made; for BIND the
			   container side looks at the source */
};

/* A device node, a FIFO, or (in a user namespace) the host's own node bound there. */
struct plan_device {
	const char *path; /* absolute in the container, cleaned */
	mode_t mode;      /* with the type: S_IFCHR | 0666 */
	unsigned int major, minor;
	uid_t uid;
	gid_t gid;
	int index; /* linux.devices[index], -1 for a default device */
	bool bind; /* from the same path on the host */
};

struct plan_link {
	const char *target, *path;
	bool optional; /* only where the target is there once everything is mounted */
};

struct plan_sysctl {
	const char *key;  /* as configured, for messages */
	const char *file; /* below /proc/sys, with slashes */
	const char *value;
};

#define PLAN_LAYERS_MAX 128

/*
 * Layers over the root: what is read comes from the uppermost that has it, what is written goes to
 * the upper one. Absolute paths of the host.
 */
struct plan_overlay {
	const char *const *lower; /* the uppermost first; the last is plan_fs.rootfs */
	size_t n_lower;
	const char *upper, *work; /* NULL: a tmpfs that is gone with the container */
	const char *label; /* linux.mountLabel: the SELinux context of all its files, or NULL */
};

struct plan_fs {
	const char *rootfs; /* absolute path on the host */
	int rootfs_fd;      /* O_PATH of it, in the host's mount namespace */
	int tree_fd; /* a detached clone of it made by the host side, -1: made by the other */
	const struct plan_overlay *overlay; /* NULL: the root is root.path itself */
	bool readonly;
	bool no_pivot;
	uint32_t propagation; /* linux.rootfsPropagation: MS_* (| MS_REC), 0 when unset */
	const struct plan_mount *mounts;
	size_t n_mounts;
	const struct plan_device *devices;
	size_t n_devices;
	const struct plan_link *links; /* /dev/fd and the like */
	size_t n_links;
	const char *const *masked; /* cleaned, each once: not the indices of linux.maskedPaths */
	size_t n_masked;
	const char *const *readonly_paths;
	size_t n_readonly_paths;
	bool ptmx; /* /dev/ptmx -> pts/ptmx is wanted */
};

/* Five sets as bit masks, bit N is capability N. capabilities(7). */
struct plan_caps {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct plan_rlimit {
	int resource;
	uint64_t soft, hard;
	size_t index;
};

/* As the kernel's struct sched_attr, sched_setattr(2). */
struct plan_sched {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

struct plan_seccomp {
	const struct sock_filter *filter; /* NULL: none */
	unsigned short len;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_*; with NEW_LISTENER the fd goes to the host */
	bool birth; /* it permits what is called between it and the execve of an exec, birth.c */
};

/* One program with everything it is started with. */
struct plan_process {
	const char *const *args; /* NULL-terminated */
	const char *const *env;  /* NULL-terminated, each name once */
	size_t n_env;
	bool needs_home;         /* HOME is missing or empty: look the uid up in /etc/passwd */
	const char *const *path; /* the directories of PATH from env, NULL-terminated */
	const char *cwd;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	bool keep_groups; /* leave the supplementary groups alone */
	bool has_umask;
	mode_t umask;
	bool terminal;
	unsigned short rows, columns; /* 0: unset */
	bool has_caps; /* false: process.capabilities is absent, the sets are empty all the same */
	struct plan_caps caps;
	bool no_new_privs;
	const struct plan_rlimit *rlimits;
	size_t n_rlimits;
	bool has_oom_score_adj;
	int oom_score_adj;
	bool has_sched;
	struct plan_sched sched;
	int ioprio;       /* ioprio_set(2) value, -1 unset */
	long personality; /* personality(2), -1 unset */
	bool has_mempolicy;
	int mempolicy_mode; /* set_mempolicy(2), flags or'ed in */
	const unsigned long *mempolicy_nodes;
	unsigned long mempolicy_maxnode;
	const unsigned long *affinity; /* sched_setaffinity(2) before execve; NULL: whole cpuset */
	size_t affinity_size;          /* bytes */
	const unsigned long
		*initial_affinity; /* exec: the host sets it on itself before it makes the
						  process, which inherits it; NULL: none */
	size_t initial_affinity_size;
	struct plan_seccomp seccomp;
	const char *apparmor, *selinux; /* NULL: none */
	int preserve_fds;               /* descriptors 3 .. 3 + n - 1 stay open */
};

/* A hook that runs inside: createContainer, startContainer. */
struct plan_hook {
	const char *path;
	const char *const *args; /* NULL-terminated, argv[0] included */
	const char *const *env;  /* NULL: what the specification leaves to us, see init/hooks.c */
	int64_t timeout;         /* seconds, 0 none */
};

struct plan {
	uint32_t version;
	enum plan_kind kind;
#ifdef WEAKENED
	uint64_t weakened; /* base/weakened.h */
#endif
	const int *keep; /* descriptors that survive into the container side */
	size_t n_keep;
	int talk_fd;     /* SEQPACKET socket to the host side, see talk.h */
	int listen_fd;   /* PLAN_CREATE: the listening socket that `start` connects to */
	int proc_fd;     /* the host's /proc, O_PATH: an exec is born where /proc is the image's */
	bool wait_early; /* GO_ON comes before the mounts: there are hooks or devices to move */
	bool wait_late;  /* GO_ON comes before the first needs_cgroup mount, at the latest at the
			    end of the mounts: the cgroup is being attached meanwhile */

	const int *cgroup_tasks; /* write "0" into each: joins a cgroup of v1 */
	size_t n_cgroup_tasks;

	/* Namespaces. */
	bool born_inside;       /* PLAN_EXEC: the process for the program is made in the container's
				   pid namespace at the very end */
	uint64_t clone_flags;   /* CLONE_NEW* made by clone3 itself */
	uint64_t unshare_flags; /* those that ocirt-init makes: cgroup after GO_ON, time for its
				   offsets, and all when a user namespace is joined first */
	const struct plan_join *joins;
	size_t n_joins;
	int container_pidfd; /* PLAN_EXEC: join all of this process's namespaces in exec_flags */
	uint64_t exec_flags;
	bool new_userns;                   /* ask for id maps first */
	bool userns;                       /* new or joined: mknod and the like are not ours */
	bool new_netns;                    /* bring lo up */
	const char *time_offsets;          /* lines for /proc/self/timens_offsets, or NULL */
	const char *hostname, *domainname; /* NULL: leave */
	const char *keyring; /* name of a new session keyring, NULL: keep the caller's */

	const struct plan_fs *fs; /* NULL for exec, and without a mount namespace */
	const struct plan_sysctl *sysctl;
	size_t n_sysctl;
	const struct plan_hook *create_container, *start_container;
	size_t n_create_container, n_start_container;

	const struct plan_process *process; /* NULL: a container without a program */
	bool stay; /* ocirt-init goes on as the first process, and the program is its child */
};

struct json_out;

/* The plan as text, one decision a line, for people and for the plan tests. */
int plan_text(const struct plan *p, char **out, size_t *len);
