/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process -- the program with everything it is started with.
 *
 * An exec takes what its own process object does not say about scheduling and umask from the
 * container's, so that a second process is treated like the first.
 */
#include "process.h"

#include "parts.h"

#include "../base/log.h"
#include "../base/names.h"

#include <stdio.h>

/* Only to find the program; it does not become part of the environment. */
#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define NO_ID ((uint32_t)-1) /* "do not change", for the kernel */

/*
 * What the container side reads must be in the arena. Strings of a configuration are, those of a
 * command line are not.
 */
static const char *keep(struct arena *a, const char *s)
{
	uintptr_t at = (uintptr_t)s, base = (uintptr_t)a->base;

	return at >= base && at < base + a->used ? s : arena_strdup(a, s);
}

static const char *keep_or_null(struct arena *a, const char *s)
{
	return s && *s ? keep(a, s) : NULL;
}

/* ---- args, cwd ------------------------------------------------------------------------------- */

static int compile_args(struct arena *a, const struct oci_process *p, struct plan_process *out,
			struct error *e)
{
	const char **args;

	if (p->n_args == 0) {
		fail(e, 0, "process.args: is %s, there is no program to start",
		     p->args ? "empty" : "missing");
		return hint(e, "its first element is the program, the others are its arguments");
	}
	if (!*p->args[0])
		return fail(e, 0, "process.args[0]: is empty, it is the program to start");
	args = arena_new_array(a, const char *, p->n_args + 1);
	if (!args)
		return no_room(e);
	for (size_t i = 0; i < p->n_args; i++)
		args[i] = keep(a, p->args[i]);
	out->args = args;
	return 0;
}

static int compile_cwd(struct arena *a, const struct oci_process *p, struct plan_process *out,
		       struct error *e)
{
	if (!p->cwd || !*p->cwd)
		return fail(e, 0, "process.cwd: is %s", p->cwd ? "empty" : "missing");
	if (*p->cwd != '/') {
		fail(e, 0, "process.cwd: '%s' is not an absolute path", p->cwd);
		return hint(e, "it begins with '/', the root of the container");
	}
	out->cwd = keep(a, p->cwd);
	return 0;
}

/* ---- env ------------------------------------------------------------------------------------- */

/* Names that were seen: a hash table of positions in `env`, because some managers set thousands. */
struct environment {
	const char **env;
	size_t n;
	uint32_t *slots; /* position + 1; 0 is free */
	size_t mask;     /* one less than the number of slots, which is a power of two */
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

/* Where an entry of this name is, or shall be. */
static uint32_t *find_slot(struct environment *v, const char *entry)
{
	size_t len = name_length(entry), i;
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t k = 0; k < len; k++)
		hash = (hash ^ (unsigned char)entry[k]) * 16777619u;
	for (i = hash & v->mask; v->slots[i]; i = (i + 1) & v->mask) {
		const char *there = v->env[v->slots[i] - 1];

		if (name_length(there) == len && memcmp(there, entry, len) == 0)
			break;
	}
	return &v->slots[i];
}

/* The last one of a name counts, and stands where the first one stood. */
static void set_variable(struct environment *v, const char *entry)
{
	uint32_t *slot = find_slot(v, entry);

	if (*slot) {
		v->env[*slot - 1] = entry;
		return;
	}
	v->env[v->n++] = entry;
	*slot = (uint32_t)v->n;
}

/* The value, or NULL when unset. */
static const char *get_variable(struct environment *v, const char *name)
{
	uint32_t *slot = find_slot(v, name);

	return *slot ? v->env[*slot - 1] + strlen(name) + 1 : NULL;
}

/* Only once, and as the last thing: positions after it change. */
static void unset_variable(struct environment *v, const char *name)
{
	size_t at = *find_slot(v, name) - 1;

	v->n--;
	memmove(&v->env[at], &v->env[at + 1], (v->n - at) * sizeof(*v->env));
	v->env[v->n] = NULL;
}

