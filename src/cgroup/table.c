/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include "base/util.h"

#include <stdio.h>

#define OBJECT(o) __typeof__(*((struct oci_resources *)0)->o)
#define IS(o, m, t) \
	(0 *        \
	 sizeof(char[__builtin_types_compatible_p(__typeof__(((OBJECT(o) *)0)->m), t) ? 1 : -1]))

/* Where the value is; does not compile when the member is of another type. */
#define VALUE(k, t, o, m)                                               \
	.kind = VALUE_##k, .object = offsetof(struct oci_resources, o), \
	.member = (uint16_t)(offsetof(OBJECT(o), m) + IS(o, m, t))
#define I64(o, m)  VALUE(I64, struct opt_i64, o, m)
#define U64(o, m)  VALUE(U64, struct opt_u64, o, m)
#define U32(o, m)  VALUE(U32, struct opt_u32, o, m)
#define U16(o, m)  VALUE(U16, struct opt_u16, o, m)
#define BOOL(o, m) VALUE(BOOL, struct opt_bool, o, m)
#define TEXT(o, m) VALUE(TEXT, const char *, o, m)

#define RANGE(a, b) .min = (a), .max = (b)
#define LIMIT       RANGE(-1, INT64_MAX) /* -1: none */

/*
 * In the order of writing: what may refuse comes before what depends on it. The columns are
 *   property, controller, v1 file, v1 conversion, v2 file, v2 conversion, systemd property, put
 */
