/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netdev -- linux.netDevices: network devices of the host that become the container's.
 *
 * They are looked up while nothing exists yet, and moved as soon as the container's network namespace
 * does, before any hook runs: hooks find what the program will find. A device keeps its permanent
 * addresses of global scope and is up afterwards, whatever it was before; routes and neighbours
 * belong to a namespace, and stay behind.
 *
 * A create that fails gives them back. A container that ends does not (config-linux.md forbids it):
 * with the last process of the namespace the kernel moves a physical device to its first namespace,
 * and removes a virtual one.
 */
#pragma once

#include "base/error.h"
#include "host/netlink.h"
#include "libocispec/ocispec.h"

#include <sys/types.h>

struct netdev;

/* All 0: there are none. */
struct netdevs {
	struct netdev *items;
	size_t n, n_moved;
	int host_ns, inside_ns; /* the namespaces, and a socket in each */
	struct netlink host, inside;
};

/* Find what linux.netDevices names. Changes nothing. */
int netdevs_find(struct netdevs *all, const struct oci_linux *l, struct error *e);

/* To the network namespace of this process, which is there from here on. */
int netdevs_move(struct netdevs *all, int proc, pid_t pid, struct error *e);

/* Back again, those that were moved: name, addresses, state. What fails is logged. */
void netdevs_give_back(struct netdevs *all);

void netdevs_close(struct netdevs *all);
