/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/sys.h"
#include "base/util.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PREFIX     "ocirt" /* of units, where linux.cgroupsPath says nothing */
#define SUB        "container"
#define PROPERTY   "org.systemd.property."
#define ANNOTATION "run.oci.systemd.subgroup"
#define OUTPUT     65536

/* ---- the program ----------------------------------------------------------------------------- */

static const void *program;
static size_t program_size;

void cgroup_systemd_program(const void *data, size_t size)
{
	program = data;
	program_size = size;
}

struct arguments {
	char **v;
	size_t n;
	bool full; /* no memory */
};

static void add(struct arguments *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct arguments *a, const char *fmt, ...)
{
	char **more = realloc(a->v, (a->n + 2) * sizeof(*more));
	va_list ap;

	if (more) {
		a->v = more;
		va_start(ap, fmt);
		if (vasprintf(&a->v[a->n], fmt, ap) < 0)
			a->v[a->n] = NULL;
		va_end(ap);
	}
	if (!more || !a->v[a->n]) {
		a->full = true;
		return;
	}
	a->v[++a->n] = NULL;
}

static void arguments_free(struct arguments *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
}

/* The last component of the scope's path is the unit. */
static char *unit_name(const struct cgroup *c)
{
	auto_free char *scope = cgroup_components(c, c->scope);

	return scope ? strdup(strrchr(scope, '/') ? strrchr(scope, '/') + 1 : scope) : NULL;
}

/* As it stands between quotes: names of units may have a backslash ("a\\x2db"). */
static char *escaped(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *end = out;

	for (; out && *text; *end++ = *text++)
		if (strchr("\\'", *text))
			*end++ = '\\';
	if (out)
		*end = '\0';
	return out;
}

static bool is_slice(const char *unit)
{
	const char *dot = strrchr(unit, '.');

	return dot && streq(dot, ".slice");
}

static void begin(struct arguments *a, const struct cgroup *c, const char *request)
{
	auto_free char *unit = unit_name(c);

	add(a, "ocirt-systemd");
	add(a, "%s", c->user_manager ? "user" : "system");
	add(a, "%s", request);
	add(a, "%s", unit ? unit : "");
	a->full |= !unit;
}

static int have_program(struct error *e)
{
	if (program)
		return 0;
	fail(e, 0, "the systemd cgroup driver is not part of this build");
	return hint(e, "use --cgroup-manager cgroupfs, and tell the same to the manager");
}

static int load(struct error *e)
{
	int r = have_program(e);

	if (r < 0)
		return r;
	auto_close int fd = memfd_create("ocirt-systemd", MFD_CLOEXEC);

	r = fd < 0 ? -errno : write_all(fd, program, program_size);

	return r < 0 ? fail(e, r, "cannot write ocirt-systemd into memory") : fd_take(&fd);
}

static pid_t spawn(int fd, int output, char *const *argv)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigemptyset(&none);
	sys_default_signals();
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(null, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0)
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(126);
}

/* What it said, in one line of error and maybe one of hint. */
static int complain(char *said, int status, struct error *e)
{
	char *line, *rest = said;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		fail(e, 0, "systemd does not answer: no reply from the bus");
		e->code = ETIMEDOUT;
		return -e->code;
	}
	line = strsep(&rest, "\n");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && *line) {
		fail(e, 0, "%s", line);
		line = strsep(&rest, "\n");
		return line && *line ? hint(e, "%s", line) : -EINVAL;
	}
	fail(e, 0, "cannot talk to systemd: ocirt-systemd %s %d%s%s",
	     WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
	     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *line ? ": " : "", line);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return hint(e, "the systemd driver needs libsystemd.so.0 at run time");
	return -EINVAL;
}

