/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compile/namespaces.c: who makes which, and the names of sysctls. tests/plan has the refusals. */
#include "check.h"

#include "base/sys.h"
#include "compile/parts.h"

static struct arena arena;
static struct error e;

static int compile(const struct compile_input *in, struct plan *p)
{
	if (!arena.base)
		arena_open_private(&arena, 0);
	*p = (struct plan){ 0 };
	e = (struct error){ 0 };
	return compile_namespaces(&arena, in, p, &e);
}

static struct oci_namespace some[] = {
	{ "pid", NULL },
	{ "cgroup", NULL },
	{ "time", NULL },
	{ "mount", NULL },
};
static struct oci_linux some_linux = { .namespaces = some, .n_namespaces = array_len(some) };
static struct oci_config some_config = { .linux = &some_linux };

/* Its root is the cgroup its maker is in, so the maker has to be in it. */
static void the_cgroup_namespace_comes_after_the_cgroup(void)
{
	struct compile_input in = { .config = &some_config, .privileged = true };
	struct plan p;

	must(compile(&in, &p) == 0);
	check_int(p.clone_flags, CLONE_NEWPID | CLONE_NEWNS);
	check_int(p.unshare_flags, CLONE_NEWCGROUP | CLONE_NEWTIME);
}

static void a_process_born_in_its_cgroup_gets_the_namespace_at_birth(void)
{
	struct compile_input in = { .config = &some_config,
				    .privileged = true,
				    .clone_into_cgroup = true };
	struct plan p;

	must(compile(&in, &p) == 0);
	check_int(p.clone_flags, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP);
	check_int(p.unshare_flags, CLONE_NEWTIME);
}

static void namespaces_belong_to_a_user_namespace_that_is_joined(void)
{
	struct oci_namespace ns[] = {
		{ "mount", NULL },
		{ "pid", NULL },
		{ "network", "/proc/1/ns/net" },
		{ "ipc", NULL },
		{ "user", "/proc/1/ns/user" },
	};
	struct oci_linux l = { .namespaces = ns, .n_namespaces = array_len(ns) };
	struct oci_config c = { .linux = &l };
	struct compile_input in = { .config = &c, .privileged = true };
	struct plan p;

	must(compile(&in, &p) == 0);
	check_int(p.clone_flags, CLONE_NEWPID);
	check_int(p.unshare_flags, CLONE_NEWNS | CLONE_NEWIPC);
	check(p.userns && !p.new_userns && !p.new_netns);
	must(p.n_joins == 2);
	check_int(p.joins[0].type, CLONE_NEWUSER);
	check_int(p.joins[0].index, 4);
	check_int(p.joins[0].fd, -1);
	check_int(p.joins[1].type, CLONE_NEWNET);
	check_int(namespaces_joined(&p), CLONE_NEWUSER | CLONE_NEWNET);
}

static void without_linux_there_is_nothing(void)
{
	struct oci_config c = { 0 };
	struct compile_input in = { .config = &c };
	struct plan p;

	must(compile(&in, &p) == 0);
	check_int(namespaces_new(&p) | namespaces_joined(&p), 0);
}

/* sysctl(8): the first separator decides. */
static void the_first_separator_of_a_sysctl_decides(void)
{
	static const struct {
		const char *key, *file; /* NULL: refused */
	} rows[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter" },
		{ "net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter" },
		{ "kernel.shm_rmid_forced", "kernel/shm_rmid_forced" },
		{ "fs.mqueue.queues_max", "fs/mqueue/queues_max" },
		{ "net", NULL },
		{ "net.", NULL },
		{ "net..ipv4", NULL },
		{ ".net.ipv4", NULL },
		{ "/net/ipv4", NULL },
		{ "net/../kernel/core_pattern", NULL },
		{ "net.//.kernel", NULL },
		{ "network.x", NULL },
		{ "kernel.semaphore", NULL },
		{ "kernel.core_pattern", NULL },
		{ "fs.mqueues", NULL },
		{ "", NULL },
	};
	struct oci_namespace ns[] = { { "network", NULL }, { "ipc", NULL } };

	for (size_t i = 0; i < array_len(rows); i++) {
		struct oci_pair pair = { rows[i].key, "1" };
		struct oci_string_map map = { &pair, 1 };
		struct oci_linux l = { .namespaces = ns, .n_namespaces = 2, .sysctl = &map };
		struct oci_config c = { .linux = &l };
		struct compile_input in = { .config = &c };
		struct plan p;
		int r = compile(&in, &p);

		if (!check(rows[i].file ? r == 0 : r < 0))
			printf("#   %s\n", rows[i].key);
		if (r == 0)
			check_str(p.sysctl[0].file, rows[i].file);
	}
}

