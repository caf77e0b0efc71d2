/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of files that a directory of our own has, and what an update leaves. */
#include "check.h"

#include "base/util.h"
#include "cgroup/stats.h"
#include "cgroup/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct arena arena;
static struct error e;

/* ---- statistics ------------------------------------------------------------------------------ */

struct fake {
	const char *file, *text;
};

/* A container whose only hierarchy is a directory with these files. */
static struct cgroup_stats stats_of(const char *controllers, const struct fake *files, size_t n)
{
	char template[] = "/tmp/ocirt-stats.XXXXXX";
	const char *path = mkdtemp(template);
	bool v2 = !*controllers;
	struct cgroup_host host = {
		.mode = v2 ? CGROUP_V2 : CGROUP_V1,
		.h = { { controllers, path, "/", v2 } },
		.n = 1,
		.v2 = v2 ? 0 : -1,
		.controllers = v2 ? strdup("cpuset cpu io memory hugetlb pids rdma misc") : NULL,
	};
	struct cgroup c = { .host = &host, .driver = CGROUP_CGROUPFS };
	struct cgroup_stats s = { 0 };

	c.at[0].used = true;
	c.at[0].dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		int fd = openat(c.at[0].dir, files[i].file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		size_t len = strlen(files[i].text);

		check(fd >= 0 && write(fd, files[i].text, len) == (ssize_t)len);
		close(fd);
	}
	e = (struct error){ 0 };
	arena_close(&arena);
	check_int(arena_open_private(&arena, 0), 0);
	check_int(cgroup_stats(&c, &arena, &s, &e), 0);
	for (size_t i = 0; i < n; i++)
		unlinkat(c.at[0].dir, files[i].file, 0);
	rmdir(path);
	close(c.at[0].dir);
	cgroup_host_free(&host);
	return s;
}

#define STATS(controllers, ...)                                       \
	stats_of((controllers), (const struct fake[]){ __VA_ARGS__ }, \
		 array_len(((const struct fake[]){ __VA_ARGS__ })))

static bool is(struct opt_u64 n, uint64_t value)
{
	return n.set && n.v == value;
}

static void an_empty_directory_counts_nothing(void)
{
	struct cgroup_stats s = STATS("", { "x", "" });

	check(!s.cpu.total.set && !s.memory.memory.usage.set && !s.pids.limit.set);
	check(!s.cpu.pressure.some.avg10 && !s.memory.both.usage.set);
	check_int(s.n_hugetlb + s.rdma.n + s.misc.n + s.memory.raw.n, 0);
}

static void times_of_v2_are_microseconds(void)
{
	struct cgroup_stats s = STATS(
		"",
		{ "cpu.stat", "usage_usec 3000\nuser_usec 1000\nsystem_usec 2000\nnr_periods 7\n"
			      "nr_throttled 3\nthrottled_usec 40\nnr_bursts 2\nburst_usec 5\n" },
		{ "cpuset.cpus.effective", "0-3\n" }, { "cpuset.mems.effective", "0\n" });

	check(is(s.cpu.total, 3000000) && is(s.cpu.user, 1000000) && is(s.cpu.kernel, 2000000));
	check(is(s.cpu.periods, 7) && is(s.cpu.throttled_periods, 3));
	check(is(s.cpu.throttled_time, 40000) && is(s.cpu.bursts, 2) && is(s.cpu.burst_time, 5000));
	check_str(s.cpuset.cpus, "0-3");
	check_str(s.cpuset.mems, "0");
}

static void times_of_v1_are_per_cpu(void)
{
	struct cgroup_stats s =
		STATS("cpu,cpuacct", { "cpuacct.usage", "100\n" }, { "cpuacct.usage_user", "60\n" },
		      { "cpuacct.usage_sys", "40\n" }, { "cpuacct.usage_percpu", "70 30 \n" },
		      { "cpuacct.usage_all", "cpu user system\n0 50 20\n1 10 20\n" },
		      { "cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 40\n" });

	check(is(s.cpu.total, 100) && is(s.cpu.user, 60) && is(s.cpu.throttled_time, 40));
	check_int(s.cpu.n_percpu, 2);
	check(s.cpu.percpu[0] == 70 && s.cpu.percpu[1] == 30);
	check_int(s.cpu.n_percpu_split, 2);
	check(s.cpu.percpu_user[1] == 10 && s.cpu.percpu_kernel[0] == 20);
}

static void memory_of_v2_has_swap_apart(void)
{
	struct cgroup_stats s =
		STATS("", { "memory.current", "1000\n" }, { "memory.peak", "2000\n" },
		      { "memory.max", "3000\n" }, { "memory.swap.current", "10\n" },
		      { "memory.swap.max", "max\n" },
		      { "memory.events", "low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\n" },
		      { "memory.stat", "anon 1\nfile 300\nkernel 7\nsock 8\n" });

	check(is(s.memory.memory.usage, 1000) && is(s.memory.memory.peak, 2000));
	check(is(s.memory.memory.limit, 3000) && is(s.memory.memory.failures, 4));
	check(is(s.memory.swap.usage, 10) && is(s.memory.swap.limit, STATS_NO_LIMIT));
	check(is(s.memory.both.usage, 1010) && is(s.memory.both.limit, STATS_NO_LIMIT));
	check(is(s.memory.oom_kills, 1) && is(s.memory.cache, 300));
	check(is(s.memory.kernel.usage, 7) && is(s.memory.kernel_tcp.usage, 8));
	check_int(s.memory.raw.n, 4);
	check_str(s.memory.raw.items[3].key, "sock");
}