static int read_env(struct arena *a, const struct oci_process *p, const char *const *extra,
		    struct environment *v, struct error *e)
{
	for (size_t i = 0; i < p->n_env; i++) {
		const char *entry = p->env[i];

		if (!strchr(entry, '=')) {
			fail(e, 0, "process.env[%zu]: '%s' has no '='", i, entry);
			return hint(e, "entries look like NAME=VALUE");
		}
		if (*entry == '=')
			return fail(e, 0, "process.env[%zu]: '%s' has no name", i, entry);
		entry = keep(a, entry);
		if (!entry)
			return no_room(e);
		set_variable(v, entry);
	}
	for (; extra && *extra; extra++) {
		const char *entry = keep(a, *extra);

		if (!entry)
			return no_room(e);
		set_variable(v, entry);
	}
	return 0;
}

/* An empty element is the current directory, as POSIX has it. */
static int compile_path(struct arena *a, const char *value, struct plan_process *out,
			struct error *e)
{
	char *text = arena_strdup(a, value ? value : USUAL_PATH);
	const char *here =
		arena_strdup(a, "."); /* our own constants are not there on the other side */
	const char **dirs;
	size_t n = 1;

	for (const char *c = text; c && *c; c++)
		n += *c == ':';
	dirs = arena_new_array(a, const char *, n + 1);
	if (!text || !here || !dirs)
		return no_room(e);
	for (size_t i = 0; i < n; i++) {
		char *end = text + strcspn(text, ":");

		*end = '\0';
		dirs[i] = *text ? text : here;
		text = end + 1;
	}
	out->path = dirs;
	return 0;
}

static int compile_env(struct arena *a, const struct compile_input *in, const struct oci_process *p,
		       struct plan_process *out, struct error *e)
{
	auto_free uint32_t *slots = NULL;
	struct environment v = { 0 };
	size_t n = p->n_env, room = 64;
	const char *home;
	int r;

	for (const char *const *x = in->extra_env; x && *x; x++)
		n++;
	while (room < 2 * n)
		room *= 2;
	slots = calloc(room, sizeof(*slots));
	v.env = arena_new_array(a, const char *, n + 1);
	if (!slots || !v.env)
		return no_room(e);
	v.slots = slots;
	v.mask = room - 1;
	r = read_env(a, p, in->extra_env, &v, e);
	if (r < 0)
		return r;
	r = compile_path(a, get_variable(&v, "PATH"), out, e);
	if (r < 0)
		return r;
	/* The container side knows the home directory; it adds the variable to those that are there. */
	home = get_variable(&v, "HOME");
	out->needs_home = !home || !*home;
	if (home && !*home)
		unset_variable(&v, "HOME");
	out->env = v.env;
	out->n_env = v.n;
	return 0;
}

/* ---- user ------------------------------------------------------------------------------------ */

static int check_id(uint32_t id, const char *member, struct error *e)
{
	if (id != NO_ID)
		return 0;
	fail(e, 0, "process.user.%s: %u is not an id", member, id);
	return hint(e, "it is -1, which the kernel takes for 'leave it as it is'");
}

/* Ids that a new user namespace does not have: the kernel's word for it would be EINVAL. */
static int check_mapped(const struct oci_config *config, const struct plan_process *p,
			struct error *e)
{
	const struct oci_linux *l = linux_part(config);

	const struct oci_namespace *user = oci_namespace_get(l, "user");

	if (user && user->path)
		return 0; /* which ids that one has is seen when it is entered */
	if (l->n_uidMappings && !id_is_mapped(l->uidMappings, l->n_uidMappings, p->uid))
		return fail(e, 0, "process.user.uid: %u is not mapped in linux.uidMappings",
			    p->uid);
	if (l->n_gidMappings && !id_is_mapped(l->gidMappings, l->n_gidMappings, p->gid))
		return fail(e, 0, "process.user.gid: %u is not mapped in linux.gidMappings",
			    p->gid);
	for (size_t i = 0; l->n_gidMappings && i < p->n_groups; i++)
		if (!id_is_mapped(l->gidMappings, l->n_gidMappings, p->groups[i]))
			return fail(e, 0,
				    "process.user.additionalGids[%zu]: %u is not mapped in "
				    "linux.gidMappings",
				    i, p->groups[i]);
	return 0;
}

