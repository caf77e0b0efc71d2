/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devices -- linux.devices[], the nodes and links that every container has, /dev/ptmx.
 */
#include "parts.h"

#include "../base/sys.h"

#include <sys/stat.h>

/* "Default Devices" of the specification, but for console and ptmx, which are made otherwise. */
/* clang-format off */
static const struct {
	const char *path;
	unsigned int major, minor;
} defaults[] = {
	{ "/dev/null",    1, 3 },
	{ "/dev/zero",    1, 5 },
	{ "/dev/full",    1, 7 },
	{ "/dev/random",  1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty",     5, 0 },
};

static const struct {
	const char *path, *target;
	bool optional;
} default_links[] = {
	{ "/dev/fd",     "/proc/self/fd",   false },
	{ "/dev/stdin",  "/proc/self/fd/0", false },
	{ "/dev/stdout", "/proc/self/fd/1", false },
	{ "/dev/stderr", "/proc/self/fd/2", false },
	{ "/dev/core",   "/proc/kcore",     true },
};
/* clang-format on */

/* The last mount at exactly this path, or NULL. */
static const struct plan_mount *mounted_at(const struct plan_fs *fs, const char *path)
{
	for (size_t i = fs->n_mounts; i-- > 0;)
		if (fs->mounts[i].kind != PLAN_MOUNT_REMOUNT &&
		    streq(fs->mounts[i].destination, path))
			return &fs->mounts[i];
	return NULL;
}

static struct plan_device *find(struct plan_device *devices, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (streq(devices[i].path, path))
			return &devices[i];
	return NULL;
}

/* ---- linux.devices[] ------------------------------------------------------------------------- */

static int device_type(const struct oci_device *d, mode_t *out, struct error *e)
{
	if (!d->type || !*d->type)
		return fail(e, 0, "type: is required");
	*out = streq(d->type, "c") || streq(d->type, "u") ? S_IFCHR
	       : streq(d->type, "b")                      ? S_IFBLK
	       : streq(d->type, "p")                      ? S_IFIFO
							  : 0;
	if (*out)
		return 0;
	fail(e, 0, "type: unknown type '%s'", d->type);
	return hint(e, "the types are c and u (character), b (block), p (FIFO)");
}

static int device_number(const struct opt_i64 *given, const char *name, const char *type,
			 int64_t max, unsigned int *out, struct error *e)
{
	if (!given->set)
		return fail(e, 0, "%s: is required for type '%s'", name, type);
	if (given->v < 0 || given->v > max)
		return fail(e, 0, "%s: %lld is not between 0 and %lld", name, (long long)given->v,
			    (long long)max);
	*out = (unsigned int)given->v;
	return 0;
}

static int device_mode(const struct oci_device *d, mode_t type, mode_t *out, struct error *e)
{
	mode_t mode = 0666;

	if (d->fileMode.set) {
		mode = d->fileMode.v;
		if ((mode & S_IFMT) == type)
			mode &= ~(mode_t)S_IFMT; /* taken over from st_mode */
	}
	if (mode & ~(mode_t)0777) {
		fail(e, 0, "fileMode: %u (octal %o) has more than permissions", d->fileMode.v,
		     d->fileMode.v);
		/* The usual mistake: 666 for 0666. */
		return hint(e, "JSON has decimal numbers only: 0666 is 438, 0600 is 384");
	}
	*out = type | mode;
	return 0;
}

static int device(struct arena *a, const struct oci_device *d, int index, bool bind,
		  struct plan_device *out, struct error *e)
{
	mode_t type;

	if (!d->path || !*d->path)
		return fail(e, 0, "path: is required");
	if (*d->path != '/')
		return fail(e, 0, "path: '%s' is not an absolute path", d->path);
	*out = (struct plan_device){
		.path = clean_path(a, d->path), .uid = d->uid.v, .gid = d->gid.v, .index = index
	};
	if (!out->path)
		return no_room(e);
	if (streq(out->path, "/") || streq(out->path, "/dev"))
		return fail(e, 0, "path: '%s' is a directory", d->path);
	int r = device_type(d, &type, e);

	/* To chown(2) that is "leave it as it is". */
	if (r == 0 && (d->uid.v == UINT32_MAX || d->gid.v == UINT32_MAX))
		return fail(e, 0, "%s: %u is not an id", d->uid.v == UINT32_MAX ? "uid" : "gid",
			    UINT32_MAX);
	if (r == 0)
		r = device_mode(d, type, &out->mode, e);
	if (r == 0 && type != S_IFIFO) {
		/* As many bits as the kernel's dev_t has. */
		r = device_number(&d->major, "major", d->type, 0xfff, &out->major, e);
		if (r == 0)
			r = device_number(&d->minor, "minor", d->type, 0xfffff, &out->minor, e);
	}
	/* Anybody may make a FIFO. */
	out->bind = bind && type != S_IFIFO;
	return r;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int default_devices(struct arena *a, const struct plan_fs *fs, bool bind,
			   struct plan_device *devices, size_t *n, struct error *e)
{
	for (size_t i = 0; i < array_len(defaults); i++) {
		if (mounted_at(fs, defaults[i].path))
			continue;
		const char *path = arena_strdup(a, defaults[i].path);

		if (!path)
			return no_room(e);
		devices[(*n)++] = (struct plan_device){ .path = path,
							.mode = S_IFCHR | 0666,
							.major = defaults[i].major,
							.minor = defaults[i].minor,
							.index = -1,
							.bind = bind };
	}
	return 0;
}

static int links(struct arena *a, struct plan_fs *fs, struct error *e)
{
	struct plan_link *all = arena_new_array(a, struct plan_link, array_len(default_links));

	if (!all)
		return no_room(e);
	for (size_t i = 0; i < array_len(default_links); i++) {
		struct plan_link *link = &all[fs->n_links];

		*link = (struct plan_link){ .target = arena_strdup(a, default_links[i].target),
					    .path = arena_strdup(a, default_links[i].path),
					    .optional = default_links[i].optional };
		if (!link->target || !link->path)
			return no_room(e);
		if (!mounted_at(fs, link->path))
			fs->n_links++;
	}
	fs->links = all;
	return 0;
}

int compile_devices(struct arena *a, const struct compile_input *in, const struct plan *p,
		    struct plan_fs *fs, struct error *e)
{
	const struct oci_linux *l = linux_part(in->config);
	const struct plan_mount *dev = mounted_at(fs, "/dev");
	/* Somebody's own /dev, most often the host's: nothing is made in it. */
	bool foreign = dev && dev->kind == PLAN_MOUNT_BIND;
	bool bind = p->userns || !in->privileged; /* mknod(2) is for the host's root only */
	struct plan_device *devices =
		arena_new_array(a, struct plan_device, array_len(defaults) + l->n_devices);
	size_t n = 0;
	int r = 0;

	if (!devices)
		return no_room(e);
	if (!foreign) {
		r = default_devices(a, fs, bind, devices, &n, e);
		if (r == 0)
			r = links(a, fs, e);
	}
	for (size_t i = 0; r == 0 && i < l->n_devices; i++) {
		struct plan_device one, *same;

		if (device(a, &l->devices[i], (int)i, bind, &one, e) < 0)
			return within(e, "linux.devices[%zu]", i);
		if (foreign && path_below(one.path, "/dev"))
			continue;
		same = find(devices, n, one.path);
		if (same)
			*same = one; /* the last one wins, over a default too */
		else
			devices[n++] = one;
	}
	fs->devices = devices;
	fs->n_devices = n;
	fs->ptmx = !foreign && !mounted_at(fs, "/dev/ptmx") && !find(devices, n, "/dev/ptmx");
	return r;
}
