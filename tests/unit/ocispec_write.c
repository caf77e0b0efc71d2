/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libocispec writes: the emitter by itself, and structs that come back as they were.
 */
#include "check.h"
#include "libocispec/ocispec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static struct arena arena;
static struct ocispec_error error;

static bool fresh_arena(void)
{
	arena_close(&arena);
	return arena_open_private(&arena, 0) == 0;
}

static void values_are_separated_and_nested(void)
{
	struct json_out j = { 0 };

	json_object(&j);
	json_key_string(&j, "s", "x");
	json_key_int(&j, "i", INT64_MIN);
	json_key_uint(&j, "u", UINT64_MAX);
	json_key_bool(&j, "b", true);
	json_key(&j, "a");
	json_array(&j);
	json_int(&j, 1);
	json_null(&j);
	json_array(&j);
	json_close(&j);
	json_object(&j);
	json_close(&j);
	json_raw(&j, "{\"raw\":1}");
	json_close(&j);
	json_key_string(&j, "n", NULL);
	json_close(&j);
	check_int(json_end(&j), 0);
	check_str(j.text, "{\"s\":\"x\",\"i\":-9223372036854775808,\"u\":18446744073709551615,"
			  "\"b\":true,\"a\":[1,null,[],{},{\"raw\":1}],\"n\":null}");
	check_int(j.len, strlen(j.text));
	json_free(&j);
}

static void pretty_has_two_spaces_per_level(void)
{
	struct json_out j = { .pretty = true };

	json_object(&j);
	json_key(&j, "a");
	json_array(&j);
	json_object(&j);
	json_key_int(&j, "b", 1);
	json_key_int(&j, "c", 2);
	json_close(&j);
	json_string(&j, "x");
	json_close(&j);
	json_key(&j, "empty");
	json_array(&j);
	json_close(&j);
	json_close(&j);
	check_int(json_end(&j), 0);
	check_str(j.text, "{\n"
			  "  \"a\": [\n"
			  "    {\n"
			  "      \"b\": 1,\n"
			  "      \"c\": 2\n"
			  "    },\n"
			  "    \"x\"\n"
			  "  ],\n"
			  "  \"empty\": []\n"
			  "}");
	json_free(&j);
}

static const char *as_json(const char *s)
{
	static char text[200];
	struct json_out j = { .text = text, .room = sizeof(text), .fixed = true };

	json_string(&j, s);
	return json_end(&j) == 0 ? text : "error";
}

