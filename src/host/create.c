/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create -- from a bundle to a container that is ready; and run, which goes on from there.
 *
 * Nothing exists until the configuration is compiled and all that can be opened is open. From the
 * state directory on, whatever fails is undone in undo(), and what a SIGKILL leaves is undone by
 * `delete --force`, which reads the same record.
 */
#include "host/child.h"
#include "host/console.h"
#include "host/netdev.h"
#include "host/notify.h"
#include "host/overlay.h"
#include "host/own_ids.h"
#include "host/points.h"
#include "host/sources.h"
#include "host/state.h"
#include "host/supervise.h"

#include "base/file.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/util.h"
#include "compile/compile.h"
#include "host/activation.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONFIG_LIMIT (64 << 20)

/* Everything of one create, so that it ends in one place. */
struct making {
	const struct settings *s;
	const struct create_options *o;
	enum plan_kind kind;
	struct arena arena;
	char *bundle; /* absolute */
	int bundle_fd;
	char *text; /* config.json as it was read */
	size_t text_len;
	struct oci_config *config;
	struct container c;
	struct cgroup_host cgroup_host;
	struct cgroup cgroup;
	bool have_cgroup, cgroup_made, state_made;
	struct plan *plan;
	struct child child;
	int pidfd_socket, listener, rootfs;
	const char *manager; /* the service manager's $NOTIFY_SOCKET, NULL: none */
	int notify;          /* the container's, which a run listens to */
	struct sources sources;
	struct netdevs netdevs;
	int resctrl_root;
	struct resctrl class, made_class; /* what it shall have, what there is of it */
};

