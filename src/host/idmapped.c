/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "idmapped.h"

#include "base/number.h"
#include "base/util.h"
#include "host/idmap.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

struct ranges {
	struct oci_id_mapping *items;
	size_t n;
};

/* An id of the container as one of the host, by the container's mapping. */
static int to_host(const struct oci_id_mapping *maps, size_t n, uint32_t id, uint32_t size,
		   uint32_t *out)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].containerID &&
		    (uint64_t)id + size <= (uint64_t)maps[i].containerID + maps[i].size) {
			*out = maps[i].hostID + (id - maps[i].containerID);
			return 0;
		}
	return -ERANGE;
}

/* "[@]FROM-TO-LENGTH" of n bytes. */
static int parse_range(const char *text, size_t n, const struct oci_id_mapping *maps, size_t n_maps,
		       struct oci_id_mapping *out)
{
	uint32_t *const numbers[] = { &out->containerID, &out->hostID, &out->size };
	bool relative = n && *text == '@';

	text += relative;
	n -= relative;
	for (size_t i = 0; i < array_len(numbers); i++) {
		const char *dash = memchr(text, '-', n);
		size_t len = dash ? (size_t)(dash - text) : n;
		uint64_t value;

		if (number_u64_n(text, len, UINT32_MAX, &value) < 0 ||
		    (dash == NULL) != (i == array_len(numbers) - 1))
			return -EINVAL;
		*numbers[i] = (uint32_t)value;
		text += len + 1;
		n -= MIN(n, len + 1);
	}
	return relative ? to_host(maps, n_maps, out->hostID, out->size, &out->hostID) : 0;
}

/* "uids=RANGE#RANGE..." or "gids=...", up to the next ';'. */
static int parse_ranges(const char *text, size_t n, const struct oci_id_mapping *maps,
			size_t n_maps, struct arena *a, struct ranges *out)
{
	size_t most = 1;

	for (size_t i = 0; i < n; i++)
		most += text[i] == '#';
	out->n = 0;
	out->items = arena_new_array(a, struct oci_id_mapping, most);
	if (!out->items)
		return -ENOMEM;
	while (out->n < most) {
		const char *end = memchr(text, '#', n);
		size_t len = end ? (size_t)(end - text) : n;
		int r = parse_range(text, len, maps, n_maps, &out->items[out->n++]);

		if (r < 0)
			return r;
		text += len + 1;
		n -= MIN(n, len + 1);
	}
	return 0;
}

static int parse_text(const char *text, const struct oci_linux *l, struct arena *a,
		      struct ranges *uids, struct ranges *gids)
{
	while (*text) {
		size_t n = strcspn(text, ";");
		const char *ranges;
		int r;

		if ((ranges = after(text, "uids=")))
			r = parse_ranges(ranges, n - 5, l->uidMappings, l->n_uidMappings, a, uids);
		else if ((ranges = after(text, "gids=")))
			r = parse_ranges(ranges, n - 5, l->gidMappings, l->n_gidMappings, a, gids);
		else
			r = -EINVAL;
		if (r < 0)
			return r;
		text += n + (text[n] == ';');
	}
	return uids->n && gids->n ? 0 : -EINVAL;
}

/* Says that it is there by a byte, and stays until its end of the pipe closes. */
static void be_namespace(int ready, int stay)
{
	char byte = 0;

	if (unshare(CLONE_NEWUSER) < 0)
		_exit(errno);
	if (write(ready, &byte, 1) == 1 && read(stay, &byte, 1) == 0)
		_exit(0);
	_exit(1);
}

static int open_namespace(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return (int)nerrno(open(path, O_RDONLY | O_CLOEXEC));
}

static int make_namespace(const struct oci_linux *maps, struct error *e)
{
	int ready[2], stay[2], status = 0;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe");
	auto_close int ready_in = ready[0], ready_out = ready[1];

	if (pipe2(stay, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe");
	auto_close int stay_in = stay[0], stay_out = stay[1];
	pid_t pid = fork();

	if (pid < 0)
		return fail(e, errno, "fork");
	if (pid == 0) {
		close(stay_out);
		be_namespace(ready_out, stay_in);
	}
	fd_close(&ready_out);
	fd_close(&stay_in);

	bool there = read(ready_in, &byte, 1) == 1;
	auto_close int fd = -1;
	int r = there ? idmap_write(pid, maps, e) : 0;

	if (there && r == 0 && (fd = open_namespace(pid)) < 0)
		r = fail(e, fd, "cannot open the user namespace");
	fd_close(&stay_out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!there)
		return fail(e, WEXITSTATUS(status), "cannot make a user namespace");
	return r < 0 ? r : fd_take(&fd);
}

int idmapped_namespace(const struct oci_config *config, const struct plan_mount *mount,
		       struct arena *a, struct error *e)
{
	const struct oci_mount *own =
		mount->index < config->n_mounts ? &config->mounts[mount->index] : NULL;
	struct ranges uids = { 0 }, gids = { 0 };
	struct oci_linux maps = { .uidMappings = config->linux->uidMappings,
				  .n_uidMappings = config->linux->n_uidMappings,
				  .gidMappings = config->linux->gidMappings,
				  .n_gidMappings = config->linux->n_gidMappings };
	int r;

	if (mount->idmap_text) {
		r = parse_text(mount->idmap_text, config->linux, a, &uids, &gids);
		if (r < 0) {
			fail(e, 0, "mounts[%zu].options: 'idmap=%s': %s", mount->index,
			     mount->idmap_text,
			     r == -ERANGE ? "an id after '@' is not in the container's mappings"
					  : "is not a mapping");
			return hint(e,
				    "it looks like idmap=uids=0-1000-10#20-2000-5;gids=0-1000-10");
		}
		maps.uidMappings = uids.items;
		maps.n_uidMappings = uids.n;
		maps.gidMappings = gids.items;
		maps.n_gidMappings = gids.n;
	} else if (own && own->n_uidMappings) {
		maps.uidMappings = own->uidMappings;
		maps.n_uidMappings = own->n_uidMappings;
		maps.gidMappings = own->gidMappings;
		maps.n_gidMappings = own->n_gidMappings;
	}
	r = make_namespace(&maps, e);
	return r < 0 ? during(e, "mounts[%zu]: idmap", mount->index) : r;
}
