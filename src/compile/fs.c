/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs -- plan->fs: the root, what is mounted in it, and what of it is hidden.
 */
#include "parts.h"

#include "../base/sys.h"

/* ---- paths ----------------------------------------------------------------------------------- */

char *clean_path(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2, 1);
	size_t n = 0;

	if (!out)
		return NULL;
	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len != 1 || *path != '.') {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

char *path_from(struct arena *a, const char *base, const char *path)
{
	char *whole = *path == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", base, path);
	size_t n = 0;

	if (!whole)
		return NULL;
	for (const char *from = whole; *(from += strspn(from, "/"));) {
		size_t len = strcspn(from, "/");

		if (len != 1 || *from != '.') {
			whole[n++] = '/';
			memmove(whole + n, from, len);
			n += len;
		}
		from += len;
	}
	if (n == 0)
		whole[n++] = '/';
	whole[n] = '\0';
	return whole;
}

bool path_below(const char *path, const char *directory)
{
	const char *rest = after(path, directory);

	return rest && *rest == '/' && rest[1];
}

/* ---- root ------------------------------------------------------------------------------------ */

static int rootfs_propagation(const struct oci_linux *l, struct plan_fs *fs, struct error *e)
{
	/* clang-format off */
	static const struct {
		const char *name;
		uint32_t flags;
	} modes[] = {
		{ "private",     MS_PRIVATE },
		{ "rprivate",    MS_PRIVATE | MS_REC },
		{ "shared",      MS_SHARED },
		{ "rshared",     MS_SHARED | MS_REC },
		{ "slave",       MS_SLAVE },
		{ "rslave",      MS_SLAVE | MS_REC },
		{ "unbindable",  MS_UNBINDABLE },
		{ "runbindable", MS_UNBINDABLE | MS_REC },
	};
	/* clang-format on */

	if (!l->rootfsPropagation || !*l->rootfsPropagation)
		return 0;
	for (size_t i = 0; i < array_len(modes); i++) {
		if (!streq(l->rootfsPropagation, modes[i].name))
			continue;
		fs->propagation = modes[i].flags;
		return 0;
	}
	fail(e, 0, "linux.rootfsPropagation: unknown mode '%s'", l->rootfsPropagation);
	return hint(e, "the modes are shared, slave, private and unbindable, and each with an r in "
		       "front for all mounts below");
}

/* ---- masked and read-only paths -------------------------------------------------------------- */

static bool listed(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i], path))
			return true;
	return false;
}

/* Each once: a hundred entries for one directory must not become a hundred mounts over it. */
static int hidden_paths(struct arena *a, const char *const *paths, size_t n, const char *field,
			const char *const **out, size_t *n_out, struct error *e)
{
	const char **list = n ? arena_new_array(a, const char *, n) : NULL;
	size_t k = 0;

	if (n && !list)
		return no_room(e);
	for (size_t i = 0; i < n; i++) {
		char *path;

		if (*paths[i] != '/')
			return fail(e, 0, "linux.%s[%zu]: '%s' is not an absolute path", field, i,
				    paths[i]);
		path = clean_path(a, paths[i]);
		if (!path)
			return no_room(e);
		if (streq(path, "/")) {
			fail(e, 0, "linux.%s[%zu]: '%s' is the whole root file system", field, i,
			     paths[i]);
			return hint(e, "root.readonly makes that read-only");
		}
		if (!listed(list, k, path))
			list[k++] = path;
	}
	*out = list;
	*n_out = k;
	return 0;
}

/* ---- a container in the host's own mount namespace ------------------------------------------- */

/*
 * Mounts would be made on the host and stay there, and the program would see the host's root:
 * both only after somebody has said so.
 */
static int no_mount_namespace(const struct oci_config *c, const struct oci_linux *l,
			      struct error *e)
{
	const struct {
		const char *field;
		bool given;
	} all[] = {
		{ "mounts", c->n_mounts > 0 },
		{ "linux.maskedPaths", l->n_maskedPaths > 0 },
		{ "linux.readonlyPaths", l->n_readonlyPaths > 0 },
		{ "linux.devices", l->n_devices > 0 },
		{ "linux.rootfsPropagation", l->rootfsPropagation && *l->rootfsPropagation },
		{ "root.readonly", c->root->readonly.v },
		{ "annotations[\"" OVERLAY_UPPER "\"]",
		  oci_map_get(c->annotations, OVERLAY_UPPER) != NULL },
		{ "annotations[\"" OVERLAY_LOWER "\"]",
		  oci_map_get(c->annotations, OVERLAY_LOWER) != NULL },
	};

	for (size_t i = 0; i < array_len(all); i++) {
		if (!all[i].given)
			continue;
		fail(e, 0,
		     "%s: is given, but there is no mount namespace: the host would be changed",
		     all[i].field);
		return hint(e, "add {\"type\": \"mount\"} to linux.namespaces");
	}
	if (streq(c->root->path, "/"))
		return 0;
	fail(e, 0, "root.path: without a mount namespace the root stays the host's, not '%s'",
	     c->root->path);
	return hint(e, "add {\"type\": \"mount\"} to linux.namespaces, or mean it and say '/'");
}

int compile_fs(struct arena *a, const struct compile_input *in, struct plan *p, struct error *e)
{
	const struct oci_config *c = in->config;
	const struct oci_linux *l = linux_part(c);

	if (!c->root)
		return fail(e, 0, "root: is required");
	if (!c->root->path || !*c->root->path)
		return fail(e, 0, "root.path: is %s", c->root->path ? "empty" : "required");
	if (!((namespaces_new(p) | namespaces_joined(p)) & CLONE_NEWNS))
		return no_mount_namespace(c, l, e);

	struct plan_fs *fs = arena_new(a, struct plan_fs);

	if (!fs)
		return no_room(e);
	*fs = (struct plan_fs){
		.rootfs = path_from(a, in->bundle, c->root->path),
		.rootfs_fd = -1,
		.tree_fd = -1,
		.readonly = c->root->readonly.v,
		.no_pivot = in->no_pivot,
	};
	if (!fs->rootfs)
		return no_room(e);
	int r = rootfs_propagation(l, fs, e);

	if (r == 0)
		r = compile_overlay(a, in, fs, e);
	if (r == 0)
		r = compile_mounts(a, in, p, fs, e);
	if (r == 0)
		r = compile_devices(a, in, p, fs, e);
	if (r == 0)
		r = hidden_paths(a, l->maskedPaths, l->n_maskedPaths, "maskedPaths", &fs->masked,
				 &fs->n_masked, e);
	if (r == 0)
		r = hidden_paths(a, l->readonlyPaths, l->n_readonlyPaths, "readonlyPaths",
				 &fs->readonly_paths, &fs->n_readonly_paths, e);
	p->fs = fs;
	return r;
}