/* clang-format off */
const struct row cgroup_rows[] = {
	{ "devices", "devices",
	  "devices.deny+devices.allow", NULL, "(bpf)", NULL, "DeviceAllow", put_devices },

	{ "memory.checkBeforeUpdate", "memory",
	  NULL, NULL, NULL, NULL, NULL, put_check_before_update },
	{ "memory.useHierarchy", "memory",
	  "memory.use_hierarchy", cg_plain, NULL, cg_only_true, NULL, put_number,
	  BOOL(memory, useHierarchy), .zero_is_value = true, .neutral = 1, RANGE(0, 1) },
	{ "memory.limit", "memory",
	  "memory.limit_in_bytes", cg_limit_v1, "memory.max", cg_or_max, "MemoryMax", put_number,
	  I64(memory, limit), GROUP_MEMORY, LIMIT },
	{ "memory.swap", "memory",
	  "memory.memsw.limit_in_bytes", cg_swap_v1, "memory.swap.max", cg_swap_v2, "MemorySwapMax",
	  put_number, I64(memory, swap), GROUP_MEMORY, LIMIT },
	{ "memory.reservation", "memory",
	  "memory.soft_limit_in_bytes", cg_plain, "memory.low", cg_or_max, "MemoryLow", put_number,
	  I64(memory, reservation), LIMIT },
	{ "memory.kernel", "memory",
	  "memory.kmem.limit_in_bytes", cg_plain, NULL, cg_ignored, NULL, put_number,
	  I64(memory, kernel), .best_effort = true, LIMIT },
	{ "memory.kernelTCP", "memory",
	  "memory.kmem.tcp.limit_in_bytes", cg_plain, NULL, cg_ignored, NULL, put_number,
	  I64(memory, kernelTCP), .best_effort = true, LIMIT },
	{ "memory.swappiness", "memory",
	  "memory.swappiness", cg_plain, NULL, NULL, NULL, put_number,
	  U64(memory, swappiness), .zero_is_value = true, .neutral = -1, RANGE(0, 100) },
	{ "memory.disableOOMKiller", "memory",
	  "memory.oom_control", cg_plain, NULL, cg_only_false, NULL, put_number,
	  BOOL(memory, disableOOMKiller), .zero_is_value = true, RANGE(0, 1) },

	{ "cpu.shares", "cpu",
	  "cpu.shares", cg_plain, "cpu.weight", cg_weight, "CPUWeight", put_number,
	  U64(cpu, shares), GROUP_WEIGHT, RANGE(0, INT64_MAX) },
	{ "cpu.idle", "cpu",
	  "cpu.idle", cg_plain, "cpu.idle", cg_plain, "CPUWeight", put_number,
	  I64(cpu, idle), GROUP_WEIGHT, .zero_is_value = true, RANGE(0, 1) },
	{ "cpu.period", "cpu",
	  "cpu.cfs_period_us", cg_plain, "cpu.max", cg_period_v2, "CPUQuotaPeriodUSec", put_number,
	  U64(cpu, period), GROUP_CFS, RANGE(1000, 1000000) },
	{ "cpu.quota", "cpu",
	  "cpu.cfs_quota_us", cg_quota_v1, "cpu.max", cg_quota_v2, "CPUQuotaPerSecUSec", put_number,
	  I64(cpu, quota), GROUP_CFS, LIMIT },
	{ "cpu.burst", "cpu",
	  "cpu.cfs_burst_us", cg_burst, "cpu.max.burst", cg_burst, NULL, put_number,
	  U64(cpu, burst), GROUP_CFS, .zero_is_value = true, RANGE(0, INT64_MAX) },
	{ "cpu.realtimePeriod", "cpu",
	  "cpu.rt_period_us", cg_plain, NULL, NULL, NULL, put_number,
	  U64(cpu, realtimePeriod), GROUP_RT, RANGE(1, INT32_MAX) },
	{ "cpu.realtimeRuntime", "cpu",
	  "cpu.rt_runtime_us", cg_rt_runtime, NULL, NULL, NULL, put_number,
	  I64(cpu, realtimeRuntime), GROUP_RT, RANGE(-1, INT32_MAX) },
	{ "cpu.cpus", "cpuset",
	  "cpuset.cpus|cpus", NULL, "cpuset.cpus", NULL, "AllowedCPUs", put_list,
	  TEXT(cpu, cpus) },
	{ "cpu.mems", "cpuset",
	  "cpuset.mems|mems", NULL, "cpuset.mems", NULL, "AllowedMemoryNodes", put_list,
	  TEXT(cpu, mems) },

	{ "pids.limit", "pids",
	  "pids.max", cg_pids, "pids.max", cg_pids, "TasksMax", put_number,
	  I64(pids, limit), .zero_is_value = true, .neutral = -1, LIMIT },

	{ "blockIO.weight", "blkio",
	  "blkio.bfq.weight|blkio.weight", NULL, "io.bfq.weight|io.weight", NULL, "IOWeight",
	  put_weight, U16(blockIO, weight), RANGE(10, 1000) },
	{ "blockIO.leafWeight", "blkio",
	  "blkio.leaf_weight", cg_plain, NULL, NULL, NULL, put_number,
	  U16(blockIO, leafWeight), RANGE(10, 1000) },
	{ "blockIO.weightDevice", "blkio",
	  "blkio.bfq.weight_device|blkio.weight_device", NULL, "io.bfq.weight|io.weight", NULL,
	  "IODeviceWeight", put_weight_devices, RANGE(10, 1000) },
	{ "blockIO.weightDevice", "blkio",
	  "blkio.leaf_weight_device", NULL, NULL, NULL, NULL, put_leaf_weight_devices,
	  RANGE(10, 1000) },
	{ "blockIO.throttleReadBpsDevice", "blkio",
	  "blkio.throttle.read_bps_device", NULL, "io.max:rbps", NULL, "IOReadBandwidthMax",
	  put_throttle, .object = offsetof(struct oci_block_io, throttleReadBpsDevice),
	  .member = offsetof(struct oci_block_io, n_throttleReadBpsDevice) },
	{ "blockIO.throttleWriteBpsDevice", "blkio",
	  "blkio.throttle.write_bps_device", NULL, "io.max:wbps", NULL, "IOWriteBandwidthMax",
	  put_throttle, .object = offsetof(struct oci_block_io, throttleWriteBpsDevice),
	  .member = offsetof(struct oci_block_io, n_throttleWriteBpsDevice) },
	{ "blockIO.throttleReadIOPSDevice", "blkio",
	  "blkio.throttle.read_iops_device", NULL, "io.max:riops", NULL, "IOReadIOPSMax",
	  put_throttle, .object = offsetof(struct oci_block_io, throttleReadIOPSDevice),
	  .member = offsetof(struct oci_block_io, n_throttleReadIOPSDevice) },
	{ "blockIO.throttleWriteIOPSDevice", "blkio",
	  "blkio.throttle.write_iops_device", NULL, "io.max:wiops", NULL, "IOWriteIOPSMax",
	  put_throttle, .object = offsetof(struct oci_block_io, throttleWriteIOPSDevice),
	  .member = offsetof(struct oci_block_io, n_throttleWriteIOPSDevice) },

	/* The specification means reservations; kernels before 5.7 count only what is faulted in. */
	{ "hugepageLimits", "hugetlb",
	  "hugetlb.SIZE.rsvd.limit_in_bytes+hugetlb.SIZE.limit_in_bytes", NULL,
	  "hugetlb.SIZE.rsvd.max+hugetlb.SIZE.max", NULL, NULL, put_hugepages },

	{ "network.classID", "net_cls",
	  "net_cls.classid", cg_plain, NULL, NULL, NULL, put_number,
	  U32(network, classID), .zero_is_value = true, RANGE(0, UINT32_MAX) },
	{ "network.priorities", "net_prio",
	  "net_prio.ifpriomap", NULL, NULL, NULL, NULL, put_priorities },

	{ "rdma", "rdma", "rdma.max", NULL, "rdma.max", NULL, NULL, put_rdma },

	/* Last: the words of somebody who knows the files prevail. */
	{ "unified", NULL, NULL, NULL, NULL, NULL, NULL, put_unified },
};
/* clang-format on */
const size_t cgroup_n_rows = array_len(cgroup_rows);