/* ---- reading --------------------------------------------------------------------------------- */

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
	m->bundle_fd = open(m->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
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

static int prepare_cgroup(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;
	int r;

	if (m->s->driver == CGROUP_DISABLED)
		return 0;
	r = cgroup_host_detect(&m->cgroup_host, e);
	if (r < 0)
		return r;
	m->cgroup_host.tolerant = m->s->rootless;
	m->cgroup_host.annotations = m->config->annotations;
	r = cgroup_plan(&m->cgroup_host, l ? l->cgroupsPath : NULL, m->o->id, m->s->driver,
			&m->cgroup, e);
	if (r < 0)
		return r;
	m->have_cgroup = true;
	return cgroup_check(&m->cgroup_host, l ? l->resources : NULL, e);
}

static int compile(struct making *m, struct error *e)
{
	struct activation a;
	int r = activation_read(&m->arena, m->o->preserve_fds, true, &a, e);

	if (r < 0)
		return r;
	m->manager = a.notify_socket;
	if (m->kind == PLAN_RUN && !m->o->detach && m->config->process)
		supervise_size(&m->arena, m->config->process);
	const struct compile_input in = {
		.config = m->config,
		.id = m->o->id,
		.bundle = m->bundle,
		.kind = m->kind,
		.no_pivot = m->o->no_pivot,
		.no_new_keyring = m->o->no_new_keyring,
		.preserve_fds = a.preserve_fds,
		.extra_env = a.env,
		.notify_socket = m->manager ? arena_printf(&m->arena, "%s/%s/" NOTIFY_DIRECTORY,
							   m->s->root, m->o->id)
					    : NULL,
		.cgroup_host = m->have_cgroup ? &m->cgroup_host : NULL,
		.cgroup = m->have_cgroup ? &m->cgroup : NULL,
		/* A unit of systemd is made around the process: it cannot be born in it. */
		.clone_into_cgroup = m->have_cgroup && m->cgroup_host.mode == CGROUP_V2 &&
				     m->s->driver != CGROUP_SYSTEMD,
		.bounding_caps = grantable(m->config),
		.privileged = m->s->privileged,
		.groups_denied = !m->s->privileged && own_ids_groups_denied(),
	};

	return compile_container(&m->arena, &in, &m->plan, e);
}

/* ---- opening what the plan names ------------------------------------------------------------- */

static int open_rootfs(struct making *m, struct error *e)
{
	const char *path = m->config->root->path;

	m->rootfs = openat(m->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->rootfs >= 0)
		return 0;
	fail(e, errno, "root.path: cannot open '%s'", path);
	hint_if(e, ENOENT, "unpack the root filesystem before 'create'");
	return hint_if(e, ENOTDIR, "the root filesystem is a directory");
}

static int find_class(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;

	if (!l || !l->intelRdt)
		return 0;
	m->resctrl_root = resctrl_open(e);
	return m->resctrl_root < 0
		       ? m->resctrl_root
		       : resctrl_plan(m->resctrl_root, l->intelRdt, m->o->id, &m->class, e);
}

static int open_all(struct making *m, struct error *e)
{
	/* One more: the socket that `start` connects to. */
	int r = child_init(&m->child, m->plan, &m->arena, sources_most(m->plan) + 1, e);

	m->sources = (struct sources){ .s = m->s, .config = m->config, .child = &m->child };
	if (r == 0)
		r = sources_begin(&m->sources, e);
	if (r < 0)
		return r;
	m->child.maps = m->config->linux;
	r = open_rootfs(m, e);
	if (r == 0)
		r = sources_open_namespaces(&m->sources, e);
	if (r == 0 && m->o->console_socket) {
		m->child.console_socket =
			socket_connect(m->o->console_socket, "--console-socket", e);
		r = m->child.console_socket < 0 ? m->child.console_socket : 0;
	}
	if (r == 0 && m->o->pidfd_socket) {
		m->pidfd_socket = socket_connect(m->o->pidfd_socket, "--pidfd-socket", e);
		r = m->pidfd_socket < 0 ? m->pidfd_socket : 0;
	}
	if (r == 0)
		r = netdevs_find(&m->netdevs, m->config->linux, e);
	return r == 0 ? find_class(m, e) : r;
}

/* ---- writing down ---------------------------------------------------------------------------- */

static char *boot_id(struct arena *a)
{
	char text[64];

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return arena_strdup(a, text);
}

static char *rootfs_path(const struct making *m, struct arena *a)
{
	const char *path = m->config->root->path;

	return *path == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", m->bundle, path);
}

static int write_down(struct making *m, struct error *e)
{
	struct container *c = &m->c;
	int r = state_make(m->s, m->o->id, c, e);

	if (r < 0) {
		state_close(c);
		return r;
	}
	m->state_made = true;

	char now[TIMESTAMP_SIZE];
	struct oci_state *st = arena_new(&c->arena, struct oci_state);
	auto_free char *cgroup = m->have_cgroup ? cgroup_to_text(&m->cgroup) : NULL;
	const bool own_class = m->class.made && !m->class.stays;

	if (!st || (m->have_cgroup && !cgroup))
		return fail(e, ENOMEM, "cannot write the state of container '%s'", m->o->id);
	*st = (struct oci_state){ .ociVersion = OCI_VERSION,
				  .id = m->o->id,
				  .status = "creating",
				  .bundle = m->bundle,
				  .rootfs = rootfs_path(m, &c->arena),
				  .created = arena_strdup(&c->arena, timestamp_now(now)),
				  .annotations = m->config->annotations,
				  .owner = owner_name(&c->arena) };
	c->record = (struct oci_record){ .state = st,
					 .bootID = boot_id(&c->arena),
					 .cgroup = arena_strdup(&c->arena, cgroup),
					 .resctrlClass = m->class.class,
					 .resctrlMade = { own_class, own_class },
					 .resctrlMonitor = m->class.monitor };
	c->config = m->config;
	r = state_write(c, e);
	if (r == 0 && m->manager)
		r = notify_prepare(c->dir, e);
	if (r == 0 && m->manager && m->kind == PLAN_RUN)
		r = (m->notify = notify_open(c->dir, e)) < 0 ? m->notify : 0;
	if (r < 0)
		return r;
	r = file_create(c->dir, "config.json", m->text, m->text_len, 0600);
	return r < 0 ? fail(e, r, "cannot keep a copy of config.json") : 0;
}

/* The socket that `start` connects to. Bound through the directory's descriptor: sun_path is short. */
static int listen_for_start(struct making *m, struct error *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (m->kind != PLAN_CREATE)
		return 0;
	m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/start", m->c.dir);
	if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(m->listener, 8) < 0)
		return fail(e, errno, "cannot make the socket for 'start'");
	m->plan->listen_fd = child_keep(&m->child, m->listener);
	return 0;
}

