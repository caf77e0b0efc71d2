/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/netdev.h"

#include "base/log.h"
#include "base/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct netdev {
	const char *key, *wanted; /* "eth%d": any that is free */
	struct netlink_device host;
	char name[IFNAMSIZ]; /* inside */
	char *addresses;
	size_t addresses_len;
};

static int refused(const struct netlink *n, int r, const struct netdev *d, const char *what,
		   struct error *e)
{
	fail(e, r, "linux.netDevices.%s: %s", d->key, what);
	return n->said[0] ? hint(e, "the kernel says: %s", n->said) : r;
}

/* ---- before anything is made ----------------------------------------------------------------- */

/* Moved to where they are, devices would be none of the container's own. */
static int check_not_ours(const struct oci_linux *l, struct error *e)
{
	struct stat ours, joined;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];

		if (!streq(ns->type, "network") || !ns->path ||
		    stat("/proc/self/ns/net", &ours) < 0 || stat(ns->path, &joined) < 0 ||
		    ours.st_ino != joined.st_ino || ours.st_dev != joined.st_dev)
			continue;
		fail(e, 0, "linux.netDevices.%s: is in the container's network namespace already",
		     l->netDevices[0].key);
		return hint(e, "linux.namespaces[%zu].path is the network namespace of the host",
			    i);
	}
	return 0;
}

static int find(struct netdevs *all, const struct oci_net_device *from, struct error *e)
{
	struct netdev *d = &all->items[all->n];
	int r = netlink_find(&all->host, from->key, &d->host);

	d->key = from->key;
	d->wanted = from->name ? from->name : from->key;
	if (r < 0) {
		fail(e, r, "linux.netDevices.%s: cannot find it on the host", d->key);
		return hint_if(e, ENODEV, "'ip link' lists what there is");
	}
	all->n++;
	r = netlink_addresses(&all->host, d->host.index, &d->addresses, &d->addresses_len);
	return r < 0 ? refused(&all->host, r, d, "cannot read its addresses", e) : 0;
}

int netdevs_find(struct netdevs *all, const struct oci_linux *l, struct error *e)
{
	int r;

	if (!l || !l->n_netDevices)
		return 0;
	r = check_not_ours(l, e);
	if (r < 0)
		return r;
	all->items = calloc(l->n_netDevices, sizeof(*all->items));
	if (!all->items)
		return fail(e, ENOMEM, "linux.netDevices");
	all->host_ns = all->inside_ns = all->inside.fd = -1;
	r = netlink_open(&all->host, -1);
	if (r < 0)
		return fail(e, r, "linux.netDevices: cannot make a netlink socket");
	all->host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (all->host_ns < 0)
		return fail(e, errno, "linux.netDevices: cannot open /proc/self/ns/net");
	for (size_t i = 0; i < l->n_netDevices; i++)
		if ((r = find(all, &l->netDevices[i], e)) < 0)
			return r;
	return 0;
}

/* ---- there ----------------------------------------------------------------------------------- */

/*
 * A name that is free inside. The kernel takes "eth%d" itself, but then does not say what it made
 * of it. Nobody else gives names in a new namespace; in one that is joined, the move fails when the
 * name is taken meanwhile.
 */
static int choose_name(struct netdevs *all, struct netdev *d, struct error *e)
{
	struct netlink_device other;
	const char *number = strstr(d->wanted, "%d");
	int r;

	for (unsigned int i = 0;; i++) {
		int len = number ? snprintf(d->name, sizeof(d->name), "%.*s%u%s",
					    (int)(number - d->wanted), d->wanted, i, number + 2)
				 : snprintf(d->name, sizeof(d->name), "%s", d->wanted);

		if (len >= (int)sizeof(d->name))
			return fail(e, EEXIST, "linux.netDevices.%s.name: no '%s' is free", d->key,
				    d->wanted);
		r = netlink_find(&all->inside, d->name, &other);
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return refused(&all->inside, r, d, "cannot look for its name inside", e);
		if (number)
			continue;
		fail(e, EEXIST, "linux.netDevices.%s: cannot be '%s' in the container", d->key,
		     d->name);
		return hint(e,
			    "there is a device of this name in the network namespace it joins; "
			    "linux.netDevices.%s.name gives it another",
			    d->key);
	}
}

