/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup/ without any cgroup: what would be written where, and what is refused. */
#include "check.h"

#include "base/util.h"
#include "cgroup/table.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- hosts ----------------------------------------------------------------------------------- */

static struct cgroup_host v2_host(void)
{
	return (struct cgroup_host){
		.mode = CGROUP_V2,
		.h = { { "", "/sys/fs/cgroup", "/", true } },
		.n = 1,
		.v2 = 0,
		.controllers = strdup("cpuset cpu io memory hugetlb pids rdma misc"),
	};
}

static struct cgroup_host hybrid_host(void)
{
	return (struct cgroup_host){
		.mode = CGROUP_HYBRID,
		.h = { { "cpu,cpuacct", "/cg/cpu,cpuacct", "/", false },
		       { "memory", "/cg/memory", "/", false },
		       { "devices", "/cg/devices", "/", false },
		       { "blkio", "/cg/blkio", "/", false },
		       { "cpuset", "/cg/cpuset", "/", false },
		       { "name=systemd", "/cg/systemd", "/", false },
		       { "", "/cg/unified", "/", true } },
		.n = 7,
		.v2 = 6,
		.controllers = strdup("hugetlb pids"),
	};
}

/* ---- what would be written ------------------------------------------------------------------- */

static char written[8192];
static struct error e;

static void note(void *arg, const char *json, const char *controllers, const char *file,
		 const char *text)
{
	size_t n = strlen(written);

	(void)arg, (void)json;
	snprintf(written + n, sizeof(written) - n, "%s%s/%s=%s", n ? "\n" : "", controllers, file,
		 text);
}

static const char *writes_on(struct cgroup_host host, const struct oci_resources *r)
{
	written[0] = '\0';
	e = (struct error){ 0 };
	if (cgroup_each_write(&host, r, note, NULL, &e) < 0)
		snprintf(written, sizeof(written), "error");
	cgroup_host_free(&host);
	return written;
}

static const char *on_v2(const struct oci_resources *r)
{
	return writes_on(v2_host(), r);
}

static const char *on_hybrid(const struct oci_resources *r)
{
	return writes_on(hybrid_host(), r);
}

/* The same from JSON, as people write it. */
static const char *json_on(struct cgroup_host host, const char *json)
{
	static struct arena arena;
	struct ocispec_error why;
	struct oci_resources *r;

	arena_close(&arena);
	if (arena_open_private(&arena, 1 << 20) < 0)
		return "no arena";
	r = oci_resources_read(&arena, json, strlen(json), &why);
	if (!r)
		return "no JSON";
	return writes_on(host, r);
}

#define I64(n)                        \
	{                             \
		.set = true, .v = (n) \
	}

static void nothing_asked_for_is_nothing_written(void)
{
	struct oci_resources r = { 0 };

	check_str(on_v2(NULL), "");
	check_str(on_v2(&r), "");
	/* The example in runc's manual: everything there, and zero. */
	check_str(json_on(v2_host(),
			  "{\"memory\":{\"limit\":0,\"reservation\":0,\"swap\":0,\"kernel\":0,"
			  "\"kernelTCP\":0},\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,"
			  "\"realtimeRuntime\":0,\"realtimePeriod\":0,\"cpus\":\"\",\"mems\":\"\"},"
			  "\"blockIO\":{\"weight\":0}}"),
		  "");
}

static void memory_on_v2(void)
{
	check_str(json_on(v2_host(),
			  "{\"memory\":{\"limit\":1000,\"swap\":3000,\"reservation\":500,"
			  "\"disableOOMKiller\":false,\"useHierarchy\":true}}"),
		  "/memory.max=1000\n/memory.swap.max=2000\n/memory.low=500");
	check_str(json_on(v2_host(), "{\"memory\":{\"limit\":-1,\"swap\":-1}}"),
		  "/memory.max=max\n/memory.swap.max=max");
	check_str(json_on(v2_host(), "{\"memory\":{\"limit\":2000,\"swap\":1000}}"), "error");
	check(strstr(e.text, "linux.resources.memory.swap: 1000 is smaller than "
			     "linux.resources.memory.limit (2000)"));
	check_str(json_on(v2_host(), "{\"memory\":{\"swappiness\":10}}"), "error");
	check(strstr(e.text, "linux.resources.memory.swappiness: has no counterpart in cgroup v2"));
	check_str(json_on(v2_host(), "{\"memory\":{\"disableOOMKiller\":true}}"), "error");
	check_str(json_on(v2_host(), "{\"memory\":{\"useHierarchy\":false}}"), "error");
	check(strstr(e.text, "linux.resources.memory.useHierarchy: has no counterpart in cgroup "
			     "v2"));
	check_str(json_on(v2_host(), "{\"memory\":{\"limit\":-1,\"swap\":1000}}"), "error");
	check(strstr(e.text, "needs a limit in linux.resources.memory.limit"));
	check_str(json_on(v2_host(), "{\"memory\":{\"limit\":-2}}"), "error");
}

