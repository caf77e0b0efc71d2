/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explain -- why the kernel refused a value.
 *
 * It says EINVAL or EBUSY and no more; what it compared the value with can be read. A row per
 * known reason: the first whose property, errno and hierarchy fit words the hint.
 */
#include "table.h"

#include "base/file.h"
#include "base/util.h"

struct refusal {
	const char *json; /* the property, or what it begins with */
	int err;
	/* Shown in the hint at %s: this file of the cgroup ("memory.x"), of its parent ("../cpu.y"),
	 * or nothing. */
	const char *file;
	const char *hint;
};

/* clang-format off */
static const struct refusal refusals[] = {
	{ "memory.limit", EBUSY, "memory.usage_in_bytes",
	  "%s bytes are in use and could not be reclaimed" },
	{ "memory.limit", EINVAL, "memory.memsw.limit_in_bytes",
	  "memory+swap is limited to %s; give linux.resources.memory.swap as well" },
	{ "memory.swap", EBUSY, "memory.memsw.usage_in_bytes",
	  "%s bytes of memory and swap are in use and could not be reclaimed" },
	{ "memory.swap", EINVAL, "memory.limit_in_bytes",
	  "it is the sum of memory and swap, and must not be below the memory limit, %s" },
	{ "memory.swap", ENOENT, NULL,
	  "the kernel does not account swap: boot with swapaccount=1, or leave it out" },
	{ "memory.useHierarchy", EINVAL, NULL,
	  "the kernel has only hierarchical accounting now; leave it out" },
	{ "memory.disableOOMKiller", EINVAL, NULL, "the cgroup must not be the top one" },
	{ "cpu.shares", EINVAL, "cpu.idle",
	  "cpu.idle is %s: an idle cgroup has no shares; set linux.resources.cpu.idle to 0" },
	{ "cpu.idle", ENOENT, NULL, "the kernel has it since 5.15" },
	{ "cpu.period", EINVAL, "../cpu.cfs_quota_us",
	  "a cgroup cannot have a larger share of time than its parent, whose quota is %s" },
	{ "cpu.quota", EINVAL, "../cpu.cfs_quota_us",
	  "a cgroup cannot have a larger share of time than its parent, whose quota is %s" },
	{ "cpu.burst", EINVAL, "cpu.cfs_quota_us", "it must not be larger than the quota, %s" },
	{ "cpu.burst", EINVAL, "cpu.max", "it must not be larger than the quota, %s" },
	{ "cpu.burst", ENOENT, NULL, "the kernel has it since 5.14" },
	{ "cpu.realtime", EINVAL, "../cpu.rt_runtime_us",
	  "all children together get no more than the parent has, rt_runtime_us %s" },
	{ "cpu.realtime", EBUSY, NULL, "there are real-time processes in the cgroup" },
	{ "cpu.realtime", ENOENT, NULL, "the kernel is built without CONFIG_RT_GROUP_SCHED" },
	/* v2; its top has no other file. */
	{ "cpu.cpus", EINVAL, "../cpuset.cpus.effective", "the parent has the CPUs %s" },
	{ "cpu.cpus", ERANGE, "../cpuset.cpus.effective", "the parent has the CPUs %s" },
	{ "cpu.mems", EINVAL, "../cpuset.mems.effective", "the parent has the memory nodes %s" },
	{ "cpu.mems", ERANGE, "../cpuset.mems.effective", "the parent has the memory nodes %s" },
	{ "cpu.cpus", EACCES, "../cpuset.cpus", "the parent has the CPUs %s" },
	{ "cpu.cpus", EINVAL, "../cpuset.cpus", "the parent has the CPUs %s" },
	{ "cpu.cpus", ERANGE, "../cpuset.cpus", "the parent has the CPUs %s" },
	{ "cpu.cpus", EBUSY, NULL, "a cgroup below has some of the CPUs that would go" },
	{ "cpu.cpus", ENOSPC, NULL, "there are processes in it, and they must run somewhere" },
	{ "cpu.mems", EACCES, "../cpuset.mems", "the parent has the memory nodes %s" },
	{ "cpu.mems", EINVAL, "../cpuset.mems", "the parent has the memory nodes %s" },
	{ "cpu.mems", ERANGE, "../cpuset.mems", "the parent has the memory nodes %s" },
	{ "cpu.mems", EBUSY, NULL, "a cgroup below has some of the nodes that would go" },
	{ "cpu.mems", ENOSPC, NULL, "there are processes in it, and they need memory" },
	{ "blockIO.leafWeight", ENOENT, NULL, "the kernel has none since 5.0" },
	{ "blockIO.weight", ENOENT, NULL,
	  "no I/O scheduler with weights is there: load the module bfq" },
	{ "blockIO.weight", EOPNOTSUPP, NULL, "the device does not use the I/O scheduler bfq" },
	{ "blockIO.", ENODEV, NULL, "there is no such block device (a partition is none)" },
	{ "blockIO.", EINVAL, NULL, "a partition has no limits of its own: name the whole device" },
	{ "hugepageLimits", ENOENT, NULL,
	  "the sizes of this machine are in /sys/kernel/mm/hugepages" },
	{ "network.priorities", ENODEV, NULL, "there is no such network interface" },
	{ "rdma", ENODEV, NULL, "there is no such RDMA device" },
	{ "devices", EPERM, "../devices.list",
	  "a cgroup cannot allow what its parent does not: %s" },
	{ "unified", ENOENT, NULL, "no such file in the container's cgroup" },
	{ "", ENOENT, NULL, "this kernel has no such file: it is too old, or built without" },
	{ "", EACCES, NULL, "the cgroup does not belong to the caller: be root, or have it delegated" },
	{ "", EPERM, NULL, "the cgroup does not belong to the caller: be root, or have it delegated" },
	{ "", EROFS, NULL, "the cgroup file system is mounted read-only" },
};
/* clang-format on */

/* What a file says, on one line. False: it cannot be read. */
static bool look(int dir, const char *file, char *text, size_t size)
{
	const char *above = after(file, "../");
	/* The parent is not below the container's directory, but as fixed as that is. */
	auto_close int parent = above ? openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (file_read(above ? parent : dir, above ? above : file, text, size) < 0)
		return false;
	for (char *p = text; (p = strchr(p, '\n'));)
		*p = p[1] ? ';' : '\0';
	return *text;
}

int cg_explain(struct cgroup *c, const struct cg_write *w, int err, struct error *e)
{
	int dir = cgroup_dir(c, w->at);

	err = err < 0 ? -err : err;
	fail(e, err, "linux.resources.%s: cannot write '%.200s' to %s%s/%s", w->json, w->text,
	     c->host->h[w->at].mount, c->path, w->file);
	for (size_t i = 0; i < array_len(refusals); i++) {
		const struct refusal *r = &refusals[i];
		char text[200];

		if (r->err != err || !after(w->json, r->json))
			continue;
		if (!r->file)
			return hint(e, "%s", r->hint);
		if (dir >= 0 && look(dir, r->file, text, sizeof(text))) {
			const char *at = strstr(r->hint, "%s");

			return hint(e, "%.*s%s%s", (int)(at - r->hint), r->hint, text, at + 2);
		}
	}
	return e->code ? -e->code : -EINVAL;
}