/* ---- whose the cgroup is --------------------------------------------------------------------- */

static const struct oci_namespace *namespace_of(const struct oci_linux *l, const char *type)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (streq(l->namespaces[i].type, type))
			return &l->namespaces[i];
	return NULL;
}

/* A cgroup file system that it can write to, and a namespace that ends at its own cgroup. */
static bool manages_cgroups(const struct oci_config *config)
{
	const struct oci_namespace *ns = namespace_of(config->linux, "cgroup");

	if (!ns || ns->path)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct oci_mount *mount = &config->mounts[i];
		bool read_only = false;

		if (!mount->type ||
		    !(streq(mount->type, "cgroup") || streq(mount->type, "cgroup2")))
			continue;
		for (size_t k = 0; k < mount->n_options; k++)
			read_only |= streq(mount->options[k], "ro");
		if (!read_only)
			return true;
	}
	return false;
}

/* Who stands for the container's user on this host; false: only a namespace that is joined knows. */
static bool host_user(const struct oci_linux *l, uint32_t uid, uid_t *out)
{
	const struct oci_namespace *ns = namespace_of(l, "user");

	*out = uid;
	for (size_t i = 0; ns && !ns->path && i < l->n_uidMappings; i++) {
		const struct oci_id_mapping *m = &l->uidMappings[i];

		if (uid >= m->containerID && uid - m->containerID < m->size) {
			*out = m->hostID + (uid - m->containerID);
			return true;
		}
	}
	return !ns;
}

/* config-linux.md, Cgroup ownership. On v1 it would let the container out of its limits. */
static int delegate_cgroup(struct making *m, struct error *e)
{
	const struct oci_process *p = m->config->process;
	uid_t user;

	if (m->cgroup_host.mode != CGROUP_V2 || !m->config->linux || !p || !p->user ||
	    !manages_cgroups(m->config) || !host_user(m->config->linux, p->user->uid, &user) ||
	    user == geteuid())
		return 0;
	return cgroup_delegate(&m->cgroup, user, e);
}

/* ---- making ---------------------------------------------------------------------------------- */

static int at_namespaces(void *arg, int *state, struct error *e)
{
	struct making *m = arg;
	const struct oci_hooks *h = m->config->hooks;
	int r = netdevs_move(&m->netdevs, m->child.proc, m->child.pid, e);

	if (r == 0)
		r = points_run(&m->c, POINT_PRESTART, e);
	if (r == 0)
		r = points_run(&m->c, POINT_CREATE_RUNTIME, e);
	if (r < 0 || !h || !h->n_createContainer)
		return r;
	*state = points_inner_state(&m->c, "creating", e);
	return *state < 0 ? *state : 0;
}

static int make_cgroup(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;

	if (!m->have_cgroup)
		return 0;
	m->cgroup_made = true;
	int r = cgroup_create(&m->cgroup, l ? l->resources : NULL, e);

	if (r == 0 && m->s->driver != CGROUP_SYSTEMD)
		r = delegate_cgroup(m, e);
	return r < 0 ? r : child_enter_cgroup(&m->child, &m->cgroup, e);
}

static int attach_cgroup(struct making *m, struct error *e)
{
	int r = 0;

	if (m->have_cgroup && child_outside(&m->child))
		r = cgroup_attach(&m->cgroup, m->child.pid, e);
	/* systemd has made it only now, around the process. */
	if (r == 0 && m->have_cgroup && m->s->driver == CGROUP_SYSTEMD)
		r = delegate_cgroup(m, e);
	if (r == 0 && m->plan->wait_late && !m->plan->wait_early)
		r = child_go_on(&m->child, -1, e);
	return r;
}

