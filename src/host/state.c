/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/sys.h"
#include "base/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

/* A state holds the annotations of the configuration: what create took, others must read. */
#define CONFIG_LIMIT ((size_t)64 << 20)
#define STATE_LIMIT  (CONFIG_LIMIT + (1 << 20))

/* The rows of state.json: a schema of our own on libocispec's reader and writer. */
#define RECORD_ROW(member, k, ...)                                           \
	{                                                                    \
		.name = #member, .name_len = sizeof(#member) - 1, .kind = k, \
		.offset = offsetof(struct oci_record, member), __VA_ARGS__   \
	}
static const struct oci_row record_rows[] = {
	RECORD_ROW(state, OCI_OBJECT, .required = true, .schema = &oci_state_schema),
	RECORD_ROW(pidStart, OCI_U64, .opt = true),
	RECORD_ROW(bootID, OCI_STRING),
	RECORD_ROW(cgroup, OCI_STRING),
	RECORD_ROW(init, OCI_BOOL, .opt = true),
	RECORD_ROW(resctrlClass, OCI_STRING),
	RECORD_ROW(resctrlMade, OCI_BOOL, .opt = true),
	RECORD_ROW(resctrlMonitor, OCI_STRING),
};
static const struct oci_schema record_schema = { .name = "record",
						 .rows = record_rows,
						 .n_rows = array_len(record_rows),
						 .size = sizeof(struct oci_record) };

const char *status_name(enum status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused",
					     "stopped" };

	return names[s];
}

/* ---- directories ----------------------------------------------------------------------------- */

int container_check_id(const char *id, struct error *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+.-";

	if (!*id)
		return fail(e, 0, "the container's id is empty");
	if (strlen(id) > 255) {
		fail(e, ENAMETOOLONG, "the container's id has %zu characters", strlen(id));
		return hint(e, "255 are the most, it becomes a directory's name");
	}
	if (id[strspn(id, allowed)] || streq(id, ".") || streq(id, "..")) {
		fail(e, 0, "invalid container id '%s'", id);
		return hint(e, "letters, digits and _ + . - make an id, but not '.' or '..'");
	}
	return 0;
}

static int make_root(const char *path, struct error *e)
{
	char part[4096];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return fail(e, ENAMETOOLONG, "state directory '%s'", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i == n ? 0700 : 0711) < 0 && errno != EEXIST)
			return fail(e, errno, "cannot make the state directory '%s'", part);
	}
	return 0;
}

