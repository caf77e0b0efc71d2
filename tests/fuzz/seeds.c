/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seeds -- inputs made from the rows of libocispec.
 *
 * For each row of a schema, at any depth, a document with all that is required and that property, once
 * per value that is worth it: the words that the specification lists, the ends of the number's range
 * and what is beyond. A new property of the specification is fuzzed as soon as it has its row.
 */
#include "fuzz.h"

#include "base/util.h"
#include "compile/compile.h"
#include "ocispec.h"

#include <string.h>

/* ---- texts ----------------------------------------------------------------------------------- */

static const char *const mount_texts[] = {
	"ro\nnosuid\nnodev\nnoexec",
	"rbind\nrprivate",
	"bind\nrro\nrnosuid",
	"size=64k\nmode=1777",
	"remount\nrw",
	"idmap=uids=0-1000-10#10-2000-5;gids=0-1000-10",
	"ridmap",
	"tmpcopyup",
	"context=\"system_u:object_r:a,b\"",
	"shared\nunbindable",
	"lowerdir=/a:/b\nupperdir=/c",
	"",
	"mode=\nsize=\n=",
	NULL,
};
static const char *const path_texts[] = {
	"/web",
	"web",
	"/a/b/../c",
	"/..",
	"..",
	"/",
	"",
	"//a//b/",
	"/a/./b",
	"system.slice:ocirt:web",
	":ocirt:web",
	"a-b.slice:x:y",
	"-.slice::web",
	"user.slice:a:b\nc",
	"/a b/\xff\xfe",
	"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20",
	NULL,
};
static const char *const cgroup_texts[] = {
	"cgroupfs /ocirt-web\n",
	"cgroupfs /ocirt-web 1 0:1,1:1",
	"disabled",
	"systemd /a.slice/b.scope 2",
	"cgroupfs /a/../b",
	"cgroupfs",
	"",
	"cgroupfs a",
	"systemd :a:b",
	NULL,
};
static const char *const number_texts[] = {
	"0",
	"1",
	"-1",
	"18446744073709551615",
	"18446744073709551616",
	"9223372036854775807",
	"-9223372036854775808",
	"4294967295",
	"4294967296",
	"007",
	"+1",
	" 1",
	"1 ",
	"0x1",
	"1a",
	"",
	"-",
	"50M",
	"1GiB",
	"16E",
	"1kb",
	"-1M",
	"SIGTERM",
	"term",
	"RTMIN+3",
	"RTMAX-1",
	"RTMIN+99",
	"65",
	"CAP_SYS_ADMIN",
	"cap_chown",
	"RLIMIT_NOFILE",
	NULL,
};
static const char *const option_texts[] = {
	"exec\n-u\n1:2\n-g\n3\n-eA=b\n--tty\nid\nsh\n-c\nls",
	"exec\n--user=4294967295\nid",
	"exec\n-u1a\nid",
	"exec\n--cap\nCAP_KILL\n--cwd=/\n--\n-x",
	"exec\n-td\n--preserve-fds=3\nid",
	"exec\n--env\n=x",
	"update\n--memory=1G\n--cpuset-cpus=0-3,7\nid",
	"update\n--cpu-quota\n-2\nid",
	"update\n--blkio-weight=1001\n--cpu-idle=2",
	"create\n--bundle\n/b\n--no-pivot\nid",
	"run\n-d\n--pid-file=p\nid",
	"exec\n--pid\n--unknown",
	NULL,
};
static const char *const writer_texts[] = {
	"0abc\x10\x01\x82\x12\x34\x56\x78\x90\x12\x34\x56\x83\x12\x34\x56\x78\x90\x12\x34\xff\x04",
	"\x05\x06\x10x\x07\x07\x06\x06\x06",
	"\xf0\"\\\n\t\x01\x7f\xc3\xa4\xff\xfe\xed\xa0\x80\xf0",
	NULL,
};
static const char *const notify_texts[] = {
	"READY=1",
	"READY=1\nMAINPID=1\nSTATUS=up",
	"MAINPID=0\nFDSTORE=1\nFDNAME=x",
	"BARRIER=1",
	"MAINPID=99999999999",
	"STATUS=\xff\xfe\n\n\n",
	"WATCHDOG=trigger\nERRNO=2",
	"",
	NULL,
};
/* Flags and type, then a record: see say() in container.c. */
static const char *const talk_texts[] = {
	"\x04\x08....",
	"\x0c\x0a"
	"aaaabbbbccccddddpath\x1fmore",
	"\x06\x05....",
	"\x06\x06....",
	"\x04\x01....",
	"\x04\x03....",
	"\x05\x08..",
	"\x04\x09...",
	NULL,
};

