/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print -- compile a config.json and print the plan, or what is wrong with it.
 *
 *	print [OPTION...] CONFIG
 *
 * The host is made up, so that the answer is the same everywhere and needs no privileges. Used by
 * tests/plan/run.
 */
#include "base/file.h"
#include "base/util.h"
#include "cgroup/cgroup.h"
#include "compile/compile.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

/* ---- hosts ----------------------------------------------------------------------------------- */

#define TOP "/sys/fs/cgroup"

static struct cgroup_host hosts[] = {
	[CGROUP_NONE] = { .mode = CGROUP_NONE, .v2 = -1 },
	[CGROUP_V1] = { .mode = CGROUP_V1,
			.h = { { "name=systemd", TOP "/systemd", "/", false },
			       { "cpu,cpuacct", TOP "/cpu,cpuacct", "/", false },
			       { "net_cls,net_prio", TOP "/net_cls", "/", false },
			       { "memory", TOP "/memory", "/", false } },
			.n = 4,
			.v2 = -1 },
	[CGROUP_V2] = { .mode = CGROUP_V2, .h = { { "", TOP, "/", true } }, .n = 1, .v2 = 0 },
	[CGROUP_HYBRID] = { .mode = CGROUP_HYBRID,
			    .h = { { "memory", TOP "/memory", "/", false },
				   { "", TOP "/unified", "/", true } },
			    .n = 2,
			    .v2 = 1 },
};

static int choose_host(const char *name, struct compile_input *in, struct cgroup *cgroup)
{
	static const char *const names[] = { "none", "v1", "v2", "hybrid" };

	for (size_t i = 0; i < array_len(names); i++) {
		if (!streq(name, names[i]))
			continue;
		in->cgroup_host = &hosts[i];
		in->cgroup = cgroup;
		cgroup->host = &hosts[i];
		return 0;
	}
	return -EINVAL;
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* The linker's: this program in memory, from its constants on. Not from its beginning: a program at a
 * fixed address begins at 4194304, which is a usual limit too. */
extern const char etext[], end[];

/*
 * The container side maps the arena of the plan and nothing else of us: a pointer in it to one of
 * our constants, to our stack, or to where the configuration was read for an exec would be wild
 * there. No number in a plan looks like such an address.
 */
static bool self_contained(const struct arena *a, const struct arena *other)
{
	const uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
	const struct {
		const char *what;
		uintptr_t from, to;
	} outside[] = {
		{ "a constant", (uintptr_t)etext, (uintptr_t)end },
		{ "the stack", stack, stack + 0x20000 },
		{ "the configuration", (uintptr_t)other->base,
		  (uintptr_t)other->base + other->used },
	};
	bool ok = true;

	for (size_t at = 0; at + sizeof(uintptr_t) <= a->used; at += sizeof(uintptr_t)) {
		uintptr_t value;

		memcpy(&value, a->base + at, sizeof(value));
		for (size_t i = 0; i < array_len(outside); i++) {
			if (value < outside[i].from || value >= outside[i].to)
				continue;
			printf("a pointer leads to %s: '%.40s'\n", outside[i].what,
			       (const char *)value);
			ok = false;
		}
	}
	return ok;
}

static char *slurp(const char *path, size_t *len)
{
	char *text;
	ssize_t n = file_read_all(AT_FDCWD, path, 1 << 20, &text);

	if (n < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror((int)-n));
		exit(2);
	}
	*len = (size_t)n;
	return text;
}

static int refuse(const struct error *e)
{
	printf("error: %s\n", e->text);
	if (e->hint[0])
		printf("hint: %s\n", e->hint);
	return 1;
}

/* A container's plan is in the arena of its configuration, an exec's in another, as in host/. */
static int compile(struct arena *a, struct arena *b, struct compile_input *in, const char *config,
		   const char *exec_file, struct error *e)
{
	struct ocispec_error reading;
	struct oci_process *process = NULL;
	struct plan *p;
	size_t len;
	auto_free char *text = slurp(config, &len), *exec_text = NULL, *out = NULL;

	in->config = oci_config_read(a, text, len, &reading);
	if (in->config && exec_file) {
		exec_text = slurp(exec_file, &len);
		process = oci_process_read(a, exec_text, len, &reading);
	}
	if (!in->config || (exec_file && !process))
		return fail(e, 0, "%s: %s", reading.path, reading.text);
	int r = exec_file ? compile_exec(b, in, process, &p, e) : compile_container(a, in, &p, e);

	if (r < 0)
		return r;
	if (plan_text(p, &out, &len) < 0)
		return fail(e, ENOMEM, "plan_text");
	fputs(out, stdout);
	if (self_contained(exec_file ? b : a, exec_file ? a : b))
		return 0;
	return fail(e, 0, "the plan is not self-contained");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cgroup", required_argument, NULL, 'c' },
		{ "cgroup-disabled", no_argument, NULL, 'D' },
		{ "cgroup-not-ours", required_argument, NULL, 'o' },
		{ "born-in-cgroup", no_argument, NULL, 'B' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "exec", required_argument, NULL, 'e' },
		{ "no-new-keyring", no_argument, NULL, 'k' },
		{ "no-pivot", no_argument, NULL, 'p' },
		{ "notify", required_argument, NULL, 'n' },
		{ "preserve-fds", required_argument, NULL, 'f' },
		{ "run", no_argument, NULL, 'r' },
		{ "unprivileged", no_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	char path[] = "/ocirt-web";
	struct cgroup cgroup = { .driver = CGROUP_CGROUPFS, .path = path };
	struct compile_input in = { .id = "web",
				    .bundle = "/bundle",
				    .kind = PLAN_CREATE,
				    .bounding_caps = ~(uint64_t)0,
				    .privileged = true };
	const char *exec_file = NULL;
	struct error e = { 0 };
	struct arena a, b;
	int o;

	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
		cgroup.at[i] = (struct cgroup_place){ .used = true, .dir = -1 };
	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (o) {
		case 'c':
			if (choose_host(optarg, &in, &cgroup) < 0)
				return 2;
			break;
		case 'D':
			cgroup.driver = CGROUP_DISABLED;
			cgroup.path = NULL;
			break;
		case 'o':
			cgroup.at[atoi(optarg)].used = false;
			break;
		case 'B':
			in.clone_into_cgroup = true;
			break;
		case 'b':
			in.bundle = optarg;
			break;
		case 'e':
			exec_file = optarg;
			break;
		case 'k':
			in.no_new_keyring = true;
			break;
		case 'p':
			in.no_pivot = true;
			break;
		case 'n':
			in.notify_socket = optarg;
			break;
		case 'f':
			in.preserve_fds = atoi(optarg);
			break;
		case 'r':
			in.kind = PLAN_RUN;
			break;
		case 'u':
			in.privileged = false;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc || arena_open_private(&a, 0) < 0 || arena_open_private(&b, 0) < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0); /* in order with the warnings, which go to stderr */
	int r = compile(&a, &b, &in, argv[optind], exec_file, &e);

	arena_close(&a);
	arena_close(&b);
	return r < 0 ? refuse(&e) : 0;
}
