/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the reader of libocispec makes of texts, right and wrong ones.
 */
#include "libocispec/ocispec.h"
#include "check.h"

#include <errno.h>
#include <stdlib.h>

static struct arena arena;
static struct ocispec_error error;

/* Each test reads into an arena of its own. */
static struct oci_config *config_n(const char *text, size_t len)
{
	arena_close(&arena);
	if (arena_open_private(&arena, 0) < 0)
		return NULL;
	return oci_config_read(&arena, text, len, &error);
}

static struct oci_config *config(const char *text)
{
	return config_n(text, strlen(text));
}

/* "PATH: LINE:COLUMN: TEXT" of the error that reading `text` gives. */
static const char *complaint(const char *text)
{
	static char line[1024];

	if (config(text))
		return "no error";
	snprintf(line, sizeof(line), "%s: %u:%u: %s", error.path, error.line, error.column,
		 error.text);
	return line;
}

#define V "\"ociVersion\": \"1.3.0\""

/* ---- what is not JSON ------------------------------------------------------------------------ */

static void broken_text_is_refused_at_its_place(void)
{
	check_str(complaint("{]"), ": 1:2: not JSON: invalid object key (must be a string)");
	check_str(complaint("{\n  " V ",\n  \"hostname\": \x01}"),
		  ": 3:15: not JSON: invalid char in json text");
	check_str(complaint("{" V " \"root\": {}}"),
		  ": 1:24: not JSON: after key and value, inside map, I expect ',' or '}'");
	check_str(complaint("{" V ", \"hostname\": tru}"),
		  ": 1:37: not JSON: invalid string in json text");
	check_str(complaint("{\"ociVersion\": \"a\nb\"}"),
		  ": 1:18: not JSON: invalid character inside string");
	check_str(
		complaint("{\"ociVersion\": \"\\q\"}"),
		": 1:18: not JSON: inside a string, '\\' occurs before a character which it may not");
	check_str(complaint("{" V ",}"), ": 1:24: not JSON: invalid object key (must be a string)");
	check_str(
		complaint("// hello\n{}"),
		": 1:1: not JSON: probable comment found in input text, comments are not enabled");
}

static void an_end_that_comes_too_early_is_refused(void)
{
	check_str(complaint(""), ": 1:1: not JSON: premature EOF");
	check_str(complaint("\n"), ": 2:1: not JSON: premature EOF");
	check_str(complaint("{" V), ": 1:23: not JSON: premature EOF");
	check_str(complaint("{\"ociVersion\": \"1.3"), ": 1:20: not JSON: premature EOF");
}

static void text_after_the_document_is_refused(void)
{
	check_str(complaint("{" V "} x"), ": 1:25: not JSON: trailing garbage");
	check_str(complaint("{" V "}{}"), ": 1:24: not JSON: trailing garbage");
	check(config("{" V "}\n \t\n") != NULL);
}

/* ---- types and ranges ------------------------------------------------------------------------ */

static void a_value_of_the_wrong_type_is_refused(void)
{
	check_str(complaint("5"), ": 1:1: expected object, found number");
	check_str(complaint("null"), ": 1:1: expected object, found null");
	check_str(complaint("[]"), ": 1:1: expected object, found array");
	check_str(complaint("{\"ociVersion\": 1.3}"),
		  "ociVersion: 1:16: expected string, found number");
	check_str(complaint("{\"process\": {\"args\": \"sh\"}}"),
		  "process.args: 1:22: expected array, found string");
	check_str(complaint("{\"process\": {\"args\": [\"a\", true]}}"),
		  "process.args[1]: 1:28: expected string, found boolean");
	check_str(complaint("{\"process\": {\"args\": [null]}}"),
		  "process.args[0]: 1:23: expected string, found null");
	check_str(complaint("{\"process\": {\"terminal\": \"yes\"}}"),
		  "process.terminal: 1:26: expected boolean, found string");
	check_str(complaint("{\"root\": []}"), "root: 1:10: expected object, found array");
	check_str(complaint("{\"mounts\": {}}"), "mounts: 1:12: expected array, found object");
	check_str(complaint("{\"mounts\": [{\"destination\": \"/\"}, [\n]]}"),
		  "mounts[1]: 1:35: expected object, found array");
	check_str(complaint("{\"annotations\": {\"a\": {}}}"),
		  "annotations.a: 1:23: expected string, found object");
	check_str(complaint("{\"process\": {\"user\": {\"additionalGids\": [1, \"2\"]}}}"),
		  "process.user.additionalGids[1]: 1:45: expected number, found string");
	check_str(complaint("{\"linux\": {\"netDevices\": {\"eth0\": {\"name\": 23}}}}"),
		  "linux.netDevices.eth0.name: 1:44: expected string, found number");
}