const struct fuzz_target fuzz_targets[] = {
	{ "config", fuzz_config, &oci_config_schema },
	{ "state", fuzz_state, &oci_state_schema },
	{ "writer", fuzz_writer, NULL, writer_texts },
	{ "compile", fuzz_compile, &oci_config_schema },
	{ "exec", fuzz_exec, &oci_config_schema },
	{ "mount-options", fuzz_mount_options, NULL, mount_texts },
	{ "seccomp", fuzz_seccomp, &oci_seccomp_schema },
	{ "resources", fuzz_resources, &oci_resources_schema },
	{ "cgroup-path", fuzz_cgroup_path, NULL, path_texts },
	{ "cgroup-text", fuzz_cgroup_text, NULL, cgroup_texts },
	{ "numbers", fuzz_numbers, NULL, number_texts },
	{ "options", fuzz_options, NULL, option_texts },
	{ "talk", fuzz_talk, NULL, talk_texts },
	{ "notify", fuzz_notify, NULL, notify_texts },
	{ 0 },
};

const struct fuzz_target *fuzz_find(const char *name)
{
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
		if (streq(t->name, name))
			return t;
	return NULL;
}

/* ---- documents ------------------------------------------------------------------------------- */

/* What makes a usual value of a name; other strings are "x". */
static const struct {
	const char *name, *value;
} usual[] = {
	{ "ociVersion", "1.3.0" },
	{ "path", "/x" },
	{ "cwd", "/" },
	{ "destination", "/mnt" },
	{ "source", "tmpfs" },
	{ "type", "tmpfs" },
	{ "cpus", "0-1" },
	{ "mems", "0" },
	{ "access", "rwm" },
	{ "pageSize", "2MB" },
	{ "defaultAction", "SCMP_ACT_ALLOW" },
	{ "action", "SCMP_ACT_ERRNO" },
	{ "op", "SCMP_CMP_EQ" },
	{ "id", "web" },
	{ "status", "running" },
	{ "bundle", "/bundle" },
	{ "cgroup", "cgroupfs /ocirt-web" },
	{ "names", "read" },
	{ "initial", "0" },
	{ "final", "0-1" },
	{ "options", "ro" },
	{ "env", "A=b" },
	{ "args", "/bin/sh" },
	{ "listenerPath", "/run/agent" },
};

#define MOST_DEEP 12

struct seed {
	const struct oci_row *way[MOST_DEEP]; /* to the property */
	size_t n_way;
	size_t variant;
	bool more; /* there is another variant */
};

