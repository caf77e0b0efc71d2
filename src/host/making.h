/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * making -- a container while it is being made: what its parts share, and what each part does when.
 * The order is told in create.c, in one table.
 *
 * A function returns 0 when the configuration asks nothing of its part. Those that find leave
 * nothing. Those that take back can do so however far the making came, a second time as well.
 */
#pragma once

#include "base/error.h"
#include "cgroup/cgroup.h"
#include "host/child.h"
#include "host/container.h"
#include "host/netdev.h"
#include "host/resctrl.h"
#include "host/sources.h"
#include "host/state.h"
#include "plan/plan.h"

/* Everything of one create, so that it ends in one place. */
struct making {
	const struct settings *s;
	const struct create_options *o;
	enum plan_kind kind;
	struct arena arena;
	char *bundle; /* absolute */
	int bundle_fd;
	char *text; /* config.json as it was read */
	size_t text_len;
	struct oci_config *config;
	struct container c;
	struct cgroup_host cgroup_host;
	struct cgroup cgroup;
	bool have_cgroup, cgroup_made, state_made;
	struct plan *plan;
	struct child child;
	int listener, rootfs;
	const char *manager; /* the service manager's $NOTIFY_SOCKET, NULL: none */
	int notify;          /* the container's, which a run listens to */
	struct sources sources;
	struct netdevs netdevs;
	int resctrl_root;
	struct resctrl class, made_class; /* what it shall have, what there is of it */
};

/* make_bundle.c: config.json, and what has to be said about it beforehand. */
int read_bundle(struct making *m, struct error *e);

/* make_state.c: the state directory, and what others find in it. */
int make_state(struct making *m, struct error *e);
int complete_state(struct making *m, struct error *e);
int record_process(struct making *m, struct error *e);
int remove_state(struct making *m, struct error *e);

/* make_class.c: linux.intelRdt. */
int find_class(struct making *m, struct error *e);
int make_class(struct making *m, struct error *e);
int join_class(struct making *m, struct error *e);
int remove_class(struct making *m, struct error *e);
int leave_class(struct making *m, struct error *e); /* removes what need not stay */

/* make_cgroup.c */
int find_cgroup(struct making *m, struct error *e);
int make_cgroup(struct making *m, struct error *e);
int attach_cgroup(struct making *m, struct error *e);
int remove_cgroup(struct making *m, struct error *e);
/* The kernel ends a process that meets a limit without a word. */
bool out_of_memory(struct making *m, struct cgroup_trouble *t);

/* make_process.c: ocirt-init, from the sockets that it is given to the ones who are told of it. */
int begin_process(struct making *m, struct error *e);
int open_process(struct making *m, struct error *e);
int start_process(struct making *m, struct error *e);
int await_process(struct making *m, struct error *e);
int announce_process(struct making *m, struct error *e);
int kill_process(struct making *m, struct error *e);
