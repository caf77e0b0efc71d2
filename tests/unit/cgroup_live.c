/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/ against the cgroups of this host, whatever kind they are. Needs root and writable
 * hierarchies, and is skipped without. Touches only /ocirt-test-PID.
 */
#include "check.h"

#include "base/file.h"
#include "base/util.h"
#include "cgroup/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct cgroup_host host;
static struct cgroup cg;
static struct error e;
static char path[64];

static bool usable(void)
{
	char probe[512];

	if (geteuid() != 0 || cgroup_host_detect(&host, &e) < 0 || host.n == 0)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		snprintf(probe, sizeof(probe), "%s/ocirt-test-%d-probe", host.h[i].mount, getpid());
		if (mkdir(probe, 0755) < 0)
			return false;
		rmdir(probe);
	}
	return true;
}

static bool begin(const char *cgroups_path)
{
	e = (struct error){ 0 };
	snprintf(path, sizeof(path), "/ocirt-test-%d%s", getpid(), cgroups_path);
	return usable() && check(cgroup_plan(&host, path, "id", CGROUP_CGROUPFS, &cg, &e) == 0);
}

static bool there(const char *below)
{
	for (size_t i = 0; i < host.n; i++) {
		char p[512];

		snprintf(p, sizeof(p), "%s/ocirt-test-%d%s", host.h[i].mount, getpid(), below);
		if (access(p, F_OK) == 0)
			return true;
	}
	return false;
}

