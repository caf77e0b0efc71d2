/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "commit.h"

#include "base/names.h"
#include "base/util.h"
#include "compile/compile.h"
#include "compile/seccomp_version.h"
#include "libocispec/ocispec.h"
#include "output.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* A NULL-terminated list as the specification's structs want it. */
static const char **list(const char *const *words, size_t *n)
{
	*n = 0;
	while (words[*n])
		(*n)++;
	return (const char **)(uintptr_t)words;
}

/* The words of a row of the schema, one by one, in the arena. */
static const char **row_words(struct arena *a, const char *path, size_t *n)
{
	const struct oci_row *row = oci_row_at(&oci_features_schema, path);
	const char *words = row ? row->words : "";
	const char **out = arena_new_array(a, const char *, strlen(words) / 2 + 2);

	*n = 0;
	while (out && *words) {
		size_t len = strcspn(words, " ");

		out[(*n)++] = arena_strndup(a, words, len);
		words += len;
		words += strspn(words, " ");
	}
	return out;
}

static const char **hook_names(struct arena *a, size_t *n)
{
	const char **out = arena_new_array(a, const char *, oci_hooks_schema.n_rows + 1u);

	*n = 0;
	for (size_t i = 0; out && i < oci_hooks_schema.n_rows; i++)
		out[(*n)++] = oci_hooks_schema.rows[i].name;
	return out;
}

static const char **capabilities(struct arena *a, size_t *n)
{
	const char **out = arena_new_array(a, const char *, n_capability_names + 1);

	*n = 0;
	for (size_t i = 0; out && i < n_capability_names; i++)
		out[(*n)++] = arena_printf(a, "CAP_%s", capability_names[i].name);
	return out;
}

/* The kernel looks at the flags before the filter: EFAULT says that it knows them. */
static bool kernel_has(unsigned long flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

/* The only part that looks at the host, as the specification allows for these flags. */
static const char **supported_flags(struct arena *a, const char *const *known, size_t *n)
{
	static const struct {
		const char *name;
		unsigned long flags; /* what to try; the last flag needs a listener */
	} tries[] = {
		{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
		  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_NEW_LISTENER },
	};
	const char **out = arena_new_array(a, const char *, array_len(tries) + 1);

	*n = 0;
	for (size_t i = 0; out && i < array_len(tries); i++)
		for (size_t k = 0; known[k]; k++)
			if (streq(known[k], tries[i].name) && kernel_has(tries[i].flags))
				out[(*n)++] = known[k];
	return out;
}

static struct oci_features_seccomp seccomp(struct arena *a)
{
	struct oci_features_seccomp s = { .enabled = { true, false } };

#ifdef HAVE_SECCOMP
	s.enabled.v = true;
#endif
	s.actions = list(compile_seccomp_actions(), &s.n_actions);
	s.operators = list(compile_seccomp_operators(), &s.n_operators);
	s.archs = list(compile_seccomp_archs(), &s.n_archs);
	s.knownFlags = list(compile_seccomp_flags(), &s.n_knownFlags);
	s.supportedFlags = supported_flags(a, compile_seccomp_flags(), &s.n_supportedFlags);
	return s;
}

#ifdef HAVE_SYSTEMD
#define SYSTEMD true
#else
#define SYSTEMD false
#endif

static int print(struct arena *a, struct error *e)
{
	static const struct opt_bool yes = { true, true };
	struct oci_feature on = { yes };
	struct oci_features_cgroup cgroup = { .v1 = yes,
					      .v2 = yes,
					      .systemd = { true, SYSTEMD },
					      .systemdUser = { true, SYSTEMD },
					      .rdma = yes };
	struct oci_features_seccomp filter = seccomp(a);
	struct oci_features_intel_rdt rdt = { .enabled = yes, .schemata = yes, .monitoring = yes };
	struct oci_features_memory_policy memory = { 0 };
	struct oci_features_mount_extensions mounts = { .idmap = &on };
	struct oci_features_linux lnx = {
		.cgroup = &cgroup,
		.seccomp = &filter,
		.apparmor = &on,
		.selinux = &on,
		.intelRdt = &rdt,
		.memoryPolicy = &memory,
		.mountExtensions = &mounts,
		.netDevices = &on,
	};
	/* Docker and CRI-O look for runc's name here to learn whether they can checkpoint. */
	struct oci_pair pairs[4] = {
		{ "org.opencontainers.runc.checkpoint.enabled", "false" },
		{ "org.ocirt.version", PACKAGE_VERSION },
		{ "org.ocirt.commit", OCIRT_COMMIT },
	};
	struct oci_string_map annotations = { .items = pairs, .n = 3 };
	/* All that are not only passed on; ocirt-config(5) says which of them touch the host. */
	const char *unsafe[] = {
		INIT_ANNOTATION,
		OVERLAY_LOWER,
		OVERLAY_UPPER,
		"run.oci.hooks.stderr",
		"run.oci.hooks.stdout",
		"run.oci.keep_original_groups",
#ifdef HAVE_SECCOMP
		SECCOMP_STRICT,
#endif
#ifdef HAVE_SYSTEMD
		"org.systemd.property.", /* any property of a unit */
		"run.oci.systemd.subgroup",
#endif
		NULL,
	};
	struct oci_features f = {
		.ociVersionMin = OCI_VERSION_MIN,
		.ociVersionMax = OCI_VERSION,
		.linux = &lnx,
		.annotations = &annotations,
		.potentiallyUnsafeConfigAnnotations = unsafe,
		.n_potentiallyUnsafeConfigAnnotations = array_len(unsafe) - 1,
	};

	f.hooks = hook_names(a, &f.n_hooks);
	f.mountOptions = list(compile_mount_option_words(), &f.n_mountOptions);
	lnx.namespaces = row_words(a, "linux.namespaces", &lnx.n_namespaces);
	lnx.capabilities = capabilities(a, &lnx.n_capabilities);
	memory.modes = row_words(a, "linux.memoryPolicy.modes", &memory.n_modes);
	memory.flags = row_words(a, "linux.memoryPolicy.flags", &memory.n_flags);
	if (compile_seccomp_version())
		pairs[annotations.n++] = (struct oci_pair){ "io.github.seccomp.libseccomp.version",
							    compile_seccomp_version() };
	if (a->full)
		return fail(e, ENOMEM, "no memory");
	return output_struct(&oci_features_schema, &f, e);
}

static int cmd_features(struct invocation *in)
{
	struct arena a;
	int r = command_arena(in, &a);

	if (r < 0)
		return r;
	r = print(&a, in->e);
	arena_close(&a);
	return r;
}

const struct command features_command = {
	.name = "features",
	.arguments = "",
	.summary = "print what this ocirt can do as JSON",
	.description = "The members are those of features.md of the specification. Except for\n"
		       "seccomp's supportedFlags nothing depends on the host.\n",
	.run = cmd_features,
};
