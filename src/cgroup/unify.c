/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unify -- cgroup v2: controllers, enabled from the top down to the container's parent.
 *
 * A directory has the files of a controller when its parent's cgroup.subtree_control names it.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/util.h"

#include <stdio.h>

#define LIST 512 /* all controllers there are take some 60 bytes */

static int enable(int dir, const char *names)
{
	return file_write(dir, "cgroup.subtree_control", names);
}

/* "+NAME " for each word of `want` that `have` is without. */
static void missing(const char *want, const char *have, char out[2 * LIST])
{
	char copy[2 * LIST];
	char *word, *rest = copy;

	out[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", want);
	while ((word = strsep(&rest, " \n")))
		if (*word && !cgroup_has_word(have, word, ' ') &&
		    !cgroup_has_word(out + 1, word, '+'))
			snprintf(out + strlen(out), 2 * LIST - strlen(out), "+%s ", word);
}

/* A parent that is threaded takes only threaded children, and they have fewer controllers. */
static void join_threaded(struct cgroup *c)
{
	int dir = cgroup_dir(c, (size_t)c->host->v2);
	char type[32];

	if (dir >= 0 && file_read(dir, "cgroup.type", type, sizeof(type)) > 0 &&
	    streq(type, "domain invalid\n"))
		(void)file_write(dir, "cgroup.type", "threaded");
}

static int refused(struct cgroup *c, const char *path, const char *word, int err, struct error *e)
{
	const char *mount = c->host->h[c->host->v2].mount;

	path = streq(path, ".") ? "" : path;
	fail(e, err, "cannot enable the cgroup controller '%s' in %s/%s", word, mount, path);
	switch (-err) {
	case EBUSY:
		return hint(e, "processes are in that cgroup itself, and cgroup v2 wants them in a "
			       "cgroup below: move them, or use another linux.cgroupsPath");
	case ENOENT:
		return hint(e,
			    "the cgroup above does not give it: have it delegated "
			    "(systemd: Delegate=%s), or do without the resource",
			    word);
	case EINVAL:
		return hint(e, "with the controller 'cpu' it means that there are real-time "
			       "processes below");
	case EOPNOTSUPP:
		return hint(e, "the cgroup is threaded, and this controller works on whole "
			       "processes");
	case EACCES:
	case EPERM:
		return hint(e, "be root, or start where cgroups are delegated: "
			       "systemd-run --user --scope -p Delegate=yes ...");
	default:
		return -e->code;
	}
}

/* One level. `want` are wished for, `required` must be; `have` is left as what is enabled. */
static int enable_at(struct cgroup *c, int dir, const char *path, const char *want,
		     const char *required, char have[LIST], struct error *e)
{
	char all[2 * LIST];
	int r = (int)file_read(dir, "cgroup.subtree_control", have, LIST);

	if (r < 0)
		return fail(e, r, "cannot read cgroup.subtree_control of %s/%s",
			    c->host->h[c->host->v2].mount, path);
	have[strcspn(have, "\n")] = '\0';
	missing(want, have, all);
	if (!*all)
		return 0;
	if (enable(dir, all) == 0) {
		snprintf(have, LIST, "%.*s", LIST - 1, want);
		return 0;
	}
	/* One refuses, and takes the others with it: one by one, then. */
	for (char *word, *rest = all; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		r = enable(dir, word);
		if (r == -EOPNOTSUPP)
			join_threaded(c);
		if (r == 0) {
			size_t n = strlen(have);

			snprintf(have + n, LIST - n, "%s%s", n ? " " : "", word + 1);
		} else if (cgroup_has_word(required, word + 1, ' ')) {
			return refused(c, path, word + 1, r, e);
		}
	}
	return 0;
}

/* Above the unit systemd has enabled what it knows, and only the rest is ours to ask for. */
static void leave_to_systemd(const char *required, char out[LIST])
{
	char copy[LIST];
	char *word, *rest = copy;

	out[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", required);
	while ((word = strsep(&rest, " ")))
		if (*word && !systemd_controls(word))
			snprintf(out + strlen(out), LIST - strlen(out), "%s ", word);
}

int cgroup_enable_controllers(struct cgroup *c, const char *required, struct error *e)
{
	bool pure = c->host->mode == CGROUP_V2;
	char want[LIST], have[LIST];

	if (!pure && !*required)
		return 0;
	(void)cgroup_find(c->host, "memory"); /* reads host->controllers */
	snprintf(want, sizeof(want), "%s",
		 pure && c->host->controllers ? c->host->controllers : "");

	int mount = cgroup_top(c, (size_t)c->host->v2);

	if (mount < 0)
		return fail(e, mount, "cannot open %s", c->host->h[c->host->v2].mount);
	for (uint16_t k = 0; k < c->depth; k++) {
		auto_free char *path = cgroup_components(c, k);
		auto_close int dir = path ? cgroup_open_below(mount, path, O_PATH | O_DIRECTORY)
					  : -ENOMEM;
		char both[2 * LIST], others[LIST];
		bool above = k < c->scope;

		if (dir < 0)
			return fail(e, dir, "cannot open the cgroup %s", path);
		leave_to_systemd(required, others);
		snprintf(both, sizeof(both), "%s %s", above ? "" : want, above ? others : required);
		int r = enable_at(c, dir, path, both, above ? others : required, have, e);

		if (r < 0)
			return r;
		memcpy(want, have, sizeof(want));
	}
	return 0;
}