static void the_path_names_arrays_and_awkward_keys(void)
{
	check_str(complaint("{\"mounts\": [{\"destination\": \"/a\"}, {\"destination\": \"/b\",\n"
			    "\"options\": [\"ro\", 7]}]}"),
		  "mounts[1].options[1]: 2:19: expected string, found number");
	check_str(complaint("{\"annotations\": {\"a.b\": 1}}"),
		  "annotations.\"a.b\": 1:25: expected string, found number");
	check_str(complaint("{\"annotations\": {\"a\\\"\\u001b[2J\\\\\": 1}}"),
		  "annotations.\"a\\\"\\u001b[2J\\\\\": 1:36: expected string, found number");
	check_str(complaint("{\"annotations\": {\"\": 1}}"),
		  "annotations.\"\": 1:22: expected string, found number");
	check_str(
		complaint(
			"{\"linux\": {\"seccomp\": {\"syscalls\": [{\"args\": [{\"index\": -1}]}]}}}"),
		"linux.seccomp.syscalls[0].args[0].index: 1:57: "
		"-1 is out of range (0 to 4294967295)");
}

static void columns_count_characters(void)
{
	check_str(complaint("{\"hostname\": \"\xc3\xa4\xe2\x82\xac\", \"root\": 1}"),
		  "root: 1:28: expected object, found number");
}

#define LIMIT(n)      "{" V ", \"linux\": {\"resources\": {\"memory\": {\"limit\": " n "}}}}"
#define SWAPPINESS(n) "{" V ", \"linux\": {\"resources\": {\"memory\": {\"swappiness\": " n "}}}}"
#define WEIGHT(n)     "{" V ", \"linux\": {\"resources\": {\"blockIO\": {\"weight\": " n "}}}}"
#define UID(n)        "{" V ", \"process\": {\"cwd\": \"/\", \"user\": {\"uid\": " n "}}}"
#define OOM(n)        "{" V ", \"process\": {\"cwd\": \"/\", \"oomScoreAdj\": " n "}}"

static int64_t limit(const char *text)
{
	struct oci_config *c = config(text);

	return c ? c->linux->resources->memory->limit.v : 42;
}

static void numbers_are_exact_to_the_ends_of_their_types(void)
{
	struct oci_config *c;

	check_int(limit(LIMIT("0")), 0);
	check_int(limit(LIMIT("-1")), -1);
	check_int(limit(LIMIT("-0")), 0);
	check_int(limit(LIMIT("9007199254740993")), 9007199254740993); /* no double holds it */
	check_int(limit(LIMIT("9223372036854775807")), INT64_MAX);
	check_int(limit(LIMIT("-9223372036854775808")), INT64_MIN);
	must((c = config(SWAPPINESS("18446744073709551615"))));
	check(c->linux->resources->memory->swappiness.v == UINT64_MAX);
	must((c = config(WEIGHT("65535"))));
	check_int(c->linux->resources->blockIO->weight.v, 65535);
	must((c = config(UID("4294967295"))));
	check_int(c->process->user->uid, UINT32_MAX);
	must((c = config(OOM("-2147483648"))));
	check_int(c->process->oomScoreAdj.v, INT32_MIN);
	must((c = config(OOM("2147483647"))));
	check_int(c->process->oomScoreAdj.v, INT32_MAX);
}