static void id_ranges_end_at_the_last_id(void)
{
	const struct oci_id_mapping all[] = { { 0, 0, UINT32_MAX } };
	const struct oci_id_mapping beyond[] = { { 0, 1, UINT32_MAX } };
	const struct oci_id_mapping neighbours[] = { { 0, 1000, 1 }, { 1, 1001, 9 }, { 10, 1, 9 } };

	check(check_id_mappings(all, 1, "uidMappings", &e) == 0);
	check(check_id_mappings(beyond, 1, "uidMappings", &e) < 0);
	check(check_id_mappings(neighbours, 3, "uidMappings", &e) == 0);
	check(id_is_mapped(neighbours, 3, 18));
	check(!id_is_mapped(neighbours, 3, 19));
}

static void more_ranges_than_the_kernel_takes_are_refused(void)
{
	struct oci_id_mapping many[341];

	for (uint32_t i = 0; i < array_len(many); i++)
		many[i] = (struct oci_id_mapping){ i, i, 1 };
	check(check_id_mappings(many, 340, "gidMappings", &e) == 0);
	check(check_id_mappings(many, 341, "gidMappings", &e) < 0);
	check_str(e.text, "gidMappings: 341 ranges, the kernel takes at most 340");
}

static void dot_dot_does_not_leave_the_root(void)
{
	static const struct {
		const char *path, *clean;
	} rows[] = {
		{ "/a/b", "/a/b" },
		{ "a", "/a" },
		{ "//a//b//", "/a/b" },
		{ "/a/./b/.", "/a/b" },
		{ "/a/../b", "/b" },
		{ "/../../b", "/b" },
		{ "/..", "/" },
		{ "/a/b/../../../c", "/c" },
		{ "/", "/" },
		{ "", "/" },
		{ "/a/..b/...", "/a/..b/..." },
	};

	if (!arena.base)
		arena_open_private(&arena, 0);
	for (size_t i = 0; i < array_len(rows); i++)
		check_str(clean_path(&arena, rows[i].path), rows[i].clean);
	check(path_below("/dev/x", "/dev"));
	check(!path_below("/dev", "/dev"));
	check(!path_below("/device", "/dev"));
}

/* On the host "a/../b" is not "b" when a is a link. */
static void a_host_path_keeps_its_dot_dot(void)
{
	if (!arena.base)
		arena_open_private(&arena, 0);
	check_str(path_from(&arena, "/bundle", "."), "/bundle");
	check_str(path_from(&arena, "/bundle", "./a/../b/"), "/bundle/a/../b");
	check_str(path_from(&arena, "/bundle", "/x//y/."), "/x/y");
	check_str(path_from(&arena, "/", "rootfs"), "/rootfs");
	check_str(path_from(&arena, "/bundle", "/"), "/");
}

static const struct test tests[] = {
	TEST(the_cgroup_namespace_comes_after_the_cgroup),
	TEST(a_process_born_in_its_cgroup_gets_the_namespace_at_birth),
	TEST(namespaces_belong_to_a_user_namespace_that_is_joined),
	TEST(without_linux_there_is_nothing),
	TEST(the_first_separator_of_a_sysctl_decides),
	TEST(id_ranges_end_at_the_last_id),
	TEST(more_ranges_than_the_kernel_takes_are_refused),
	TEST(dot_dot_does_not_leave_the_root),
	TEST(a_host_path_keeps_its_dot_dot),
};

TEST_MAIN(tests)
