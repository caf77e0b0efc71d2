/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * query -- state, list, ps: looking without a lock, so that nobody who asks waits for a create.
 */
#include "host/state.h"

#include "base/file.h"
#include "base/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

/* Into the caller's arena, which outlives the state's. */
static int copy_state(const struct settings *s, struct container *c, struct arena *a,
		      struct oci_state *out, struct error *e)
{
	enum status status;
	int r = state_status(s, c, &status, e);

	if (r < 0)
		return r;
	const struct oci_state *from = c->record.state;
	bool live = status != STATUS_STOPPED && status != STATUS_CREATING;
	struct oci_string_map *annotations = NULL;

	if (from && from->annotations) {
		size_t n = from->annotations->n;

		annotations = arena_new(a, struct oci_string_map);
		if (annotations && (annotations->items = arena_new_array(a, struct oci_pair, n)))
			for (annotations->n = 0; annotations->n < n; annotations->n++) {
				const struct oci_pair *p =
					&from->annotations->items[annotations->n];

				annotations->items[annotations->n] =
					(struct oci_pair){ arena_strdup(a, p->key),
							   arena_strdup(a, p->value) };
			}
	}
	*out = (struct oci_state){
		.ociVersion = OCI_VERSION,
		.id = arena_strdup(a, c->id),
		.pid = { true, live ? from->pid.v : 0 },
		.status = status_name(status),
		/* A create that was killed before it wrote anything has none of these. */
		.bundle = arena_strdup(a, from ? from->bundle : ""),
		.rootfs = arena_strdup(a, from ? from->rootfs : ""),
		.created = arena_strdup(a, from ? from->created : ""),
		.owner = arena_strdup(a, from ? from->owner : ""),
		.annotations = annotations,
	};
	return a->full ? fail(e, ENOMEM, "cannot hold the state of container '%s'", c->id) : 0;
}

int container_state(const struct settings *s, const char *id, struct arena *a,
		    struct oci_state *out, struct error *e)
{
	struct container c;
	int r = state_open(s, id, LOCK_NOT, &c, e);

	if (r < 0)
		return r;
	r = copy_state(s, &c, a, out, e);
	state_close(&c);
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The directory may be read once only; ids come and go meanwhile. */
static int read_ids(int root, struct arena *a, const char ***out, size_t *n, struct error *e)
{
	struct error ignored = { 0 };
	size_t room = 0;
	auto_free const char **ids = NULL;
	auto_close int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r;

	*n = 0;
	if (!d)
		return fail(e, errno, "cannot read the state directory");
	fd_take(&fd); /* closedir() closes it */
	for (struct dirent *entry; (r = dir_next(d, &entry)) > 0;) {
		if (container_check_id(entry->d_name, &ignored) < 0 || entry->d_type == DT_REG)
			continue;
		if (*n == room) {
			room = room ? room * 2 : 64;
			const char **more = realloc(ids, room * sizeof(*ids));

			if (!more) {
				r = -ENOMEM;
				break;
			}
			ids = more;
		}
		ids[*n] = arena_strdup(a, entry->d_name);
		if (!ids[*n]) {
			r = -ENOMEM;
			break;
		}
		++*n;
	}
	closedir(d);
	if (r < 0) /* some of them would look like all of them */
		return fail(e, r, "cannot read the state directory");
	if (*n)
		qsort(ids, *n, sizeof(*ids), by_text);
	*out = arena_memdup(a, ids, *n * sizeof(*ids), _Alignof(const char *));
	return a->full ? fail(e, ENOMEM, "cannot hold the ids of %zu containers", *n) : 0;
}

int container_ids(const struct settings *s, struct arena *a, const char ***out, size_t *n,
		  struct error *e)
{
	*n = 0;
	*out = NULL;
	auto_close int root = state_root(s, false, e);

	if (root == -ENOENT && !s->root_given) {
		memset(e, 0, sizeof(*e));
		return 0;
	}
	return root < 0 ? root : read_ids(root, a, out, n, e);
}

int container_list(const struct settings *s, struct arena *a, struct oci_state **out, size_t *n,
		   struct error *e)
{
	const char **ids;
	size_t n_ids;
	int r = container_ids(s, a, &ids, &n_ids, e);

	*n = 0;
	*out = NULL;
	if (r < 0 || !n_ids)
		return r;
	*out = arena_new_array(a, struct oci_state, n_ids);
	if (!*out)
		return fail(e, ENOMEM, "cannot hold %zu states", n_ids);
	r = 0;
	for (size_t i = 0; i < n_ids; i++) {
		struct error trouble = { 0 };
		int one = container_state(s, ids[i], a, &(*out)[*n], &trouble);

		if (one == 0)
			(*n)++;
		else if (a->full)
			return fail(e, ENOMEM, "cannot hold %zu states", n_ids);
		else if (one != -ENOENT && r == 0) { /* or: deleted just now */
			*e = trouble;
			r = during(e, "%s", ids[i]);
		}
	}
	return r;
}

int container_pids(const struct settings *s, const char *id, struct arena *a, pid_t **out,
		   size_t *n, struct error *e)
{
	auto_free pid_t *pids = NULL;
	struct container c;
	enum status status;
	int r = state_open(s, id, LOCK_NOT, &c, e);

	*n = 0;
	*out = NULL;
	if (r < 0)
		return r;
	r = state_open_cgroup(s, &c, e);
	if (r == 0 && c.has_cgroup) {
		r = cgroup_pids(&c.cgroup, &pids, n, e);
	} else if (r == 0) {
		fail(e, 0,
		     "the container was made with cgroups disabled: nobody knows its processes");
		r = -EOPNOTSUPP;
	}
	/* None, while it lives: an ordinary user's, whom nobody has given a cgroup. */
	if (r == 0 && !*n && (r = state_status(s, &c, &status, e)) == 0 &&
	    status != STATUS_STOPPED && status != STATUS_CREATING) {
		fail(e, 0, "the container has no cgroup: nobody knows its processes");
		hint(e, "its first process is %d", c.record.state->pid.v);
		r = -EOPNOTSUPP;
	}
	if (r == 0 && *n && !(*out = arena_memdup(a, pids, *n * sizeof(*pids), _Alignof(pid_t))))
		r = fail(e, ENOMEM, "cannot hold %zu pids", *n);
	state_close(&c);
	return r;
}