/* Run it; the first line of its output is left in `out` (may be NULL). */
static int ask(struct arguments *a, char **out, struct error *e)
{
	int ends[2];
	int status;

	if (a->full)
		return fail(e, ENOMEM, "cannot ask systemd");
	for (size_t i = 1; i < a->n; i++)
		log_debug("ocirt-systemd: %s", a->v[i]);
	auto_close int fd = load(e);

	if (fd < 0)
		return fd;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "cannot ask systemd");
	pid_t pid = spawn(fd, ends[1], a->v);
	auto_close int from = ends[0];
	auto_free char *said = NULL;

	close(ends[1]);
	if (pid < 0)
		return fail(e, errno, "cannot start ocirt-systemd");
	/* Whatever happens, it ends by itself. */
	ssize_t n = file_read_fd(from, OUTPUT, &said);

	fd_close(&from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n < 0)
		return fail(e, (int)n, "cannot read what ocirt-systemd says");
	if (status != 0)
		return complain(said, status, e);
	said[strcspn(said, "\n")] = '\0';
	if (out) {
		*out = said;
		said = NULL;
	}
	return 0;
}

/* ---- the place ------------------------------------------------------------------------------- */

static int bad_path(const char *path, const char *why, struct error *e)
{
	fail(e, 0, "linux.cgroupsPath: '%s' %s", path, why);
	return hint(e, "the systemd driver wants 'slice:prefix:name', as in "
		       "'system.slice:" PREFIX ":web'");
}

static int check_name(const char *unit, const char *path, struct error *e)
{
	if (strlen(unit) > 255)
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
	for (const char *p = unit; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\+",
			    *p))
			return bad_path(path, "has a character that unit names cannot have", e);
	return 0;
}

/* Where systemd has a slice: a-b.slice is inside of a.slice; -.slice is the top. */
static int expand(const char *slice, const char *path, FILE *out, struct error *e)
{
	size_t n = strlen(slice);

	if (streq(slice, "-.slice") || streq(slice, "-"))
		return 0;
	if (!is_slice(slice) || n == strlen(".slice"))
		return bad_path(path, "names no slice: its name ends in .slice", e);
	n -= strlen(".slice");
	if (strchr(slice, '/') || *slice == '-' || slice[n - 1] == '-' || strstr(slice, "--"))
		return bad_path(path, "has a slice with an invalid name", e);
	if (check_name(slice, path, e) < 0)
		return -EINVAL;
	for (size_t i = 1; i <= n; i++)
		if (i == n || slice[i] == '-')
			fprintf(out, "/%.*s.slice", (int)i, slice);
	return 0;
}

/* The cgroup of the manager that is asked: the system's is the top, a user's is a service. */
static char *manager(const struct cgroup *c)
{
	char *own, *at;
	size_t n;

	if (!c->user_manager)
		return strdup("");
	/* Our own uid says little: in a user namespace it is not the one that the host knows. */
	own = cgroup_membership(c->host, 0, (size_t)c->host->v2);
	at = own ? strstr(own, "/user@") : NULL;
	n = at ? 1 + strcspn(at + 1, "/") : 0;
	if (n > strlen(".service") && strncmp(at + n - 8, ".service", 8) == 0) {
		at[n] = '\0';
		return own;
	}
	free(own);
	return asprintf(&own, "/user.slice/user-%u.slice/user@%u.service", geteuid(), geteuid()) < 0
		       ? NULL
		       : own;
}

static const char *annotation(const struct cgroup *c, const char *key)
{
	const struct oci_string_map *all = c->host->annotations;

	for (size_t i = 0; all && i < all->n; i++)
		if (streq(all->items[i].key, key))
			return all->items[i].value;
	return NULL;
}

static void put_unit(FILE *f, const char *prefix, size_t n, const char *name)
{
	if (is_slice(name))
		fprintf(f, "/%s", name);
	else
		fprintf(f, "/%.*s%s%s.scope", (int)n, prefix, n > 0 ? "-" : "", name);
}

