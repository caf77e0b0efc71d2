/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stage -- what the steps of the container side share.
 *
 * ocirt-init walks a table of steps over the plan. A step is short, allocates nothing, and returns
 * 0 when the plan asks nothing of it; on failure it says which part of the plan was meant with
 * stage_fail() and returns -errno. What a later step needs of an earlier one is a member here.
 * The words for a failure are the host's.
 */
#pragma once

#include "../base/util.h"
#include "../base/weakened.h"
#include "../plan/plan.h"
#include "../plan/talk.h"

#define PROGRAM_PATH_MAX 4096

struct stage {
	void *plan; /* where the arena is mapped */
	size_t plan_size;
	int talk; /* to the host side; after `start` the connection that asked for it */
	int proc; /* the host's procfs, verified; -1 as soon as "sys" in it is not needed any more */
	int self; /* our own directory in it: with that, the only way to /proc, until let_go_of_proc() */
	struct label_files {
		int apparmor, selinux;
	} labels[2]; /* to be written later; by enum label_time */
	int root;    /* the container's root: every lookup begins here */
	int state;   /* a memfd with the state for hooks, -1: none */
	struct {
		int lower[PLAN_LAYERS_MAX], upper, work;
	} layers; /* of an overlay, opened with the caller's eyes */
	struct held {
		const char *at; /* "/proc" or "/sys" */
		int fd;
	} held[2];     /* what was mounted there, until its paths are protected */
	int null_tree; /* a detached clone of the host's /dev/null, for masked files */
	int console;   /* the pty's slave side */
	bool gone_on;  /* GO_ON has come */
	bool cgroup_entered;
	bool cwd_entered;
	bool labelled;
	mode_t umask;        /* the caller's, for hooks that work on the host */
	const char *program; /* what execve gets: args[0], or a file found through PATH */
	char program_path[PROGRAM_PATH_MAX];
	struct talk_record failure;
};

struct step {
	const char *name;
	int (*run)(const struct plan *p, struct stage *s);
};

/* main.c: the three stories. */
extern const struct step create_steps[], exec_steps[];

/* Remember what failed; returns -err (err may be given with either sign). `detail` may be NULL. */
int stage_fail(struct stage *s, enum talk_where where, long index, int err, const char *detail);
/* The same with a detail of two parts, which the host's words keep apart. */
int stage_fail2(struct stage *s, enum talk_where where, long index, int err, const char *first,
		const char *second);

/* say.c */
int tell(struct stage *s, enum talk_type type, int fd);
/* Wait for just this record; anything else is -EPROTO. */
int expect(struct stage *s, enum talk_type type, int *fd);
void warn_host(struct stage *s, enum talk_where where, int index, int err, const char *detail);
/* GO_ON, once, wherever it is first needed. */
int wait_go_on(const struct plan *p, struct stage *s);

/* No link, and nothing that is mounted over a file of procfs. */
#define IN_PROC (PROTECT(proc_handle) ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV : 0)

/* proc.c: all access to /proc. `file` is relative, "self/oom_score_adj", "sys/net/...". */
int proc_open(struct stage *s, const char *file, int flags);
int proc_write(struct stage *s, const char *file, const char *text);
int write_text(int fd, const char *text); /* all of it at once */

/* mounts.c, and what rootfs.c needs of it. */
int mount_all(const struct plan *p, struct stage *s);

/* What the kernel says of the last failure of a file system that is being made, or NULL. */
const char *kernel_words(int fs, char *buf, size_t size);

/* overlay.c: the layers of the root, while the caller's rights reach them. */
int open_layers(const struct plan_fs *fs, struct stage *s);

/* copy.c: what is in the directory `from`, again in `to`, with modes and owners (tmpcopyup). */
int copy_up(int from, int to);

/* hooks.c: run one table of hooks with `state` as standard input. */
int run_hooks(struct stage *s, const struct plan_hook *hooks, size_t n, enum talk_where where,
	      const struct plan_process *as);

/* console.c: a session of its own, and the terminal that standard input is. */
int begin_session(struct stage *s, bool terminal);

/* process.c */
int set_scheduler(const struct plan_process *process, struct stage *s);

/* listener.c */
int install_listening_filter(const struct plan_seccomp *filter, struct stage *s);

/* namespaces.c: nobody inside may look at us. A change of ids takes it back. */
int not_dumpable(struct stage *s);

/* privileges.c */
int raise_capabilities(void); /* everything permitted becomes effective */
enum label_time { LABEL_AT_EXECVE, LABEL_AT_ONCE };
int open_labels(const struct plan_process *process, struct stage *s, enum label_time when);
/*
 * The labels that count from the next execve on, ours or a child's: what is written is inherited. So
 * before the first child is made, which could not write them: a process writes to its own attributes
 * alone (Linux 5.13), and those that are open are ours. Does it once.
 */
int label_program(const struct plan *p, struct stage *s);
/* A hook that runs after `start` has the program's rights, not ours. Called in the child; all but
 * labels. */
int take_program_rights(const struct plan_process *process, struct stage *s);
/* The same for ocirt-init itself, which executes nothing any more. */
int take_labels(const struct plan_process *process, struct stage *s);
int take_other_rights(const struct plan_process *process, struct stage *s);
