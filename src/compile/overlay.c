/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay -- the two annotations that put layers over the root, to a plan.
 *
 * Paths are the host's; one that is not absolute is below the bundle, as root.path is. Options of the
 * command line are annotations by now: see host/make_bundle.c.
 */
#include "parts.h"

/* The next of "a:b:c", where a backslash takes the meaning from the character behind it, as in
 * overlayfs's own lowerdir=. NULL: no memory. */
static char *next_layer(struct arena *a, const char **at)
{
	const char *from = *at;
	char *out = arena_alloc(a, strlen(from) + 1, 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (; *from && *from != ':'; from++) {
		if (from[0] == '\\' && from[1])
			from++;
		out[n++] = *from;
	}
	out[n] = '\0';
	*at = *from ? from + 1 : NULL;
	return out;
}

static int lower_layers(struct arena *a, const struct compile_input *in, const char *text,
			const char *rootfs, struct plan_overlay *o, struct error *e)
{
	const char **list = arena_new_array(a, const char *, PLAN_LAYERS_MAX);

	if (!list)
		return no_room(e);
	while (text) {
		char *path = next_layer(a, &text);

		if (!path)
			return no_room(e);
		if (!*path)
			return fail(e, 0,
				    "annotations[\"" OVERLAY_LOWER "\"]: there is an empty path");
		if (o->n_lower == PLAN_LAYERS_MAX - 1)
			return fail(e, 0,
				    "annotations[\"" OVERLAY_LOWER "\"]: %d layers are the most",
				    PLAN_LAYERS_MAX - 1);
		list[o->n_lower++] = path_from(a, in->bundle, path);
	}
	list[o->n_lower++] = rootfs;
	o->lower = list;
	return 0;
}

int compile_overlay(struct arena *a, const struct compile_input *in, struct plan_fs *fs,
		    struct error *e)
{
	const char *upper = oci_map_get(in->config->annotations, OVERLAY_UPPER);
	const char *lower = oci_map_get(in->config->annotations, OVERLAY_LOWER);
	struct plan_overlay *o;

	if (!upper && !lower)
		return 0;
	o = arena_new(a, struct plan_overlay);
	if (!o)
		return no_room(e);
	if (upper && !*upper) {
		fail(e, 0, "annotations[\"" OVERLAY_UPPER "\"]: is empty");
		return hint(e, "\"tmpfs\", or the directory that keeps what is changed");
	}
	if (upper && !streq(upper, "tmpfs")) {
		o->upper = arena_printf(a, "%s/upper", path_from(a, in->bundle, upper));
		o->work = arena_printf(a, "%s/work", path_from(a, in->bundle, upper));
	}
	const char *label = linux_part(in->config)->mountLabel;

	o->label = label && *label ? label : NULL;
	fs->overlay = o;
	return lower_layers(a, in, lower, fs->rootfs, o, e);
}