int systemd_plan(struct cgroup *c, const char *path, const char *id, struct error *e)
{
	auto_free char *text = NULL, *slice = NULL, *top = NULL;
	const char *sub = annotation(c, ANNOTATION);
	const char *first = path ? strchr(path, ':') : NULL;
	const char *second = first ? strchr(first + 1, ':') : NULL;
	size_t size;

	if (have_program(e) < 0)
		return -EINVAL;
	if (c->host->mode != CGROUP_V2) {
		fail(e, 0, "the systemd cgroup driver needs a host with cgroup v2 alone");
		return hint(
			e,
			"cgroup v1, which systemd itself has given up, is mounted here: boot with "
			"systemd.unified_cgroup_hierarchy=1, or use --cgroup-manager cgroupfs");
	}
	c->user_manager = geteuid() != 0 || c->host->tolerant;
	if (path && *path && !second)
		return bad_path(path, "is not for systemd", e);
	if (second && !second[1])
		return bad_path(path, "has no name", e);
	slice = second && first != path ? strndup(path, (size_t)(first - path))
					: strdup(c->user_manager ? "user.slice" : "system.slice");
	top = manager(c);

	FILE *f = slice && top ? open_memstream(&text, &size) : NULL;

	if (!f)
		return fail(e, ENOMEM, "cgroup");
	fputs(top, f);
	int r = expand(slice, path, f, e);
	long unit = ftell(f);

	if (second)
		put_unit(f, first + 1, (size_t)(second - first) - 1, second + 1);
	else
		put_unit(f, PREFIX, strlen(PREFIX), id);
	if (fflush(f) == 0 && r == 0)
		r = check_name(text + unit + 1, path ? path : id, e);
	c->scope = 0;
	for (const char *p = text; r == 0 && *p; p++)
		c->scope += *p == '/';
	sub = sub ? sub : SUB;
	if (r == 0 && (strchr(sub, '/') || streq(sub, ".") || streq(sub, "..")))
		r = fail(e, 0, "annotation " ANNOTATION ": '%s' is not the name of a cgroup", sub);
	c->depth = (uint16_t)(c->scope + (*sub != '\0'));
	if (*sub)
		fprintf(f, "/%s", sub);
	if (fclose(f) != 0 && r == 0)
		r = fail(e, ENOMEM, "cgroup");
	if (r < 0)
		return r;
	if (strlen(text) > 3000)
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath: '%.40s...'", path);
	c->path = text;
	text = NULL;
	return 0;
}

/* ---- properties ------------------------------------------------------------------------------ */

bool systemd_controls(const char *controller)
{
	return cgroup_has_word("cpu cpuset io memory pids", controller, ' ');
}

/* The property for a file of v2: the table has those of the specification's resources. */
static const char *property_of(const char *file, const char *key)
{
	static const struct {
		const char *file, *property;
	} others[] = { { "memory.high", "MemoryHigh" }, { "memory.min", "MemoryMin" } };
	size_t n = strlen(file);

	for (size_t i = 0; i < array_len(others); i++)
		if (streq(others[i].file, file))
			return others[i].property;
	for (size_t i = 0; i < cgroup_n_rows; i++) {
		const char *v2 = cgroup_rows[i].v2;

		if (!v2 || !cgroup_rows[i].systemd || strncmp(v2, file, n) != 0)
			continue;
		if (key ? v2[n] == ':' && streq(v2 + n + 1, key) : v2[n] == '\0')
			return cgroup_rows[i].systemd;
	}
	return NULL;
}

