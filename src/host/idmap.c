/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "idmap.h"

#include "base/file.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/util.h"
#include "program.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#define LINE_SIZE sizeof("4294967295 4294967295 4294967295\n")

/* Both maps are written alike; this is where they differ. */
struct map {
	const char *field, *file, *helper;
	const char *id; /* "uid" or "gid" */
	const char *capability;
	const struct oci_id_mapping *ranges;
	size_t n;
	unsigned int own; /* our own id */
};

/* The text of a map file; its length, or what it would be. */
static size_t map_text(const struct oci_id_mapping *ranges, size_t n, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char line[LINE_SIZE];
		size_t k = (size_t)snprintf(line, sizeof(line),
					    "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
					    ranges[i].containerID, ranges[i].hostID,
					    ranges[i].size);

		if (len + k < size)
			memcpy(buf + len, line, k);
		len += k;
	}
	return len;
}

/* Not to what somebody has mounted over the file. */
static int write_proc(int proc, const char *file, const char *text, size_t n)
{
	auto_close int fd = sys_openat2(proc, file, O_WRONLY, 0,
					RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	return fd < 0 ? fd : write_all(fd, text, n);
}

static int write_map(int proc, const struct map *m, struct error *e)
{
	char text[4096]; /* the kernel's limit, with the smallest page there is */
	size_t len = map_text(m->ranges, m->n, text, sizeof(text));

	if (len >= sizeof(text)) {
		fail(e, 0, "%s: %zu ranges are %zu bytes of text, the kernel takes less than %zu",
		     m->field, m->n, len, sizeof(text));
		return hint(e, "join ranges that follow one another");
	}
	int r = write_proc(proc, m->file, text, len);

	if (r == 0)
		return 0;
	fail(e, r, "%s: cannot write /proc/PID/%s", m->field, m->file);
	return hint_if(e, EPERM,
		       "ocirt needs %s for it, and can give away only those %ss that its own user "
		       "namespace has: see /proc/self/%s",
		       m->capability, m->id, m->file);
}

/* Without CAP_SETGID in our own namespace a process must not get rid of groups that deny it access;
 * the kernel wants that settled before it takes the gid map. */
static int deny_setgroups(int proc, const struct map *m, struct error *e)
{
	int r = write_proc(proc, "setgroups", "deny", strlen("deny"));

	return r < 0 ? fail(e, r, "%s: cannot write 'deny' to /proc/PID/setgroups", m->field) : 0;
}

static int run_helper(pid_t pid, const struct map *m, struct error *e)
{
	enum { NUMBER = sizeof("4294967295") };
	char path[PATH_MAX], pid_text[NUMBER + 1], words[900];
	auto_free char *numbers = malloc(m->n * 3 * NUMBER);
	auto_free const char **args = calloc(m->n * 3 + 3, sizeof(*args));
	struct program_result result;
	size_t k = 0;

	if (!numbers || !args)
		return fail(e, ENOMEM, "%s", m->field);
	if (program_find(m->helper, path, sizeof(path)) < 0) {
		fail(e, 0, "%s: %s is not in PATH", m->field, m->helper);
		e->code = ENOENT;
		return hint(e, "an ordinary user needs it for more than its own id: it is in the "
			       "package 'uidmap' (Debian) or 'shadow-utils' (Fedora)");
	}
	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	args[k++] = m->helper;
	args[k++] = pid_text;
	for (size_t i = 0; i < m->n; i++) {
		const uint32_t triple[] = { m->ranges[i].containerID, m->ranges[i].hostID,
					    m->ranges[i].size };

		for (size_t part = 0; part < array_len(triple); part++) {
			char *number = numbers + (k - 2) * NUMBER;

			snprintf(number, NUMBER, "%" PRIu32, triple[part]);
			args[k++] = number;
		}
	}

	const struct program p = { .path = path,
				   .args = args,
				   .dir = -1,
				   .in = -1,
				   .out = -1,
				   .err = -1,
				   .timeout = 30 * 1000 };
	int r = program_run(&p, &result);

	if (r < 0)
		return fail(e, r, "%s: cannot run %s", m->field, path);
	if (!result.code && !result.signal && !result.timed_out)
		return 0;
	fail(e, 0, "%s: %s: %s", m->field, path, program_words(&result, words, sizeof(words)));
	e->code = EPERM; /* its own words are enough of a text */
	return hint(e, "the %ss that a user may map are in /etc/sub%s", m->id, m->id);
}

/* The range that contains our own id, cut to that one id. */
static bool own_range(const struct map *m, struct oci_id_mapping *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct oci_id_mapping *r = &m->ranges[i];

		if (m->own >= r->hostID && m->own - r->hostID < r->size) {
			*out = (struct oci_id_mapping){
				.containerID = r->containerID + (m->own - r->hostID),
				.hostID = m->own,
				.size = 1,
			};
			return true;
		}
	}
	return false;
}

static int write_own(int proc, const struct map *m, struct error *e)
{
	if (*m->id == 'g' && deny_setgroups(proc, m, e) < 0)
		return -e->code;
	return write_map(proc, m, e);
}

/* Nobody gave this user subordinate ids, or a way to use them: one id is better than none. */
static int write_own_instead(int proc, const struct map *m, struct error *e)
{
	struct oci_id_mapping own;
	struct map just_own = *m;
	struct error why = *e;

	if (!own_range(m, &own))
		return -e->code;
	just_own.ranges = &own;
	just_own.n = 1;
	if (write_own(proc, &just_own, e) < 0) {
		*e = why; /* the failure that matters */
		return -e->code;
	}
	log_warning("%s; only container id %" PRIu32 " is mapped, to %" PRIu32, why.text,
		    own.containerID, own.hostID);
	*e = (struct error){ 0 };
	return 0;
}

static int write_one(int proc, pid_t pid, const struct map *m, struct error *e)
{
	if (m->n == 0)
		return 0;
	if (geteuid() == 0)
		return write_map(proc, m, e);
	if (m->n == 1 && m->ranges[0].size == 1 && m->ranges[0].hostID == m->own)
		return write_own(proc, m, e);
	if (run_helper(pid, m, e) < 0)
		return write_own_instead(proc, m, e);
	return 0;
}

/* /proc/PID, certain to be that of a procfs: what is written there decides who is root. */
static int open_proc(pid_t pid, struct error *e)
{
	char path[32];
	struct statfs fs;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	auto_close int proc = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (proc < 0)
		return fail(e, errno, "linux.uidMappings: cannot open %s", path);
	if (fstatfs(proc, &fs) < 0)
		return fail(e, errno, "linux.uidMappings: %s", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return fail(e, EXDEV, "linux.uidMappings: /proc is not a proc file system");
	return fd_take(&proc);
}

int idmap_write(pid_t pid, const struct oci_linux *l, struct error *e)
{
	const struct map uids = { .field = "linux.uidMappings",
				  .file = "uid_map",
				  .helper = "newuidmap",
				  .id = "uid",
				  .capability = "CAP_SETUID",
				  .ranges = l->uidMappings,
				  .n = l->n_uidMappings,
				  .own = geteuid() };
	const struct map gids = { .field = "linux.gidMappings",
				  .file = "gid_map",
				  .helper = "newgidmap",
				  .id = "gid",
				  .capability = "CAP_SETGID",
				  .ranges = l->gidMappings,
				  .n = l->n_gidMappings,
				  .own = getegid() };
	auto_close int proc = open_proc(pid, e);

	if (proc < 0)
		return proc;
	int r = write_one(proc, pid, &uids, e);

	return r < 0 ? r : write_one(proc, pid, &gids, e);
}
