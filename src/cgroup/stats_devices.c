/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats_devices -- what is counted for each device, or kind of thing: disks, huge pages, rdma, misc.
 */
#include "stats_read.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- block devices --------------------------------------------------------------------------- */

/* "8:0"; the rest of the line is left in *line. */
static bool device_of(char **line, struct stats_io *out)
{
	const char *word = strsep(line, " ");
	size_t colon = word ? strcspn(word, ":") : 0;
	uint64_t major, minor;

	if (!word || !word[colon] || number_u64_n(word, colon, UINT32_MAX, &major) < 0 ||
	    number_u64(word + colon + 1, UINT32_MAX, &minor) < 0)
		return false;
	out->major = (uint32_t)major;
	out->minor = (uint32_t)minor;
	return true;
}

static void io_add(struct arena *a, struct stats_io_list *l, const struct stats_io *io)
{
	if ((l->n & (l->n + 1)) == 0) { /* room grows at 0, 1, 3, 7, ... */
		struct stats_io *more = arena_new_array(a, struct stats_io, 2 * l->n + 1);

		if (!more)
			return;
		if (l->n)
			memcpy(more, l->items, l->n * sizeof(*more));
		l->items = more;
	}
	l->items[l->n++] = *io;
}

/* "8:0 Read 4096", or "8:0 4096". False: there is no such file, or nothing in it. */
static bool io_file_v1(const struct stats_source *p, const char *file, struct stats_io_list *out)
{
	char *line, *rest = stats_text(p, file);
	struct stats_io io;

	while ((line = strsep(&rest, "\n"))) {
		if (!device_of(&line, &io) || !line) /* the last line is the total of all devices */
			continue;
		char *space = strchr(line, ' ');

		io.op = space ? line : NULL;
		if (space)
			*space++ = '\0';
		if (number_u64(space ? space : line, UINT64_MAX, &io.value) == 0)
			io_add(p->a, out, &io);
	}
	return out->n > 0;
}

/* The I/O scheduler counts more than the throttling layer does, for the disks that it serves; the
 * first file that has something says it. */
static void io_v1(const struct stats_source *p, struct cgroup_stats *out)
{
	static const char *const files[][3] = {
		[STATS_IO_BYTES] = { "blkio.bfq.io_service_bytes_recursive",
				     "blkio.throttle.io_service_bytes_recursive",
				     "blkio.throttle.io_service_bytes" },
		[STATS_IO_OPERATIONS] = { "blkio.bfq.io_serviced_recursive",
					  "blkio.throttle.io_serviced_recursive",
					  "blkio.throttle.io_serviced" },
		[STATS_IO_QUEUED] = { "blkio.bfq.io_queued_recursive" },
		[STATS_IO_SERVICE_TIME] = { "blkio.bfq.io_service_time_recursive" },
		[STATS_IO_WAIT_TIME] = { "blkio.bfq.io_wait_time_recursive" },
		[STATS_IO_MERGED] = { "blkio.bfq.io_merged_recursive" },
		[STATS_IO_TIME] = { "blkio.bfq.time_recursive" },
		[STATS_IO_SECTORS] = { "blkio.bfq.sectors_recursive" },
	};

	for (size_t kind = 0; kind < array_len(files); kind++)
		for (size_t i = 0; i < 3 && files[kind][i]; i++)
			if (io_file_v1(p, files[kind][i], &out->io[kind]))
				break;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7" */
static void io_v2(const struct stats_source *p, struct cgroup_stats *out)
{
	static const struct {
		const char *key;
		enum stats_io_kind kind;
		const char *op;
	} keys[] = {
		{ "rbytes=", STATS_IO_BYTES, "Read" },
		{ "wbytes=", STATS_IO_BYTES, "Write" },
		{ "dbytes=", STATS_IO_BYTES, "Discard" },
		{ "rios=", STATS_IO_OPERATIONS, "Read" },
		{ "wios=", STATS_IO_OPERATIONS, "Write" },
		{ "dios=", STATS_IO_OPERATIONS, "Discard" },
		{ "cost.usage=", STATS_IO_COST_USAGE, NULL },
		{ "cost.wait=", STATS_IO_COST_WAIT, NULL },
		{ "cost.indebt=", STATS_IO_COST_INDEBT, NULL },
		{ "cost.indelay=", STATS_IO_COST_INDELAY, NULL },
	};
	char *line, *rest = stats_text(p, "io.stat");
	struct stats_io io;

	while ((line = strsep(&rest, "\n"))) {
		if (!device_of(&line, &io))
			continue;
		for (char *word; (word = strsep(&line, " "));)
			for (size_t i = 0; i < array_len(keys); i++) {
				const char *text = after(word, keys[i].key);

				io.op = keys[i].op;
				if (text && number_u64(text, UINT64_MAX, &io.value) == 0)
					io_add(p->a, &out->io[keys[i].kind], &io);
			}
	}
}

void stats_disks(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct stats_source p = stats_controller(c, a, "blkio");

	if (p.dir >= 0)
		(p.v2 ? io_v2 : io_v1)(&p, out);
	stats_pressure_of(c, a, "io.pressure", &out->io_pressure);
}

/* ---- huge pages ------------------------------------------------------------------------------ */

/* "hugepages-2048kB" is "2MB" in the names of cgroup files. */
static const char *page_size(struct arena *a, const char *name)
{
	static const char *const units[] = { "KB", "MB", "GB" };
	const char *text = after(name, "hugepages-");
	size_t digits = text ? strspn(text, "0123456789") : 0, u = 0;
	uint64_t n;

	if (digits == 0 || !streq(text + digits, "kB") ||
	    number_u64_n(text, digits, UINT64_MAX, &n) < 0 || n == 0)
		return NULL;
	for (; n % 1024 == 0 && u < 2; u++)
		n /= 1024;
	return arena_printf(a, "%" PRIu64 "%s", n, units[u]);
}

static struct stats_entry hugetlb_entry(const struct stats_source *p, const char *size,
					const char *kind)
{
	char prefix[64], file[96];
	struct stats_entry r = { 0 };

	snprintf(prefix, sizeof(prefix), "hugetlb.%s%s", size, kind);
	if (!p->v2)
		return stats_counter_v1(p, prefix);
	snprintf(file, sizeof(file), "%s.current", prefix);
	r.usage = stats_number(p, file);
	snprintf(file, sizeof(file), "%s.max", prefix);
	r.limit = stats_number(p, file);
	snprintf(file, sizeof(file), "hugetlb.%s.events", size); /* there is one for both */
	r.failures = stats_keyed(stats_text(p, file), "max");
	return r;
}

void stats_hugetlb_of(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct stats_source p = stats_controller(c, a, "hugetlb");
	DIR *d = p.dir < 0 ? NULL : opendir("/sys/kernel/mm/hugepages");
	struct stats_hugetlb list[16]; /* 64KB, 2MB, 32MB, 1GB, ... : no machine has more than 9 */
	struct dirent *entry;
	int r;

	if (!d)
		return;
	while ((r = dir_next(d, &entry)) > 0 && out->n_hugetlb < array_len(list)) {
		struct stats_hugetlb *h = &list[out->n_hugetlb];

		h->size = page_size(a, entry->d_name);
		if (!h->size)
			continue;
		h->faulted = hugetlb_entry(&p, h->size, "");
		h->reserved = hugetlb_entry(&p, h->size, ".rsvd");
		if (h->faulted.usage.set)
			out->n_hugetlb++;
	}
	closedir(d);
	if (r < 0)
		out->n_hugetlb = 0; /* half of them would look like all */
	out->hugetlb = arena_memdup(a, list, out->n_hugetlb * sizeof(*list),
				    _Alignof(struct stats_hugetlb));
}

/* ---- rdma, misc ------------------------------------------------------------------------------ */

static struct stats_scalar *scalar(struct arena *a, struct stats_scalars *s, const char *device,
				   const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->items[i].name, name) && (!device || streq(s->items[i].device, device)))
			return &s->items[i];
	if ((s->n & (s->n + 1)) == 0) {
		struct stats_scalar *more = arena_new_array(a, struct stats_scalar, 2 * s->n + 1);

		if (!more)
			return NULL;
		if (s->n)
			memcpy(more, s->items, s->n * sizeof(*more));
		s->items = more;
	}
	s->items[s->n] = (struct stats_scalar){ .device = device, .name = name };
	return &s->items[s->n++];
}