/* It is ready: from here on every command finds it. */
static int record_process(struct making *m, struct error *e)
{
	bool zombie;
	uint64_t start;
	auto_free char *cgroup = m->have_cgroup ? cgroup_to_text(&m->cgroup) : NULL;
	int r = process_start(m->child.pid, &start, &zombie);

	if (r < 0)
		return fail(e, r, "cannot read /proc/%d/stat", m->child.pid);
	m->c.record.pidStart = (struct opt_u64){ true, start };
	if (cgroup)
		m->c.record.cgroup = cgroup;
	r = state_write(&m->c, e);
	m->c.record.cgroup = NULL; /* freed with this scope */
	return r;
}

/* The kernel ends a process that meets a limit without a word. */
static bool out_of_memory(struct making *m, struct cgroup_trouble *t)
{
	return m->have_cgroup && cgroup_trouble(&m->cgroup, t) == 0 && t->oom_kills;
}

static int make(struct making *m, struct error *e)
{
	struct cgroup_trouble trouble;
	int r = write_down(m, e);

	if (r == 0)
		r = overlay_prepare(m->plan, m->config->linux, e);
	if (r == 0)
		r = sources_clone_trees(&m->sources, e);
	if (r == 0)
		r = listen_for_start(m, e);
	if (r == 0)
		r = make_cgroup(m, e);
	if (r == 0 && m->class.class)
		r = resctrl_make(m->resctrl_root, m->config->linux->intelRdt, &m->class,
				 &m->made_class, e);
	if (r < 0)
		return r;
	m->child.at_namespaces = at_namespaces;
	m->child.arg = m;
	m->child.container = &m->c;
	r = child_start(&m->child, e);
	sources_close(&m->sources);
	fd_close(&m->listener);
	m->c.record.state->pid = (struct opt_i32){ m->child.pid > 0, m->child.pid };
	if (r == 0 && m->class.class)
		r = resctrl_join(m->resctrl_root, &m->class, m->child.pid, e);
	/* Hooks and devices are moved between attaching and GO_ON; then NAMESPACES asks for it. */
	if (r == 0)
		r = attach_cgroup(m, e);
	if (r == 0 && (r = child_attend(&m->child, e)) < 0 && out_of_memory(m, &trouble))
		hint(e,
		     "the kernel killed it for lack of memory: linux.resources.memory.limit is %" PRIu64
		     " bytes",
		     trouble.memory_limit);
	if (r == 0)
		r = record_process(m, e);
	if (r == 0)
		r = announce(m->o->pid_file, m->pidfd_socket, m->child.pid, m->child.pidfd, e);
	return r;
}

/* ---- the end of it --------------------------------------------------------------------------- */

/* runtime.md, Errors: as if it had never been tried. What fails here is said, and goes on. */
static void undo(struct making *m)
{
	struct error e = { 0 };

	child_kill(&m->child);
	netdevs_give_back(&m->netdevs);
	if (m->made_class.class && resctrl_remove(m->resctrl_root, &m->made_class, &e) < 0)
		log_warning("%s", e.text);
	if (m->cgroup_made && cgroup_destroy(&m->cgroup, &e) < 0)
		log_warning("%s", e.text);
	if (!m->state_made)
		return;
	if (state_remove(m->s, &m->c, &e) < 0)
		log_warning("%s", e.text);
	if (m->child.pid > 0)
		points_run(&m->c, POINT_POSTSTOP, &e);
}

static void finish(struct making *m)
{
	sources_close(&m->sources);
	fd_close(&m->listener);
	child_close(&m->child);
	netdevs_close(&m->netdevs);
	fd_close(&m->resctrl_root);
	fd_close(&m->pidfd_socket);
	fd_close(&m->notify);
	fd_close(&m->rootfs);
	fd_close(&m->bundle_fd);
	if (m->state_made)
		state_close(&m->c);
	if (m->have_cgroup)
		cgroup_free(&m->cgroup);
	cgroup_host_free(&m->cgroup_host);
	arena_close(&m->arena);
	free(m->text);
	free(m->bundle);
}