static void memory_on_v1(void)
{
	check_str(json_on(hybrid_host(),
			  "{\"memory\":{\"limit\":1000,\"swap\":3000,\"reservation\":500,"
			  "\"kernel\":7,\"kernelTCP\":8,\"swappiness\":0,"
			  "\"disableOOMKiller\":true,\"useHierarchy\":true}}"),
		  "memory/memory.use_hierarchy=1\n"
		  "memory/memory.limit_in_bytes=1000\nmemory/memory.memsw.limit_in_bytes=3000\n"
		  "memory/memory.soft_limit_in_bytes=500\nmemory/memory.kmem.limit_in_bytes=7\n"
		  "memory/memory.kmem.tcp.limit_in_bytes=8\nmemory/memory.swappiness=0\n"
		  "memory/memory.oom_control=1");
	check_str(json_on(hybrid_host(), "{\"memory\":{\"swappiness\":101}}"), "error");
	check_str(e.text, "linux.resources.memory.swappiness: 101 is out of range: 0 to 100");
}

static void cpu_on_v2(void)
{
	check_str(json_on(v2_host(),
			  "{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,"
			  "\"burst\":1000,\"idle\":0,\"cpus\":\"0-3,7\",\"mems\":\"0\"}}"),
		  "/cpu.weight=100\n/cpu.idle=0\n/cpu.max=50000 100000\n/cpu.max.burst=1000\n"
		  "/cpuset.cpus=0-3,7\n/cpuset.mems=0");
	check_str(json_on(v2_host(), "{\"cpu\":{\"quota\":-1}}"), "/cpu.max=max");
	check_str(json_on(v2_host(), "{\"cpu\":{\"period\":20000}}"), "/cpu.max=max 20000");
	check_str(json_on(v2_host(), "{\"cpu\":{\"realtimeRuntime\":1000}}"), "error");
	check_str(json_on(v2_host(), "{\"cpu\":{\"idle\":2}}"), "error");
	check_str(json_on(v2_host(), "{\"cpu\":{\"quota\":999}}"), "error");
	check_str(json_on(v2_host(), "{\"cpu\":{\"period\":1000001}}"), "error");
	check_str(json_on(v2_host(), "{\"cpu\":{\"quota\":5000,\"burst\":6000}}"), "error");
}

static void cpu_on_v1(void)
{
	check_str(json_on(hybrid_host(),
			  "{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,"
			  "\"realtimeRuntime\":9,\"realtimePeriod\":10,\"cpus\":\"0\"}}"),
		  "cpu,cpuacct/cpu.shares=1024\ncpu,cpuacct/cpu.cfs_period_us=100000\n"
		  "cpu,cpuacct/cpu.cfs_quota_us=50000\ncpu,cpuacct/cpu.rt_period_us=10\n"
		  "cpu,cpuacct/cpu.rt_runtime_us=9\ncpuset/cpuset.cpus=0");
}

static void default_shares_are_the_default_weight(void)
{
	check_int(cgroup_weight_of_shares(1024), 100);
	check_int(cgroup_weight_of_shares(1), 1);
	check_int(cgroup_weight_of_shares(2), 1);
	check_int(cgroup_weight_of_shares(512), 59);
	check_int(cgroup_weight_of_shares(2048), 174);
	check_int(cgroup_weight_of_shares(262143), 10000);
	check_int(cgroup_weight_of_shares(UINT64_MAX), 10000);
}

static void lists_of_cpus_are_checked(void)
{
	static const char *const wrong[] = { "a",   "0,", ",0", "3-1",   "0--1",
					     "0 1", "1-", "-1", "0-3:1", "0-3:3/2" };
	struct oci_cpu cpu = { .cpus = "0-31:1/2,40" };
	struct oci_resources r = { .cpu = &cpu };

	check_str(on_v2(&r), "/cpuset.cpus=0-31:1/2,40");
	for (size_t i = 0; i < array_len(wrong); i++) {
		cpu.cpus = wrong[i];
		if (!check_str(on_v2(&r), "error"))
			printf("# with '%s'\n", wrong[i]);
	}
}