static void strings_are_escaped(void)
{
	check_str(as_json("plain / text"), "\"plain / text\"");
	check_str(as_json("\"\\\b\f\n\r\t\x01\x1f\x7f"),
		  "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	check_str(as_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

/* Paths and what hooks print may be any bytes; what we print is JSON all the same. */
static void bad_utf8_is_replaced(void)
{
	check_str(as_json("a\xff"
			  "b\xc3"),
		  "\"a\xef\xbf\xbd"
		  "b\xef\xbf\xbd\"");
	check_str(as_json("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static const char *number(double v)
{
	static char text[64];
	struct json_out j = { .text = text, .room = sizeof(text), .fixed = true };

	json_double(&j, v);
	return text;
}

static void fractions_are_short_and_exact(void)
{
	check_str(number(0.1), "0.1");
	check_str(number(0), "0");
	check_str(number(-2.5), "-2.5");
	check(strtod(number(1.0 / 3), NULL) == 1.0 / 3);
	check_str(number(NAN), "null");
	check_str(number(INFINITY), "null");
}

static void a_fixed_buffer_does_not_overflow(void)
{
	for (size_t room = 0; room < 12; room++) {
		char text[12];
		struct json_out j = { .text = text, .room = room, .fixed = true };

		memset(text, '#', sizeof(text));
		json_array(&j);
		json_int(&j, 123456);
		json_close(&j);
		check_int(json_end(&j), room >= 9 ? 0 : -ENOSPC);
		for (size_t i = room; i < sizeof(text); i++)
			check(text[i] == '#');
	}
}

static void misuse_is_an_error(void)
{
	struct json_out open = { 0 }, closed = { 0 }, deep = { 0 };

	json_object(&open);
	check_int(json_end(&open), -EINVAL);
	json_free(&open);
	json_close(&closed);
	check_int(json_end(&closed), -EINVAL);
	json_free(&closed);
	for (int i = 0; i < 65; i++)
		json_array(&deep);
	check_int(json_end(&deep), -E2BIG);
	json_free(&deep);
}

/* ---- structs --------------------------------------------------------------------------------- */

/* Every kind of row, and the ends of the numbers. */
static const char everything[] =
	"{\"ociVersion\":\"1.3.0\","
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},"
	"\"user\":{\"uid\":0,\"gid\":4294967295,\"umask\":18,\"additionalGids\":[5,6],"
	"\"username\":\"u\"},"
	"\"args\":[\"sh\",\"-c\",\"echo \\\"\\u0001\\\"\"],\"commandLine\":\"x\",\"env\":[],"
	"\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[],"
	"\"inheritable\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"],\"ambient\":[]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":0}],"
	"\"noNewPrivileges\":false,\"apparmorProfile\":\"a\",\"oomScoreAdj\":-1000,"
	"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-20,\"priority\":0,"
	"\"flags\":[\"SCHED_FLAG_RECLAIM\"],\"runtime\":1,\"deadline\":2,\"period\":3},"
	"\"selinuxLabel\":\"l\","
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"hostname\":\"h\",\"domainname\":\"d\","
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/data\",\"options\":[\"bind\",\"idmap\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}],"
	"\"gidMappings\":[{\"containerID\":3,\"hostID\":4,\"size\":5}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"args\":[\"a\"],\"env\":[\"K=V\"],"
	"\"timeout\":5}],\"createRuntime\":[{\"path\":\"/b\"}],\"createContainer\":[],"
	"\"startContainer\":[],\"poststart\":[],\"poststop\":[]},"
	"\"annotations\":{\"com.example.key\":\"value\",\"\":\"\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
	"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}],"
	"\"memory\":{\"limit\":-1,\"reservation\":0,\"swap\":9223372036854775807,\"kernel\":1,"
	"\"kernelTCP\":2,\"swappiness\":60,\"disableOOMKiller\":false,\"useHierarchy\":true,"
	"\"checkBeforeUpdate\":false},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"burst\":5,\"period\":100000,"
	"\"realtimeRuntime\":950000,\"realtimePeriod\":1000000,\"cpus\":\"2-3\",\"mems\":\"0\","
	"\"idle\":1},"
	"\"pids\":{\"limit\":32771},"
	"\"blockIO\":{\"weight\":10,\"leafWeight\":1000,"
	"\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,\"leafWeight\":300}],"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
	"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1}],"
	"\"throttleReadIOPSDevice\":[],\"throttleWriteIOPSDevice\":[]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9223372036854772000}],"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"x\":{}},"
	"\"unified\":{\"cgroup_a\":\"str1\"}},"
	"\"cgroupsPath\":\"/a/b\","
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}],"
	"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/fuse\",\"major\":10,\"minor\":229,"
	"\"fileMode\":438,\"uid\":0,\"gid\":0},{\"type\":\"p\",\"path\":\"/dev/pipe\"}],"
	"\"netDevices\":{\"eth0\":{\"name\":\"container_eth0\"},\"ens4\":{}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
	"\"architectures\":[\"SCMP_ARCH_X86\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
	"\"listenerPath\":\"/run/s\",\"listenerMetadata\":\"m\","
	"\"syscalls\":[{\"names\":[\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
	"\"args\":[{\"index\":1,\"value\":18446744073709551615,\"valueTwo\":0,"
	"\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]},"
	"\"rootfsPropagation\":\"slave\",\"maskedPaths\":[\"/proc/kcore\"],"
	"\"readonlyPaths\":[\"/proc/sys\"],\"mountLabel\":\"l\","
	"\"intelRdt\":{\"closID\":\"guaranteed\",\"schemata\":[\"L3:0=7f0;1=1f\"],"
	"\"l3CacheSchema\":\"L3:0=7f0\",\"memBwSchema\":\"MB:0=20\",\"enableMonitoring\":true},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0-1\","
	"\"flags\":[\"MPOL_F_STATIC_NODES\"]},"
	"\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]},"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-172800,\"nanosecs\":0},"
	"\"boottime\":{\"secs\":604800}}}}";

static void a_configuration_comes_back_as_it_was(void)
{
	struct oci_config *c;
	char *text, *again, *pretty;
	size_t len;

	must(fresh_arena());
	c = oci_config_read(&arena, everything, strlen(everything), &error);
	check_str(c ? "" : error.text, "");
	must(c);
	text = ocispec_write(&oci_config_schema, c, false, &len);
	check_str(text, everything);
	check_int(len, strlen(everything));
	pretty = ocispec_write(&oci_config_schema, c, true, &len);
	must((c = oci_config_read(&arena, pretty, len, &error)));
	again = ocispec_write(&oci_config_schema, c, false, NULL);
	check_str(again, everything);
	free(text);
	free(again);
	free(pretty);
}

