/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netlink -- the little of rtnetlink(7) that moving a network device takes.
 *
 * A socket belongs to the network namespace it was made in, so one is opened for each side. Every
 * request is answered before the next. Functions return 0 or -errno and are silent; `said` is what
 * the kernel remarked on the last failure, often more than its errno. Written here because it is
 * shorter than what libmnl would ask of a static build.
 */
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink {
	int fd;
	uint32_t sequence;
	char said[128]; /* empty: nothing */
};

struct netlink_device {
	int index;
	int master; /* the bridge or bond it is a port of; 0: none */
	bool up;
	char name[IFNAMSIZ];
};

/* What to change of a device. */
struct netlink_change {
	int netns;        /* a descriptor to move it to, -1: it stays */
	const char *name; /* NULL: as it is */
	int master;       /* 0: as it is */
	bool up;          /* false: as it is; a move takes it down */
};

/* In this network namespace; -1: ours. Afterwards we are in ours again. */
int netlink_open(struct netlink *n, int netns);
void netlink_close(struct netlink *n);

/* -ENODEV: there is none of this name. */
int netlink_find(struct netlink *n, const char *name, struct netlink_device *out);

int netlink_change(struct netlink *n, int index, const struct netlink_change *c);

/* The addresses of a device that are meant to last and to be reached from elsewhere: permanent, and
 * of global scope. As the kernel's own messages; malloc'ed. */
int netlink_addresses(struct netlink *n, int index, char **out, size_t *len);

/* Add them to a device. `from` was its name then, `to` is it now: labels begin with it. */
int netlink_add_addresses(struct netlink *n, const char *addresses, size_t len, int index,
			  const char *from, const char *to);
