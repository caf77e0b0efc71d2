/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec -- a second process in a created or running container.
 *
 * What it is started with comes from a process object (--process), or from the container's own with
 * the options on top. ocirt-init joins the namespaces of the container's first process by its
 * pidfd, so no path is involved; the pid namespace is entered by birth.
 */
#include "host/activation.h"
#include "host/child.h"
#include "host/own_ids.h"
#include "host/state.h"
#include "host/supervise.h"

#include "base/file.h"
#include "base/util.h"
#include "base/weakened.h"
#include "compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#define PROCESS_LIMIT (16 << 20)

struct execution {
	const struct settings *s;
	const struct exec_options *o;
	struct container c;
	enum status status;
	struct arena arena;
	struct oci_process process;
	struct plan *plan;
	struct child child;
	int target; /* pidfd of the container's first process */
};

/* ---- the process object ---------------------------------------------------------------------- */

static int read_process(struct execution *x, struct error *e)
{
	const char *file = x->o->process_file;
	struct ocispec_error spec;
	auto_free char *text = NULL;
	ssize_t n = file_read_all(AT_FDCWD, file, PROCESS_LIMIT, &text);

	if (n < 0)
		return fail(e, (int)n, "--process: cannot read '%s'", file);
	struct oci_process *p = oci_process_read(&x->arena, text, (size_t)n, &spec);

	if (!p)
		return fail(e, 0, "--process: %s:%u:%u: %s%s%s", file, spec.line, spec.column,
			    spec.path, spec.path[0] ? ": " : "", spec.text);
	x->process = *p;
	return 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* `have` and `more` in one new list. */
static const char **joined(struct arena *a, const char **have, size_t n, const char *const *more,
			   size_t *n_out)
{
	size_t n_more = count(more);
	const char **all = arena_new_array(a, const char *, n + n_more + 1);

	if (!all)
		return NULL;
	if (n)
		memcpy(all, have, n * sizeof(*all));
	if (n_more)
		memcpy(all + n, more, n_more * sizeof(*all));
	*n_out = n + n_more;
	return all;
}

static int set_user(struct execution *x, struct error *e)
{
	const struct exec_options *o = x->o;
	struct oci_user *user = arena_new(&x->arena, struct oci_user);

	if (!user)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	if (x->process.user)
		*user = *x->process.user;
	if (o->has_user) {
		user->uid = o->uid;
		user->gid = o->has_gid ? o->gid : o->uid == 0 ? 0 : user->gid;
	}
	if (o->n_additional_gids) {
		size_t n = user->n_additionalGids + o->n_additional_gids;
		uint32_t *gids = arena_new_array(&x->arena, uint32_t, n);

		if (!gids)
			return fail(e, ENOMEM, "the plan does not fit into its arena");
		if (user->n_additionalGids)
			memcpy(gids, user->additionalGids, user->n_additionalGids * sizeof(*gids));
		for (size_t i = 0; i < o->n_additional_gids; i++)
			gids[user->n_additionalGids + i] = o->additional_gids[i];
		user->additionalGids = gids;
		user->n_additionalGids = n;
	}
	x->process.user = user;
	return 0;
}

/*
 * --cap: bounding, effective and permitted, and ambient only where the capability is inheritable
 * already; never inheritable (CVE-2022-29162).
 */
static int add_caps(struct execution *x, struct error *e)
{
	const struct oci_capabilities none = { 0 }, *from = x->process.capabilities;
	struct oci_capabilities *c = arena_new(&x->arena, struct oci_capabilities);
	struct arena *a = &x->arena;
	const char *const *more = x->o->caps;

	if (!c)
		return fail(e, ENOMEM, "the plan does not fit into its arena");
	if (!from)
		from = &none;
	*c = *from;
	c->bounding = joined(a, from->bounding, from->n_bounding, more, &c->n_bounding);
	c->effective = joined(a, from->effective, from->n_effective, more, &c->n_effective);
	c->permitted = joined(a, from->permitted, from->n_permitted, more, &c->n_permitted);
	if (!PROTECT(inheritable))
		c->inheritable = joined(a, c->permitted, c->n_permitted, more, &c->n_inheritable);
	for (size_t i = 0; more[i]; i++)
		for (size_t k = 0; k < from->n_inheritable; k++)
			if (streq(more[i], from->inheritable[k])) {
				const char *const one[] = { more[i], NULL };

				c->ambient =
					joined(a, c->ambient, c->n_ambient, one, &c->n_ambient);
			}
	x->process.capabilities = c;
	return a->full ? fail(e, ENOMEM, "the plan does not fit into its arena") : 0;
}

static int apply_options(struct execution *x, struct error *e)
{
	const struct exec_options *o = x->o;
	struct oci_process *p = &x->process;
	int r = 0;

	if (!o->process_file) {
		p->args = (const char **)o->args;
		p->n_args = count(o->args);
		p->terminal = (struct opt_bool){ true, o->tty };
	} else if (o->tty_given) {
		p->terminal = (struct opt_bool){ true, o->tty };
	}
	if (!p->terminal.v)
		p->consoleSize = NULL;
	if (o->cwd)
		p->cwd = o->cwd;
	if (count(o->env))
		p->env = joined(&x->arena, p->env, p->n_env, o->env, &p->n_env);
	if (o->no_new_privs)
		p->noNewPrivileges = (struct opt_bool){ true, true };
	if (o->apparmor)
		p->apparmorProfile = o->apparmor;
	if (o->process_label)
		p->selinuxLabel = o->process_label;
	if (o->has_user || o->n_additional_gids)
		r = set_user(x, e);
	if (r == 0 && count(o->caps))
		r = add_caps(x, e);
	return r;
}

/* What a process object of its own does not say is as in config.json. */
static void inherit(struct execution *x)
{
	const struct oci_process *own = x->c.config->process;
	struct oci_process *p = &x->process;

	if (!own)
		return;
	if (!p->rlimits) {
		p->rlimits = own->rlimits;
		p->n_rlimits = own->n_rlimits;
	}
	if (!p->scheduler)
		p->scheduler = own->scheduler;
	if (!p->ioPriority)
		p->ioPriority = own->ioPriority;
	if (!p->execCPUAffinity)
		p->execCPUAffinity = own->execCPUAffinity;
	if (p->user && own->user && !p->user->umask.set)
		p->user->umask = own->user->umask;
}

static int make_process(struct execution *x, struct error *e)
{
	int r = 0;

	if (x->o->process_file)
		r = read_process(x, e);
	else if (x->c.config->process)
		x->process = *x->c.config->process;
	else
		x->process.cwd = "/";
	if (r == 0)
		r = apply_options(x, e);
	if (r == 0)
		inherit(x);
	if (r == 0 && x->process.terminal.v && x->o->detach && !x->o->console_socket) {
		fail(e, 0, "cannot allocate tty if it is detached and nobody takes it");
		return hint(e, "--console-socket says where the terminal goes");
	}
	return r;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int plan_it(struct execution *x, struct error *e)
{
	struct activation a;
	int r = activation_read(&x->arena, x->o->preserve_fds, false, &a, e);

	if (r < 0)
		return r;
	if (!x->o->detach)
		supervise_size(&x->arena, &x->process);
	const struct compile_input in = { .config = x->c.config,
					  .id = x->o->id,
					  .bundle = x->c.record.state->bundle,
					  .kind = PLAN_EXEC,
					  .preserve_fds = a.preserve_fds,
					  .extra_env = a.env,
					  .bounding_caps = grantable(x->c.config),
					  .privileged = x->s->privileged,
					  .groups_denied = !x->s->privileged &&
							   own_ids_groups_denied() };

	r = compile_exec(&x->arena, &in, &x->process, &x->plan, e);
	if (r == 0)
		r = child_init(&x->child, x->plan, &x->arena, 2, e);
	if (r < 0)
		return r;
	uint64_t flags = x->plan->exec_flags;

	if (!PROTECT(born_last) && flags & CLONE_NEWPID) {
		x->child.pidns = x->target;
		flags &= ~(uint64_t)CLONE_NEWPID;
	}
	x->plan->born_inside = flags & CLONE_NEWPID;
	/* An ordinary user has rights over the other namespaces only within the user namespace. */
	if (flags & CLONE_NEWUSER && !x->s->privileged) {
		x->child.userns = x->target;
		flags &= ~(uint64_t)CLONE_NEWUSER;
	}
	x->plan->exec_flags = flags;
	x->child.container = &x->c;
	x->plan->container_pidfd = child_keep(&x->child, x->target);
	return 0;
}

static int choose_cgroup(struct execution *x, struct error *e)
{
	int r = state_open_cgroup(x->s, &x->c, e);

	if (r < 0 || !x->c.has_cgroup)
		return r;
	if (!count(x->o->cgroups))
		r = child_enter_cgroup(&x->child, &x->c.cgroup, e);
	/* ocirt-init waits for GO_ON; a birth in the cgroup that fails is found out too late for
	 * the sealed plan to change. */
	x->plan->wait_late = true;
	return r;
}

static int attach(struct execution *x, struct error *e)
{
	struct cgroup_sub subs[16];
	size_t n = count(x->o->cgroups);

	if (!x->plan->wait_late)
		return 0;
	if (child_outside(&x->child)) {
		if (n > array_len(subs))
			return fail(e, 0, "--cgroup: given %zu times, 16 are the most", n);
		for (size_t i = 0; i < n; i++) {
			char *copy = arena_strdup(&x->c.arena, x->o->cgroups[i]);

			if (!copy)
				return fail(e, ENOMEM, "--cgroup");
			cgroup_sub_parse(copy, &subs[i]);
		}
		int r = cgroup_attach_sub(&x->c.cgroup, x->child.pid, subs, n,
					  x->c.record.state->pid.v, e);

		if (r < 0)
			return r;
	}
	return child_go_on(&x->child, -1, e);
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int check_status(struct execution *x, struct error *e)
{
	int r = state_status(x->s, &x->c, &x->status, e);

	if (r < 0)
		return r;
	if (x->status == STATUS_PAUSED && !x->o->ignore_paused) {
		fail(e, 0, "cannot exec in a paused container");
		return hint(e, "'ocirt resume %s' first; --ignore-paused waits until somebody does",
			    x->o->id);
	}
	if (x->status == STATUS_STOPPED || x->status == STATUS_CREATING) {
		fail(e, 0, "container not running: it is %s", status_name(x->status));
		return -EINVAL;
	}
	x->target = state_pidfd(&x->c);
	if (x->target < 0)
		return fail(e, -x->target, "container not running");
	return 0;
}

static int prepare(struct execution *x, struct error *e)
{
	int r = state_open(x->s, x->o->id, LOCK_NOT, &x->c, e);

	if (r < 0)
		return r;
	r = check_status(x, e);
	if (r == 0)
		r = state_load_config(&x->c, e);
	if (r == 0 && (r = arena_open(&x->arena, 0)) < 0)
		return fail(e, r, "cannot get memory for the plan");
	if (r == 0)
		r = make_process(x, e);
	if (r == 0)
		r = plan_it(x, e);
	if (r == 0)
		r = choose_cgroup(x, e);
	if (r == 0)
		r = child_connect(&x->child, x->o->console_socket, x->o->pidfd_socket, e);
	return r;
}

/* execCPUAffinity.initial: where the runtime itself runs while it enters; the child inherits it. */
static int move_ourselves(const struct execution *x, struct error *e)
{
	const struct plan_process *p = x->plan->process;

	if (!p->initial_affinity || sched_setaffinity(0, p->initial_affinity_size,
						      (const cpu_set_t *)p->initial_affinity) == 0)
		return 0;
	return fail(e, errno, "process.execCPUAffinity.initial: the kernel refuses it");
}

/* Where the container's other processes are. It is not born there, as its own children are; and only
 * now it is known which process it is. */
static int join_class(const struct execution *x, struct error *e)
{
	const struct resctrl class = state_resctrl(&x->c);

	if (!class.class)
		return 0;
	auto_close int root = resctrl_open(e);
	int r = root < 0 ? root : resctrl_join(root, &class, x->child.pid, e);

	/* Somebody has removed it: now the root's class is where all of them are. */
	return r == -ENOENT ? 0 : r;
}

static int launch(struct execution *x, struct error *e)
{
	int r = move_ourselves(x, e);

	if (r == 0)
		r = child_start(&x->child, e);
	if (r == 0)
		r = attach(x, e);
	if (r == 0)
		r = child_attend(&x->child, e);
	if (r == 0)
		r = join_class(x, e);
	if (r == 0)
		r = child_announce(&x->child, x->o->pid_file, e);
	if (r == 0)
		r = child_go(&x->child, -1, e);
	if (r < 0)
		child_kill(&x->child);
	return r;
}

int container_exec(const struct settings *s, const struct exec_options *o, int *status,
		   struct error *e)
{
	struct execution x = { .s = s, .o = o, .c.dir = -1, .child = CHILD_NONE, .target = -1 };
	struct supervise watch;

	*status = 0;
	int r = prepare(&x, e);

	if (r == 0 && !o->detach)
		r = supervise_begin(&watch, false, e);
	if (r == 0) {
		r = launch(&x, e);
		if (r == 0 && !o->detach)
			r = supervise_wait(&watch, x.child.pid, x.child.pidfd, x.child.master,
					   status, e);
		if (!o->detach)
			supervise_end(&watch);
	}
	child_close(&x.child);
	fd_close(&x.target);
	arena_close(&x.arena);
	state_close(&x.c);
	return r;
}
