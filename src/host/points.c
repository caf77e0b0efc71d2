/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "points.h"

#include "base/util.h"
#include "host/child.h"
#include "host/hooks.h"

#include <fcntl.h>

/* One row per point: its name, the status that its hooks are told, and where they stand. */
#define HOOKS(member) offsetof(struct oci_hooks, member), offsetof(struct oci_hooks, n_##member)
static const struct {
	const char *kind, *status;
	size_t hooks, n_hooks;
} points[] = {
	[POINT_PRESTART] = { "prestart", "creating", HOOKS(prestart) },
	[POINT_CREATE_RUNTIME] = { "createRuntime", "creating", HOOKS(createRuntime) },
	[POINT_POSTSTART] = { "poststart", "running", HOOKS(poststart) },
	[POINT_POSTSTOP] = { "poststop", "stopped", HOOKS(poststop) },
};

int points_run(const struct container *c, enum point point, struct error *e)
{
	const char *all = (const char *)c->config->hooks;
	size_t len;

	if (!all)
		return 0;
	const struct oci_hook *hooks = *(struct oci_hook *const *)(all + points[point].hooks);
	size_t n = *(const size_t *)(all + points[point].n_hooks);

	if (!n)
		return 0;
	auto_close int bundle = open(c->record.state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = point == POINT_POSTSTOP ? 0 : c->record.state->pid.v;
	auto_free char *json = state_json(c, points[point].status, pid, &len);

	if (!json)
		return fail(e, ENOMEM, "cannot write the state for hooks");
	hooks_output(oci_map_get(c->config->annotations, "run.oci.hooks.stdout"),
		     oci_map_get(c->config->annotations, "run.oci.hooks.stderr"));
	if (point != POINT_POSTSTOP)
		return hooks_run(hooks, n, points[point].kind, bundle, json, len, e);
	hooks_run_all(hooks, n, points[point].kind, bundle, json, len);
	return 0;
}

int points_inner_state(const struct container *c, const char *status, struct error *e)
{
	size_t len;
	pid_t pid = own_pid_namespace(c) ? 1 : c->record.state->pid.v;
	auto_free char *json = state_json(c, status, pid, &len);

	return json ? text_memfd(json, len, e)
		    : fail(e, ENOMEM, "cannot write the state for hooks");
}

bool own_pid_namespace(const struct container *c)
{
	const struct oci_namespace *pid = oci_namespace_get(c->config->linux, "pid");

	return pid && !pid->path;
}