static void pids_limit_zero_is_the_least_that_works(void)
{
	struct oci_pids pids = { .limit = I64(0) };
	struct oci_resources r = { .pids = &pids };

	check_str(on_v2(&r), "/pids.max=1");
	check_str(on_hybrid(&r), "/pids.max=1"); /* in v2 there */
	pids.limit.v = -1;
	check_str(on_v2(&r), "/pids.max=max");
}

static void block_devices(void)
{
	static const char json[] =
		"{\"blockIO\":{\"weight\":10,\"weightDevice\":[{\"major\":8,\"minor\":0,"
		"\"weight\":1000}],\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
		"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":0}]}}";

	check_str(json_on(v2_host(), json),
		  "/io.bfq.weight=10\n/io.bfq.weight=8:0 1000\n/io.max=8:0 rbps=600\n"
		  "/io.max=8:16 wiops=max");
	check_str(json_on(hybrid_host(), json),
		  "blkio/blkio.bfq.weight=10\nblkio/blkio.bfq.weight_device=8:0 1000\n"
		  "blkio/blkio.throttle.read_bps_device=8:0 600\n"
		  "blkio/blkio.throttle.write_iops_device=8:16 0");
	check_str(json_on(v2_host(), "{\"blockIO\":{\"leafWeight\":10}}"), "error");
	check_str(json_on(v2_host(), "{\"blockIO\":{\"weight\":1001}}"), "error");
	check_str(json_on(v2_host(), "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":-1,"
				     "\"minor\":0,\"rate\":1}]}}"),
		  "error");
	check_str(e.text,
		  "linux.resources.blockIO.throttleReadBpsDevice[0]: there is no device -1:0");
}

/* The schema lets them be left out, the specification does not. */
static void an_entry_that_says_nothing_is_refused(void)
{
	check_str(json_on(v2_host(),
			  "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}}"),
		  "error");
	check_str(e.text,
		  "linux.resources.blockIO.weightDevice[0]: has neither weight nor leafWeight");
	check_str(json_on(v2_host(), "{\"blockIO\":{\"throttleWriteBpsDevice\":[{\"major\":8,"
				     "\"minor\":0}]}}"),
		  "error");
	check_str(e.text, "linux.resources.blockIO.throttleWriteBpsDevice[0]: has no rate");
	check_str(json_on(v2_host(), "{\"rdma\":{\"mlx5_1\":{}}}"), "error");
	check_str(e.text, "linux.resources.rdma.mlx5_1: has neither hcaHandles nor hcaObjects");
}

static void huge_pages(void)
{
	check_str(json_on(hybrid_host(),
			  "{\"hugepageLimits\":[{\"pageSize\":\"1024MB\",\"limit\":9},"
			  "{\"pageSize\":\"64KB\",\"limit\":18446744073709551615}]}"),
		  "/hugetlb.1GB.rsvd.max=9\n/hugetlb.1GB.max=9\n"
		  "/hugetlb.64KB.rsvd.max=max\n/hugetlb.64KB.max=max");
	check_str(json_on(v2_host(), "{\"hugepageLimits\":[{\"pageSize\":\"2mb\",\"limit\":9}]}"),
		  "error");
	check_str(e.text, "linux.resources.hugepageLimits[0]: pageSize '2mb' is not a size");
}

static void rdma_and_network(void)
{
	check_str(json_on(v2_host(),
			  "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}"),
		  "/rdma.max=mlx5_1 hca_handle=3 hca_object=10000");
	check_str(json_on(v2_host(), "{\"network\":{\"classID\":0}}"), "");
	check_str(json_on(v2_host(), "{\"network\":{\"classID\":1}}"), "error");
	check(strstr(e.hint, "cgroup v2 has none: use netfilter's cgroup match or BPF"));
	check_str(json_on(hybrid_host(), "{\"network\":{\"priorities\":[{\"name\":\"eth0\","
					 "\"priority\":5}]}}"),
		  "error");
	check_str(e.text, "linux.resources.network.priorities[0]: no mounted cgroup hierarchy has "
			  "the controller 'net_prio'");
	check(strstr(e.hint, "mount -t cgroup -o net_prio"));
}