/* "mlx5_0 hca_handle=2 hca_object=max" (rdma) or "sev 3" (misc); `member` is what the file tells. */
static void scalars(const struct stats_source *p, const char *file, bool devices, size_t member,
		    struct stats_scalars *out)
{
	char *line, *rest = stats_text(p, file);

	while ((line = strsep(&rest, "\n"))) {
		const char *device = devices ? strsep(&line, " ") : NULL;

		for (char *word; line && (word = strsep(&line, " "));) {
			char *equals = devices ? strchr(word, '=') : NULL;
			const char *text = devices ? (equals ? equals + 1 : NULL)
						   : strsep(&line, " ");
			struct opt_u64 n = { true, 0 };

			if (!text || !stats_value(text, strlen(text), &n.v))
				continue;
			if (equals)
				*equals = '\0';
			struct stats_scalar *s = scalar(p->a, out, device, word);

			if (s)
				*(struct opt_u64 *)((char *)&s->entry + member) = n;
		}
	}
}

/* Of what misc.events has ("sev.max 3"), the number of refusals. */
static void misc_failures(const struct stats_source *p, struct stats_scalars *out)
{
	const char *text = stats_text(p, "misc.events");

	for (size_t i = 0; i < out->n; i++) {
		char key[128];

		snprintf(key, sizeof(key), "%s.max", out->items[i].name);
		out->items[i].entry.failures = stats_keyed(text, key);
	}
}

void stats_rdma_and_misc(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct stats_source rdma = stats_controller(c, a, "rdma"),
			    misc = stats_controller(c, a, "misc");

	scalars(&rdma, "rdma.current", true, offsetof(struct stats_entry, usage), &out->rdma);
	scalars(&rdma, "rdma.peak", true, offsetof(struct stats_entry, peak), &out->rdma);
	scalars(&rdma, "rdma.max", true, offsetof(struct stats_entry, limit), &out->rdma);
	scalars(&misc, "misc.current", false, offsetof(struct stats_entry, usage), &out->misc);
	scalars(&misc, "misc.peak", false, offsetof(struct stats_entry, peak), &out->misc);
	scalars(&misc, "misc.max", false, offsetof(struct stats_entry, limit), &out->misc);
	misc_failures(&misc, &out->misc);
}
