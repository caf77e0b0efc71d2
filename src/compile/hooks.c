/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hooks -- all six kinds checked, the two that run inside the container put into the plan.
 *
 * Checked before anything exists: a poststop hook with a relative path would else be found out when
 * it is needed.
 */
#include "compile.h"

#include "parts.h"

static int check_hooks(const struct oci_hook *hooks, size_t n, const char *kind, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct oci_hook *h = &hooks[i];

		if (!h->path || !*h->path)
			return fail(e, 0, "hooks.%s[%zu].path: is %s", kind, i,
				    h->path ? "empty" : "missing");
		if (*h->path != '/') {
			fail(e, 0, "hooks.%s[%zu].path: '%s' is not an absolute path", kind, i,
			     h->path);
			return hint(e, "hooks are not looked up in PATH");
		}
		for (size_t k = 0; k < h->n_env; k++)
			if (!strchr(h->env[k], '=')) {
				fail(e, 0, "hooks.%s[%zu].env[%zu]: '%s' has no '='", kind, i, k,
				     h->env[k]);
				return hint(e, "entries look like NAME=VALUE");
			}
		if (h->timeout.set && h->timeout.v < 1) {
			fail(e, 0, "hooks.%s[%zu].timeout: %lld is not at least 1 second", kind, i,
			     (long long)h->timeout.v);
			return hint(e, "leave it out for no limit");
		}
	}
	return 0;
}

static int plan_hooks(struct arena *a, const struct oci_hook *hooks, size_t n,
		      const struct plan_hook **out, size_t *n_out, struct error *e)
{
	struct plan_hook *list;

	*out = NULL;
	*n_out = 0;
	if (n == 0)
		return 0;
	list = arena_new_array(a, struct plan_hook, n);
	if (!list)
		return no_room(e);
	for (size_t i = 0; i < n; i++) {
		const struct oci_hook *h = &hooks[i];

		list[i].path = h->path;
		list[i].env = h->env;
		list[i].timeout = h->timeout.v;
		list[i].args = h->args;
		if (h->n_args == 0) {
			const char **args = arena_new_array(a, const char *, 2);

			if (!args)
				return no_room(e);
			args[0] = h->path;
			list[i].args = args;
		}
	}
	*out = list;
	*n_out = n;
	return 0;
}

int compile_hooks(struct arena *a, const struct oci_hooks *hooks, struct plan *p, struct error *e)
{
	static const struct oci_hooks none;
	const struct oci_hooks *h = hooks ? hooks : &none;
	int r = check_hooks(h->prestart, h->n_prestart, "prestart", e);

	if (r == 0)
		r = check_hooks(h->createRuntime, h->n_createRuntime, "createRuntime", e);
	if (r == 0)
		r = check_hooks(h->createContainer, h->n_createContainer, "createContainer", e);
	if (r == 0)
		r = check_hooks(h->startContainer, h->n_startContainer, "startContainer", e);
	if (r == 0)
		r = check_hooks(h->poststart, h->n_poststart, "poststart", e);
	if (r == 0)
		r = check_hooks(h->poststop, h->n_poststop, "poststop", e);
	if (r == 0)
		r = plan_hooks(a, h->createContainer, h->n_createContainer, &p->create_container,
			       &p->n_create_container, e);
	if (r == 0)
		r = plan_hooks(a, h->startContainer, h->n_startContainer, &p->start_container,
			       &p->n_start_container, e);
	return r;
}