static void unified_is_written_last_and_as_it_is(void)
{
	check_str(json_on(v2_host(),
			  "{\"unified\":{\"memory.high\":\"5\",\"io.max\":\"8:0 rbps=1\\n"
			  "8:16 rbps=2\"},\"memory\":{\"limit\":7}}"),
		  "/memory.max=7\n/memory.high=5\n/io.max=8:0 rbps=1\n/io.max=8:16 rbps=2");
	check_str(json_on(hybrid_host(), "{\"unified\":{\"pids.max\":\"5\"}}"), "/pids.max=5");
	check_str(json_on(hybrid_host(), "{\"unified\":{\"memory.min\":\"131072\"}}"), "error");
	check(strstr(e.text, "invalid configuration"));
	check(strstr(e.hint, "/cg/memory"));
	check_str(json_on(v2_host(), "{\"unified\":{\"../memory.max\":\"5\"}}"), "error");
	check_str(json_on(v2_host(), "{\"unified\":{\"cgroup.procs\":\"5\"}}"), "error");
	check_str(json_on(v2_host(), "{\"unified\":{\"memory\":\"5\"}}"), "error");
}

/* A member without a row would be accepted and ignored. */
static void every_property_has_a_row(void)
{
	char name[128];

	for (size_t i = 0; i < oci_resources_schema.n_rows; i++) {
		const struct oci_row *row = &oci_resources_schema.rows[i];

		if (row->kind != OCI_OBJECT) {
			if (!check(cg_row(row->name)))
				printf("# %s\n", row->name);
			continue;
		}
		for (size_t k = 0; k < row->schema->n_rows; k++) {
			snprintf(name, sizeof(name), "%s.%s", row->name, row->schema->rows[k].name);
			if (!check(cg_row(name)))
				printf("# %s\n", name);
		}
	}
	for (size_t i = 0; i < cgroup_n_rows; i++)
		if (!check(oci_row_at(&oci_resources_schema, cgroup_rows[i].json)))
			printf("# %s\n", cgroup_rows[i].json);
}

/* ---- devices --------------------------------------------------------------------------------- */