static void end(void)
{
	check(cgroup_destroy(&cg, &e) == 0);
	check_str(e.text, "");
	check(!there(""));
	cgroup_free(&cg);
	cgroup_host_free(&host);
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("sleep", "sleep", "1000", (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* What the container's file says, on v1 or on v2; "" where there is none. */
static const char *value(const char *controller, const char *v1, const char *v2)
{
	static char text[4096];
	char file[1024];
	int h = cgroup_find(&host, controller);

	text[0] = '\0';
	if (h >= 0) {
		auto_free char *dir = cgroup_directory(&cg, (size_t)h);

		snprintf(file, sizeof(file), "%s/%s", dir, host.h[h].v2 ? v2 : v1);
		if (file_read(AT_FDCWD, file, text, sizeof(text)) < 0)
			snprintf(text, sizeof(text), "cannot read %s", file);
		text[strcspn(text, "\n")] = '\0';
	}
	return text;
}

static bool on_v2(const char *controller)
{
	int h = cgroup_find(&host, controller);

	return h >= 0 && host.h[h].v2;
}

static bool have(const char *controller)
{
	return cgroup_find(&host, controller) >= 0;
}

static bool done(int r)
{
	if (r < 0)
		printf("# %s\n# hint: %s\n", e.text, e.hint);
	return check(r >= 0);
}

#define I64(n)                        \
	{                             \
		.set = true, .v = (n) \
	}

static void limits_are_where_they_belong(void)
{
	struct oci_memory memory = { .limit = I64(64 << 20), .reservation = I64(32 << 20) };
	struct oci_cpu cpu = { .shares = I64(2048), .quota = I64(50000), .period = I64(100000) };
	struct oci_cpu cpuset = { .cpus = "0", .mems = "0" };
	struct oci_pids pids = { .limit = I64(0) };
	struct oci_resources r = { 0 };

	if (!begin(""))
		skip("no cgroups to write to");
	if (have("memory"))
		r.memory = &memory;
	if (have("cpuset"))
		cpu.cpus = cpuset.cpus, cpu.mems = cpuset.mems;
	if (have("cpu"))
		r.cpu = &cpu;
	if (have("pids"))
		r.pids = &pids;
	done(cgroup_check(&host, &r, &e));
	done(cgroup_create(&cg, &r, &e));
	if (have("memory")) {
		check_str(value("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
		check_str(value("memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
	}
	if (have("cpu"))
		check_str(value("cpu", "cpu.shares", "cpu.weight"), on_v2("cpu") ? "174" : "2048");
	if (have("cpu"))
		check_str(value("cpu", "cpu.cfs_quota_us", "cpu.max"),
			  on_v2("cpu") ? "50000 100000" : "50000");
	if (have("cpuset"))
		check_str(value("cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
	if (have("pids"))
		check_str(value("pids", "pids.max", "pids.max"), "1");
	end();
}

static void update_goes_up_and_down_in_any_order(void)
{
	struct oci_memory memory = { .limit = I64(64 << 20), .swap = I64(64 << 20) };
	struct oci_cpu cpu = { .quota = I64(20000), .period = I64(100000) };
	struct oci_resources r = { .memory = &memory, .cpu = &cpu };

	if (!begin("/a/b"))
		skip("no cgroups to write to");
	if (!have("memory") || !have("cpu")) {
		end();
		skip("no memory or cpu controller");
	}
	done(cgroup_create(&cg, &r, &e));
	memory.limit.v = memory.swap.v = 128 << 20;
	cpu.quota.v = 200000, cpu.period.v = 500000;
	done(cgroup_update(&cg, &r, NULL, &e));
	check_str(value("memory", "memory.limit_in_bytes", "memory.max"), "134217728");
	check_str(value("cpu", "cpu.cfs_period_us", "cpu.max"),
		  on_v2("cpu") ? "200000 500000" : "500000");
	memory.limit.v = memory.swap.v = 32 << 20;
	cpu.quota.v = 5000, cpu.period.v = 10000;
	done(cgroup_update(&cg, &r, NULL, &e));
	check_str(value("memory", "memory.limit_in_bytes", "memory.max"), "33554432");
	check_str(value("cpu", "cpu.cfs_quota_us", "cpu.max"),
		  on_v2("cpu") ? "5000 10000" : "5000");
	/* The period alone leaves the quota. */
	cpu.quota.set = false, cpu.period.v = 20000;
	cpu.quota.v = 0;
	done(cgroup_update(&cg, &r, NULL, &e));
	check_str(value("cpu", "cpu.cfs_quota_us", "cpu.max"),
		  on_v2("cpu") ? "5000 20000" : "5000");
	memory = (struct oci_memory){ .limit = I64(-1) };
	done(cgroup_update(&cg, &r, NULL, &e));
	check_str(value("memory", "memory.memsw.limit_in_bytes", "memory.max"),
		  on_v2("memory") ? "max" : "9223372036854771712");
	check_str(e.text, "");
	end();
}

static void processes_come_in_stop_and_die(void)
{
	if (!begin(""))
		skip("no cgroups to write to");
	pid_t sleeper = start_sleeper(), *pids = NULL;
	size_t n = 0;
	int status;

	done(cgroup_create(&cg, NULL, &e));
	done(cgroup_attach(&cg, sleeper, &e));
	done(cgroup_pids(&cg, &pids, &n, &e));
	check_int(n, 1);
	check(n == 1 && pids[0] == sleeper);
	free(pids);
	check_int(cgroup_is_frozen(&cg, &e), 0);
	done(cgroup_freeze(&cg, &e));
	check_int(cgroup_is_frozen(&cg, &e), 1);
	done(cgroup_thaw(&cg, &e));
	check_int(cgroup_is_frozen(&cg, &e), 0);
	done(cgroup_freeze(&cg, &e));
	done(cgroup_kill_all(&cg, SIGKILL, &e)); /* frozen as it is */
	check(waitpid(sleeper, &status, 0) == sleeper && WIFSIGNALED(status));
	end();
}

static void destroy_takes_processes_and_sub_cgroups_with_it(void)
{
	int status;

	if (!begin("/deep"))
		skip("no cgroups to write to");
	pid_t sleeper = start_sleeper();

	done(cgroup_create(&cg, NULL, &e));
	for (size_t i = 0; i < host.n; i++) {
		char p[600];

		auto_free char *dir = cgroup_directory(&cg, i);
		int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

		/* A v1 cpuset takes a process only when it has CPUs: let them be inherited. */
		(void)file_write(fd, "cgroup.clone_children", "1");
		close(fd);
		snprintf(p, sizeof(p), "%s/inner", dir);
		check(mkdir(p, 0755) == 0);
		snprintf(p, sizeof(p), "%s/inner/most", dir);
		check(mkdir(p, 0755) == 0);
	}
	struct cgroup_sub sub = { .path = "inner/most" };

	done(cgroup_attach_sub(&cg, sleeper, &sub, 1, 0, &e));
	done(cgroup_freeze(&cg, &e));
	end();
	check(waitpid(sleeper, &status, 0) == sleeper && WIFSIGNALED(status));
}

static void what_was_there_before_stays(void)
{
	if (!begin("/theirs"))
		skip("no cgroups to write to");
	done(cgroup_create(&cg, NULL, &e)); /* plays the caller who made it */

	struct cgroup_host host2;
	struct cgroup ours, later;

	must(cgroup_host_detect(&host2, &e) == 0);
	must(cgroup_plan(&host2, path, "x", CGROUP_CGROUPFS, &ours, &e) == 0);
	done(cgroup_create(&ours, NULL, &e));
	auto_free char *text = cgroup_to_text(&ours);

	must(cgroup_from_text(&host2, text, &later, &e) == 0);
	done(cgroup_destroy(&later, &e));
	check(there("/theirs"));
	cgroup_free(&ours);
	cgroup_free(&later);
	cgroup_host_free(&host2);
	end();
}

static void a_used_or_frozen_cgroup_is_refused(void)
{
	int status;

	if (!begin(""))
		skip("no cgroups to write to");
	pid_t sleeper = start_sleeper();

	done(cgroup_create(&cg, NULL, &e));
	done(cgroup_attach(&cg, sleeper, &e));

	struct cgroup second;
	struct error why = { 0 };

	must(cgroup_plan(&host, path, "x", CGROUP_CGROUPFS, &second, &e) == 0);
	check(cgroup_create(&second, NULL, &why) < 0);
	check(strstr(why.text, "container's cgroup is not empty"));
	done(cgroup_destroy(&second, &e));
	check(kill(sleeper, 0) == 0 && waitpid(sleeper, &status, WNOHANG) == 0);
	kill(sleeper, SIGKILL);
	waitpid(sleeper, &status, 0);
	done(cgroup_freeze(&cg, &e));
	cgroup_free(&second);

	char below[80];

	snprintf(below, sizeof(below), "%s/x", path);
	must(cgroup_plan(&host, below, "x", CGROUP_CGROUPFS, &second, &e) == 0);
	check(cgroup_create(&second, NULL, &why) < 0);
	check(strstr(why.text, "container's cgroup unexpectedly frozen"));
	done(cgroup_destroy(&second, &e));
	cgroup_free(&second);
	done(cgroup_thaw(&cg, &e));
	end();
}

/* Opens NODE inside the cgroup; 0 or the errno. */
static int try_device(const char *node, int flags)
{
	int go[2], status;
	char c = 0;

	if (pipe(go) < 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(255);
		_exit(open(node, flags | O_CLOEXEC) < 0 ? errno : 0);
	}
	close(go[0]);
	done(cgroup_attach(&cg, pid, &e));
	if (write(go[1], &c, 1) != 1)
		perror("write");
	close(go[1]);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void device_rules_hold_and_change(void)
{
	struct oci_device_cgroup rules[] = {
		{ .allow = false, .access = "rwm" },
		{ .allow = true, .type = "c", .major = I64(1), .minor = I64(11), .access = "r" },
	};
	struct oci_resources r = { .devices = rules, .n_devices = 2 };

	if (!begin(""))
		skip("no cgroups to write to");
	if (!have("devices")) {
		end();
		skip("no device filter");
	}
	if (!done(cgroup_create(&cg, &r, &e))) {
		end();
		return;
	}
	printf("# %s\n", value("devices", "devices.list", "cgroup.type"));
	check_int(try_device("/dev/null", O_RDWR), 0);
	check_int(try_device("/dev/kmsg", O_RDONLY), 0);
	check_int(try_device("/dev/kmsg", O_WRONLY), EPERM);
	rules[1].access = "w";
	done(cgroup_update(&cg, &r, NULL, &e));
	check_int(try_device("/dev/kmsg", O_RDONLY), EPERM);
	check_int(try_device("/dev/kmsg", O_WRONLY), 0);
	check_int(try_device("/dev/null", O_RDWR), 0);
	rules[0].allow = true;
	rules[1].allow = false;
	done(cgroup_update(&cg, &r, NULL, &e));
	check_int(try_device("/dev/kmsg", O_RDONLY), 0);
	check_int(try_device("/dev/kmsg", O_WRONLY), EPERM);
	check_int(try_device("/dev/kmsg", O_RDWR), EPERM);
	end();
}

static void a_refusal_says_why(void)
{
	struct oci_cpu cpu = { .cpus = "0-4095" };
	struct oci_resources r = { .cpu = &cpu };

	if (!begin(""))
		skip("no cgroups to write to");
	if (!have("cpuset") || on_v2("cpuset")) {
		end();
		skip("no v1 cpuset");
	}
	struct error why = { 0 };

	check(cgroup_create(&cg, &r, &why) < 0);
	printf("# %s\n# %s\n", why.text, why.hint);
	check(strstr(why.text, "linux.resources.cpu.cpus: cannot write '0-4095'"));
	check(strstr(why.hint, "the parent has the CPUs 0-"));
	end();
}

static void huge_pages_have_both_limits(void)
{
	struct oci_hugepage_limit limit = { .pageSize = "2MB", .limit = 4 << 20 };
	struct oci_resources r = { .hugepageLimits = &limit, .n_hugepageLimits = 1 };

	if (!begin("/h/p"))
		skip("no cgroups to write to");
	if (!have("hugetlb")) {
		end();
		skip("no hugetlb controller");
	}
	done(cgroup_create(&cg, &r, &e));
	check_str(value("hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"), "4194304");
	check_str(value("hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes", "hugetlb.2MB.rsvd.max"),
		  "4194304");
	end();
}

static void memory_trouble_is_counted(void)
{
	struct oci_memory memory = { .limit = I64(4 << 20), .swap = I64(4 << 20) };
	struct oci_resources r = { .memory = &memory };
	struct cgroup_trouble trouble;
	int status;

	if (!begin(""))
		skip("no cgroups to write to");
	if (!have("memory")) {
		end();
		skip("no memory controller");
	}
	done(cgroup_create(&cg, &r, &e));
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		for (size_t size = 16 << 20;;) {
			char *p = malloc(size);

			memset(p, 1, size);
			if (p[size / 2] == 2)
				_exit(1);
		}
	}
	waitpid(pid, &status, WUNTRACED);
	done(cgroup_attach(&cg, pid, &e));
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	done(cgroup_trouble(&cg, &trouble));
	check_int(trouble.oom_kills, 1);
	check(trouble.memory_hits > 0);
	check_int(trouble.memory_limit, 4 << 20);
	end();
}

static const struct test tests[] = {
	TEST(limits_are_where_they_belong),   TEST(update_goes_up_and_down_in_any_order),
	TEST(processes_come_in_stop_and_die), TEST(destroy_takes_processes_and_sub_cgroups_with_it),
	TEST(what_was_there_before_stays),    TEST(a_used_or_frozen_cgroup_is_refused),
	TEST(device_rules_hold_and_change),   TEST(a_refusal_says_why),
	TEST(huge_pages_have_both_limits),    TEST(memory_trouble_is_counted),
};

TEST_MAIN(tests)
