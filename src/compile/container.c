/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container -- the parts put together: a plan for a container, a plan for one more process in it.
 */
#include "parts.h"

#include "../base/sys.h"
#include "../cgroup/cgroup.h"

/* One or more digits, no leading zero, as semver.org says. Returns what follows, or NULL. */
static const char *version_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n == 0 || (n > 1 && *s == '0') ? NULL : s + n;
}

/* Dot separated words of letters, digits and hyphens: what may follow '-' and '+'. */
static const char *version_words(const char *s)
{
	static const char word[] = "0123456789-"
				   "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (;; s++) {
		size_t n = strspn(s, word);

		if (n == 0)
			return NULL;
		s += n;
		if (*s != '.')
			return s;
	}
}

static int check_version(const char *version, struct error *e)
{
	const char *s = version;

	if (!version || !*version)
		return fail(e, 0, "ociVersion: is required");
	for (int i = 0; s && i < 3; i++) {
		s = version_number(s);
		if (s && i < 2)
			s = *s == '.' ? s + 1 : NULL;
	}
	if (s && *s == '-')
		s = version_words(s + 1);
	if (s && *s == '+')
		s = version_words(s + 1);
	if (!s || *s) {
		fail(e, 0, "ociVersion: '%s' is not a version", version);
		return hint(e, "it looks like " OCI_VERSION ", semver.org");
	}
	if (!after(version, "1.")) {
		fail(e, 0, "ociVersion: '%s' is not supported", version);
		return hint(e, "all versions from " OCI_VERSION_MIN " that begin with '1.' are");
	}
	return 0;
}

static int check_annotations(const struct oci_config *c, struct error *e)
{
	for (size_t i = 0; c->annotations && i < c->annotations->n; i++)
		if (!*c->annotations->items[i].key)
			return fail(e, 0, "annotations: there is one with an empty name");
	return 0;
}

static struct plan *new_plan(struct arena *a, const struct compile_input *in, enum plan_kind kind,
			     struct error *e)
{
	struct plan *p = arena_new(a, struct plan);

	if (p)
		*p = (struct plan){ .version = PLAN_VERSION,
				    .kind = kind,
				    .talk_fd = -1,
				    .listen_fd = -1,
				    .container_pidfd = -1 };
	/* The name is runc's: an exec joins the keyring of its container by it. */
	if (p && !in->no_new_keyring)
		p->keyring = arena_printf(a, "_ses.%s", in->id);
	if (!p || (!in->no_new_keyring && !p->keyring)) {
		no_room(e);
		return NULL;
	}
	return p;
}

static int process_part(struct arena *a, const struct compile_input *in, struct plan *p,
			const struct oci_process *process, struct error *e)
{
	const struct oci_linux *l = linux_part(in->config);
	struct plan_process *out = arena_new(a, struct plan_process);

	if (!out)
		return no_room(e);
	int r = compile_process(a, in, process, out, e);

	if (r < 0)
		return r;
	p->process = out;
	return l->seccomp ? compile_seccomp(a, l->seccomp, &out->seccomp, e) : 0;
}

/* Whether ocirt-init stays as the program's parent. */
static int init_part(const struct compile_input *in, struct plan *p, struct error *e)
{
	const char *wanted = oci_map_get(in->config->annotations, INIT_ANNOTATION);
	const struct plan_sched *sched = p->process ? &p->process->sched : NULL;

	if (!wanted || streq(wanted, "false"))
		return 0;
	if (!streq(wanted, "true"))
		return fail(e, 0,
			    "annotations[\"" INIT_ANNOTATION "\"]: '%s' is neither true nor false",
			    wanted);
	if (sched && p->process->has_sched &&
	    (sched->policy == SCHED_DEADLINE || sched->flags & SCHED_FLAG_RESET_ON_FORK))
		return fail(e, 0,
			    "annotations[\"" INIT_ANNOTATION
			    "\"]: the program is a child then, and no child inherits what "
			    "process.scheduler says");
	p->stay = p->process != NULL;
	return 0;
}

/* What ocirt-init has to wait for, and when. See plan.h. */
static void barriers(const struct compile_input *in, struct plan *p)
{
	const struct oci_hooks *h = in->config->hooks;

	p->wait_early = linux_part(in->config)->n_netDevices > 0 ||
			(h && (h->n_prestart || h->n_createRuntime || h->n_createContainer));
	p->wait_late = in->cgroup && in->cgroup->driver != CGROUP_DISABLED &&
		       !in->clone_into_cgroup;
}

int compile_container(struct arena *a, const struct compile_input *in, struct plan **out,
		      struct error *e)
{
	const struct oci_config *c = in->config;
	int r = check_version(c->ociVersion, e);

	if (r == 0)
		r = check_annotations(c, e);
	if (r < 0)
		return r;
	struct plan *p = new_plan(a, in, in->kind, e);

	if (!p)
		return -ENOMEM;
	if (!c->process && in->kind == PLAN_RUN)
		return fail(e, 0, "process: is required, there is no program to run");
	barriers(in, p);
	r = compile_namespaces(a, in, p, e);
	if (r == 0)
		r = compile_fs(a, in, p, e);
	if (r == 0 && c->process)
		r = process_part(a, in, p, c->process, e);
	if (r == 0)
		r = init_part(in, p, e);
	if (r == 0)
		r = compile_seccomp_names(c, e);
	if (r == 0 && linux_part(c)->intelRdt)
		r = compile_intel_rdt(linux_part(c)->intelRdt, e);
	if (r == 0 && c->hooks)
		r = compile_hooks(a, c->hooks, p, e);
	if (r == 0 && a->full)
		r = no_room(e);
	if (r == 0)
		*out = p;
	return r;
}

int compile_exec(struct arena *a, const struct compile_input *in, const struct oci_process *process,
		 struct plan **out, struct error *e)
{
	struct plan *p = new_plan(a, in, PLAN_EXEC, e);

	if (!p)
		return -ENOMEM;
	/* Made or joined, by now they are the container's. */
	p->exec_flags = namespaces_listed(linux_part(in->config));
	p->userns = (p->exec_flags & CLONE_NEWUSER) != 0;
	/* Some of it is for exec alone, whatever the caller has set. */
	struct compile_input exec = *in;

	exec.kind = PLAN_EXEC;
	int r = process_part(a, &exec, p, process, e);

	if (r == 0 && a->full)
		r = no_room(e);
	if (r == 0)
		*out = p;
	return r;
}
