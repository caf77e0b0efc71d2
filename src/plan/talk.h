/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * talk -- what ocirt and ocirt-init say to each other.
 *
 *   ocirt-init                          ocirt
 *   NEED_ID_MAPS   ->                   writes uid_map and gid_map
 *                                   <-  ID_MAPS_DONE
 *   NAMESPACES     ->  (wait_early)     moves network devices, prestart and createRuntime hooks
 *                                   <-  GO_ON + fd     the cgroup is attached; the fd is the state
 *                                                      for createContainer hooks, if there are any
 *   CONSOLE + fd   ->                   the pty's master: to the console socket, or kept
 *   LISTENER + fd  ->                   seccomp notify: to listenerPath
 *                                   <-  LISTENER_SENT
 *   WARNING        ->                   logged
 *   READY          ->                   state "created", pid file; `create` ends. The process that
 *                                       says so of an exec is the one that was born for it
 *   FAILED         ->                   worded with the field's JSON path; undone
 *
 * Fixed-size records over a SEQPACKET socket pair. End of file before READY: the other side died.
 * `start` speaks the same records over the connection it makes:
 *
 *   (connect) + STATE + fd  ->          the state for startContainer hooks, or no fd
 *                           <-          LISTENER + fd, answered as above
 *                           <-          FAILED, or end of file at execve: success
 *
 * The host does not trust what it reads: every number is checked before it is used.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum talk_type {
	TALK_NEED_ID_MAPS = 1,
	TALK_ID_MAPS_DONE,
	TALK_NAMESPACES,
	TALK_GO_ON,
	TALK_CONSOLE,
	TALK_LISTENER,
	TALK_LISTENER_SENT,
	TALK_WARNING,
	TALK_READY,
	TALK_FAILED,
	TALK_STATE,
};

/*
 * Which part of the plan a failure is about. The host has the words: host/words.c has one row for
 * each. `index` counts within the configuration, `detail` is the path, program or option meant.
 */
enum talk_where {
	WHERE_NOWHERE,
	WHERE_ARENA,
	WHERE_CGROUP,         /* joining it */
	WHERE_NAMESPACE_JOIN, /* index: linux.namespaces */
	WHERE_NAMESPACE_NEW,  /* detail: what is being made */
	WHERE_ID_MAPS,
	WHERE_TIME_OFFSETS,
	WHERE_PROC_HANDLE,
	WHERE_DUMPABLE,
	WHERE_LOOPBACK,
	WHERE_HOSTNAME,
	WHERE_DOMAINNAME,
	WHERE_KEYRING,
	WHERE_ROOT_PROPAGATION, /* making / of the new mount namespace slave or private */
	WHERE_ROOT_PATH,        /* root.path cannot be cloned or opened */
	WHERE_LAYER,            /* detail: a directory that cannot be opened */
	WHERE_OVERLAY_OPTIONS,  /* detail: which, and the kernel's text */
	WHERE_OVERLAY,          /* detail: what part of it, and the kernel's text */
	WHERE_ROOT_READONLY,
	WHERE_ROOTFS_PROPAGATION, /* linux.rootfsPropagation */
	WHERE_PIVOT,
	WHERE_MOUNT_SOURCE,      /* index: mounts; detail: the path */
	WHERE_MOUNT_DESTINATION, /* index, detail: the path inside */
	WHERE_MOUNT_LINKED,      /* index: /proc or /sys through a symbolic link */
	WHERE_MOUNT_TYPE,        /* index: fsopen failed; detail: type */
	WHERE_MOUNT_OPTION,      /* index; detail: key=value and the kernel's text */
	WHERE_MOUNT_CREATE,      /* index; detail: type and the kernel's text */
	WHERE_MOUNT_ATTRIBUTES,  /* index: mount_setattr; detail: words */
	WHERE_MOUNT_IDMAP,       /* index */
	WHERE_MOUNT_ATTACH,      /* index: move_mount */
	WHERE_MOUNT_COPY_UP,     /* index */
	WHERE_DEVICE,            /* index: linux.devices or -1; detail: path */
	WHERE_DEVICE_MISMATCH,   /* index; detail: path: another kind of file is there */
	WHERE_DEV_LINK,          /* detail: path */
	WHERE_CONSOLE,           /* detail: which part */
	WHERE_CREATE_HOOK,       /* index: hooks.createContainer; detail: words */
	WHERE_START_HOOK,        /* index: hooks.startContainer; detail: words */
	WHERE_MASKED_PATH,       /* index: linux.maskedPaths */
	WHERE_READONLY_PATH,     /* index: linux.readonlyPaths */
	WHERE_SYSCTL,            /* detail: key */
	WHERE_CWD,               /* detail: path */
	WHERE_CWD_OUTSIDE,       /* the directory is not below the root */
	WHERE_PROGRAM,           /* detail: args[0]: not there, not executable ... */
	WHERE_PROGRAM_NOT_IN_PATH,
	WHERE_INTERPRETER,  /* detail: path and its #! program or ELF loader */
	WHERE_ARCHITECTURE, /* detail: "ELF machine 183" or the like */
	WHERE_RLIMIT,       /* index */
	WHERE_OOM_SCORE,
	WHERE_SCHEDULER,
	WHERE_IOPRIO,
	WHERE_PERSONALITY,
	WHERE_MEMPOLICY,
	WHERE_AFFINITY,
	WHERE_GROUPS,
	WHERE_GID,
	WHERE_UID,
	WHERE_CAPABILITIES,       /* detail: the set */
	WHERE_AMBIENT,            /* index: capability number (WARNING) */
	WHERE_CAPABILITY_MISSING, /* index: capability number (WARNING): cannot be granted here */
	WHERE_NO_NEW_PRIVS,
	WHERE_SECCOMP,
	WHERE_LISTENER, /* the seccomp agent did not take it */
	WHERE_APPARMOR,
	WHERE_SELINUX,
	WHERE_BIRTH, /* of an exec, in the container's pid namespace */
	WHERE_STAY,  /* detail: what of staying as the program's parent */
	WHERE_STDIO,
	WHERE_FDS,
	WHERE_TALK, /* the talk itself broke */
	WHERE_SESSION,
	WHERE_COUNT,
};

struct talk_record {
	uint32_t type;  /* enum talk_type */
	uint32_t where; /* enum talk_where */
	int32_t index;
	int32_t err;      /* errno, positive; 0 none */
	char detail[240]; /* one part, or two with TALK_AND in between */
};

#define TALK_AND "\x1f" /* unit separator: no path or option has it on purpose */

/* Send one record, with a descriptor unless fd is -1. 0 or -errno; never SIGPIPE. */
int talk_send(int sock, const struct talk_record *r, int fd);

/*
 * Receive one record, and in *fd the descriptor that came with it (owned, close-on-exec), or -1.
 * 0, -EPIPE at end of file, -EPROTO for anything but one whole record, or -errno. The detail ends
 * in NUL whatever the other side sent.
 */
int talk_receive(int sock, struct talk_record *r, int *fd);

/* The same, and which process has sent it, by the kernel's word, as our pid namespace numbers it. 0:
 * talk_tell_sender() was not called in time. */
int talk_receive_from(int sock, struct talk_record *r, int *fd, pid_t *sender);
int talk_tell_sender(int sock);
