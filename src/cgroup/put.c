/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * put -- from a property of the specification to writes: numbers, lists, arrays, maps.
 */
#include "table.h"

#include "base/number.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_SIZE 128

/* ---- one number ------------------------------------------------------------------------------ */

static int check_range(struct compile *c, const struct row *r, const char *json, int64_t v)
{
	if (v >= r->min && v <= r->max)
		return 0;
	if (r->kind == VALUE_BOOL)
		return 0;
	if (r->max == INT64_MAX && r->min == -1)
		return cg_wrong(c, json, "%" PRId64 " is out of range: -1 (no limit) or more", v);
	if (r->max == INT64_MAX)
		return cg_wrong(c, json, "%" PRId64 " is out of range: %" PRId64 " or more", v,
				r->min);
	return cg_wrong(c, json, "%" PRId64 " is out of range: %" PRId64 " to %" PRId64, v, r->min,
			r->max);
}

int put_number(struct compile *c, const struct row *r)
{
	char text[64];
	int64_t v;

	if (!cg_number(r, c->r, &v) || (v == 0 && !r->zero_is_value))
		return 0;
	int err = check_range(c, r, r->json, v);

	if (err < 0)
		return err;
	if ((v < 0 || v == r->neutral) && cgroup_find(c->host, r->controller) < 0)
		return 0;
	int h = cg_where(c, r, r->json);

	if (h < 0)
		return h;
	bool v2 = c->host->h[h].v2;
	int some = (v2 ? r->to_v2 : r->to_v1)(c, r, v, text);

	return some <= 0 ? some : cg_add(c, r, r->json, h, v2 ? r->v2 : r->v1, text, NULL);
}

/* ---- lists of CPUs and memory nodes ---------------------------------------------------------- */

/* "0-3,5,8-15:1/4": what bitmap_parselist() of the kernel takes, apart from its "all" and "N". */
static bool is_list(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, ","), colon = 0;
		const char *dash = memchr(s, '-', n), *group = memchr(s, ':', n);
		uint64_t first, last, used, size;

		colon = group ? (size_t)(group - s) : n;
		if (dash) {
			size_t d = (size_t)(dash - s);

			if (d > colon || number_u64_n(s, d, UINT32_MAX, &first) < 0 ||
			    number_u64_n(dash + 1, colon - d - 1, UINT32_MAX, &last) < 0 ||
			    last < first)
				return false;
		} else if (group || number_u64_n(s, n, UINT32_MAX, &first) < 0) {
			return false;
		}
		if (group) {
			const char *slash = memchr(group, '/', n - colon);

			if (!slash ||
			    number_u64_n(group + 1, (size_t)(slash - group) - 1, UINT32_MAX,
					 &used) < 0 ||
			    number_u64_n(slash + 1, (size_t)(s + n - slash) - 1, UINT32_MAX,
					 &size) < 0 ||
			    size == 0 || used > size)
				return false;
		}
		s += n;
		if (*s == ',' && !*++s)
			return false;
	}
	return true;
}

int put_list(struct compile *c, const struct row *r)
{
	const char *text = cg_text(r, c->r);

	if (!text)
		return 0;
	if (!is_list(text)) {
		cg_wrong(c, r->json, "'%s' is not a list of numbers and ranges", text);
		return hint(c->e, "write it as in \"0-3,7\"");
	}
	int h = cg_where(c, r, r->json);

	return h < 0 ? h : cg_add(c, r, r->json, h, c->host->h[h].v2 ? r->v2 : r->v1, text, NULL);
}

/* ---- block devices --------------------------------------------------------------------------- */

/* bfq has kept the range of v1 in io.bfq.weight; io.weight goes from 1 to 10000. */
static uint64_t io_weight(uint16_t weight)
{
	return 1 + (weight - 10u) * 9999u / 990u;
}

