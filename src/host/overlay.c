/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay.h"

#include "base/util.h"
#include "compile/compile.h"

#include <fcntl.h>
#include <sys/stat.h>

static int look_at_layers(const struct plan_overlay *o, struct stat *top, struct error *e)
{
	for (size_t i = 0; i < o->n_lower; i++) {
		auto_close int fd = open(o->lower[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || (i == 0 && fstat(fd, top) < 0))
			return fail(e, errno,
				    "annotations[\"" OVERLAY_LOWER "\"]: cannot open '%s'",
				    o->lower[i]);
	}
	return 0;
}

/* Who is root of the user namespace that is made; else nobody else than before. */
static uint32_t root_of(const struct oci_id_mapping *m, size_t n, uint32_t before)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].containerID == 0)
			return m[i].hostID;
	return before;
}

/* The container's root works in both; and the root directory inside looks like the upper one. */
static int make(const char *path, const struct stat *like, struct error *e)
{
	auto_close int fd = -1;

	if (mkdir(path, 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		fail(e, errno, "annotations[\"" OVERLAY_UPPER "\"]: cannot make '%s'", path);
		return hint_if(e, ENOENT, "the directory that it is in has to be there");
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, like->st_uid, like->st_gid) < 0 ||
	    fchmod(fd, like->st_mode & 07777) < 0)
		return fail(e, errno,
			    "annotations[\"" OVERLAY_UPPER "\"]: cannot give '%s' an owner", path);
	return 0;
}

int overlay_prepare(const struct plan *p, const struct oci_linux *l, struct error *e)
{
	const struct plan_overlay *o = p->fs ? p->fs->overlay : NULL;
	struct stat like;

	if (!o)
		return 0;
	int r = look_at_layers(o, &like, e);

	if (r < 0 || !o->upper)
		return r;
	if (p->new_userns) {
		like.st_uid = root_of(l->uidMappings, l->n_uidMappings, like.st_uid);
		like.st_gid = root_of(l->gidMappings, l->n_gidMappings, like.st_gid);
	}
	r = make(o->upper, &like, e);
	return r < 0 ? r : make(o->work, &like, e);
}
