/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan -- what a configuration becomes, on hosts that are made up.
 */
#include "fuzz.h"

#include "base/error.h"
#include "base/util.h"
#include "cgroup/cgroup.h"
#include "compile/bpf.h"
#include "compile/compile.h"
#include "compile/mount_options.h"
#include "ocispec.h"
#include "plan/plan.h"

#include <string.h>

#define ROOM ((size_t)8 << 20)
#define TOP  "/sys/fs/cgroup"

static struct cgroup_host v1 = { .mode = CGROUP_V1,
				 .h = { { "name=systemd", TOP "/systemd", "/", false },
					{ "cpu,cpuacct", TOP "/cpu,cpuacct", "/", false },
					{ "memory", TOP "/memory", "/", false } },
				 .n = 3,
				 .v2 = -1 };
static struct cgroup_host v2 = {
	.mode = CGROUP_V2, .h = { { "", TOP, "/", true } }, .n = 1, .v2 = 0
};

static void check_error(const struct error *e)
{
	ensure(memchr(e->text, '\0', sizeof(e->text)) && e->text[0]);
	ensure(memchr(e->hint, '\0', sizeof(e->hint)));
}

/* A filter that the kernel would take: each way through it ends in an answer. */
static void check_filter(const struct plan_seccomp *s)
{
	static const uint32_t archs[] = { 0xc000003e, 0x40000003, 0xc00000b7, 0x28 };

	for (size_t i = 0; s->filter && i < s->len; i++) {
		const struct sock_filter *f = &s->filter[i];

		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		ensure(i + 1 + (BPF_OP(f->code) == BPF_JA ? f->k : MAX(f->jt, f->jf)) < s->len);
	}
	for (size_t i = 0; s->filter && i < array_len(archs); i++)
		for (int nr = -1; nr < 600; nr += 7) {
			const struct seccomp_data d = { .arch = archs[i], .nr = nr };

			ensure(bpf_run(s->filter, s->len, &d) != BPF_BROKEN);
		}
}

static void check_plan(const struct plan *p)
{
	char *text = NULL;
	size_t len;

	ensure(plan_text(p, &text, &len) == 0 && text);
	free(text);
	if (p->process)
		check_filter(&p->process->seccomp);
}

static void compile_on(struct cgroup_host *host, const uint8_t *data, size_t size, bool exec)
{
	struct ocispec_error wrong;
	struct error e = { 0 };
	char path[] = "/ocirt-web";
	struct cgroup cgroup = { .driver = CGROUP_CGROUPFS, .path = path, .host = host };
	struct compile_input in = { .id = "web",
				    .bundle = "/bundle",
				    .kind = exec ? PLAN_EXEC : PLAN_CREATE,
				    .cgroup_host = host,
				    .cgroup = &cgroup,
				    .clone_into_cgroup = host == &v2,
				    .bounding_caps = ~(uint64_t)0,
				    .privileged = host == &v1 };
	struct arena a, b;
	struct plan *p;

	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
		cgroup.at[i] = (struct cgroup_place){ .used = true, .dir = -1, .mount = -1 };
	ensure(arena_open_private(&a, ROOM) == 0 && arena_open_private(&b, ROOM) == 0);
	in.config = oci_config_read(&a, (const char *)data, size, &wrong);
	if (in.config && (!exec || in.config->process)) {
		int r = exec ? compile_exec(&b, &in, in.config->process, &p, &e)
			     : compile_container(&a, &in, &p, &e);

		if (r < 0)
			check_error(&e);
		else
			check_plan(p);
	}
	arena_close(&a);
	arena_close(&b);
}

void fuzz_compile(const uint8_t *data, size_t size)
{
	compile_on(&v1, data, size, false);
	compile_on(&v2, data, size, false);
}

void fuzz_exec(const uint8_t *data, size_t size)
{
	compile_on(&v2, data, size, true);
}

void fuzz_mount_options(const uint8_t *data, size_t size)
{
	char *words[257], *text;
	size_t n = fuzz_lines(data, size, &text, words, array_len(words) - 1);
	struct plan_mount m = { 0 };
	struct mount_wishes wishes = { 0 };
	struct error e = { 0 };
	struct arena a;

	ensure(arena_open_private(&a, ROOM) == 0);
	if (mount_options(&a, (const char *const *)words, n, &m, &wishes, &e) < 0 ||
	    mount_option_data(&a, &m, &e) < 0) {
		check_error(&e);
	} else {
		mount_option_value(&m, "mode");
		mount_option_drop(&m, "mode");
		ensure(!mount_option_value(&m, "mode"));
	}
	arena_close(&a);
	free(text);
}

void fuzz_seccomp(const uint8_t *data, size_t size)
{
	struct oci_seccomp s = { 0 };
	struct plan_seccomp out = { 0 };
	struct ocispec_error wrong;
	struct error e = { 0 };
	struct arena a;

	ensure(arena_open_private(&a, ROOM) == 0);
	if (ocispec_read(&a, &oci_seccomp_schema, (const char *)data, size, &s, &wrong) == 0) {
		if (compile_seccomp(&a, &s, &out, &e) < 0)
			check_error(&e);
		else
			check_filter(&out);
	}
	arena_close(&a);
}