int put_weight(struct compile *c, const struct row *r)
{
	char text[32], other[32];
	int64_t v;

	if (!cg_number(r, c->r, &v) || v == 0)
		return 0;
	int h, err = check_range(c, r, r->json, v);

	if (err < 0 || (h = err = cg_where(c, r, r->json)) < 0)
		return err;
	bool v2 = c->host->h[h].v2;

	snprintf(text, sizeof(text), "%" PRId64, v);
	snprintf(other, sizeof(other), "%" PRIu64, io_weight((uint16_t)v));
	return cg_add(c, r, r->json, h, v2 ? r->v2 : r->v1, text, v2 ? other : NULL);
}

static int check_numbers(struct compile *c, const char *json, int64_t major, int64_t minor)
{
	/* The widths that dev_t of the kernel has. */
	if (major < 0 || major >= 1 << 12 || minor < 0 || minor >= 1 << 20)
		return cg_wrong(c, json, "there is no device %" PRId64 ":%" PRId64, major, minor);
	return 0;
}

int put_weight_devices(struct compile *c, const struct row *r)
{
	const struct oci_block_io *b = c->r->blockIO;

	for (size_t i = 0; b && i < b->n_weightDevice; i++) {
		const struct oci_weight_device *d = &b->weightDevice[i];
		char json[FILE_SIZE], text[64], other[64];
		int h, err;

		snprintf(json, sizeof(json), "%s[%zu]", r->json, i);
		if (!d->weight.set && !d->leafWeight.set)
			return cg_wrong(c, json, "has neither weight nor leafWeight");
		if (!d->weight.v)
			continue;
		snprintf(json, sizeof(json), "%s[%zu].weight", r->json, i);
		if ((err = check_numbers(c, json, d->major, d->minor)) < 0 ||
		    (err = check_range(c, r, json, d->weight.v)) < 0 ||
		    (h = err = cg_where(c, r, json)) < 0)
			return err;
		bool v2 = c->host->h[h].v2;

		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %u", d->major, d->minor,
			 d->weight.v);
		snprintf(other, sizeof(other), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
			 d->minor, io_weight(d->weight.v));
		err = cg_add(c, r, json, h, v2 ? r->v2 : r->v1, text, v2 ? other : NULL);
		if (err < 0)
			return err;
	}
	return 0;
}

int put_leaf_weight_devices(struct compile *c, const struct row *r)
{
	const struct oci_block_io *b = c->r->blockIO;

	for (size_t i = 0; b && i < b->n_weightDevice; i++) {
		const struct oci_weight_device *d = &b->weightDevice[i];
		char json[FILE_SIZE], text[64];
		int h, err;

		if (!d->leafWeight.v)
			continue;
		snprintf(json, sizeof(json), "%s[%zu].leafWeight", r->json, i);
		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %u", d->major, d->minor,
			 d->leafWeight.v);
		if ((err = check_numbers(c, json, d->major, d->minor)) < 0 ||
		    (err = check_range(c, r, json, d->leafWeight.v)) < 0 ||
		    (h = err = cg_where(c, r, json)) < 0 ||
		    (err = cg_add(c, r, json, h, r->v1, text, NULL)) < 0)
			return err;
	}
	return 0;
}

int put_throttle(struct compile *c, const struct row *r)
{
	const struct oci_block_io *b = c->r->blockIO;

	if (!b)
		return 0;
	const struct oci_throttle_device *list =
		*(struct oci_throttle_device *const *)((const char *)b + r->object);
	size_t n = *(const size_t *)((const char *)b + r->member);

	for (size_t i = 0; i < n; i++) {
		const struct oci_throttle_device *d = &list[i];
		char json[FILE_SIZE], file[FILE_SIZE], text[96];
		int h, err;

		snprintf(json, sizeof(json), "%s[%zu]", r->json, i);
		if (!d->rate.set)
			return cg_wrong(c, json, "has no rate");
		if ((err = check_numbers(c, json, d->major, d->minor)) < 0 ||
		    (h = err = cg_where(c, r, json)) < 0)
			return err;
		if (c->host->h[h].v2) {
			const char *key = strchr(r->v2, ':') + 1;
			int at = snprintf(text, sizeof(text),
					  "%" PRId64 ":%" PRId64 " %s=", d->major, d->minor, key);

			snprintf(file, sizeof(file), "%.*s", (int)(key - 1 - r->v2), r->v2);
			if (d->rate.v)
				snprintf(text + at, sizeof(text) - (size_t)at, "%" PRIu64,
					 d->rate.v);
			else
				snprintf(text + at, sizeof(text) - (size_t)at, "max");
		} else {
			snprintf(file, sizeof(file), "%s", r->v1);
			snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
				 d->minor, d->rate.v);
		}
		if ((err = cg_add(c, r, json, h, file, text, NULL)) < 0)
			return err;
	}
	return 0;
}

