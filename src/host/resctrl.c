/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/resctrl.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"
#include "host/state.h"

#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#define USUAL_PLACE "/sys/fs/resctrl"
#define TOO_LARGE   ((size_t)1 << 20)

/* A path below the root: the class's directory, its group, and a file in it. */
struct path {
	char text[sizeof("/mon_groups/") + 255 + 255 + 64];
};

static struct path in_class(const struct resctrl *r, const char *file)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%s/%s", r->class, file);
	return p;
}

static struct path in_monitor(const struct resctrl *r, const char *file)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%s/mon_groups/%s%s", r->class, r->monitor, file);
	return p;
}

static bool is_there(int root, const char *path)
{
	return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static const char *name_of(const struct resctrl *r)
{
	return streq(r->class, ".") ? "/" : r->class;
}

/* ---- the root -------------------------------------------------------------------------------- */

/*
 * What somebody has mounted at the usual place is taken for it, whatever its type: who may mount
 * there may do all that could be done with it, and a machine without the hardware can be tested.
 */
int resctrl_open(struct error *e)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char line[4096];
	struct mntent m;
	int fd = -1;

	if (!mounts)
		return fail(e, errno, "linux.intelRdt: cannot read /proc/self/mounts");
	while (fd < 0 && getmntent_r(mounts, &m, line, sizeof(line)))
		if (streq(m.mnt_type, "resctrl") || streq(m.mnt_dir, USUAL_PLACE))
			fd = open(m.mnt_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	endmntent(mounts);
	if (fd >= 0)
		return fd;
	fail(e, 0, "linux.intelRdt: no resctrl file system is mounted");
	return hint(e, "where the processor and the kernel have it: "
		       "mount -t resctrl resctrl " USUAL_PLACE);
}

/* ---- schemata -------------------------------------------------------------------------------- */

/* All that the configuration wants, as the kernel reads it; NULL: nothing (or no memory). */
static char *wanted(const struct oci_intel_rdt *c, struct error *e)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f) {
		fail(e, ENOMEM, "linux.intelRdt");
		return NULL;
	}
	for (const char *line = c->l3CacheSchema; line && *line;) {
		size_t n = strcspn(line, "\n");

		/* There is one line of each kind: memBwSchema has the say about this one. */
		if (n && !(c->memBwSchema && after(line, "MB:")))
			fprintf(f, "%.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (c->memBwSchema)
		fprintf(f, "%s\n", c->memBwSchema);
	for (size_t i = 0; i < c->n_schemata; i++)
		fprintf(f, "%s\n", c->schemata[i]);
	if (fclose(f) != 0) {
		fail(e, ENOMEM, "linux.intelRdt");
		free(text);
		return NULL;
	}
	return text;
}

static bool wants_anything(const struct oci_intel_rdt *c)
{
	return c->l3CacheSchema || c->memBwSchema || c->n_schemata;
}

/* A piece of text that ends before one of `ends`, without the blanks around it. */
struct piece {
	const char *at;
	size_t n;
};

static struct piece next_piece(const char **text, const char *ends)
{
	const char *at = *text + strspn(*text, " \t");
	size_t n = strcspn(at, ends);

	*text = at + n;
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	return (struct piece){ at, n };
}

static bool same(struct piece a, struct piece b)
{
	return a.n == b.n && strncasecmp(a.at, b.at, a.n) == 0;
}

/* Masks are written as 0x0ff and ff, percentages as "  20". */
static struct piece plain(struct piece p)
{
	if (p.n > 2 && p.at[0] == '0' && (p.at[1] | 0x20) == 'x') {
		p.at += 2;
		p.n -= 2;
	}
	while (p.n > 1 && *p.at == '0') {
		p.at++;
		p.n--;
	}
	return p;
}

/* The value of one domain in the line of a resource; n 0: it is not there. */
static struct piece value_in(const char *schemata, struct piece resource, struct piece domain)
{
	while (*schemata) {
		bool ours = same(next_piece(&schemata, ":\n"), resource);

		while (*schemata == ':' || *schemata == ';') {
			schemata++;
			struct piece d = next_piece(&schemata, "=;\n");

			if (*schemata != '=')
				continue;
			schemata++;
			struct piece value = next_piece(&schemata, ";\n");

			if (ours && same(plain(d), plain(domain)))
				return plain(value);
		}
		schemata += *schemata == '\n';
	}
	return (struct piece){ "", 0 };
}

/* The kernel rounds bandwidth up to what the machine can do, and shows that. */
static bool same_bandwidth(int root, struct piece wanted_value, struct piece value)
{
	char text[32];
	uint64_t step, a, b;

	if (file_read(root, "info/MB/bandwidth_gran", text, sizeof(text)) <= 0 ||
	    number_u64_n(text, strcspn(text, "\n"), UINT32_MAX, &step) < 0 || step == 0 ||
	    number_u64_n(wanted_value.at, wanted_value.n, UINT32_MAX, &a) < 0 ||
	    number_u64_n(value.at, value.n, UINT32_MAX, &b) < 0)
		return false;
	return (a + step - 1) / step * step == b;
}

/* Does a class that is there already say what the configuration says? */
static int compare(int root, const struct resctrl *r, const char *want, struct error *e)
{
	static const struct piece mb = { "MB", 2 };
	auto_free char *have = NULL;
	ssize_t n = file_read_all(root, in_class(r, "schemata").text, TOO_LARGE, &have);

	if (n < 0)
		return fail(e, (int)n, "linux.intelRdt.closID: cannot read the schemata of '%s'",
			    name_of(r));
	while (*want) {
		struct piece resource = next_piece(&want, ":\n");

		while (*want == ':' || *want == ';') {
			want++;
			struct piece domain = next_piece(&want, "=;\n");

			if (*want != '=')
				continue;
			want++;
			struct piece value = plain(next_piece(&want, ";\n"));
			struct piece there = value_in(have, resource, domain);

			if (same(there, value) ||
			    (same(resource, mb) && same_bandwidth(root, value, there)))
				continue;
			fail(e, 0,
			     "linux.intelRdt.closID: the class '%s' is there, but its %.*s of "
			     "%.*s is '%.*s' and not '%.*s'",
			     name_of(r), (int)resource.n, resource.at, (int)domain.n, domain.at,
			     (int)there.n, there.at, (int)value.n, value.at);
			return hint(e, "give the container another class, or no schemata: then it "
				       "takes this one as it is");
		}
		want += *want == '\n';
	}
	return 0;
}

/* The root's class has a line for whatever there is a share of. */
static int check_resources(int root, const char *want, struct error *e)
{
	auto_free char *have = NULL;

	if (file_read_all(root, "schemata", TOO_LARGE, &have) < 0)
		return fail(e, 0, "linux.intelRdt: this machine can only count, not share out");
	while (*want) {
		struct piece resource = next_piece(&want, ":\n");
		bool found = false;

		for (const char *at = have; *at && !found;) {
			found = same(next_piece(&at, ":\n"), resource);
			at += strcspn(at, "\n");
			at += *at == '\n';
		}
		if (!found)
			return fail(e, 0, "linux.intelRdt: this machine has no shares of '%.*s'",
				    (int)resource.n, resource.at);
		want += strcspn(want, "\n");
		want += *want == '\n';
	}
	return 0;
}

/* What the kernel remarked on the last failure. */
static int with_remark(int root, struct error *e)
{
	char text[256];

	if (file_read(root, "info/last_cmd_status", text, sizeof(text)) > 0 && !after(text, "ok"))
		hint(e, "the kernel says: %.*s", (int)strcspn(text, "\n"), text);
	return -e->code;
}

static int write_schemata(int root, const struct resctrl *r, const char *text, struct error *e)
{
	int err = file_write(root, in_class(r, "schemata").text, text);

	if (err == 0)
		return 0;
	fail(e, err, "linux.intelRdt: the kernel does not take these schemata");
	with_remark(root, e);
	return err;
}

/* ---- planning -------------------------------------------------------------------------------- */

static int plan_class(int root, const struct oci_intel_rdt *c, struct resctrl *out, struct error *e)
{
	auto_free char *want = wanted(c, e);
	int r = want ? 0 : -ENOMEM;

	if (r == 0 && *want)
		r = check_resources(root, want, e);
	if (r < 0)
		return r;
	if (is_there(root, out->class)) {
		if (c->closID)
			return *want ? compare(root, out, want, e) : 0;
		fail(e, EEXIST, "linux.intelRdt: cannot make the class '%s'", out->class);
		return hint(e, "it is not this container's; without a closID it would have to be");
	}
	if (c->closID && !*want) {
		fail(e, ENOENT, "linux.intelRdt.closID: there is no class '%s'", c->closID);
		return hint(e, "with l3CacheSchema, memBwSchema or schemata it would be made");
	}
	if (!is_there(root, "schemata"))
		return fail(e, 0, "linux.intelRdt: this machine can only count, not share out");
	out->made = true;
	return 0;
}

int resctrl_plan(int root, const struct oci_intel_rdt *c, const char *id, struct resctrl *out,
		 struct error *e)
{
	*out = (struct resctrl){ .class = !c->closID              ? id
					  : streq(c->closID, "/") ? "."
								  : c->closID,
				 .stays = c->closID != NULL };
	int r = plan_class(root, c, out, e);

	if (r < 0 || !c->enableMonitoring.v)
		return r;
	if (!is_there(root, "mon_groups"))
		return fail(e, 0, "linux.intelRdt.enableMonitoring: this machine does not count");
	out->monitor = id;
	return 0;
}

/* ---- making, joining, removing --------------------------------------------------------------- */

int resctrl_make(int root, const struct oci_intel_rdt *c, const struct resctrl *wish,
		 struct resctrl *out, struct error *e)
{
	*out = (struct resctrl){ .class = wish->class };
	if (wish->made && mkdirat(root, wish->class, 0755) < 0) {
		fail(e, errno, "linux.intelRdt: cannot make the class '%s'", wish->class);
		with_remark(root, e);
		return hint_if(e, ENOSPC, "the machine has no more, see info/L3/num_closids");
	}
	out->made = wish->made;
	if (out->made && wants_anything(c)) {
		auto_free char *text = wanted(c, e);
		int err = text ? write_schemata(root, out, text, e) : -ENOMEM;

		if (err < 0)
			return err;
	}
	if (wish->monitor && mkdirat(root, in_monitor(wish, "").text, 0755) < 0) {
		fail(e, errno, "linux.intelRdt.enableMonitoring: cannot make the group '%s'",
		     wish->monitor);
		with_remark(root, e);
		return hint_if(e, ENOSPC, "the machine has no more, see info/L3_MON/num_rmids");
	}
	out->monitor = wish->monitor;
	return 0;
}

int resctrl_join(int root, const struct resctrl *r, pid_t pid, struct error *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	int err = file_write(root, in_class(r, "tasks").text, text);

	/* In this order: a group takes processes of its own class only. */
	if (err == 0 && r->monitor)
		err = file_write(root, in_monitor(r, "/tasks").text, text);
	if (err == 0)
		return 0;
	fail(e, err, "linux.intelRdt: cannot put the process into the class '%s'", name_of(r));
	with_remark(root, e);
	return err;
}

int resctrl_update(int root, const struct oci_intel_rdt *c, const struct resctrl *r, char **before,
		   struct error *e)
{
	auto_free char *text = NULL;

	*before = NULL;
	if (!r->made) {
		fail(e, 0, "linux.intelRdt: the class '%s' was not made for this container",
		     name_of(r));
		return hint(e, "who made it can write its schemata");
	}
	text = wanted(c, e);
	if (!text)
		return -ENOMEM;
	int err = check_resources(root, text, e);

	if (err < 0)
		return err;
	ssize_t n = file_read_all(root, in_class(r, "schemata").text, TOO_LARGE, before);

	if (n < 0)
		return fail(e, (int)n, "linux.intelRdt: cannot read the schemata of '%s'",
			    name_of(r));
	return write_schemata(root, r, text, e);
}

void resctrl_restore(int root, const struct resctrl *r, const char *before)
{
	if (before)
		file_write(root, in_class(r, "schemata").text, before);
}

/* Dead processes that nobody has buried yet, the container's own among them, are listed, too. */
static bool has_living(const char *tasks)
{
	uint64_t pid, start;
	bool zombie;

	for (const char *at = tasks; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (number_u64_n(at, strcspn(at, "\n"), INT32_MAX, &pid) < 0 ||
		    (process_start((pid_t)pid, &start, &zombie) == 0 && !zombie))
			return true;
	return false;
}

/* Processes, or groups that are counted apart: the kernel would throw them out. */
static bool used_by_others(int root, const struct resctrl *r)
{
	auto_free char *tasks = NULL;
	bool used = file_read_all(root, in_class(r, "tasks").text, TOO_LARGE, &tasks) > 0 &&
		    has_living(tasks);
	int fd = openat(root, in_class(r, "mon_groups").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *groups = fd < 0 ? NULL : fdopendir(fd);

	if (!groups) {
		fd_close(&fd);
		return used;
	}
	struct dirent *one;

	used |= dir_next(groups, &one) != 0; /* what cannot be read may be used */
	closedir(groups);
	return used;
}

int resctrl_remove(int root, const struct resctrl *r, struct error *e)
{
	if (r->monitor && unlinkat(root, in_monitor(r, "").text, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT)
		return fail(e, errno, "cannot remove the monitoring group '%s' of resctrl",
			    r->monitor);
	if (!r->made || !is_there(root, r->class) || used_by_others(root, r))
		return 0;
	if (unlinkat(root, r->class, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(e, errno, "cannot remove the class '%s' of resctrl", r->class);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct opt_u64 number_at(int dir, const char *path)
{
	struct opt_u64 n = { 0 };
	char text[32];

	/* "Unavailable" and "Error" are no numbers. */
	n.set = file_read(dir, path, text, sizeof(text)) > 0 &&
		number_u64_n(text, strcspn(text, "\n"), UINT64_MAX, &n.v) == 0;
	return n;
}

/* The line of a resource, without the blanks before it. */
static const char *line_of(struct arena *a, const char *schemata, const char *begins)
{
	for (const char *at = schemata; at && *at;) {
		at += strspn(at, " ");
		size_t n = strcspn(at, "\n");

		if (after(at, begins))
			return arena_strndup(a, at, n);
		at += n + (at[n] == '\n');
	}
	return NULL;
}

static void read_lines(int root, const char *path, struct arena *a, const char **l3,
		       const char **mb)
{
	auto_free char *text = NULL;

	if (file_read_all(root, path, TOO_LARGE, &text) < 0)
		return;
	*l3 = line_of(a, text, "L3:");
	*mb = line_of(a, text, "MB:");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The directories of caches, "mon_L3_00", in their order. */
static const char **domain_names(int dir, struct arena *a, size_t *n)
{
	DIR *d = fdopendir(dir);
	struct dirent *one;
	size_t room = 0;
	int r;

	*n = 0;
	if (!d)
		return NULL;
	while (dir_next(d, &one) > 0)
		room++;
	rewinddir(d);
	const char **names = arena_new_array(a, const char *, room);

	while ((r = dir_next(d, &one)) > 0 && names && *n < room)
		if (after(one->d_name, "mon_L3_") && (names[*n] = arena_strdup(a, one->d_name)))
			(*n)++;
	closedir(d);
	if (r < 0)
		*n = 0; /* half of it would look like all of it */
	if (*n)
		qsort(names, *n, sizeof(*names), by_name);
	return names;
}

static void read_domains(int root, const char *path, struct arena *a, struct resctrl_stats *out)
{
	auto_close int dir = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;
	/* It goes with its own copy of the descriptor. */
	const char **names = dir < 0 ? NULL : domain_names(fcntl(dir, F_DUPFD_CLOEXEC, 0), a, &n);

	out->domains = n ? arena_new_array(a, struct resctrl_domain, n) : NULL;
	for (size_t i = 0; out->domains && i < n; i++) {
		auto_close int one = openat(dir, names[i], O_PATH | O_CLOEXEC);

		out->domains[out->n_domains++] = (struct resctrl_domain){
			.llc_occupancy = number_at(one, "llc_occupancy"),
			.mbm_total_bytes = number_at(one, "mbm_total_bytes"),
			.mbm_local_bytes = number_at(one, "mbm_local_bytes"),
		};
	}
}

void resctrl_read(int root, const struct resctrl *r, struct arena *a, struct resctrl_stats *out)
{
	char mask[64];

	*out = (struct resctrl_stats){
		.l3_min_bits = number_at(root, "info/L3/min_cbm_bits"),
		.l3_classes = number_at(root, "info/L3/num_closids"),
		.mb_granularity = number_at(root, "info/MB/bandwidth_gran"),
		.mb_linear = number_at(root, "info/MB/delay_linear"),
		.mb_min = number_at(root, "info/MB/min_bandwidth"),
		.mb_classes = number_at(root, "info/MB/num_closids"),
	};
	if (file_read(root, "info/L3/cbm_mask", mask, sizeof(mask)) > 0)
		out->l3_mask = arena_strndup(a, mask, strcspn(mask, "\n"));
	read_lines(root, "schemata", a, &out->l3_root, &out->mb_root);
	read_lines(root, in_class(r, "schemata").text, a, &out->l3, &out->mb);
	if (r->monitor)
		read_domains(root, in_monitor(r, "/mon_data").text, a, out);
	else if (r->made)
		read_domains(root, in_class(r, "mon_data").text, a, out);
}