int state_root(const struct settings *s, bool make, struct error *e)
{
	int fd = openat(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		int r = make_root(s->root, e);

		if (r < 0)
			return r;
		fd = openat(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* $XDG_RUNTIME_DIR is pruned of old files but for sticky ones (XDG Base Directory). */
		if (fd >= 0 && geteuid() != 0 && fchmod(fd, 01700) < 0)
			log_debug("%s: cannot set the sticky bit", s->root);
	}
	if (fd < 0) {
		fail(e, errno, "cannot open the state directory '%s'", s->root);
		hint_if(e, EACCES, "--root names another one");
		return e->code ? -e->code : -EINVAL;
	}
	return fd;
}

static int lock_directory(int dir, enum lock lock)
{
	struct stat st;

	while (lock != LOCK_NOT && flock(dir, lock == LOCK_WRITE ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return -errno;
	if (fstat(dir, &st) < 0)
		return -errno;
	/* Removed while we waited: the name may even be somebody else's by now. */
	return st.st_nlink == 0 ? -ENOENT : 0;
}

static int open_locked(int root, const char *id, enum lock lock)
{
	auto_close int dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	int r = lock_directory(dir, lock);

	return r < 0 ? r : fd_take(&dir);
}

static int not_there(int err, struct error *e)
{
	if (err != -ENOENT && err != -ENOTDIR)
		return fail(e, err, "cannot open the container's state");
	fail(e, 0, "container does not exist");
	e->code = ENOENT;
	return -ENOENT;
}

static int taken(const char *id, struct error *e)
{
	fail(e, 0, "a container with this id already exists");
	e->code = EEXIST;
	return hint(e, "'ocirt delete %s' frees the name", id);
}

static int lock_root(int root, int how, struct error *e)
{
	while (flock(root, how) < 0)
		if (errno != EINTR)
			return fail(e, errno, "cannot lock the state directory");
	return 0;
}

int state_make(const struct settings *s, const char *id, struct container *out, struct error *e)
{
	int r = container_check_id(id, e);

	if (r < 0)
		return r;
	auto_close int root = state_root(s, true, e);

	if (root < 0)
		return root;
	/* Till we have that of our own: being_made() waits for it. */
	r = lock_root(root, LOCK_SH, e);
	if (r < 0)
		return r;
	do {
		if (mkdirat(root, id, 0711) < 0) {
			int err = errno;

			if (err != EEXIST)
				return fail(e, err, "cannot make the state directory '%s/%s'",
					    s->root, id);
			return taken(id, e);
		}
		*out = (struct container){ .id = id,
					   .dir = open_locked(root, id, LOCK_WRITE),
					   .lock = LOCK_WRITE };
	} while (out->dir == -ENOENT); /* deleted before we had the lock */
	/* Or that, and made again by somebody who had it before us. */
	if (out->dir >= 0 && faccessat(out->dir, "state.json", F_OK, 0) == 0) {
		fd_close(&out->dir);
		return taken(id, e);
	}
	if (out->dir < 0)
		r = not_there(out->dir, e);
	else if ((r = arena_open_private(&out->arena, (size_t)4 << 20)) < 0)
		r = fail(e, r, "cannot get memory");
	if (r < 0)
		unlinkat(root, id, AT_REMOVEDIR);
	return r;
}

static bool read_whole(struct container *c, const char *text, size_t n)
{
	struct ocispec_error spec;

	if (n > 0 && ocispec_read(&c->arena, &record_schema, text, n, &c->record, &spec) == 0)
		return true;
	memset(&c->record, 0, sizeof(c->record));
	return false;
}

/*
 * What was appended counts, unless it is torn. A torn or missing file is a create that was killed: no
 * failure, there is just no record.
 */
static int read_record(struct container *c, struct error *e)
{
	auto_free char *text = NULL;
	ssize_t n = file_read_all(c->dir, "state.json", STATE_LIMIT, &text);

	if (n == -ENOENT || n == 0)
		return 0;
	if (n < 0)
		return fail(e, (int)n, "cannot read the container's state.json");

	const char *last = memrchr(text, '\n', (size_t)n);
	size_t before = last ? (size_t)(last - text) : 0;

	if (!last || !read_whole(c, last + 1, (size_t)n - before - 1))
		(void)read_whole(c, text, last ? before : (size_t)n);
	return 0;
}

int state_open_at(int root, const char *id, enum lock lock, struct container *out, struct error *e)
{
	*out = (struct container){ .id = id, .dir = open_locked(root, id, lock), .lock = lock };
	if (out->dir < 0)
		return not_there(out->dir, e);
	int r = arena_open_private(&out->arena, STATE_LIMIT + CONFIG_LIMIT);

	if (r < 0)
		r = fail(e, r, "cannot get memory");
	else
		r = read_record(out, e);
	if (r < 0)
		state_close(out);
	return r;
}

int state_open(const struct settings *s, const char *id, enum lock lock, struct container *out,
	       struct error *e)
{
	int r = container_check_id(id, e);

	if (r < 0)
		return r;
	auto_close int root = openat(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return not_there(-errno, e);
	return state_open_at(root, id, lock, out, e);
}

void state_close(struct container *c)
{
	if (c->has_cgroup)
		cgroup_free(&c->cgroup);
	fd_close(&c->dir);
	arena_close(&c->arena);
	c->has_cgroup = false;
}

void state_unlock(struct container *c)
{
	flock(c->dir, LOCK_UN);
	c->lock = LOCK_NOT;
}

int state_lock(struct container *c, struct error *e)
{
	int r = lock_directory(c->dir, LOCK_WRITE);

	if (r == 0)
		c->lock = LOCK_WRITE;
	return r == 0 ? 0 : not_there(r, e);
}

/* One write, so that it is there or not; a line of its own. */
static int append(int dir, const char *text, size_t len)
{
	const struct iovec line[] = { { .iov_base = (char[]){ '\n' }, .iov_len = 1 },
				      { .iov_base = (void *)(uintptr_t)text, .iov_len = len } };
	auto_close int fd = openat(dir, "state.json", O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : writev(fd, line, 2);

	return n < 0 ? -errno : (size_t)n == len + 1 ? 0 : -ENOSPC;
}

int state_write(struct container *c, struct error *e)
{
	/* Without a process it is the first one. Until it is whole, it is a create that was killed. */
	bool first = !c->record.pidStart.set;
	size_t len;
	auto_free char *text = ocispec_write(&record_schema, &c->record, false, &len);
	int r = !text   ? -ENOMEM
		: first ? file_create(c->dir, "state.json", text, len, 0600)
			: append(c->dir, text, len);

	return r < 0 ? fail(e, r, "cannot write the container's state.json") : 0;
}

static int remove_below(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	DIR *d = fdopendir(fd);
	int r = 0;

	if (!d)
		return -errno;
	int at = fd_take(&fd); /* closedir() closes it */

	for (struct dirent *entry; r == 0 && (r = dir_next(d, &entry)) > 0;) {
		r = 0;
		if (unlinkat(at, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		r = errno == EISDIR ? remove_below(at, entry->d_name) : -errno;
	}
	closedir(d);
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int state_remove(const struct settings *s, struct container *c, struct error *e)
{
	auto_close int root = openat(AT_FDCWD, s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : 0;

	/* Mostly these are all. */
	unlinkat(c->dir, "config.json", 0);
	unlinkat(c->dir, "state.json", 0);
	if (r == 0 && unlinkat(root, c->id, AT_REMOVEDIR) < 0)
		r = remove_below(root, c->id);
	return r < 0 ? fail(e, r, "cannot remove the state directory '%s/%s'", s->root, c->id) : 0;
}

/* ---- config and cgroup ----------------------------------------------------------------------- */

int state_load_config(struct container *c, struct error *e)
{
	struct ocispec_error spec;
	auto_free char *text = NULL;
	ssize_t n;

	if (c->config)
		return 0;
	n = file_read_all(c->dir, "config.json", CONFIG_LIMIT, &text);
	if (n < 0)
		return fail(e, (int)n, "cannot read the container's copy of config.json");
	c->config = oci_config_read(&c->arena, text, (size_t)n, &spec);
	if (!c->config)
		return fail(e, 0, "the container's copy of config.json: %s: %s", spec.path,
			    spec.text);
	return 0;
}

struct resctrl state_resctrl(const struct container *c)
{
	return (struct resctrl){ .class = c->record.resctrlClass,
				 .made = c->record.resctrlMade.v,
				 .monitor = c->record.resctrlMonitor };
}

int state_open_cgroup(const struct settings *s, struct container *c, struct error *e)
{
	/* `list` asks for each container, and the host is the same for all. */
	static struct cgroup_host host;
	static bool known;
	int r;

	if (c->has_cgroup || !c->record.cgroup)
		return 0;
	if (!known && (r = cgroup_host_detect(&host, e)) < 0)
		return r;
	known = true;
	host.tolerant = s->rootless;
	c->cgroup_host = &host;
	r = cgroup_from_text(&host, c->record.cgroup, &c->cgroup, e);
	c->has_cgroup = r == 0;
	return r;
}

/* From /etc/passwd by hand: getpwuid(3) loads name services, which costs more than a create. */
char *owner_name(struct arena *a)
{
	auto_free char *text = NULL;
	uid_t uid = geteuid();

	if (uid == 0)
		return arena_strdup(a, "root");
	if (file_read_all(AT_FDCWD, "/etc/passwd", 4 << 20, &text) > 0)
		for (char *line = text, *next; line && *line; line = next) {
			size_t n = strcspn(line, ":"), password, id;
			uint64_t value;

			next = strchr(line, '\n');
			if (next)
				*next++ = '\0';
			if (!line[n])
				continue;
			password = strcspn(line + n + 1, ":");
			if (!line[n + 1 + password])
				continue;
			id = n + password + 2;
			if (number_u64_n(line + id, strcspn(line + id, ":"), UINT32_MAX, &value) ==
				    0 &&
			    value == uid)
				return arena_strndup(a, line, n);
		}
	return arena_printf(a, "%u", uid);
}

int state_connect(const struct container *c, int flags)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	/* Through the directory's descriptor: sun_path is short. */
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/start", c->dir);
	if (sock < 0 || connect(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return fd_take(&sock);
}

/* ---- the process ----------------------------------------------------------------------------- */

int process_start(pid_t pid, uint64_t *start, bool *zombie)
{
	char path[32], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ssize_t n = file_read(AT_FDCWD, path, text, sizeof(text));

	if (n < 0)
		return (int)n;
	/* The second field is the program's name in brackets, which may hold anything. */
	char *at = strrchr(text, ')');

	if (!at || at[1] != ' ')
		return -EPROTO;
	at += 2;
	*zombie = *at == 'Z' || *at == 'X' || *at == 'x';
	for (int field = 3; field < 22; field++) {
		at = strchr(at, ' ');
		if (!at)
			return -EPROTO;
		at++;
	}
	return number_u64_n(at, strspn(at, "0123456789"), UINT64_MAX, start);
}

static int this_boot(const struct container *c)
{
	static char now[64];
	char text[sizeof(now)];
	ssize_t n = 0;

	if (!*now)
		n = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	if (n > 0)
		memcpy(now, text, strcspn(text, "\n"));
	if (!*now || !c->record.bootID)
		return 1; /* the start time decides alone */
	return streq(now, c->record.bootID);
}

/* 1 or 0; -errno when that cannot be told: to lack what it takes to look is not "it has ended". */
static int alive(const struct container *c)
{
	const struct oci_state *st = c->record.state;
	uint64_t start;
	bool zombie;

	if (!st || !st->pid.set || st->pid.v <= 0 || !c->record.pidStart.set)
		return 0;
	int r = process_start(st->pid.v, &start, &zombie);

	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r < 0)
		return r;
	return !zombie && start == c->record.pidStart.v ? this_boot(c) : 0;
}

int state_pidfd(const struct container *c)
{
	if (!c->record.state || c->record.state->pid.v <= 0)
		return -ESRCH;
	auto_close int fd = sys_pidfd_open(c->record.state->pid.v, 0);
	/* Opened first, compared then: the pid cannot change hands in between unnoticed. */
	int r = fd < 0 ? fd : alive(c);

	return r > 0 ? fd_take(&fd) : r < 0 ? r : -ESRCH;
}

/* A connection without a word is no start; when more of them wait than there may, it listens, too. */
static bool listens(const struct container *c)
{
	auto_close int sock = state_connect(c, SOCK_NONBLOCK);

	return sock >= 0 || sock == -EAGAIN;
}

/* ocirt-init still waits as long as the process runs from its memfd. */
static bool is_waiting(const struct container *c)
{
	char path[32], exe[64];

	if (faccessat(c->dir, "start", F_OK, 0) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", c->record.state->pid.v);
	ssize_t n = readlink(path, exe, sizeof(exe) - 1);

	if (n < 0)
		return true; /* not ours to see; the socket says so */
	exe[n] = '\0';
	if (!after(exe, "/memfd:ocirt-init"))
		return false;
	/* One that stays runs from there for good: then it is whether it listens that tells. */
	return !c->record.init.v || listens(c);
}

/*
 * Without a process: 1 when somebody makes it, who has its lock; otherwise it was left half made, or is
 * complete by now. Whoever has only just taken the name has the root's lock until then.
 */
static int being_made(struct container *c, struct error *e)
{
	if (c->lock != LOCK_NOT)
		return 0;
	auto_close int root = openat(c->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? fail(e, errno, "cannot open the state directory")
			 : lock_root(root, LOCK_EX, e);

	if (r < 0)
		return r;
	if (flock(c->dir, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? 1
			       : fail(e, errno, "cannot look at the lock on the container's state");
	r = lock_directory(c->dir, LOCK_NOT);
	return r < 0 ? not_there(r, e) : read_record(c, e);
}

int state_status(const struct settings *s, struct container *c, enum status *out, struct error *e)
{
	int r = c->record.state && c->record.state->pid.set ? 0 : being_made(c, e);

	if (r < 0)
		return r;
	if (r > 0) {
		*out = STATUS_CREATING;
		return 0;
	}
	r = alive(c);
	if (r < 0)
		return fail(e, r, "cannot look at the container's process");
	if (r == 0) {
		*out = STATUS_STOPPED;
		return 0;
	}
	r = state_open_cgroup(s, c, e);
	if (r == 0 && c->has_cgroup)
		r = cgroup_is_frozen(&c->cgroup, e);
	/* Paused first: who waits for its start and is frozen cannot be started. */
	if (r >= 0)
		*out = r > 0 ? STATUS_PAUSED : is_waiting(c) ? STATUS_CREATED : STATUS_RUNNING;
	return r < 0 ? r : 0;
}

char *state_json(const struct container *c, const char *status, pid_t pid, size_t *len)
{
	struct oci_state state = *c->record.state;

	state.status = status;
	state.pid = (struct opt_i32){ .set = pid > 0, .v = pid };
	return ocispec_write(&oci_state_schema, &state, false, len);
}
