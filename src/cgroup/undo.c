/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo -- an update that cannot be finished leaves no trace.
 *
 * The present text of every file is kept before the first write. To put it back is not to write it
 * as it was read: some files have a line per device, and take one; some show more than they take.
 * What a file says afterwards is what counts, so a value that is there already is left alone, and
 * one that is refused is tried again after the others, as in write.c.
 */
#include "table.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

#include <stdio.h>

#define TEXT_LIMIT (64u << 10)

struct kept {
	size_t at; /* hierarchy */
	char *file;
	char *before; /* all that it said */
	char *text;   /* the write that makes it say so again */
	bool done;
};

/* Files with a line per key, and what stands for a key that had no line. */
static const struct {
	const char *file, *absent;
} by_key[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.latency", "target=max" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "default" },
	{ "blkio.bfq.weight_device", "default" },
	{ "blkio.weight_device", "0" },
	{ "blkio.leaf_weight_device", "0" },
	{ "blkio.throttle.read_bps_device", "0" },
	{ "blkio.throttle.write_bps_device", "0" },
	{ "blkio.throttle.read_iops_device", "0" },
	{ "blkio.throttle.write_iops_device", "0" },
	{ "net_prio.ifpriomap", "0" },
	{ "rdma.max", "hca_handle=max hca_object=max" },
	{ "misc.max", "max" },
	{ "dmem.max", "max" },
	{ "dmem.min", "0" },
	{ "dmem.low", "0" },
};

static const char *line_of(const char *text, const char *key, size_t n)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return line;
	return NULL;
}

/* "8:0 1000" is about device 8:0; "100" in a file of weights is about all the others. */
static char *text_by_key(const char *before, const char *written, const char *absent)
{
	size_t n = strcspn(written, " ");
	char *text;

	if (!written[n]) {
		written = "default";
		n = strlen(written);
	}
	const char *line = line_of(before, written, n);

	if (line)
		return strndup(line, strcspn(line, "\n"));
	return asprintf(&text, "%.*s %s", (int)n, written, absent) < 0 ? NULL : text;
}

static char *text_of(const char *file, const char *before, const char *written)
{
	const char *switched = after(before, "oom_kill_disable ");

	for (size_t i = 0; i < array_len(by_key); i++)
		if (streq(by_key[i].file, file))
			return text_by_key(before, written, by_key[i].absent);
	if (switched)
		before = switched;
	/* An empty list is a line, too: a write of nothing does not reach the kernel. */
	return *before && *before != '\n' ? strndup(before, strcspn(before, "\n")) : strdup("\n");
}

static int keep(struct cgroup *c, const struct cg_write *w, struct kept *k)
{
	const char *file = w->file;
	int dir = cgroup_dir(c, w->at);

	if (dir < 0)
		return 0; /* the write will say so */
	ssize_t n = file_read_all(dir, file, TEXT_LIMIT, &k->before);

	if (n == -ENOENT && w->other_file) {
		file = w->other_file;
		n = file_read_all(dir, file, TEXT_LIMIT, &k->before);
	}
	if (n < 0)
		return n == -ENOMEM ? -ENOMEM : 0;
	k->at = w->at;
	k->file = strdup(file);
	k->text = text_of(file, k->before,
			  file == w->file || !w->other_text ? w->text : w->other_text);
	return k->file && k->text ? 1 : -ENOMEM;
}

int cg_undo_keep(struct cgroup *c, const struct cg_writes *all, struct cg_undo *u)
{
	*u = (struct cg_undo){ .k = calloc(all->n + 1, sizeof(*u->k)) };
	if (!u->k)
		return -ENOMEM;
	for (size_t i = 0; i < all->n; i++) {
		/* Device rules have no such text: cgroup_update() knows those of before. */
		if (all->w[i].row->put == put_devices)
			continue;
		int r = keep(c, &all->w[i], &u->k[u->n]);

		u->n++; /* so that it is freed */
		if (r < 0)
			return r;
		u->k[u->n - 1].done = r == 0;
	}
	return 0;
}

static bool says_so(int dir, const struct kept *k)
{
	auto_free char *now = NULL;

	return file_read_all(dir, k->file, TEXT_LIMIT, &now) >= 0 && streq(now, k->before);
}

static bool put_back(struct cgroup *c, const struct kept *k)
{
	int dir = cgroup_dir(c, k->at);

	if (dir < 0)
		return false;
	if (says_so(dir, k))
		return true;
	(void)file_write(dir, k->file, k->text);
	return says_so(dir, k);
}

void cg_undo_do(struct cgroup *c, struct cg_undo *u)
{
	bool some;

	do {
		some = false;
		for (size_t i = u->n; i-- > 0;) {
			struct kept *k = &u->k[i];

			if (k->done)
				continue;
			k->done = put_back(c, k);
			some |= k->done;
		}
	} while (some);
	for (size_t i = 0; i < u->n; i++)
		if (!u->k[i].done)
			log_warning("update: cannot put '%s' back into %s%s/%s", u->k[i].text,
				    c->host->h[u->k[i].at].mount, c->path, u->k[i].file);
}

void cg_undo_free(struct cg_undo *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->k[i].file);
		free(u->k[i].before);
		free(u->k[i].text);
	}
	free(u->k);
	*u = (struct cg_undo){ 0 };
}
