/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "own_ids.h"

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"
#include "state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* subuid(5): `LOGIN:START:COUNT`, where LOGIN may be the uid. Anything else is not for us. */
static bool read_range(const char *line, size_t len, const char *name, struct oci_id_mapping *out)
{
	char uid[sizeof("4294967295")];
	size_t login = strcspn(line, ":\n");
	uint64_t start, count;

	snprintf(uid, sizeof(uid), "%u", geteuid());
	if (login >= len || (!(name && strlen(name) == login && strncmp(line, name, login) == 0) &&
			     !(strlen(uid) == login && strncmp(line, uid, login) == 0)))
		return false;
	const char *from = line + login + 1;
	size_t n = strcspn(from, ":\n");

	if (from[n] != ':' || number_u64_n(from, n, UINT32_MAX - 1, &start) < 0 ||
	    number_u64_n(from + n + 1, strcspn(from + n + 1, "\n"), UINT32_MAX - start, &count) <
		    0 ||
	    count == 0)
		return false;
	*out = (struct oci_id_mapping){ .hostID = (uint32_t)start, .size = (uint32_t)count };
	return true;
}

/* Id 0 is the user, the ranges of `file` follow. */
static int read_file(struct arena *a, const char *file, uint32_t own, struct oci_id_mapping **out,
		     size_t *n_out, struct error *e)
{
	enum { MOST = 340 }; /* user_namespaces(7) */
	struct oci_id_mapping *all = arena_new_array(a, struct oci_id_mapping, MOST);
	auto_free char *text = NULL;
	const char *name = owner_name(a);
	uint32_t next = 1;
	size_t n = 1;

	if (!all)
		return fail(e, ENOMEM, "the id mappings do not fit into memory");
	all[0] = (struct oci_id_mapping){ .hostID = own, .size = 1 };
	if (file_read_all(AT_FDCWD, file, 4 << 20, &text) > 0)
		for (const char *line = text; *line && n < MOST; line += *line == '\n') {
			size_t len = strcspn(line, "\n");

			if (read_range(line, len, name, &all[n]) &&
			    all[n].size <= UINT32_MAX - next) {
				all[n].containerID = next;
				next += all[n++].size;
			}
			line += len;
		}
	if (n == 1)
		log_debug("%s has nothing for this user: only its own id is mapped", file);
	*out = all;
	*n_out = n;
	return 0;
}

static int add_namespace(struct oci_linux *l, struct arena *a, struct error *e)
{
	struct oci_namespace *all = arena_new_array(a, struct oci_namespace, l->n_namespaces + 1);

	if (!all)
		return fail(e, ENOMEM, "linux.namespaces: does not fit into memory");
	if (l->n_namespaces)
		memcpy(all, l->namespaces, l->n_namespaces * sizeof(*all));
	all[l->n_namespaces++] = (struct oci_namespace){ .type = "user" };
	l->namespaces = all;
	log_debug("linux.namespaces: a user namespace is added, this is an ordinary user");
	return 0;
}

int own_ids_add(struct oci_config *config, struct arena *a, struct error *e)
{
	struct oci_linux *l = config->linux;
	int r = 0;

	if (geteuid() == 0)
		return 0;
	if (!l && !(l = config->linux = arena_new(a, struct oci_linux)))
		return fail(e, ENOMEM, "linux: does not fit into memory");
	const struct oci_namespace *user = oci_namespace_get(l, "user");

	if (user && user->path && *user->path)
		return 0; /* its maps are there already */
	if (l->n_uidMappings || l->n_gidMappings)
		return 0;
	if (!user)
		r = add_namespace(l, a, e);
	if (r == 0)
		r = read_file(a, "/etc/subuid", geteuid(), &l->uidMappings, &l->n_uidMappings, e);
	if (r == 0)
		r = read_file(a, "/etc/subgid", getegid(), &l->gidMappings, &l->n_gidMappings, e);
	return r < 0 ? r : 1;
}

bool own_ids_groups_denied(void)
{
	char text[8];

	return file_read(AT_FDCWD, "/proc/self/setgroups", text, sizeof(text)) > 0 &&
	       strncmp(text, "deny", 4) == 0;
}