static void numbers_beyond_their_type_are_refused(void)
{
	check_str(complaint(LIMIT("9223372036854775808")),
		  "linux.resources.memory.limit: 1:69: 9223372036854775808 is out of range "
		  "(-9223372036854775808 to 9223372036854775807)");
	check_str(complaint(LIMIT("-9223372036854775809")),
		  "linux.resources.memory.limit: 1:69: -9223372036854775809 is out of range "
		  "(-9223372036854775808 to 9223372036854775807)");
	check_str(complaint(SWAPPINESS("18446744073709551616")),
		  "linux.resources.memory.swappiness: 1:74: 18446744073709551616 is out of range "
		  "(0 to 18446744073709551615)");
	check_str(complaint(WEIGHT("65536")),
		  "linux.resources.blockIO.weight: 1:71: 65536 is out of range (0 to 65535)");
	check_str(complaint(UID("-1")),
		  "process.user.uid: 1:65: -1 is out of range (0 to 4294967295)");
	check_str(complaint(UID("4294967296")),
		  "process.user.uid: 1:65: 4294967296 is out of range (0 to 4294967295)");
	check_str(
		complaint(OOM("2147483648")),
		"process.oomScoreAdj: 1:64: 2147483648 is out of range (-2147483648 to 2147483647)");
	check_str(
		complaint(OOM("-2147483649")),
		"process.oomScoreAdj: 1:64: -2147483649 is out of range (-2147483648 to 2147483647)");
	check_str(complaint("{\"hooks\": {\"poststop\": [{\"path\": \"/x\", \"timeout\": 0}]}}"),
		  "hooks.poststop[0].timeout: 1:51: 0 is out of range (1 to 9223372036854775807)");
	check_str(complaint(UID("100000000000000000000000000000000000000000000000000")),
		  "process.user.uid: 1:65: 1000000000000000000000000000000000000000... is out of "
		  "range (0 to 4294967295)");
}

static void fractions_and_exponents_are_no_whole_numbers(void)
{
	check_str(complaint(LIMIT("1.5")),
		  "linux.resources.memory.limit: 1:69: expected a whole number, found 1.5");
	check_str(complaint(LIMIT("1.0")),
		  "linux.resources.memory.limit: 1:69: expected a whole number, found 1.0");
	check_str(complaint(LIMIT("1e3")),
		  "linux.resources.memory.limit: 1:69: expected a whole number, found 1e3");
}

/* ---- strings --------------------------------------------------------------------------------- */

static void escapes_are_decoded(void)
{
	struct oci_config *c =
		config("{" V ", \"hostname\": \"a\\n\\t\\\"\\\\\\/\\u00e4\\ud83d\\ude00\"}");

	must(c);
	check_str(c->hostname, "a\n\t\"\\/\xc3\xa4\xf0\x9f\x98\x80");
}

static void long_strings_with_escapes_arrive_whole(void)
{
	static char text[300100], want[200000];
	struct oci_config *c;
	size_t n = 0;

	n += (size_t)sprintf(text, "{" V ", \"hostname\": \"");
	for (size_t i = 0; i < 100000; i++) {
		memcpy(text + n, "\\nx", 3);
		memcpy(want + 2 * i, "\nx", 2);
		n += 3;
	}
	/* cut, so that the terminators fit */
	n -= 3;
	want[199998] = '\0';
	memcpy(text + n, "\"}", 3);
	must((c = config(text)));
	check(strcmp(c->hostname, want) == 0);
}

static void nul_in_strings_and_names_is_refused(void)
{
	check_str(complaint("{\"process\": {\"args\": [\"a\\u0000b\"]}}"),
		  "process.args[0]: 1:23: contains a NUL character (\\u0000)");
	check_str(complaint("{\"annotations\": {\"a\\u0000\": \"x\"}}"),
		  "annotations: 1:18: a name in this object contains a NUL character (\\u0000)");
	check_str(complaint("{\"unknown\": [\"\\u0000\"]}"),
		  "unknown[0]: 1:14: contains a NUL character (\\u0000)");
}

static void bad_utf8_is_refused(void)
{
	static const char *const bad[] = {
		"\xff",         "\xc3",
		"\xc0\xaf",     "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\x80",         "abcdefghijkl\xe2\x82",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{" V ", \"hostname\": \"%s\"}", bad[i]);
		check_str(complaint(text), "hostname: 1:37: is not valid UTF-8");
	}
	check_str(complaint("{\"annotations\": {\"\xff\": \"x\"}}"),
		  "annotations: 1:18: a name in this object is not valid UTF-8");
}

