/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch -- what a container uses, once or for as long as it lives.
 */
#pragma once

#include "cgroup/stats.h"
#include "host/container.h"
#include "host/resctrl.h"

/* A network interface of the container, as it counts itself: what it has received and sent. */
/* Received: bytes, packets, errors, dropped; and the same sent. */
#define INTERFACE_COUNTERS 8

struct interface_stats {
	const char *name;
	uint64_t counters[INTERFACE_COUNTERS];
};

struct container_stats {
	struct cgroup_stats cgroup;
	/* All but lo; none when the container shares the network with the caller. */
	struct interface_stats *interfaces;
	size_t n_interfaces;
	struct resctrl_stats *rdt; /* NULL: linux.intelRdt is not set */
};

/* Of a container that is not stopped. All memory is from `a`. */
int container_stats(const struct settings *s, const char *id, struct arena *a,
		    struct container_stats *out, struct error *e);

/* What is called while watching; a negative result ends it. */
struct watcher {
	int (*stats)(void *arg, const struct container_stats *stats, struct error *e);
	int (*oom)(void *arg, struct error *e);
	void *arg;
};

/*
 * Tell the statistics now and every `interval_ns`, and each time that memory has run out. Returns 0
 * when the container has ended.
 */
int container_watch(const struct settings *s, const char *id, uint64_t interval_ns,
		    const struct watcher *w, struct error *e);