/* "0-2,4" as the bits 0x17, the lowest byte first. */
static void add_set(struct arguments *a, const char *property, const char *list)
{
	uint8_t bits[1024] = { 0 };
	char text[sizeof(bits) * 5 + 1];
	size_t most = 0, n = 0;

	for (const char *p = list; *p; p += *p == ',') {
		char *end;
		unsigned long low = strtoul(p, &end, 10), high = low;

		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		/* The file says what is wrong with it. */
		if (end == p || (*end && *end != ',' && *end != '\n') || high >= sizeof(bits) * 8)
			return;
		for (; low <= high; low++) {
			bits[low / 8] |= (uint8_t)(1u << low % 8);
			most = MAX(most, low / 8 + 1);
		}
		if (*end == '\n')
			break;
		p = end;
	}
	for (size_t i = 0; i < most; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? "," : "", bits[i]);
	if (most > 0)
		add(a, "%s=@ay [%s]", property, text);
}

/* "QUOTA PERIOD" or "QUOTA". */
static void add_quota(struct arguments *a, struct cgroup *c, const char *text)
{
	char now[64];
	int dir = cgroup_dir(c, (size_t)c->host->v2);
	const char *space = strchr(text, ' ');
	uint64_t quota, period = 0;

	if (space)
		period = strtoull(space + 1, NULL, 10);
	else if (dir >= 0 && file_read(dir, "cpu.max", now, sizeof(now)) > 0 && strchr(now, ' '))
		period = strtoull(strchr(now, ' ') + 1, NULL, 10);
	period = period ? period : 100000;
	if (after(text, "max")) {
		add(a, "CPUQuotaPerSecUSec=uint64 %" PRIu64, UINT64_MAX);
	} else {
		quota = strtoull(text, NULL, 10);
		/* systemd has whole percents only: rounded up, for the exact value is further down. */
		uint64_t per_second = (quota * 1000000 + period - 1) / period;

		add(a, "CPUQuotaPerSecUSec=uint64 %" PRIu64, (per_second + 9999) / 10000 * 10000);
	}
	if (space)
		add(a, "CPUQuotaPeriodUSec=uint64 %" PRIu64, period);
}

/* "254:0 rbps=1048576 wiops=max" */
static void add_throttle(struct arguments *a, const char *text)
{
	int device = (int)strcspn(text, " ");

	for (const char *p = text + device; *(p += strspn(p, " \n")); p += strcspn(p, " \n")) {
		const char *value = strchr(p, '=');
		char key[16];

		if (!value)
			return;
		snprintf(key, sizeof(key), "%.*s", (int)(value - p), p);
		const char *property = property_of("io.max", key);

		if (property)
			add(a, "%s=[('/dev/block/%.*s', uint64 %" PRIu64 ")]", property, device,
			    text,
			    after(value, "=max") ? UINT64_MAX
						 : (uint64_t)strtoull(value + 1, NULL, 10));
	}
}

static void add_limit(struct arguments *a, struct cgroup *c, const struct cg_write *w)
{
	/* Of "A|B" the second is what systemd knows: io.weight rather than io.bfq.weight. */
	const char *file = w->other_file ? w->other_file : w->file;
	const char *text = w->other_file ? w->other_text : w->text;
	const char *property;

	if (streq(file, "io.max")) {
		add_throttle(a, text);
	} else if (streq(file, "cpu.max")) {
		add_quota(a, c, text);
	} else if (streq(file, "io.weight")) {
		const char *weight = after(text, "default ");

		weight = weight ? weight : text;
		if (!strchr(weight, ':'))
			add(a, "IOWeight=uint64 %s", weight);
	} else if (streq(file, "cpu.idle")) {
		if (*text == '1')
			add(a, "CPUWeight=uint64 0");
	} else if (after(file, "cpuset.") && (property = property_of(file, NULL))) {
		add_set(a, property, text);
	} else if ((property = property_of(file, NULL))) {
		uint64_t v = 0;

		if (after(text, "max") || number_u64(text, UINT64_MAX, &v) == 0)
			add(a, "%s=uint64 %" PRIu64, property, after(text, "max") ? UINT64_MAX : v);
	}
}

static size_t add_limits(struct arguments *a, struct cgroup *c, const struct cg_writes *all)
{
	size_t before = a->n;

	for (size_t i = 0; i < all->n; i++)
		if (c->host->h[all->w[i].at].v2)
			add_limit(a, c, &all->w[i]);
	return a->n - before;
}

