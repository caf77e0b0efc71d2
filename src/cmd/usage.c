/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "usage.h"

void usage_number(struct json_out *j, const char *key, struct opt_u64 n)
{
	if (n.set)
		json_key_uint(j, key, n.v);
}

void usage_text(struct json_out *j, const char *key, const char *text)
{
	if (text)
		json_key_string(j, key, text);
}

static void put_line(struct json_out *j, const char *key, const struct stats_pressure_line *l,
		     const struct usage_names *names)
{
	if (!l->avg10)
		return;
	json_key_object(j, key);
	json_key(j, "avg10");
	json_raw(j, l->avg10);
	json_key(j, "avg60");
	json_raw(j, l->avg60);
	json_key(j, "avg300");
	json_raw(j, l->avg300);
	json_key_uint(j, names->pressure_total, l->total);
	json_close(j);
}

void usage_pressure(struct json_out *j, const struct stats_pressure *p,
		    const struct usage_names *names)
{
	if (!p->some.avg10 && !p->full.avg10)
		return;
	json_key_object(j, names->pressure);
	put_line(j, "some", &p->some, names);
	put_line(j, "full", &p->full, names);
	json_close(j);
}

void usage_interfaces(struct json_out *j, const struct container_stats *all,
		      const struct usage_names *names)
{
	json_array(j);
	for (size_t i = 0; i < all->n_interfaces; i++) {
		const struct interface_stats *s = &all->interfaces[i];

		json_object(j);
		json_key_string(j, names->interface, s->name);
		for (size_t k = 0; k < INTERFACE_COUNTERS; k++)
			json_key_uint(j, names->counters[k], s->counters[k]);
		json_close(j);
	}
	json_close(j);
}