/* As much of a BPF machine as the programs use. */
static bool run_filter(const struct bpf_insn *insn, size_t n, char type, unsigned int major,
		       unsigned int minor, unsigned int access)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 |
			       (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	uint64_t reg[11] = { [1] = (uintptr_t)&ctx };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insn[pc];
		uint64_t *dst = &reg[i->dst_reg];
		uint32_t word;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			memcpy(&word, (char *)(uintptr_t)reg[i->src_reg] + i->off, sizeof(word));
			*dst = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = reg[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= (uint64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			if (*dst != (uint64_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			if (*dst == (uint64_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0] != 0;
		default:
			check(!"an instruction nobody expected");
			return false;
		}
	}
	check(!"the program has an end");
	return false;
}

static void device_programs_say_what_the_rules_say(void)
{
	static const int64_t numbers[] = { -1, 1, 5 };
	static const char *const access[] = { "r", "w", "m", "rw", "rm", "wm", "rwm", NULL };
	static const char *const types[] = { "a", "b", "c", NULL };
	unsigned int seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct oci_device_cgroup rules[6];
		struct oci_resources r = { .devices = rules, .n_devices = 1 + (size_t)round % 6 };
		struct arena memory;
		struct device_rules d;
		size_t n, wrong = 0;

		for (size_t i = 0; i < r.n_devices; i++)
			rules[i] = (struct oci_device_cgroup){
				.allow = rand_r(&seed) % 2,
				.type = types[rand_r(&seed) % 4],
				.major = I64(numbers[rand_r(&seed) % 3]),
				.minor = I64(numbers[rand_r(&seed) % 3]),
				.access = access[rand_r(&seed) % 8],
			};
		must(arena_open_private(&memory, 0) == 0);
		must(cgroup_device_rules(&memory, &r, &d, &e) == 0);
		auto_free struct bpf_insn *program = cgroup_device_program(&d, &n);

		for (unsigned int major = 0; major < 7; major++)
			for (unsigned int minor = 0; minor < 7; minor++)
				for (unsigned int a = 0; a < 8; a++)
					for (const char *t = "bc"; *t; t++)
						wrong += run_filter(program, n, *t, major, minor,
								    a) !=
							 cgroup_device_verdict(&d, *t, major, minor,
									       a);
		check_int(wrong, 0);
		arena_close(&memory);
	}
}

static bool allowed(const struct oci_resources *r, char type, int64_t major, int64_t minor,
		    unsigned int access)
{
	struct arena memory;
	struct device_rules d;

	if (!check(arena_open_private(&memory, 0) == 0) ||
	    !check(cgroup_device_rules(&memory, r, &d, &e) == 0))
		return false;
	bool verdict = cgroup_device_verdict(&d, type, major, minor, access);

	arena_close(&memory);
	return verdict;
}

static void the_last_matching_rule_decides(void)
{
	struct oci_device_cgroup rules[] = {
		{ .allow = true,
		  .type = "c",
		  .major = I64(9),
		  .access = "rwm" }, /* without effect */
		{ .allow = false },
		{ .allow = true, .type = "b", .major = I64(8), .access = "rw" },
		{ .allow = false, .type = "b", .major = I64(8), .minor = I64(1), .access = "w" },
	};
	struct oci_resources r = { .devices = rules, .n_devices = 4 };

	check(allowed(&r, 'b', 8, 0, DEVICE_READ | DEVICE_WRITE));
	check(allowed(&r, 'b', 8, 1, DEVICE_READ));
	check(!allowed(&r, 'b', 8, 1, DEVICE_WRITE));
	check(!allowed(&r, 'b', 8, 1, DEVICE_READ | DEVICE_WRITE));
	check(!allowed(&r, 'c', 9, 1, DEVICE_READ));
	check(allowed(&r, 'c', 1, 3, DEVICE_ALL)); /* null */
	check(allowed(&r, 'c', 9, 1, DEVICE_MKNOD));
	rules[3] = (struct oci_device_cgroup){ .allow = true };
	check(allowed(&r, 'c', 9, 1, DEVICE_ALL));
}

static void an_allowed_list_without_a_denial_denies_the_rest(void)
{
	struct oci_device_cgroup rules[] = {
		{ .allow = true, .type = "c", .major = I64(10), .minor = I64(229), .access = "rw" },
	};
	struct oci_resources r = { .devices = rules, .n_devices = 1 };

	check(!allowed(&r, 'b', 8, 0, DEVICE_READ));
	check(!strncmp(on_hybrid(&r), "devices/devices.deny=a\ndevices/devices.allow=c 10:229 rw\n",
		       56));
	check(!strncmp(on_v2(&r), "/(bpf)=deny; allow c 10:229 rw; allow c *:* m; ", 46));
}

static void v1_refuses_rules_it_would_loosen(void)
{
	struct oci_device_cgroup rules[] = {
		{ .allow = true, .type = "b", .major = I64(8), .access = "rw" },
		{ .allow = false, .type = "b", .major = I64(8), .minor = I64(1), .access = "w" },
	};
	struct oci_resources r = { .devices = rules, .n_devices = 2 };

	check_str(on_hybrid(&r), "error");
	check_str(e.text,
		  "linux.resources.devices: cgroup v1 cannot deny 'b 8:1 w' out of a rule for "
		  "more devices");
	rules[1].minor.v = -1; /* the same devices: that it can */
	check(strcmp(on_hybrid(&r), "error") != 0);
}

static void device_rules_are_checked(void)
{
	struct oci_device_cgroup rule = { .type = "x" };
	struct oci_resources r = { .devices = &rule, .n_devices = 1 };

	check_str(on_v2(&r), "error");
	check_str(e.text, "linux.resources.devices[0].type: 'x' is unknown");
	rule = (struct oci_device_cgroup){ .access = "rx" };
	check_str(on_v2(&r), "error");
	check_str(e.text, "linux.resources.devices[0].access: 'rx' is not understood");
	rule = (struct oci_device_cgroup){ .major = I64(-2) };
	check_str(on_v2(&r), "error");
}

/* ---- places ---------------------------------------------------------------------------------- */

static const char *planned(const char *path)
{
	static char text[4200];
	struct cgroup_host host = v2_host();
	struct cgroup c;

	host.h[0].mount = "/tmp"; /* anywhere one may write */
	e = (struct error){ 0 };
	snprintf(text, sizeof(text), "error");
	if (cgroup_plan(&host, path, "web", CGROUP_CGROUPFS, &c, &e) == 0)
		snprintf(text, sizeof(text), "%s", c.path);
	cgroup_free(&c);
	cgroup_host_free(&host);
	return text;
}

static void paths_are_chosen(void)
{
	check_str(planned(NULL), "/ocirt-web");
	check_str(planned(""), "/ocirt-web");
	check_str(planned("/a/b"), "/a/b");
	check_str(planned("a/b"), "/a/b");
	check_str(planned("//a/./b//"), "/a/b");
	check_str(planned("/a/..b/c"), "/a/..b/c");
	check_str(planned("/a/../b"), "error");
	check_str(e.text, "linux.cgroupsPath: '/a/../b' has a '..' in it");
	check_str(planned(".."), "error");
	check_str(planned("/"), "error");
	check_str(planned("/a\nb"), "error");
}

static void the_line_in_the_state_file_reads_back(void)
{
	char dir[] = "/tmp/ocirt-cgroup-XXXXXX", below[64];
	struct cgroup_host host = hybrid_host();
	struct cgroup c, back;

	must(mkdtemp(dir));
	for (size_t i = 0; i < host.n; i++)
		host.h[i].mount = i == 1 ? dir : "/nowhere";
	snprintf(below, sizeof(below), "%s/a b", dir);
	must(mkdir(below, 0700) == 0);
	must(cgroup_plan(&host, "/a b/c: d", "web", CGROUP_CGROUPFS, &c, &e) == 0);
	c.at[5].used = false;
	auto_free char *text = cgroup_to_text(&c);

	check_str(text,
		  "cgroupfs cpu,cpuacct:0 memory:1 devices:0 blkio:0 cpuset:0 v2:0 /a b/c: d");
	must(cgroup_from_text(&host, text, &back, &e) == 0);
	check_str(back.path, "/a b/c: d");
	check_int(back.at[1].kept, 1);
	check_int(back.depth, 2);
	check(back.at[6].used && !back.at[5].used);
	rmdir(below);
	rmdir(dir);
	cgroup_free(&c);
	cgroup_free(&back);

	check(cgroup_from_text(&host, "cgroupfs cpu:x /a", &back, &e) < 0);
	check(cgroup_from_text(&host, "cgroupfs v2:0 /../a", &back, &e) < 0);
	check(cgroup_from_text(&host, "cgroupfs v2:0", &back, &e) < 0);
	check(cgroup_from_text(&host, "cgroupfs ", &back, &e) < 0);
	check(cgroup_from_text(&host, "", &back, &e) < 0);
	must(cgroup_plan(&host, "/a", "web", CGROUP_DISABLED, &c, &e) == 0);
	auto_free char *none = cgroup_to_text(&c);

	check_str(none, "disabled ");
	must(cgroup_from_text(&host, none, &back, &e) == 0);
	check(back.driver == CGROUP_DISABLED);
	check(cgroup_freeze(&back, &e) < 0);
	check_str(e.text, "cannot pause: cgroups disabled for this container");
	check(cgroup_destroy(&back, &e) == 0);
	cgroup_host_free(&host);
}

static void sub_cgroups_are_parsed(void)
{
	struct cgroup_sub sub;
	char both[] = "cpu,memory:/a:b", alone[] = "/a:b";

	cgroup_sub_parse(both, &sub);
	check_str(sub.controllers, "cpu,memory");
	check_str(sub.path, "/a:b");
	cgroup_sub_parse(alone, &sub);
	check(!sub.controllers);
	check_str(sub.path, "/a:b");
}

static void words_are_found_whole(void)
{
	check(cgroup_has_word("cpu,cpuacct", "cpu", ','));
	check(cgroup_has_word("cpu,cpuacct", "cpuacct", ','));
	check(!cgroup_has_word("cpuset", "cpu", ','));
	check(!cgroup_has_word("xcpu,y", "cpu", ','));
	check(cgroup_has_word("memory\n", "memory", ' '));
}

static const struct test tests[] = {
	TEST(nothing_asked_for_is_nothing_written),
	TEST(memory_on_v2),
	TEST(memory_on_v1),
	TEST(cpu_on_v2),
	TEST(cpu_on_v1),
	TEST(default_shares_are_the_default_weight),
	TEST(lists_of_cpus_are_checked),
	TEST(pids_limit_zero_is_the_least_that_works),
	TEST(block_devices),
	TEST(an_entry_that_says_nothing_is_refused),
	TEST(huge_pages),
	TEST(rdma_and_network),
	TEST(unified_is_written_last_and_as_it_is),
	TEST(every_property_has_a_row),
	TEST(device_programs_say_what_the_rules_say),
	TEST(the_last_matching_rule_decides),
	TEST(an_allowed_list_without_a_denial_denies_the_rest),
	TEST(v1_refuses_rules_it_would_loosen),
	TEST(device_rules_are_checked),
	TEST(paths_are_chosen),
	TEST(the_line_in_the_state_file_reads_back),
	TEST(sub_cgroups_are_parsed),
	TEST(words_are_found_whole),
};

TEST_MAIN(tests)