static void no_limit_of_v1_is_a_large_number(void)
{
	struct cgroup_stats s =
		STATS("memory", { "memory.usage_in_bytes", "500\n" },
		      { "memory.limit_in_bytes", "9223372036854771712\n" },
		      { "memory.memsw.usage_in_bytes", "600\n" },
		      { "memory.memsw.limit_in_bytes", "9223372036854771712\n" },
		      { "memory.stat", "swap 1\ntotal_cache 5\ntotal_swap 100\n" },
		      { "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n" });

	check(is(s.memory.memory.limit, STATS_NO_LIMIT) && is(s.memory.both.usage, 600));
	check(is(s.memory.swap.usage, 100) && is(s.memory.swap.limit, STATS_NO_LIMIT));
	check(is(s.memory.oom_kills, 3) && is(s.memory.cache, 5));
}

static void io_of_v2_is_a_line_per_device(void)
{
	struct cgroup_stats s =
		STATS("", { "io.stat",
			    "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=9\n"
			    "253:16 rbytes=7 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n" });

	check_int(s.io[STATS_IO_BYTES].n, 6);
	check_int(s.io[STATS_IO_OPERATIONS].n, 6);
	check_str(s.io[STATS_IO_BYTES].items[2].op, "Discard");
	check(s.io[STATS_IO_BYTES].items[3].major == 253 &&
	      s.io[STATS_IO_BYTES].items[3].minor == 16 &&
	      s.io[STATS_IO_BYTES].items[3].value == 7);
	check_int(s.io[STATS_IO_COST_USAGE].n, 1);
	check(s.io[STATS_IO_COST_USAGE].items[0].value == 9 &&
	      !s.io[STATS_IO_COST_USAGE].items[0].op);
}

static void io_of_v1_leaves_out_the_total_of_all(void)
{
	struct cgroup_stats s = STATS("blkio",
				      { "blkio.throttle.io_service_bytes_recursive",
					"8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n" },
				      { "blkio.bfq.io_service_bytes_recursive", "Total 0\n" },
				      { "blkio.bfq.sectors_recursive", "8:0 77\n" });

	check_int(s.io[STATS_IO_BYTES].n, 3);
	check_str(s.io[STATS_IO_BYTES].items[1].op, "Write");
	check(s.io[STATS_IO_BYTES].items[2].value == 30);
	check(s.io[STATS_IO_SECTORS].n == 1 && s.io[STATS_IO_SECTORS].items[0].value == 77);
}

static void pressure_is_kept_as_text(void)
{
	struct cgroup_stats s =
		STATS("",
		      { "cpu.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=99\n"
					"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n" },
		      { "io.pressure", "some avg10=\"x\" avg60=0.25 avg300=0.00 total=99\n" });

	check_str(s.cpu.pressure.some.avg10, "1.50");
	check_str(s.cpu.pressure.some.avg60, "0.25");
	check(s.cpu.pressure.some.total == 99 && s.cpu.pressure.full.total == 7);
	check(!s.io_pressure.some.avg10); /* nothing but a number becomes JSON */
}

static void rdma_and_misc_have_names(void)
{
	struct cgroup_stats s = STATS(
		"",
		{ "rdma.current",
		  "mlx5_0 hca_handle=2 hca_object=20\nmlx5_1 hca_handle=0 hca_object=0\n" },
		{ "rdma.max", "mlx5_0 hca_handle=9 hca_object=max\n" },
		{ "misc.current", "sev 3\nsev_es 4\n" }, { "misc.max", "sev max\nsev_es 9\n" },
		{ "misc.events", "sev.max 0\nsev_es.max 6\n" });

	check_int(s.rdma.n, 4);
	check_str(s.rdma.items[1].device, "mlx5_0");
	check_str(s.rdma.items[1].name, "hca_object");
	check(is(s.rdma.items[0].entry.usage, 2) && is(s.rdma.items[0].entry.limit, 9));
	check(is(s.rdma.items[1].entry.limit, STATS_NO_LIMIT) && !s.rdma.items[2].entry.limit.set);
	check_int(s.misc.n, 2);
	check(is(s.misc.items[0].entry.usage, 3) &&
	      is(s.misc.items[0].entry.limit, STATS_NO_LIMIT));
	check(is(s.misc.items[1].entry.limit, 9) && is(s.misc.items[1].entry.failures, 6));
}

static void pids_tell_of_refusals(void)
{
	struct cgroup_stats s = STATS("pids", { "pids.current", "5\n" }, { "pids.max", "max\n" },
				      { "pids.peak", "8\n" }, { "pids.events", "max 2\n" });

	check(is(s.pids.usage, 5) && is(s.pids.limit, STATS_NO_LIMIT) && is(s.pids.peak, 8));
	check(is(s.pids.failures, 2));
}