/* ---- huge pages ------------------------------------------------------------------------------ */

/* "2MB" as the kernel names its files ("1024MB" is "1GB"). False: no such size. */
static bool page_size(const char *text, char out[24])
{
	static const char units[] = "KMG";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	uint64_t n;

	if (!unit || !streq(text + digits + 1, "B") || text[0] == '0' ||
	    number_u64_n(text, digits, UINT32_MAX, &n) < 0)
		return false;
	size_t u = (size_t)(unit - units);

	for (; n % 1024 == 0 && u < 2; u++)
		n /= 1024;
	snprintf(out, 24, "%" PRIu64 "%cB", n, units[u]);
	return true;
}

static void insert_size(char *out, const char *pattern, size_t n, const char *size)
{
	const char *at = strstr(pattern, "SIZE");

	snprintf(out, FILE_SIZE, "%.*s%s%.*s", (int)(at - pattern), pattern, size,
		 (int)(n - (size_t)(at - pattern) - 4), at + 4);
}

int put_hugepages(struct compile *c, const struct row *r)
{
	for (size_t i = 0; i < c->r->n_hugepageLimits; i++) {
		const struct oci_hugepage_limit *l = &c->r->hugepageLimits[i];
		char json[FILE_SIZE], size[24], file[FILE_SIZE], text[32];
		int h, err;

		snprintf(json, sizeof(json), "%s[%zu]", r->json, i);
		if (!page_size(l->pageSize, size)) {
			cg_wrong(c, json, "pageSize '%s' is not a size", l->pageSize);
			return hint(c->e, "write it as in \"64KB\", \"2MB\", \"1GB\"");
		}
		if ((h = err = cg_where(c, r, json)) < 0)
			return err;
		bool v2 = c->host->h[h].v2;
		const char *both = v2 ? r->v2 : r->v1;
		size_t reserved = strcspn(both, "+");

		if (l->limit <= INT64_MAX)
			snprintf(text, sizeof(text), "%" PRIu64, l->limit);
		else
			snprintf(text, sizeof(text), "%s", v2 ? "max" : "-1");
		insert_size(file, both, reserved, size);
		c->optional = true; /* since 5.7 */
		if ((err = cg_add(c, r, json, h, file, text, NULL)) < 0)
			return err;
		insert_size(file, both + reserved + 1, strlen(both + reserved + 1), size);
		if ((err = cg_add(c, r, json, h, file, text, NULL)) < 0)
			return err;
	}
	return 0;
}

/* ---- network, rdma --------------------------------------------------------------------------- */

static bool is_word(const char *s, size_t max)
{
	size_t n = strcspn(s, " \t\n/");

	return n > 0 && n <= max && s[n] == '\0';
}

int put_priorities(struct compile *c, const struct row *r)
{
	const struct oci_network *network = c->r->network;

	for (size_t i = 0; network && i < network->n_priorities; i++) {
		const struct oci_interface_priority *p = &network->priorities[i];
		char json[FILE_SIZE], text[64];
		int h, err;

		snprintf(json, sizeof(json), "%s[%zu]", r->json, i);
		if (!is_word(p->name, 15))
			return cg_wrong(c, json, "'%s' is not the name of a network interface",
					p->name);
		snprintf(text, sizeof(text), "%s %" PRIu32, p->name, p->priority);
		if ((h = err = cg_where(c, r, json)) < 0 ||
		    (err = cg_add(c, r, json, h, r->v1, text, NULL)) < 0)
			return err;
	}
	return 0;
}