static int compile_user(struct arena *a, const struct oci_user *u, struct opt_u32 umask,
			struct plan_process *out, struct error *e)
{
	static const struct oci_user root;
	gid_t *groups;
	int r;

	u = u ? u : &root;
	r = check_id(u->uid, "uid", e);
	if (r == 0)
		r = check_id(u->gid, "gid", e);
	for (size_t i = 0; i < u->n_additionalGids && r == 0; i++) {
		char member[40];

		snprintf(member, sizeof(member), "additionalGids[%zu]", i);
		r = check_id(u->additionalGids[i], member, e);
	}
	if (r < 0)
		return r;
	if (umask.set && umask.v > 0777)
		return fail(e, 0, "process.user.umask: %u (octal %o) is more than octal 777",
			    umask.v, umask.v);
	groups = arena_new_array(a, gid_t, u->n_additionalGids + 1);
	if (!groups)
		return no_room(e);
	for (size_t i = 0; i < u->n_additionalGids; i++)
		groups[i] = u->additionalGids[i];
	out->uid = u->uid;
	out->gid = u->gid;
	out->groups = groups;
	out->n_groups = u->n_additionalGids;
	out->has_umask = umask.set;
	out->umask = (mode_t)umask.v;
	return 0;
}

/*
 * The caller's groups are of no meaning inside and may give rights to files outside, so they go; but
 * users ask for just that (podman run --group-add keep-groups), and some must not drop any.
 */