static int move(struct netdevs *all, struct netdev *d, struct error *e)
{
	const struct netlink_change there = { .netns = all->inside_ns, .name = d->name };
	const struct netlink_change up = { .netns = -1, .up = true };
	struct netlink_device device;
	int r = choose_name(all, d, e);

	if (r < 0)
		return r;
	all->n_moved++; /* also when it fails: the kernel's answer may be what was lost */
	r = netlink_change(&all->host, d->host.index, &there);
	if (r < 0) {
		refused(&all->host, r, d, "cannot move it", e);
		return hint_if(e, EINVAL, "the kernel keeps devices of some kinds where they are");
	}
	r = netlink_find(&all->inside, d->name, &device);
	if (r < 0)
		return refused(&all->inside, r, d, "cannot find it in the container", e);
	r = netlink_add_addresses(&all->inside, d->addresses, d->addresses_len, device.index,
				  d->host.name, d->name);
	if (r < 0)
		return refused(&all->inside, r, d, "cannot keep its addresses", e);
	r = netlink_change(&all->inside, device.index, &up);
	return r < 0 ? refused(&all->inside, r, d, "cannot set it up in the container", e) : 0;
}

int netdevs_move(struct netdevs *all, int proc, pid_t pid, struct error *e)
{
	char path[32];
	int r = 0;

	if (!all->n)
		return 0;
	snprintf(path, sizeof(path), "%d/ns/net", pid);
	all->inside_ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (all->inside_ns < 0)
		return fail(e, errno, "linux.netDevices: cannot open /proc/%s", path);
	r = netlink_open(&all->inside, all->inside_ns);
	if (r < 0)
		return fail(e, r,
			    "linux.netDevices: cannot look into the container's network namespace");
	for (size_t i = 0; r == 0 && i < all->n; i++)
		r = move(all, &all->items[i], e);
	return r;
}

/* ---- and back -------------------------------------------------------------------------------- */

static int give_back(struct netdevs *all, const struct netdev *d)
{
	const struct netlink_change home = { .netns = all->host_ns, .name = d->host.name };
	const struct netlink_change as_before = { .netns = -1,
						  .master = d->host.master,
						  .up = d->host.up };
	struct netlink_device device;
	int r = netlink_find(&all->inside, d->name, &device);

	if (r == -ENODEV && netlink_find(&all->host, d->host.name, &device) == 0)
		return 0; /* it never went */
	if (r == 0)
		r = netlink_change(&all->inside, device.index, &home);
	if (r == 0)
		r = netlink_find(&all->host, d->host.name, &device);
	if (r == 0)
		r = netlink_add_addresses(&all->host, d->addresses, d->addresses_len, device.index,
					  d->host.name, d->host.name);
	return r == 0 ? netlink_change(&all->host, device.index, &as_before) : r;
}

void netdevs_give_back(struct netdevs *all)
{
	while (all->n_moved > 0) {
		const struct netdev *d = &all->items[--all->n_moved];
		int r = give_back(all, d);

		if (r < 0)
			log_warning("linux.netDevices.%s: cannot give it back to the host: %s",
				    d->key, strerror(-r));
	}
}

void netdevs_close(struct netdevs *all)
{
	if (!all->items)
		return;
	for (size_t i = 0; i < all->n; i++)
		free(all->items[i].addresses);
	free(all->items);
	netlink_close(&all->host);
	netlink_close(&all->inside);
	fd_close(&all->host_ns);
	fd_close(&all->inside_ns);
	*all = (struct netdevs){ 0 };
}