const struct row *cg_row(const char *json)
{
	for (size_t i = 0; i < array_len(cgroup_rows); i++)
		if (streq(cgroup_rows[i].json, json))
			return &cgroup_rows[i];
	return NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static const void *member_of(const struct row *row, const struct oci_resources *r)
{
	const char *object = *(const char *const *)((const char *)r + row->object);

	return object ? object + row->member : NULL;
}

bool cg_number(const struct row *row, const struct oci_resources *r, int64_t *out)
{
	const void *p = member_of(row, r);

	if (!p)
		return false;
	switch (row->kind) {
	case VALUE_I64: {
		const struct opt_i64 *o = p;

		*out = o->v;
		return o->set;
	}
	case VALUE_U64: {
		const struct opt_u64 *o = p;

		*out = o->v > INT64_MAX ? INT64_MAX : (int64_t)o->v;
		return o->set;
	}
	case VALUE_U32: {
		const struct opt_u32 *o = p;

		*out = o->v;
		return o->set;
	}
	case VALUE_U16: {
		const struct opt_u16 *o = p;

		*out = o->v;
		return o->set;
	}
	case VALUE_BOOL: {
		const struct opt_bool *o = p;

		*out = o->v;
		return o->set;
	}
	default:
		return false;
	}
}

const char *cg_text(const struct row *row, const struct oci_resources *r)
{
	const char *const *p = member_of(row, r);

	return p && *p && **p ? *p : NULL;
}

/* ---- writes ---------------------------------------------------------------------------------- */

int cg_wrong(struct compile *c, const char *json, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(c->e, 0, "linux.resources.%s: %s", json, text);
}

int cg_add(struct compile *c, const struct row *row, const char *json, int h, const char *file,
	   const char *text, const char *other_text)
{
	struct cg_writes *all = c->out;
	struct arena *a = &all->memory;

	if ((all->n & (all->n + 1)) == 0) { /* room grows at 0, 1, 3, 7, ... */
		struct cg_write *more = arena_new_array(a, struct cg_write, 2 * all->n + 1);

		if (!more)
			return fail(c->e, ENOMEM, "linux.resources.%s", json);
		if (all->n)
			memcpy(more, all->w, all->n * sizeof(*more));
		all->w = more;
	}

	char *name = arena_strdup(a, file), *bar = name ? strchr(name, '|') : NULL;
	struct cg_write *w = &all->w[all->n++];

	if (bar)
		*bar++ = '\0';
	*w = (struct cg_write){
		.row = row,
		.json = arena_strdup(a, json),
		.at = (size_t)h,
		.file = name,
		.text = arena_strdup(a, text),
		.other_file = bar,
		.optional = c->optional,
	};
	w->other_text = bar && other_text ? arena_strdup(a, other_text) : bar ? w->text : NULL;
	c->optional = false;
	return a->full ? fail(c->e, ENOMEM, "linux.resources.%s", json) : 0;
}

void cg_writes_free(struct cg_writes *all)
{
	arena_close(&all->memory);
	*all = (struct cg_writes){ 0 };
}

static int no_controller(struct compile *c, const char *json, const char *controller)
{
	const struct cgroup_host *host = c->host;

	if (host->mode == CGROUP_NONE) {
		cg_wrong(c, json, "this host has no cgroups mounted");
		return hint(c->e, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
	if (host->mode == CGROUP_V2) {
		const char *name = cgroup_v2_name(controller);

		cg_wrong(c, json, "the cgroup controller '%s' is not available", name);
		if (streq(name, "net_cls") || streq(name, "net_prio"))
			return hint(c->e,
				    "cgroup v2 has none: use netfilter's cgroup match or BPF");
		return hint(
			c->e, "it is not in %s/cgroup.controllers: %s", host->h[host->v2].mount,
			streq(name, "hugetlb") || streq(name, "rdma")
				? "the kernel may be built without it"
				: "not built into the kernel, disabled at boot, or not delegated");
	}
	cg_wrong(c, json, "no mounted cgroup hierarchy has the controller '%s'", controller);
	return hint(c->e, "mkdir /sys/fs/cgroup/%s; mount -t cgroup -o %s %s /sys/fs/cgroup/%s",
		    controller, controller, controller, controller);
}

int cg_where(struct compile *c, const struct row *row, const char *json)
{
	int h = cgroup_find(c->host, row->controller);

	if (h < 0)
		return no_controller(c, json, row->controller);
	if (c->host->h[h].v2 && !row->v2 && !row->to_v2)
		return cg_not_on_v2(c, json);
	return h;
}

int cg_not_on_v2(struct compile *c, const char *json)
{
	cg_wrong(c, json, "has no counterpart in cgroup v2, which this host uses for it");
	c->e->code = EOPNOTSUPP;
	return hint(c->e, "leave it out, or boot with cgroup v1 for this controller");
}

int cg_compile(struct compile *c)
{
	int err = c->r && !c->out->memory.base ? arena_open_private(&c->out->memory, 0) : 0;

	if (err < 0)
		return fail(c->e, err, "linux.resources");
	for (size_t i = 0; c->r && i < cgroup_n_rows; i++) {
		int r = cgroup_rows[i].put(c, &cgroup_rows[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