/* Whoever adds a row adds it to the text above, too. */
static void count_rows(const struct oci_schema *s, const char *name, size_t *missing)
{
	for (size_t i = 0; i < s->n_rows; i++) {
		char key[80];

		if (s->rows[i].kind == OCI_FOREIGN)
			continue;
		snprintf(key, sizeof(key), "\"%s\":", s->rows[i].name);
		if (!strstr(everything, key)) {
			printf("# no %s.%s in the text\n", name, s->rows[i].name);
			(*missing)++;
		}
		if (s->rows[i].schema)
			count_rows(s->rows[i].schema, s->rows[i].name, missing);
	}
}

static void that_configuration_has_every_property(void)
{
	size_t missing = 0;

	count_rows(&oci_config_schema, "config", &missing);
	check_int(missing, 0);
}

static void a_state_is_written_in_its_usual_order(void)
{
	struct oci_pair pairs[] = { { "k", "v" } };
	struct oci_string_map annotations = { pairs, 1 };
	struct oci_state s = {
		.ociVersion = "1.3.0",
		.id = "web",
		.status = "stopped",
		.pid = { true, 0 },
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.created = "2025-01-01T00:00:00.000000001Z",
		.annotations = &annotations,
		.owner = "",
	};
	struct oci_container_process_state p = {
		.ociVersion = "1.3.0",
		.fds = (const char *[]){ "seccompFd" },
		.n_fds = 1,
		.pid = 4422,
		.metadata = "MKNOD",
		.state = &s,
	};
	char *text = ocispec_write(&oci_container_process_state_schema, &p, false, NULL);

	check_str(
		text,
		"{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":4422,"
		"\"metadata\":\"MKNOD\",\"state\":{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"pid\":0,"
		"\"status\":\"stopped\",\"bundle\":\"/b\",\"rootfs\":\"/b/rootfs\","
		"\"created\":\"2025-01-01T00:00:00.000000001Z\",\"annotations\":{\"k\":\"v\"},"
		"\"owner\":\"\"}}");
	free(text);
}

static void members_can_be_followed_by_others(void)
{
	struct json_out j = { 0 };

	json_object(&j);
	json_struct_members(&j, &oci_mount_schema, &(struct oci_mount){ .destination = "/d" });
	json_key_int(&j, "extra", 1);
	json_close(&j);
	check_int(json_end(&j), 0);
	check_str(j.text, "{\"destination\":\"/d\",\"extra\":1}");
	json_free(&j);
}

static void features_come_back_as_they_were(void)
{
	static const char text[] =
		"{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",\"hooks\":[\"prestart\"],"
		"\"mountOptions\":[\"ro\"],\"linux\":{\"namespaces\":[\"pid\"],\"capabilities\":[],"
		"\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":true,\"systemdUser\":false,"
		"\"rdma\":true},\"seccomp\":{\"enabled\":true,\"actions\":[],\"operators\":[],"
		"\"archs\":[],\"knownFlags\":[],\"supportedFlags\":[]},"
		"\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":false},"
		"\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true},"
		"\"memoryPolicy\":{\"modes\":[\"MPOL_BIND\"],\"flags\":[]},"
		"\"mountExtensions\":{\"idmap\":{\"enabled\":true}},"
		"\"netDevices\":{\"enabled\":true}},\"annotations\":{\"a\":\"b\"},"
		"\"potentiallyUnsafeConfigAnnotations\":[\"x.\"]}";
	struct oci_features *f;
	char *again;

	must(fresh_arena());
	must((f = oci_features_read(&arena, text, strlen(text), &error)));
	again = ocispec_write(&oci_features_schema, f, false, NULL);
	check_str(again, text);
	free(again);
}

static const struct test tests[] = {
	TEST(values_are_separated_and_nested),
	TEST(pretty_has_two_spaces_per_level),
	TEST(strings_are_escaped),
	TEST(bad_utf8_is_replaced),
	TEST(fractions_are_short_and_exact),
	TEST(a_fixed_buffer_does_not_overflow),
	TEST(misuse_is_an_error),
	TEST(a_configuration_comes_back_as_it_was),
	TEST(that_configuration_has_every_property),
	TEST(a_state_is_written_in_its_usual_order),
	TEST(members_can_be_followed_by_others),
	TEST(features_come_back_as_they_were),
};

TEST_MAIN(tests)
