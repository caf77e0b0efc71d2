/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make_bundle -- config.json of a bundle, read, and with what is said beside it: annotations by
 * options, ids of an ordinary user, and what older versions of the specification meant.
 */
#include "host/making.h"
#include "host/own_ids.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "compile/compile.h"

#include <fcntl.h>
#include <stdlib.h>

#define CONFIG_LIMIT (64 << 20)

static void note_unknown(void *arg, const char *path, unsigned line, unsigned column,
			 const char *similar)
{
	const char *file = arg;

	if (similar)
		log_warning(
			"%s:%u:%u: %s is not a property of the specification; did you mean '%s'?",
			file, line, column, path, similar);
	else
		log_debug("%s:%u:%u: %s is not a property of the specification", file, line, column,
			  path);
}

/* Some options are annotations that need not be written: hooks and `state` see them so. */
static int annotate(struct making *m, const char *key, const char *value, struct error *e)
{
	const struct oci_string_map *old = m->config->annotations;
	struct oci_string_map *map = arena_new(&m->arena, struct oci_string_map);
	struct oci_pair *items = arena_new_array(&m->arena, struct oci_pair, old ? old->n + 1 : 1);
	const char *copy = arena_strdup(&m->arena, value);
	size_t n = 0;

	if (!map || !items || !copy)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	for (size_t i = 0; old && i < old->n; i++)
		if (!streq(old->items[i].key, key))
			items[n++] = old->items[i];
	items[n++] = (struct oci_pair){ key, copy };
	map->items = items;
	map->n = n;
	m->config->annotations = map;
	return 0;
}

static int add_annotations(struct making *m, struct error *e)
{
	const struct create_options *o = m->o;
	const char *upper = o->overlay_upper ? o->overlay_upper : o->overlay ? "tmpfs" : NULL;
	int r = upper ? annotate(m, OVERLAY_UPPER, upper, e) : 0;

	if (r == 0 && o->overlay_lower)
		r = annotate(m, OVERLAY_LOWER, o->overlay_lower, e);
	return r == 0 && o->init ? annotate(m, INIT_ANNOTATION, "true", e) : r;
}

static int read_config(struct making *m, struct error *e)
{
	const char *file = m->o->config ? m->o->config : "config.json";
	struct ocispec_sink sink = { note_unknown, (void *)file };
	struct ocispec_error spec;
	ssize_t n;

	m->bundle = realpath(m->o->bundle ? m->o->bundle : ".", NULL);
	if (!m->bundle)
		return fail(e, errno, "bundle '%s'", m->o->bundle ? m->o->bundle : ".");
	m->bundle_fd = openat(AT_FDCWD, m->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->bundle_fd < 0)
		return fail(e, errno, "bundle '%s'", m->bundle);
	n = file_read_all(m->bundle_fd, file, CONFIG_LIMIT, &m->text);
	if (n < 0) {
		fail(e, (int)n, "cannot read '%s' of the bundle '%s'", file, m->bundle);
		return hint_if(e, ENOENT,
			       "'ocirt spec' writes one to begin with; --bundle says where");
	}
	m->text_len = (size_t)n;
	int r = arena_open(&m->arena, 0);

	if (r < 0)
		return fail(e, r, "cannot get memory for the plan");
	m->config = oci_config_read_noting(&m->arena, m->text, m->text_len, &sink, &spec);
	if (m->config)
		return add_annotations(m, e);
	if (spec.line)
		return fail(e, 0, "%s:%u:%u: %s%s%s", file, spec.line, spec.column, spec.path,
			    spec.path[0] ? ": " : "", spec.text);
	return fail(e, 0, "%s: %s%s%s", file, spec.path, spec.path[0] ? ": " : "", spec.text);
}

static int check_terminal(const struct making *m, struct error *e)
{
	const struct oci_process *p = m->config->process;
	bool terminal = p && p->terminal.v;
	bool detached = m->kind == PLAN_CREATE || m->o->detach;

	if (terminal && detached && !m->o->console_socket) {
		fail(e, 0,
		     "process.terminal: cannot allocate tty if it is detached and nobody takes it");
		return hint(e, "--console-socket says where the terminal goes");
	}
	if (!terminal && m->o->console_socket) {
		fail(e, 0,
		     "--console-socket: process.terminal is not true, so there is no terminal");
		return hint(e, "set process.terminal, or leave the option out");
	}
	return 0;
}

/*
 * Until version 1.3 of the specification a limit of no processes was no limit. Podman 4 says it in
 * this way, and a container that cannot fork is not what it means.
 */
static void read_old_limits(struct oci_config *c)
{
	struct oci_resources *r = c->linux ? c->linux->resources : NULL;
	const char *minor = after(c->ociVersion ? c->ociVersion : "", "1.");

	if (r && r->pids && r->pids->limit.set && r->pids->limit.v == 0 && minor &&
	    minor[0] < '3' && minor[1] == '.')
		r->pids->limit.v = -1;
}

/*
 * Without SELinux there is no policy that a file's label could mean something to, and mount(2) would
 * refuse the option as one that nobody knows. Configurations that name one come from other machines.
 */
static void leave_out_mount_label(struct oci_config *c)
{
	if (!c->linux || !c->linux->mountLabel || access("/sys/fs/selinux", F_OK) == 0)
		return;
	log_warning("linux.mountLabel: this kernel runs without SELinux: files get no label");
	c->linux->mountLabel = NULL;
}

/* The copy that is kept must say what the container is. */
static int add_own_ids(struct making *m, struct error *e)
{
	int r = own_ids_add(m->config, &m->arena, e);

	if (r <= 0)
		return r;
	char *text = ocispec_write(&oci_config_schema, m->config, false, &m->text_len);

	if (!text)
		return fail(e, ENOMEM, "config.json does not fit into memory");
	free(m->text);
	m->text = text;
	return 0;
}

int read_bundle(struct making *m, struct error *e)
{
	int r = container_check_id(m->o->id, e);

	if (r == 0)
		r = read_config(m, e);
	if (r == 0)
		r = check_terminal(m, e);
	if (r < 0)
		return r;
	read_old_limits(m->config);
	leave_out_mount_label(m->config);
	return add_own_ids(m, e);
}