static void half_a_surrogate_pair_is_refused(void)
{
	check_str(complaint("{\"hostname\": \"x\\\"\\ud83dx\"}"),
		  "hostname: 1:14: \\ud83d is half of a pair");
	check_str(complaint("{\"hostname\": \"\\ude00\"}"),
		  "hostname: 1:14: \\ude00 is half of a pair");
	check_str(complaint("{\"hostname\": \"\\ud83d\\u0041\"}"),
		  "hostname: 1:14: \\ud83d is half of a pair");
	/* An escaped backslash before "ud83d" is just text. */
	check(config("{" V ", \"hostname\": \"\\\\ud83d\"}") != NULL);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void a_name_given_twice_is_refused(void)
{
	check_str(complaint("{" V ", " V "}"), "ociVersion: 1:25: given twice");
	check_str(complaint("{\"process\": {\"args\": [], \"args\": []}}"),
		  "process.args: 1:26: given twice");
	check_str(complaint("{\"hostname\": null, \"hostname\": null}"),
		  "hostname: 1:20: given twice");
	check_str(complaint("{\"annotations\": {\"a.b\": \"1\", \"a\\u002eb\": \"2\"}}"),
		  "annotations.\"a.b\": 1:30: given twice");
	check_str(complaint("{\"linux\": {\"netDevices\": {\"a\": {}, \"b\": {}, \"a\": {}}}}"),
		  "linux.netDevices.a: 1:45: given twice");
	check_str(complaint("{\"x\": {\"y\": [{\"k\": 1, \"k\": 2}]}}"),
		  "x.y[0].k: 1:23: given twice");
	check_str(complaint("{\"x\": 1, \"x\": 1}"), "x: 1:10: given twice");
	/* The same name in two objects is fine, known or not. */
	check(config("{" V ", \"x\": {\"k\": 1}, \"y\": [{\"k\": 1}, {\"k\": 1}], \"k\": 1}") !=
	      NULL);
}

static void many_names_stay_apart(void)
{
	static char text[400000];
	struct oci_config *c;
	size_t n = (size_t)sprintf(text, "{" V ", \"annotations\": {");

	for (int i = 0; i < 10000; i++)
		n += (size_t)sprintf(text + n, "%s\"key%d\": \"%d\"", i ? ", " : "", i, i);
	sprintf(text + n, "}}");
	must((c = config(text)));
	check_int(c->annotations->n, 10000);
	check_str(c->annotations->items[9999].key, "key9999");
	check_str(oci_map_get(c->annotations, "key1234"), "1234");
	check(oci_map_get(c->annotations, "key10000") == NULL);
	sprintf(text + n, ", \"key77\": \"\"}}");
	check(config(text) == NULL);
	check_str(error.text, "given twice");
}

static void case_does_not_matter_in_names(void)
{
	struct oci_config *c =
		config("{\"OCIVERSION\": \"1.3.0\", \"Linux\": {\"resources\": {\"CPU\": "
		       "{\"Cpus\": \"0-1\"}, \"hugepageLimits\": [{\"pagesize\": "
		       "\"2MB\", \"Limit\": 5}]}}}");

	must(c);
	check_str(c->ociVersion, "1.3.0");
	check_str(c->linux->resources->cpu->cpus, "0-1");
	check_str(c->linux->resources->hugepageLimits[0].pageSize, "2MB");
	check_int(c->linux->resources->hugepageLimits[0].limit, 5);
	check_str(complaint("{\"process\": {\"args\": [], \"Args\": []}}"),
		  "process.args: 1:26: given twice, once as 'Args'");
	/* Names that are data are not names of properties. */
	must((c = config("{" V ", \"annotations\": {\"a\": \"1\", \"A\": \"2\"}}")));
	check_int(c->annotations->n, 2);
}

static void a_missing_property_is_named(void)
{
	check_str(complaint("{}"), "ociVersion: 1:1: required, but missing");
	check_str(complaint("{" V
			    ",\n \"mounts\": [{\"destination\": \"/\"},\n  {\"type\": \"proc\"}]}"),
		  "mounts[1].destination: 3:3: required, but missing");
	check_str(complaint("{" V ", \"root\": {\"path\": null}}"),
		  "root.path: 1:33: required, but missing");
	check_str(
		complaint("{\"linux\": {\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0}]}}"),
		"linux.uidMappings[0].size: 1:28: required, but missing");
}

static char heard[1000];

static void note(void *arg, const char *path, unsigned line, unsigned column, const char *similar)
{
	size_t n = strlen(heard);

	snprintf(heard + n, sizeof(heard) - n, "%s %u:%u %s\n", path, line, column,
		 similar ? similar : (const char *)arg);
}

static void unknown_properties_are_ignored_but_told(void)
{
	static const char text[] =
		"{" V
		", \"hostnam\": 1, \"windows\": {\"x\": 1}, \"org.example\": {\"args\": {}},\n"
		"\"process\": {\"cwd\": \"/\", \"noNewPrivilegs\": true, \"ags\": [], \"zzz\": null},\n"
		"\"annotations\": {\"whatever\": \"\"}}";
	const struct ocispec_sink sink = { note, (char *)"-" };

	heard[0] = '\0';
	arena_close(&arena);
	must(arena_open_private(&arena, 0) == 0);
	must(oci_config_read_noting(&arena, text, strlen(text), &sink, &error));
	check_str(heard, "hostnam 1:25 hostname\n"
			 "\"org.example\" 1:60 -\n"
			 "process.noNewPrivilegs 2:25 noNewPrivileges\n"
			 "process.ags 2:49 args\n"
			 "process.zzz 2:60 -\n");
}

static void depth_has_a_limit(void)
{
	char text[400] = "{" V ", \"x\": ";
	size_t n = strlen(text);

	memset(text + n, '[', 63);
	memset(text + n + 63, ']', 63);
	strcpy(text + n + 126, "}");
	check(config(text) != NULL);
	memset(text + n, '[', 64);
	memset(text + n + 64, ']', 64);
	strcpy(text + n + 128, "}");
	check(config(text) == NULL);
	check_str(error.text, "nested deeper than 64 levels");
	check_int(error.column, 93);
}

/* ---- absent, zero, empty --------------------------------------------------------------------- */

static void absent_zero_and_empty_are_told_apart(void)
{
	struct oci_config *c = config("{" V "}");

	must(c);
	check(!c->process && !c->root && !c->linux && !c->mounts && !c->annotations && !c->hooks);

	must((c = config(
		      "{" V
		      ", \"mounts\": [], \"annotations\": {}, \"hostname\": \"\", \"hooks\": {}, "
		      "\"process\": {\"cwd\": \"/\", \"args\": [], \"terminal\": false, "
		      "\"oomScoreAdj\": 0}, \"linux\": {\"netDevices\": {}}}")));
	check(c->mounts && c->n_mounts == 0);
	check(c->annotations && c->annotations->n == 0);
	check_str(c->hostname, "");
	check(c->hooks && !c->hooks->prestart);
	check(c->process->args && c->process->n_args == 0 && !c->process->args[0]);
	check(!c->process->env);
	check(c->process->terminal.set && !c->process->terminal.v);
	check(!c->process->noNewPrivileges.set);
	check(c->process->oomScoreAdj.set && c->process->oomScoreAdj.v == 0);
	check(c->linux->netDevices && c->linux->n_netDevices == 0);

	must((c = config("{" V
			 ", \"mounts\": null, \"process\": {\"cwd\": \"/\", \"terminal\": null, "
			 "\"user\": null}, \"linux\": null, \"windows\": null}")));
	check(!c->mounts && !c->process->terminal.set && !c->process->user && !c->linux);
}

static void arrays_of_strings_end_in_null(void)
{
	struct oci_config *c =
		config("{" V ", \"process\": {\"cwd\": \"/\", \"args\": [\"sh\", \"-c\", \"\"]}}");

	must(c);
	check_int(c->process->n_args, 3);
	check_str(c->process->args[1], "-c");
	check_str(c->process->args[2], "");
	check(c->process->args[3] == NULL);
}

/* Arrays within arrays share one scratch stack, which moves as it grows. */
static void nested_arrays_keep_their_elements(void)
{
	static char text[300000];
	struct oci_config *c;
	size_t n = (size_t)sprintf(text, "{" V ", \"mounts\": [");

	for (int i = 0; i < 500; i++) {
		n += (size_t)sprintf(text + n, "%s{\"uidMappings\": [", i ? "," : "");
		for (int k = 0; k < i % 7; k++)
			n += (size_t)sprintf(text + n,
					     "%s{\"containerID\":%d,\"hostID\":%d,\"size\":1}",
					     k ? "," : "", k, i);
		n += (size_t)sprintf(text + n, "], \"options\": [");
		for (int k = 0; k < i % 5; k++)
			n += (size_t)sprintf(text + n, "%s\"%d\"", k ? "," : "", i * k);
		n += (size_t)sprintf(text + n, "], \"destination\": \"/%d\"}", i);
	}
	sprintf(text + n, "]}");
	must((c = config(text)));
	check_int(c->n_mounts, 500);
	for (int i = 0; i < 500; i++) {
		const struct oci_mount *m = &c->mounts[i];
		char want[20];

		snprintf(want, sizeof(want), "/%d", i);
		must(check_str(m->destination, want));
		must(check_int(m->n_uidMappings, i % 7));
		for (int k = 0; k < i % 7; k++)
			must(m->uidMappings[k].containerID == (uint32_t)k &&
			     m->uidMappings[k].hostID == (uint32_t)i);
		must(check_int(m->n_options, i % 5));
		for (int k = 0; k < i % 5; k++)
			must(atoi(m->options[k]) == i * k);
	}
}

static void maps_of_objects_keep_key_and_order(void)
{
	struct oci_config *c = config(
		"{" V ", \"linux\": {\"netDevices\": {\"eth0\": {\"name\": \"container_eth0\"}, "
		"\"eth1\": {}}, \"resources\": {\"rdma\": {\"mlx5_1\": {\"hcaHandles\": 3}}}}}");

	must(c);
	check_int(c->linux->n_netDevices, 2);
	check_str(c->linux->netDevices[0].key, "eth0");
	check_str(c->linux->netDevices[0].name, "container_eth0");
	check_str(c->linux->netDevices[1].key, "eth1");
	check(c->linux->netDevices[1].name == NULL);
	check_str(c->linux->resources->rdma[0].key, "mlx5_1");
	check(c->linux->resources->rdma[0].hcaHandles.set);
	check(!c->linux->resources->rdma[0].hcaObjects.set);
}

/* ---- the other documents --------------------------------------------------------------------- */

static void parts_can_be_read_alone(void)
{
	static const char process[] =
		"{\"cwd\": \"/tmp\", \"args\": [\"id\"], \"user\": {\"gid\": 7}}";
	static const char resources[] =
		"{\"pids\": {\"limit\": -1}, \"unified\": {\"io.max\": \"x\"}}";
	static const char state[] =
		"{\"ociVersion\": \"1.0.2\", \"id\": \"web\", \"pid\": 0, \"status\": "
		"\"stopped\", \"bundle\": \"/b\", \"owner\": \"root\"}";
	static const char mounts[] = "[{\"destination\": \"/a\"}, {\"destination\": 4}]";
	struct oci_process *p;
	struct oci_resources *res;
	struct oci_state *s;
	size_t n;

	arena_close(&arena);
	must(arena_open_private(&arena, 0) == 0);
	must((p = oci_process_read(&arena, process, strlen(process), &error)));
	check_str(p->cwd, "/tmp");
	check(p->user->uid == 0 && p->user->gid == 7);
	must((res = oci_resources_read(&arena, resources, strlen(resources), &error)));
	check_int(res->pids->limit.v, -1);
	check_str(oci_map_get(res->unified, "io.max"), "x");
	must((s = oci_state_read(&arena, state, strlen(state), &error)));
	check(s->pid.set && s->pid.v == 0);
	check_str(s->owner, "root");
	check(!oci_mounts_read(&arena, mounts, strlen(mounts), &n, &error));
	check_str(error.path, "[1].destination");
	must(oci_mounts_read(&arena, "[]", 2, &n, &error));
	check_int(n, 0);
	must(oci_mounts_read(&arena, "[{\"destination\": \"/a\"}]", 23, &n, &error));
	check_int(n, 1);
	check(!oci_mounts_read(&arena, "{}", 2, &n, &error));
	check_str(error.text, "expected array, found object");
}

static void text_need_not_end_in_nul(void)
{
	static const char text[] = "{" V "}, and more";

	check(config_n(text, strlen("{" V "}")) != NULL);
	check(config_n(text, strlen("{" V)) == NULL);
}

static void a_full_arena_is_an_error_with_words(void)
{
	static const char text[] = "{" V ", \"process\": {\"cwd\": \"/\"}}";
	struct oci_config c;
	size_t room;

	arena_close(&arena);
	must(arena_open_private(&arena, 4096) == 0);
	room = arena.capacity - arena.used;
	must(arena_alloc(&arena, room - 100, 1));
	memset(&c, 0, sizeof(c));
	check_int(ocispec_read(&arena, &oci_config_schema, text, strlen(text), &c, &error),
		  -ENOMEM);
	check_str(error.path, "process");
	check(strncmp(error.text, "does not fit", 12) == 0);
	check(arena.full);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void rows_are_found_by_path(void)
{
	const struct oci_row *row = oci_row_at(&oci_config_schema, "linux.resources.memory.limit");

	must(row);
	check_str(row->name, "limit");
	check_int(row->kind, OCI_I64);
	check(!oci_row_at(&oci_config_schema, "linux.resources.memory.limits"));
	check(!oci_row_at(&oci_config_schema, "hostname.x"));
	check(!oci_row_at(&oci_config_schema, ""));
	must((row = oci_row_at(&oci_config_schema, "linux.namespaces.type")));
	check(oci_word_known(row->words, "time"));
	check(!oci_word_known(row->words, "tim"));
	check(!oci_word_known(row->words, ""));
}

static const char *meant(const char *word)
{
	static char out[64];
	const struct oci_row *row = oci_row_at(&oci_config_schema, "linux.namespaces.type");

	return oci_did_you_mean_word(row->words, word, out, sizeof(out)) ? out : NULL;
}

static void typing_errors_are_understood(void)
{
	check_str(oci_did_you_mean(&oci_config_schema, "hotsname", 8), "hostname");
	check_str(oci_did_you_mean(&oci_config_schema, "Anotations", 10), "annotations");
	check_str(oci_did_you_mean(&oci_config_schema, "mount", 5), "mounts");
	check_str(oci_did_you_mean(&oci_config_schema, "abcdef", 6), NULL);
	check_str(oci_did_you_mean(&oci_config_schema, "x", 1), NULL);
	check_str(meant("netwrok"), "network");
	check_str(meant("usr"), "user");
	check_str(meant("banana"), NULL);
}

static const struct test tests[] = {
	TEST(broken_text_is_refused_at_its_place),
	TEST(an_end_that_comes_too_early_is_refused),
	TEST(text_after_the_document_is_refused),
	TEST(a_value_of_the_wrong_type_is_refused),
	TEST(the_path_names_arrays_and_awkward_keys),
	TEST(columns_count_characters),
	TEST(numbers_are_exact_to_the_ends_of_their_types),
	TEST(numbers_beyond_their_type_are_refused),
	TEST(fractions_and_exponents_are_no_whole_numbers),
	TEST(escapes_are_decoded),
	TEST(long_strings_with_escapes_arrive_whole),
	TEST(nul_in_strings_and_names_is_refused),
	TEST(bad_utf8_is_refused),
	TEST(half_a_surrogate_pair_is_refused),
	TEST(a_name_given_twice_is_refused),
	TEST(many_names_stay_apart),
	TEST(case_does_not_matter_in_names),
	TEST(a_missing_property_is_named),
	TEST(unknown_properties_are_ignored_but_told),
	TEST(depth_has_a_limit),
	TEST(absent_zero_and_empty_are_told_apart),
	TEST(arrays_of_strings_end_in_null),
	TEST(nested_arrays_keep_their_elements),
	TEST(maps_of_objects_keep_key_and_order),
	TEST(parts_can_be_read_alone),
	TEST(text_need_not_end_in_nul),
	TEST(a_full_arena_is_an_error_with_words),
	TEST(rows_are_found_by_path),
	TEST(typing_errors_are_understood),
};

TEST_MAIN(tests)