int put_rdma(struct compile *c, const struct row *r)
{
	for (size_t i = 0; i < c->r->n_rdma; i++) {
		const struct oci_rdma *d = &c->r->rdma[i];
		char json[FILE_SIZE], text[192];
		int h, err, at;

		if (!is_word(d->key, 63))
			return cg_wrong(c, r->json, "'%s' is not the name of an RDMA device",
					d->key);
		snprintf(json, sizeof(json), "%s.%s", r->json, d->key);
		if (!d->hcaHandles.set && !d->hcaObjects.set)
			return cg_wrong(c, json, "has neither hcaHandles nor hcaObjects");
		at = snprintf(text, sizeof(text), "%s", d->key);
		if (d->hcaHandles.set)
			at += snprintf(text + at, sizeof(text) - (size_t)at, " hca_handle=%" PRIu32,
				       d->hcaHandles.v);
		if (d->hcaObjects.set)
			snprintf(text + at, sizeof(text) - (size_t)at, " hca_object=%" PRIu32,
				 d->hcaObjects.v);
		if ((h = err = cg_where(c, r, json)) < 0 ||
		    (err = cg_add(c, r, json, h, c->host->h[h].v2 ? r->v2 : r->v1, text, NULL)) < 0)
			return err;
	}
	return 0;
}

/* ---- unified --------------------------------------------------------------------------------- */

/* Files that decide who is in the cgroup or what is below it: not resources, and ours to write. */
static bool is_ours(const char *file)
{
	static const char *const ours[] = { "cgroup.procs", "cgroup.threads",
					    "cgroup.type",  "cgroup.freeze",
					    "cgroup.kill",  "cgroup.subtree_control" };

	for (size_t i = 0; i < array_len(ours); i++)
		if (streq(file, ours[i]))
			return true;
	return false;
}

static int check_unified(struct compile *c, const char *json, const char *key)
{
	const struct cgroup_host *host = c->host;
	const char *dot = strchr(key, '.');

	if (!dot || dot == key || strchr(key, '/') || streq(key, "..") || strlen(key) > 200) {
		cg_wrong(c, json, "'%s' is not the name of a cgroup v2 file", key);
		return hint(c->e, "write it as in \"memory.high\"");
	}
	if (is_ours(key))
		return cg_wrong(c, json, "'%s' is not a resource", key);
	if (host->v2 < 0) {
		cg_wrong(
			c, json,
			"invalid configuration: this host has cgroup v1 only, and '%s' is for cgroup v2",
			key);
		return hint(c->e,
			    "use the other members of linux.resources, or boot with cgroup v2");
	}

	auto_free char *controller = strndup(key, (size_t)(dot - key));
	int h = !controller                   ? -1
		: streq(controller, "cgroup") ? host->v2
					      : cgroup_find(c->host, controller);

	if (h == host->v2)
		return 0;
	cg_wrong(c, json, "invalid configuration: the controller '%s' is not in cgroup v2 here",
		 controller ? controller : key);
	if (host->mode == CGROUP_HYBRID && h >= 0)
		return hint(c->e, "this host has it in cgroup v1, at %s", host->h[h].mount);
	return hint(c->e, "those that are: %s", host->controllers ? host->controllers : "none");
}

int put_unified(struct compile *c, const struct row *r)
{
	const struct oci_string_map *map = c->r->unified;

	for (size_t i = 0; map && i < map->n; i++) {
		const struct oci_pair *p = &map->items[i];
		auto_free char *lines = strdup(p->value);
		char json[300], *rest = lines, *line;

		snprintf(json, sizeof(json), "%s[\"%.200s\"]", r->json, p->key);
		int err = check_unified(c, json, p->key);

		if (err < 0)
			return err;
		/* The kernel takes one line per write, and there are files of many (io.max). */
		do {
			line = strsep(&rest, "\n");
			if (line && (*line || !*p->value) &&
			    (err = cg_add(c, r, json, c->host->v2, p->key, line, NULL)) < 0)
				return err;
		} while (rest);
	}
	return 0;
}