static const char *const numbers[] = {
	"0",
	"1",
	"-1",
	"1000",
	"65535",
	"2147483648",
	"4294967295",
	"4294967296",
	"9223372036854775807",
	"-9223372036854775808",
	"18446744073709551615",
	"18446744073709551616",
	"1.5",
	"1e3",
	"null",
	"\"1\"",
};
static const char *const strings[] = {
	NULL,
	"",
	"/",
	"/a/../../b",
	"a\nb",
	"\xc3\xa4",
	"0",
	"-1",
	"%s%n",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

static const char *usual_string(const struct oci_row *row)
{
	for (size_t i = 0; i < array_len(usual); i++)
		if (streq(usual[i].name, row->name))
			return usual[i].value;
	return "x";
}

/* The listed words, then `strings`. */
static void put_string(struct json_out *j, const struct oci_row *row, struct seed *s, bool here)
{
	const char *word = row->words;

	if (!here) {
		json_string(j, usual_string(row));
		return;
	}
	for (size_t i = 0; word && *word; i++) {
		size_t n = strcspn(word, " ");

		if (i == s->variant) {
			s->more = true;
			json_string_n(j, word, n);
			return;
		}
		word += n + (word[n] == ' ');
		if (!*word)
			word = NULL;
		if (!word)
			s->variant -= i + 1; /* put back by the caller */
	}
	size_t i = MIN(s->variant, array_len(strings) - 1);

	s->more = i + 1 < array_len(strings);
	json_string(j, strings[i] ? strings[i] : usual_string(row));
}

static void put_members(struct json_out *j, const struct oci_schema *schema, struct seed *s,
			size_t depth);

static void put_object(struct json_out *j, const struct oci_row *row, struct seed *s, size_t depth,
		       bool on_way)
{
	struct seed none = { .n_way = 0 };

	json_object(j);
	if (row->schema)
		put_members(j, row->schema, on_way ? s : &none, on_way ? depth + 1 : 0);
	json_close(j);
}

static void put_value(struct json_out *j, const struct oci_row *row, struct seed *s, size_t depth,
		      bool on_way)
{
	bool here = on_way && depth + 1 == s->n_way;
	size_t variant = s->variant;

	switch (row->kind) {
	case OCI_STRING:
		put_string(j, row, s, here);
		break;
	case OCI_BOOL:
		json_bool(j, here && s->variant);
		s->more = here && s->variant == 0;
		break;
	case OCI_STRINGS:
		json_array(j);
		if (!here || s->variant > 0) {
			s->variant -= here;
			put_string(j, row, s, here);
		} else {
			s->more = true;
		}
		json_close(j);
		break;
	case OCI_U32S:
		json_raw(j, here && s->variant ? "[0, 1, 4294967295]" : "[]");
		s->more = here && s->variant == 0;
		break;
	case OCI_OBJECT:
		put_object(j, row, s, depth, on_way);
		break;
	case OCI_OBJECTS:
		json_array(j);
		for (size_t i = 0; i < 1 + (here ? s->variant : 0); i++)
			put_object(j, row, s, depth, on_way);
		s->more = s->more || (here && s->variant == 0);
		json_close(j);
		break;
	case OCI_OBJECT_MAP:
		json_object(j);
		json_key(j, "eth0");
		put_object(j, row, s, depth, on_way);
		json_close(j);
		break;
	case OCI_STRING_MAP:
		json_object(j);
		json_key_string(j,
				streq(row->name, "sysctl") ? "net.ipv4.ip_forward" : "cpu.weight",
				here && s->variant ? "\n" : "1");
		s->more = here && s->variant == 0;
		json_close(j);
		break;
	case OCI_FOREIGN:
		json_raw(j, "[{}, 1]");
		break;
	default:
		json_raw(j, here ? numbers[MIN(s->variant, array_len(numbers) - 1)] : "1");
		if (here)
			s->more = s->variant + 1 < array_len(numbers);
	}
	s->variant = variant;
}

/* Not required, but without it there is little to look at. */
static bool wanted(const struct oci_row *row)
{
	static const char *const names[] = { "root", "process", "args", "syscalls" };

	for (size_t i = 0; i < array_len(names); i++)
		if (streq(row->name, names[i]))
			return true;
	return false;
}

static void put_members(struct json_out *j, const struct oci_schema *schema, struct seed *s,
			size_t depth)
{
	for (size_t i = 0; i < schema->n_rows; i++) {
		const struct oci_row *row = &schema->rows[i];
		bool on_way = depth < s->n_way && s->way[depth] == row;

		if (!on_way && !row->required && !wanted(row))
			continue;
		json_key(j, row->name);
		put_value(j, row, s, depth, on_way);
	}
}

static bool is_state(const struct oci_schema *schema)
{
	return schema == &oci_state_schema;
}

static void emit(const struct oci_schema *schema, struct seed *s, const char *name, seed_fn *f,
		 void *arg)
{
	struct json_out j = { .pretty = false };

	json_object(&j);
	if (is_state(schema)) { /* it is inside state.json */
		json_key(&j, "state");
		json_object(&j);
	}
	put_members(&j, schema, s, 0);
	if (is_state(schema)) {
		json_close(&j);
		json_key_uint(&j, "pidStart", 1);
		json_key_string(&j, "bootID", "no");
		json_key_string(&j, "cgroup", "cgroupfs /ocirt-web");
	}
	json_close(&j);
	ensure(json_end(&j) == 0);
	f(arg, name, j.text, j.len);
	json_free(&j);
}

static void each_row(const struct oci_schema *top, const struct oci_schema *schema, struct seed *s,
		     const char *prefix, seed_fn *f, void *arg)
{
	if (s->n_way == MOST_DEEP)
		return;
	for (size_t i = 0; i < schema->n_rows; i++) {
		const struct oci_row *row = &schema->rows[i];
		char name[300], variant[320];

		s->way[s->n_way++] = row;
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", row->name);
		s->variant = 0;
		do {
			s->more = false;
			snprintf(variant, sizeof(variant), "%s-%zu", name, s->variant);
			emit(top, s, variant, f, arg);
			s->variant++;
		} while (s->more && s->variant < 40);
		s->variant = 0;
		if (row->schema)
			each_row(top, row->schema, s, name, f, arg);
		s->n_way--;
	}
}

void seeds_each(const struct fuzz_target *t, seed_fn *f, void *arg)
{
	struct seed s = { .n_way = 0 };
	char name[16];

	for (size_t i = 0; t->texts && t->texts[i]; i++) {
		snprintf(name, sizeof(name), "text-%zu", i);
		f(arg, name, t->texts[i], strlen(t->texts[i]));
	}
	if (t->schema)
		each_row(t->schema, t->schema, &s, "", f, arg);
}

/* ---- dictionary ------------------------------------------------------------------------------ */

static void put_words(const struct oci_schema *schema, int depth, FILE *out)
{
	for (size_t i = 0; i < schema->n_rows; i++) {
		const struct oci_row *row = &schema->rows[i];

		fprintf(out, "\"\\\"%s\\\":\"\n", row->name);
		for (const char *word = row->words; word && *word;) {
			int n = (int)strcspn(word, " ");

			fprintf(out, "\"\\\"%.*s\\\"\"\n", n, word);
			word += n;
			word += strspn(word, " ");
		}
		if (row->schema && depth < MOST_DEEP)
			put_words(row->schema, depth + 1, out);
	}
}

static void put_list(const char *const *words, FILE *out)
{
	for (; *words; words++)
		fprintf(out, "\"%s\"\n", *words);
}

void seeds_dictionary(FILE *out)
{
	put_words(&oci_config_schema, 0, out);
	put_words(&oci_state_schema, 0, out);
	put_list(compile_mount_option_words(), out);
	put_list(compile_seccomp_actions(), out);
	put_list(compile_seccomp_operators(), out);
	put_list(compile_seccomp_archs(), out);
	put_list(compile_seccomp_flags(), out);
}