static void begin(struct making *m, const struct settings *s, const struct create_options *o,
		  enum plan_kind kind)
{
	*m = (struct making){ .s = s, .o = o, .kind = kind };
	m->bundle_fd = m->pidfd_socket = m->listener = m->rootfs = m->notify = -1;
	m->resctrl_root = -1;
	m->child.pidfd = m->child.talk = m->child.master = m->child.console_socket = -1;
	m->child.proc = -1;
	m->child.pid = -1;
	m->c.dir = -1;
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

/* All that needs no privileges and leaves nothing. */
static int prepare(struct making *m, struct error *e)
{
	int r = container_check_id(m->o->id, e);

	if (r == 0)
		r = read_config(m, e);
	if (r == 0)
		r = check_terminal(m, e);
	if (r == 0)
		read_old_limits(m->config);
	if (r == 0)
		leave_out_mount_label(m->config);
	if (r == 0)
		r = add_own_ids(m, e);
	if (r == 0)
		r = prepare_cgroup(m, e);
	if (r == 0)
		r = compile(m, e);
	if (r == 0)
		r = open_all(m, e);
	return r;
}

int container_create(const struct settings *s, const struct create_options *o, struct error *e)
{
	struct making m;

	begin(&m, s, o, PLAN_CREATE);
	int r = prepare(&m, e);

	if (r == 0 && (r = make(&m, e)) < 0)
		undo(&m);
	finish(&m);
	return r;
}

/* A hook that fails after the program runs ends the container (runtime.md, Lifecycle 8 and 9). */
static int go(struct making *m, struct error *e)
{
	const struct oci_hooks *h = m->config->hooks;
	auto_close int state = -1;

	if (h && h->n_startContainer && (state = points_inner_state(&m->c, "created", e)) < 0)
		return state;
	int r = child_go(&m->child, state, e);

	return r < 0 ? r : points_run(&m->c, POINT_POSTSTART, e);
}

/* The program has ended; unless it is to be kept, so does the container. */
static int end_run(struct making *m, struct error *e)
{
	if (m->o->keep)
		return 0;
	int r = m->cgroup_made ? cgroup_destroy(&m->cgroup, e) : 0;

	if (r == 0 && m->made_class.class) {
		m->made_class.made &= !m->class.stays;
		r = resctrl_remove(m->resctrl_root, &m->made_class, e);
	}
	if (r == 0)
		r = state_remove(m->s, &m->c, e);
	return r < 0 ? r : points_run(&m->c, POINT_POSTSTOP, e);
}

int container_run(const struct settings *s, const struct create_options *o, int *status,
		  struct error *e)
{
	struct supervise watch;
	struct making m;
	bool foreground = !o->detach;

	*status = 0;
	begin(&m, s, o, PLAN_RUN);
	int r = prepare(&m, e);

	if (r == 0 && foreground)
		r = supervise_begin(&watch, !o->no_subreaper, e);
	if (r < 0) {
		finish(&m);
		return r;
	}
	r = make(&m, e);
	if (r == 0)
		r = go(&m, e);
	if (r < 0) {
		undo(&m);
	} else if (foreground) {
		watch.notify_fd = m.notify;
		watch.notify_socket = m.manager;
		state_unlock(&m.c); /* others may look at it, and kill it, while it runs */
		r = supervise_wait(&watch, m.child.pid, m.child.pidfd, m.child.master, status, e);
		struct cgroup_trouble trouble;

		if (r == 0 && *status == 128 + SIGKILL && out_of_memory(&m, &trouble))
			log_warning("the kernel killed a process of it for lack of memory: "
				    "linux.resources.memory.limit is %" PRIu64 " bytes",
				    trouble.memory_limit);
		if (r == 0)
			r = state_lock(&m.c) < 0 ? 0 : end_run(&m, e); /* deleted meanwhile: fine */
	}
	if (r == 0 && !foreground && m.notify >= 0) {
		state_unlock(&m.c);
		r = notify_wait_ready(m.notify, m.child.pidfd, m.manager, m.child.pid, e);
		r = r > 0 ? 0 : r;
	}
	finish(&m);
	if (foreground)
		supervise_end(&watch);
	return r;
}