static void add_annotations(struct arguments *a, const struct cgroup *c)
{
	const struct oci_string_map *all = c->host->annotations;

	for (size_t i = 0; all && i < all->n; i++) {
		const char *name = after(all->items[i].key, PROPERTY);

		if (name && *name)
			add(a, "%s=%s", name, all->items[i].value);
	}
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The component above the scope is the slice; with none, the root slice has it. */
static char *slice_name(const struct cgroup *c)
{
	auto_free char *above = cgroup_components(c, (size_t)c->scope - 1);
	const char *name = above ? strrchr(above, '/') : NULL;

	if (!above)
		return NULL;
	name = name ? name + 1 : above;
	return strdup(is_slice(name) ? name : "-.slice");
}

static void add_unit(struct arguments *a, const struct cgroup *c, pid_t pid)
{
	auto_free char *slice_as_is = slice_name(c), *unit_as_is = unit_name(c);
	auto_free char *slice = slice_as_is ? escaped(slice_as_is) : NULL;
	auto_free char *unit = unit_as_is ? escaped(unit_as_is) : NULL;

	a->full |= !slice || !unit;
	if (a->full)
		return;
	add(a, "Description='container %s'", unit);
	add(a, "DefaultDependencies=false");
	/* A slice takes no processes; ours go to the cgroup below. */
	if (is_slice(unit)) {
		add(a, "Wants=['%s']", slice);
	} else {
		add(a, "Slice='%s'", slice);
		add(a, "Delegate=true");
		add(a, "PIDs=[uint32 %d]", (int)pid);
	}
	for (const char *const *p = (const char *const[]){ "CPU", "IO", "Memory", "Tasks", NULL };
	     *p; p++)
		add(a, "%sAccounting=true", *p);
}

/* systemd may be in a cgroup of its own (a container, a user): it knows better where the unit is. */
static int learn_path(struct cgroup *c, const char *scope, struct error *e)
{
	auto_free char *sub = c->depth > c->scope ? strdup(strrchr(c->path, '/')) : strdup("");
	char *path = NULL;
	uint16_t depth = 0;

	if (*scope != '/' || !scope[1])
		return fail(e, 0, "systemd tells no cgroup of the unit it made");
	for (const char *p = scope; *p; p++)
		depth += *p == '/';
	if (!sub || asprintf(&path, "%s%s", scope, sub) < 0)
		return fail(e, ENOMEM, "cgroup");
	if (!streq(path, c->path))
		log_debug("cgroup: systemd put the unit into %s", scope);
	free(c->path);
	c->path = path;
	c->depth = (uint16_t)(depth + c->depth - c->scope);
	c->scope = depth;
	c->at[c->host->v2].kept = (uint16_t)(depth - 1);
	return 0;
}

int systemd_start(struct cgroup *c, const struct cg_writes *all, pid_t pid, struct error *e)
{
	struct arguments a = { 0 };
	auto_free char *scope = NULL;

	begin(&a, c, "start");
	add_unit(&a, c, pid);
	add_limits(&a, c, all);
	/* Last: a user's own word prevails. */
	add_annotations(&a, c);
	int r = ask(&a, &scope, e);

	arguments_free(&a);
	return r < 0 ? r : learn_path(c, scope, e);
}

int systemd_set(struct cgroup *c, const struct cg_writes *all, struct error *e)
{
	struct arguments a = { 0 };
	int r = 0;

	begin(&a, c, "set");
	if (add_limits(&a, c, all) > 0)
		r = ask(&a, NULL, e);
	arguments_free(&a);
	return r;
}

int systemd_stop(struct cgroup *c, struct error *e)
{
	struct arguments a = { 0 };

	begin(&a, c, "stop");
	int r = ask(&a, NULL, e);

	arguments_free(&a);
	return r;
}