static void keep_groups(const struct compile_input *in, struct plan_process *out)
{
	const char *asked = oci_map_get(in->config->annotations, "run.oci.keep_original_groups");

	out->keep_groups = in->groups_denied && !out->n_groups;
	if (!asked || !streq(asked, "1"))
		return;
	if (out->n_groups)
		log_warning("process.user.additionalGids: not added, as annotation "
			    "run.oci.keep_original_groups keeps the caller's groups");
	out->n_groups = 0;
	out->keep_groups = true;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int compile_rlimit(const struct oci_process *p, size_t i, struct plan_rlimit *out,
			  struct error *e)
{
	const struct oci_rlimit *l = &p->rlimits[i];
	int resource = l->type ? rlimit_number(l->type) : -EINVAL;

	if (!l->type)
		return fail(e, 0, "process.rlimits[%zu].type: is missing", i);
	if (resource < 0) {
		fail(e, 0, "process.rlimits[%zu].type: unknown limit '%s'", i, l->type);
		return hint(e, "they are those of getrlimit(2), such as 'RLIMIT_NOFILE'");
	}
	for (size_t k = 0; k < i; k++)
		if (rlimit_number(p->rlimits[k].type) == resource)
			return fail(e, 0, "process.rlimits[%zu].type: '%s' is given twice", i,
				    l->type);
	if (l->soft > l->hard)
		return fail(e, 0,
			    "process.rlimits[%zu].soft: %llu is more than the hard limit, %llu", i,
			    (unsigned long long)l->soft, (unsigned long long)l->hard);
	*out = (struct plan_rlimit){
		.resource = resource, .soft = l->soft, .hard = l->hard, .index = i
	};
	return 0;
}

static int compile_rlimits(struct arena *a, const struct oci_process *p, struct plan_process *out,
			   struct error *e)
{
	struct plan_rlimit *limits = arena_new_array(a, struct plan_rlimit, p->n_rlimits + 1);

	if (!limits)
		return no_room(e);
	for (size_t i = 0; i < p->n_rlimits; i++) {
		int r = compile_rlimit(p, i, &limits[i], e);

		if (r < 0)
			return r;
	}
	out->rlimits = limits;
	out->n_rlimits = p->n_rlimits;
	return 0;
}

/* struct winsize has 16 bits. Without a terminal the size is ignored, as the specification says. */
static int compile_terminal(const struct oci_process *p, struct plan_process *out, struct error *e)
{
	const struct oci_console_size *c = p->consoleSize;

	out->terminal = p->terminal.v;
	if (!out->terminal || !c)
		return 0;
	if (c->height > UINT16_MAX || c->width > UINT16_MAX)
		return fail(e, 0, "process.consoleSize.%s: %llu is more than %d",
			    c->height > UINT16_MAX ? "height" : "width",
			    (unsigned long long)(c->height > UINT16_MAX ? c->height : c->width),
			    UINT16_MAX);
	out->rows = (unsigned short)c->height;
	out->columns = (unsigned short)c->width;
	return 0;
}

static int compile_oom_score(const struct oci_process *p, struct plan_process *out, struct error *e)
{
	if (p->oomScoreAdj.v < -1000 || p->oomScoreAdj.v > 1000)
		return fail(e, 0, "process.oomScoreAdj: %d is not between -1000 and 1000",
			    p->oomScoreAdj.v);
	out->has_oom_score_adj = p->oomScoreAdj.set;
	out->oom_score_adj = p->oomScoreAdj.v;
	return 0;
}

/* Which CPU, when, on whose memory. */
static int compile_scheduling(struct arena *a, const struct compile_input *in,
			      const struct oci_process *p, const struct oci_process *first,
			      struct plan_process *out, struct error *e)
{
	const struct oci_linux *l = in->config->linux;
	struct plan_process checked;
	int r;

	r = compile_scheduler(p->scheduler ? p->scheduler : first->scheduler, out, e);
	if (r == 0)
		r = compile_io_priority(p->ioPriority ? p->ioPriority : first->ioPriority, out, e);
	/* Only for exec, but what is wrong with it shall not wait for the first one. */
	if (r == 0)
		r = compile_affinity(
			a, p->execCPUAffinity ? p->execCPUAffinity : first->execCPUAffinity,
			in->kind == PLAN_EXEC ? out : &checked, e);
	if (r == 0)
		r = compile_personality(l ? l->personality : NULL, out, e);
	if (r == 0)
		r = compile_memory_policy(a, l ? l->memoryPolicy : NULL, out, e);
	return r;
}

int compile_process(struct arena *a, const struct compile_input *in,
		    const struct oci_process *process, struct plan_process *out, struct error *e)
{
	const struct oci_process *first = in->config->process ? in->config->process : process;
	struct opt_u32 umask = { 0 };
	int r;

	*out = (struct plan_process){ 0 };
	if (process->user && process->user->umask.set)
		umask = process->user->umask;
	else if (first->user)
		umask = first->user->umask;

	r = compile_args(a, process, out, e);
	if (r == 0)
		r = compile_cwd(a, process, out, e);
	if (r == 0)
		r = compile_env(a, in, process, out, e);
	if (r == 0)
		r = compile_user(a, process->user, umask, out, e);
	if (r == 0) {
		keep_groups(in, out);
		r = check_mapped(in->config, out, e);
	}
	if (r == 0)
		r = compile_rlimits(a, process, out, e);
	if (r == 0)
		r = compile_terminal(process, out, e);
	if (r == 0)
		r = compile_oom_score(process, out, e);
	if (r == 0)
		r = compile_scheduling(a, in, process, first, out, e);
	if (r < 0)
		return r;
	compile_caps(process->capabilities, in->bounding_caps, out);
	out->no_new_privs = process->noNewPrivileges.v;
	out->apparmor = keep_or_null(a, process->apparmorProfile);
	out->selinux = keep_or_null(a, process->selinuxLabel);
	out->preserve_fds = in->preserve_fds;
	return a->full ? no_room(e) : 0;
}
