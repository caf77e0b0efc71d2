/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * merge -- the resources of a container after an update, for whoever asks later.
 *
 * An update names some values; the others stay. Lists of devices, page sizes and the like are about
 * their elements: each replaces the one of the same name. Device rules are one list in order, and
 * are replaced as a whole.
 */
#include "table.h"

#include "base/util.h"

static const struct {
	size_t at, size;
} objects[] = {
#define OBJECT(m)                                                                          \
	{                                                                                  \
		offsetof(struct oci_resources, m), sizeof(*((struct oci_resources *)0)->m) \
	}
	OBJECT(memory),  OBJECT(cpu),     OBJECT(pids),
	OBJECT(blockIO), OBJECT(network), OBJECT(unified),
#undef OBJECT
};

/* Each object of `out` becomes a copy: those of `before` must not change. */
static void copy_objects(struct arena *a, struct oci_resources *out)
{
	for (size_t i = 0; i < array_len(objects); i++) {
		void **p = (void **)((char *)out + objects[i].at);

		if (*p)
			*p = arena_memdup(a, *p, objects[i].size, _Alignof(max_align_t));
	}
}

/* The object at this offset of `out`, made where it was absent. */
static void *object(struct arena *a, struct oci_resources *out, size_t at)
{
	void **p = (void **)((char *)out + at);

	for (size_t i = 0; !*p && i < array_len(objects); i++)
		if (objects[i].at == at)
			*p = arena_alloc(a, objects[i].size, _Alignof(max_align_t));
	return *p;
}

static size_t value_size(const struct row *row)
{
	static const size_t sizes[] = {
		[VALUE_I64] = sizeof(struct opt_i64),   [VALUE_U64] = sizeof(struct opt_u64),
		[VALUE_U32] = sizeof(struct opt_u32),   [VALUE_U16] = sizeof(struct opt_u16),
		[VALUE_BOOL] = sizeof(struct opt_bool), [VALUE_TEXT] = sizeof(const char *),
	};

	return sizes[row->kind];
}

static void merge_value(struct arena *a, const struct row *row, const struct oci_resources *r,
			struct oci_resources *out)
{
	int64_t v;

	if (row->kind == VALUE_OTHER)
		return;
	if (row->kind == VALUE_TEXT ? !cg_text(row, r)
				    : !cg_number(row, r, &v) || (v == 0 && !row->zero_is_value))
		return;
	const char *from = *(const char *const *)((const char *)r + row->object);
	char *to = object(a, out, row->object);

	if (to)
		memcpy(to + row->member, from + row->member, value_size(row));
}

/* ---- lists ----------------------------------------------------------------------------------- */

typedef bool same_fn(const void *a, const void *b);

/* What the elements of such lists begin with: two numbers, or a name. */
static bool same_device(const void *a, const void *b)
{
	return memcmp(a, b, 2 * sizeof(int64_t)) == 0;
}

static bool same_name(const void *a, const void *b)
{
	return streq(*(const char *const *)a, *(const char *const *)b);
}

/* Members that the newer element does not have are those of the older. */
typedef void keep_fn(void *element, const void *older);

static void keep_weights(void *element, const void *older)
{
	struct oci_weight_device *d = element;
	const struct oci_weight_device *o = older;

	d->weight = d->weight.v ? d->weight : o->weight;
	d->leafWeight = d->leafWeight.v ? d->leafWeight : o->leafWeight;
}

static void keep_limits(void *element, const void *older)
{
	struct oci_rdma *d = element;
	const struct oci_rdma *o = older;

	d->hcaHandles = d->hcaHandles.set ? d->hcaHandles : o->hcaHandles;
	d->hcaObjects = d->hcaObjects.set ? d->hcaObjects : o->hcaObjects;
}

static void merge_list(struct arena *a, void *list, size_t *n, const void *more, size_t n_more,
		       size_t size, same_fn *same, keep_fn *keep)
{
	char **into = list;
	char *all = n_more ? arena_array(a, *n + n_more, size, _Alignof(max_align_t)) : NULL;
	size_t count = *n;

	if (!all)
		return;
	if (count)
		memcpy(all, *into, count * size);
	for (size_t i = 0; i < n_more; i++) {
		const char *element = (const char *)more + i * size;
		char older[64];
		size_t k = 0;

		while (k < count && !same(all + k * size, element))
			k++;
		memcpy(older, all + k * size, size);
		memcpy(all + k * size, element, size);
		if (k == count)
			count++;
		else if (keep)
			keep(all + k * size, older);
	}
	*into = all;
	*n = count;
}

#define MERGE(to, from, list, same, keep)                                                   \
	do {                                                                                \
		_Static_assert(sizeof(*(to)->list) <= 64, "room for one in merge_list()");  \
		merge_list(a, &(to)->list, &(to)->n_##list, (from)->list, (from)->n_##list, \
			   sizeof(*(to)->list), same, keep);                                \
	} while (0)

static void merge_block_io(struct arena *a, const struct oci_block_io *r, struct oci_resources *out)
{
	struct oci_block_io *b = object(a, out, offsetof(struct oci_resources, blockIO));

	if (!b)
		return;
	MERGE(b, r, weightDevice, same_device, keep_weights);
	MERGE(b, r, throttleReadBpsDevice, same_device, NULL);
	MERGE(b, r, throttleWriteBpsDevice, same_device, NULL);
	MERGE(b, r, throttleReadIOPSDevice, same_device, NULL);
	MERGE(b, r, throttleWriteIOPSDevice, same_device, NULL);
}

static void merge_network(struct arena *a, const struct oci_network *r, struct oci_resources *out)
{
	struct oci_network *network = object(a, out, offsetof(struct oci_resources, network));

	if (network)
		MERGE(network, r, priorities, same_name, NULL);
}

static void merge_unified(struct arena *a, const struct oci_string_map *r,
			  struct oci_resources *out)
{
	struct oci_string_map *map = object(a, out, offsetof(struct oci_resources, unified));

	if (map)
		merge_list(a, &map->items, &map->n, r->items, r->n, sizeof(*map->items), same_name,
			   NULL);
}

int cgroup_merge(struct arena *a, const struct oci_resources *before, const struct oci_resources *r,
		 struct oci_resources *out, struct error *e)
{
	*out = *before;
	copy_objects(a, out);
	for (size_t i = 0; i < cgroup_n_rows; i++)
		merge_value(a, &cgroup_rows[i], r, out);
	if (r->memory && r->memory->checkBeforeUpdate.set && out->memory)
		out->memory->checkBeforeUpdate = r->memory->checkBeforeUpdate;
	/* Whoever lifts the limit of memory has no use for one of memory and swap; on v1 the write
	 * of the first lifts the second (cg_limit_v1). */
	if (r->memory && r->memory->limit.v == -1 && r->memory->swap.v == 0 && out->memory &&
	    out->memory->swap.set)
		out->memory->swap.v = -1;
	if (r->n_devices) {
		out->devices = r->devices;
		out->n_devices = r->n_devices;
	}
	if (r->blockIO)
		merge_block_io(a, r->blockIO, out);
	MERGE(out, r, hugepageLimits, same_name, NULL);
	MERGE(out, r, rdma, same_name, keep_limits);
	if (r->network)
		merge_network(a, r->network, out);
	if (r->unified)
		merge_unified(a, r->unified, out);
	return a->full ? fail(e, ENOMEM, "cannot hold the resources") : 0;
}