static void without_a_cgroup_nothing_is_told(void)
{
	struct cgroup_host host = { .mode = CGROUP_NONE, .v2 = -1 };
	char path[] = "/ocirt-web";
	struct cgroup c = { .host = &host, .driver = CGROUP_CGROUPFS, .path = path };
	struct cgroup_stats s;

	check_int(cgroup_stats(&c, &arena, &s, &e), -ENOENT);
	check_str(e.text,
		  "cannot tell what it has used: no cgroup /ocirt-web: No such file or directory");
	c.driver = CGROUP_DISABLED;
	check_int(cgroup_stats(&c, &arena, &s, &e), -EOPNOTSUPP);
}

/* ---- what an update leaves ------------------------------------------------------------------- */

/* Both in JSON. */
static const char *merged(const char *before, const char *update)
{
	static char *text;
	struct ocispec_error spec;
	struct oci_resources *b, *u, out;
	size_t len;

	arena_close(&arena);
	check_int(arena_open_private(&arena, 0), 0);
	b = oci_resources_read(&arena, before, strlen(before), &spec);
	u = oci_resources_read(&arena, update, strlen(update), &spec);
	check(b && u);
	if (!b || !u)
		return NULL;
	check_int(cgroup_merge(&arena, b, u, &out, &e), 0);
	free(text);
	text = ocispec_write(&oci_resources_schema, b, false, &len);
	check_str(text, before); /* is as it was */
	free(text);
	text = ocispec_write(&oci_resources_schema, &out, false, &len);
	return text;
}

static void what_is_not_named_stays(void)
{
	check_str(merged("{\"memory\":{\"limit\":5,\"reservation\":6},\"pids\":{\"limit\":7}}",
			 "{\"memory\":{\"limit\":9},\"cpu\":{\"cpus\":\"0-1\"}}"),
		  "{\"memory\":{\"limit\":9,\"reservation\":6},\"cpu\":{\"cpus\":\"0-1\"},"
		  "\"pids\":{\"limit\":7}}");
}

/* Managers fill in what they do not mean. */
static void zero_is_a_value_only_where_it_means_something(void)
{
	check_str(
		merged("{\"memory\":{\"limit\":5},\"cpu\":{\"quota\":6,\"idle\":1}}",
		       "{\"memory\":{\"limit\":0},\"cpu\":{\"quota\":0,\"cpus\":\"\",\"idle\":0}}"),
		"{\"memory\":{\"limit\":5},\"cpu\":{\"quota\":6,\"idle\":0}}");
}

static void elements_are_replaced_by_name(void)
{
	check_str(merged("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1},"
			 "{\"pageSize\":\"1GB\",\"limit\":2}],\"unified\":{\"memory.high\":\"1\"}}",
			 "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":3}],"
			 "\"unified\":{\"io.max\":\"x\",\"memory.high\":\"2\"}}"),
		  "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1},"
		  "{\"pageSize\":\"1GB\",\"limit\":3}],"
		  "\"unified\":{\"memory.high\":\"2\",\"io.max\":\"x\"}}");
	check_str(merged("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10,"
			 "\"leafWeight\":20}]}}",
			 "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":30},"
			 "{\"major\":8,\"minor\":16,\"weight\":40}]}}"),
		  "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":30,"
		  "\"leafWeight\":20},{\"major\":8,\"minor\":16,\"weight\":40}]}}");
}

static void device_rules_are_replaced_as_a_whole(void)
{
	check_str(merged("{\"devices\":[{\"allow\":true},{\"allow\":false}]}",
			 "{\"devices\":[{\"allow\":false}]}"),
		  "{\"devices\":[{\"allow\":false}]}");
	check_str(merged("{\"devices\":[{\"allow\":true}]}", "{\"devices\":[]}"),
		  "{\"devices\":[{\"allow\":true}]}");
}

static void lifting_memory_lifts_swap(void)
{
	check_str(merged("{\"memory\":{\"limit\":5,\"swap\":6}}", "{\"memory\":{\"limit\":-1}}"),
		  "{\"memory\":{\"limit\":-1,\"swap\":-1}}");
}

static const struct test tests[] = {
	TEST(an_empty_directory_counts_nothing),
	TEST(times_of_v2_are_microseconds),
	TEST(times_of_v1_are_per_cpu),
	TEST(memory_of_v2_has_swap_apart),
	TEST(no_limit_of_v1_is_a_large_number),
	TEST(io_of_v2_is_a_line_per_device),
	TEST(io_of_v1_leaves_out_the_total_of_all),
	TEST(pressure_is_kept_as_text),
	TEST(rdma_and_misc_have_names),
	TEST(pids_tell_of_refusals),
	TEST(without_a_cgroup_nothing_is_told),
	TEST(what_is_not_named_stays),
	TEST(zero_is_a_value_only_where_it_means_something),
	TEST(elements_are_replaced_by_name),
	TEST(device_rules_are_replaced_as_a_whole),
	TEST(lifting_memory_lifts_swap),
};

TEST_MAIN(tests)
