/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage -- what `events` and `stats` print alike, each under names of its own.
 */
#pragma once

#include "host/watch.h"
#include "libocispec/ocispec.h"

struct usage_names {
	const char *pressure;       /* of the object */
	const char *pressure_total; /* in microseconds */
	/* Of a network interface: its name, then the counters in the order of the struct. */
	const char *interface, *counters[INTERFACE_COUNTERS];
};

/* Nothing where the kernel does not count it. */
void usage_number(struct json_out *j, const char *key, struct opt_u64 n);
void usage_text(struct json_out *j, const char *key, const char *text);
void usage_pressure(struct json_out *j, const struct stats_pressure *p,
		    const struct usage_names *names);

/* An array, maybe empty. */
void usage_interfaces(struct json_out *j, const struct container_stats *all,
		      const struct usage_names *names);
