/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats.h"

#include "table.h"

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#define TEXT_LIMIT (4u << 20) /* a line per device and operation, and hosts have many devices */

/* One hierarchy of the container, while its files are read. */
struct place {
	struct arena *a;
	int dir; /* -1: the container has none there */
	bool v2;
};

static struct place place_of(struct cgroup *c, struct arena *a, int h)
{
	int dir = h < 0 ? -1 : cgroup_dir(c, (size_t)h);

	return (struct place){ a, MAX(dir, -1), h >= 0 && c->host->h[h].v2 };
}

static struct place controller(struct cgroup *c, struct arena *a, const char *name)
{
	return place_of(c, a, cgroup_find(c->host, name));
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The file's text in the arena, or NULL. */
static char *text_of(const struct place *p, const char *file)
{
	auto_free char *text = NULL;

	if (p->dir < 0 || file_read_all(p->dir, file, TEXT_LIMIT, &text) < 0)
		return NULL;
	return arena_strdup(p->a, text);
}

static bool value(const char *text, size_t n, uint64_t *out)
{
	if (n == 3 && memcmp(text, "max", 3) == 0) {
		*out = STATS_NO_LIMIT;
		return true;
	}
	return number_u64_n(text, n, UINT64_MAX, out) == 0;
}

/* The only number of a file. */
static struct opt_u64 number(const struct place *p, const char *file)
{
	char text[64];
	struct opt_u64 r = { 0 };

	if (p->dir >= 0 && file_read(p->dir, file, text, sizeof(text)) >= 0)
		r.set = value(text, strcspn(text, "\n"), &r.v);
	return r;
}

/* v1 has no word for "none", but the largest number of whole pages. */
static struct opt_u64 limit_v1(const struct place *p, const char *file)
{
	struct opt_u64 r = number(p, file);

	if (r.v > INT64_MAX - ((uint64_t)1 << 30))
		r.v = STATS_NO_LIMIT;
	return r;
}

static struct opt_u64 keyed(const char *text, const char *key)
{
	struct opt_u64 r = { 0 };

	r.set = text && cgroup_keyed(text, key, &r.v);
	return r;
}

static struct opt_u64 scaled(struct opt_u64 n, uint64_t factor)
{
	n.v *= factor;
	return n;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; text && (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* "KEY N" lines. */
static struct stats_pairs pairs_of(struct arena *a, char *text)
{
	struct stats_pairs r = { 0 };
	size_t lines = count_lines(text);

	r.items = lines ? arena_new_array(a, struct stats_pair, lines) : NULL;
	for (char *line, *rest = text; r.items && (line = strsep(&rest, "\n")) && r.n < lines;) {
		char *space = strchr(line, ' ');

		if (!space || number_u64(space + 1, UINT64_MAX, &r.items[r.n].value) < 0)
			continue;
		*space = '\0';
		r.items[r.n++].key = line;
	}
	return r;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure_line(char *line, struct stats_pressure_line *out)
{
	struct {
		const char *key;
		const char **to;
	} averages[] = { { "avg10=", &out->avg10 },
			 { "avg60=", &out->avg60 },
			 { "avg300=", &out->avg300 } };

	for (char *word; (word = strsep(&line, " "));) {
		const char *total = after(word, "total=");

		if (total)
			(void)number_u64(total, UINT64_MAX, &out->total);
		for (size_t i = 0; i < array_len(averages); i++) {
			const char *text = after(word, averages[i].key);

			/* It becomes JSON as it is. */
			if (text && *text && !text[strspn(text, "0123456789.")])
				*averages[i].to = text;
		}
	}
	if (!out->avg10 || !out->avg60 || !out->avg300)
		*out = (struct stats_pressure_line){ 0 };
}

/* Only v2 has it: on a hybrid host even where the controller itself is in v1. */
static void pressure(struct cgroup *c, struct arena *a, const char *file,
		     struct stats_pressure *out)
{
	struct place p = place_of(c, a, c->host->v2);
	char *line, *rest = text_of(&p, file);

	while ((line = strsep(&rest, "\n"))) {
		if (after(line, "some "))
			pressure_line(line, &out->some);
		else if (after(line, "full "))
			pressure_line(line, &out->full);
	}
}

/* ---- cpu ------------------------------------------------------------------------------------- */

/* "N N N ..." */
static void percpu(const struct place *p, struct stats_cpu *out)
{
	char *word, *rest = text_of(p, "cpuacct.usage_percpu");
	size_t room = 1;

	for (const char *s = rest; s && *s; s++)
		room += *s == ' ';
	if (!rest || !(out->percpu = arena_new_array(p->a, uint64_t, room)))
		return;
	while ((word = strsep(&rest, " \n")) && out->n_percpu < room)
		if (number_u64(word, UINT64_MAX, &out->percpu[out->n_percpu]) == 0)
			out->n_percpu++;
}

/* "cpu user system" and then a line per CPU. */
static void percpu_split(const struct place *p, struct stats_cpu *out)
{
	char *line, *rest = text_of(p, "cpuacct.usage_all");
	size_t room = count_lines(rest), n = 0;

	if (!rest || !(out->percpu_user = arena_new_array(p->a, uint64_t, room)) ||
	    !(out->percpu_kernel = arena_new_array(p->a, uint64_t, room)))
		return;
	while ((line = strsep(&rest, "\n")) && n < room) {
		strsep(&line, " ");
		const char *user = strsep(&line, " ");

		if (user && line && number_u64(user, UINT64_MAX, &out->percpu_user[n]) == 0 &&
		    number_u64(line, UINT64_MAX, &out->percpu_kernel[n]) == 0)
			n++;
	}
	out->n_percpu_split = n;
}

static void cpu(struct cgroup *c, struct arena *a, struct stats_cpu *out)
{
	struct place acct = controller(c, a, "cpuacct"), v2 = place_of(c, a, c->host->v2);
	struct place sched = controller(c, a, "cpu");
	uint64_t unit = sched.v2 ? 1000 : 1;
	const char *text;

	if (acct.dir >= 0 && !acct.v2) {
		out->total = number(&acct, "cpuacct.usage");
		out->user = number(&acct, "cpuacct.usage_user");
		out->kernel = number(&acct, "cpuacct.usage_sys");
		percpu(&acct, out);
		percpu_split(&acct, out);
	} else if ((text = text_of(&v2, "cpu.stat"))) { /* every v2 cgroup counts its time */
		out->total = scaled(keyed(text, "usage_usec"), 1000);
		out->user = scaled(keyed(text, "user_usec"), 1000);
		out->kernel = scaled(keyed(text, "system_usec"), 1000);
	}
	text = text_of(&sched, "cpu.stat");
	out->periods = keyed(text, "nr_periods");
	out->throttled_periods = keyed(text, "nr_throttled");
	out->bursts = keyed(text, "nr_bursts");
	out->throttled_time =
		scaled(keyed(text, sched.v2 ? "throttled_usec" : "throttled_time"), unit);
	out->burst_time = scaled(keyed(text, sched.v2 ? "burst_usec" : "burst_time"), unit);
	pressure(c, a, "cpu.pressure", &out->pressure);
}

static const char *list_of(const struct place *p, const char *const files[])
{
	for (; *files; files++) {
		char *text = text_of(p, *files);

		if (text && *text != '\n') {
			text[strcspn(text, "\n")] = '\0';
			return text;
		}
	}
	return NULL;
}

static void cpuset(struct cgroup *c, struct arena *a, struct stats_cpuset *out)
{
	static const char *const cpus[] = { "cpuset.cpus.effective", "cpuset.effective_cpus",
					    "effective_cpus", NULL };
	static const char *const mems[] = { "cpuset.mems.effective", "cpuset.effective_mems",
					    "effective_mems", NULL };
	static const char *const flags[] = {
		"cpuset.cpu_exclusive",   "cpuset.mem_exclusive",      "cpuset.mem_hardwall",
		"cpuset.memory_migrate",  "cpuset.memory_spread_page", "cpuset.memory_spread_slab",
		"cpuset.memory_pressure", "cpuset.sched_load_balance",
	};
	struct place p = controller(c, a, "cpuset");

	out->cpus = list_of(&p, cpus);
	out->mems = list_of(&p, mems);
	if (p.v2 || !(out->flags.items = arena_new_array(a, struct stats_pair, array_len(flags))))
		return;
	for (size_t i = 0; i < array_len(flags); i++) {
		struct opt_u64 n = number(&p, flags[i]);

		if (n.set)
			out->flags.items[out->flags.n++] =
				(struct stats_pair){ after(flags[i], "cpuset."), n.v };
	}
}

/* ---- memory, pids ---------------------------------------------------------------------------- */

static struct stats_entry counter_v1(const struct place *p, const char *prefix)
{
	char usage[64], peak[64], limit[64], failures[64];

	snprintf(usage, sizeof(usage), "%s.usage_in_bytes", prefix);
	snprintf(peak, sizeof(peak), "%s.max_usage_in_bytes", prefix);
	snprintf(limit, sizeof(limit), "%s.limit_in_bytes", prefix);
	snprintf(failures, sizeof(failures), "%s.failcnt", prefix);
	return (struct stats_entry){ number(p, usage), number(p, peak), limit_v1(p, limit),
				     number(p, failures) };
}

static struct opt_u64 sum(struct opt_u64 a, struct opt_u64 b)
{
	if (!a.set || !b.set)
		return (struct opt_u64){ 0 };
	if (a.v == STATS_NO_LIMIT || b.v == STATS_NO_LIMIT)
		return (struct opt_u64){ true, STATS_NO_LIMIT };
	return (struct opt_u64){ true, a.v + b.v };
}

static struct opt_u64 difference(struct opt_u64 all, struct opt_u64 part)
{
	if (!all.set || !part.set)
		return (struct opt_u64){ 0 };
	if (all.v == STATS_NO_LIMIT || part.v == STATS_NO_LIMIT)
		return (struct opt_u64){ true, STATS_NO_LIMIT };
	return (struct opt_u64){ true, all.v > part.v ? all.v - part.v : 0 };
}

static void memory_v1(const struct place *p, struct stats_memory *out)
{
	char *text = text_of(p, "memory.stat");
	const char *oom = text_of(p, "memory.oom_control");

	out->memory = counter_v1(p, "memory");
	out->both = counter_v1(p, "memory.memsw");
	out->kernel = counter_v1(p, "memory.kmem");
	out->kernel_tcp = counter_v1(p, "memory.kmem.tcp");
	out->cache = keyed(text, "total_cache");
	if (out->both.usage.set) {
		out->swap.usage = keyed(text, "total_swap");
		out->swap.limit = difference(out->both.limit, out->memory.limit);
	}
	out->oom_kills = keyed(oom, "oom_kill");
	out->raw = pairs_of(p->a, text);
}

static void memory_v2(const struct place *p, struct stats_memory *out)
{
	char *text = text_of(p, "memory.stat");
	const char *events = text_of(p, "memory.events"), *swap = text_of(p, "memory.swap.events");

	out->memory = (struct stats_entry){ number(p, "memory.current"), number(p, "memory.peak"),
					    number(p, "memory.max"), keyed(events, "max") };
	out->swap = (struct stats_entry){ number(p, "memory.swap.current"),
					  number(p, "memory.swap.peak"),
					  number(p, "memory.swap.max"), keyed(swap, "max") };
	out->both = (struct stats_entry){ .usage = sum(out->memory.usage, out->swap.usage),
					  .limit = sum(out->memory.limit, out->swap.limit),
					  .failures = out->swap.failures };
	out->kernel.usage = keyed(text, "kernel");
	out->kernel_tcp.usage = keyed(text, "sock");
	out->cache = keyed(text, "file");
	out->oom_kills = keyed(events, "oom_kill");
	out->raw = pairs_of(p->a, text);
}

static void memory(struct cgroup *c, struct arena *a, struct stats_memory *out)
{
	struct place p = controller(c, a, "memory");

	if (p.dir >= 0)
		(p.v2 ? memory_v2 : memory_v1)(&p, out);
	pressure(c, a, "memory.pressure", &out->pressure);
}

static void pids(struct cgroup *c, struct arena *a, struct stats_entry *out)
{
	struct place p = controller(c, a, "pids");

	*out = (struct stats_entry){ number(&p, "pids.current"), number(&p, "pids.peak"),
				     number(&p, "pids.max"),
				     keyed(text_of(&p, "pids.events"), "max") };
}

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
static bool io_file_v1(const struct place *p, const char *file, struct stats_io_list *out)
{
	char *line, *rest = text_of(p, file);
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
static void io_v1(const struct place *p, struct cgroup_stats *out)
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
static void io_v2(const struct place *p, struct cgroup_stats *out)
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
	char *line, *rest = text_of(p, "io.stat");
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

static void io(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct place p = controller(c, a, "blkio");

	if (p.dir >= 0)
		(p.v2 ? io_v2 : io_v1)(&p, out);
	pressure(c, a, "io.pressure", &out->io_pressure);
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

static struct stats_entry hugetlb_entry(const struct place *p, const char *size, const char *kind)
{
	char prefix[64], file[96];
	struct stats_entry r = { 0 };

	snprintf(prefix, sizeof(prefix), "hugetlb.%s%s", size, kind);
	if (!p->v2)
		return counter_v1(p, prefix);
	snprintf(file, sizeof(file), "%s.current", prefix);
	r.usage = number(p, file);
	snprintf(file, sizeof(file), "%s.max", prefix);
	r.limit = number(p, file);
	snprintf(file, sizeof(file), "hugetlb.%s.events", size); /* there is one for both */
	r.failures = keyed(text_of(p, file), "max");
	return r;
}

static void hugetlb(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct place p = controller(c, a, "hugetlb");
	DIR *d = p.dir < 0 ? NULL : opendir("/sys/kernel/mm/hugepages");
	struct stats_hugetlb list[16]; /* 64KB, 2MB, 32MB, 1GB, ... : no machine has more than 9 */

	if (!d)
		return;
	for (struct dirent *entry; (entry = readdir(d)) && out->n_hugetlb < array_len(list);) {
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
static void scalars(const struct place *p, const char *file, bool devices, size_t member,
		    struct stats_scalars *out)
{
	char *line, *rest = text_of(p, file);

	while ((line = strsep(&rest, "\n"))) {
		const char *device = devices ? strsep(&line, " ") : NULL;

		for (char *word; line && (word = strsep(&line, " "));) {
			char *equals = devices ? strchr(word, '=') : NULL;
			const char *text = devices ? (equals ? equals + 1 : NULL)
						   : strsep(&line, " ");
			struct opt_u64 n = { true, 0 };

			if (!text || !value(text, strlen(text), &n.v))
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
static void misc_failures(const struct place *p, struct stats_scalars *out)
{
	const char *text = text_of(p, "misc.events");

	for (size_t i = 0; i < out->n; i++) {
		char key[128];

		snprintf(key, sizeof(key), "%s.max", out->items[i].name);
		out->items[i].entry.failures = keyed(text, key);
	}
}

static void rdma_and_misc(struct cgroup *c, struct arena *a, struct cgroup_stats *out)
{
	struct place rdma = controller(c, a, "rdma"), misc = controller(c, a, "misc");

	scalars(&rdma, "rdma.current", true, offsetof(struct stats_entry, usage), &out->rdma);
	scalars(&rdma, "rdma.peak", true, offsetof(struct stats_entry, peak), &out->rdma);
	scalars(&rdma, "rdma.max", true, offsetof(struct stats_entry, limit), &out->rdma);
	scalars(&misc, "misc.current", false, offsetof(struct stats_entry, usage), &out->misc);
	scalars(&misc, "misc.peak", false, offsetof(struct stats_entry, peak), &out->misc);
	scalars(&misc, "misc.max", false, offsetof(struct stats_entry, limit), &out->misc);
	misc_failures(&misc, &out->misc);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool any_place(struct cgroup *c)
{
	for (size_t i = 0; i < c->host->n; i++)
		if (c->at[i].used && cgroup_dir(c, i) >= 0)
			return true;
	return false;
}

int cgroup_stats(struct cgroup *c, struct arena *a, struct cgroup_stats *out, struct error *e)
{
	int r = cgroup_none(c, "tell what it has used", e);

	*out = (struct cgroup_stats){ 0 };
	if (r < 0)
		return r;
	if (!any_place(c)) {
		fail(e, ENOENT, "cannot tell what it has used: no cgroup %s", c->path);
		return hint(e, "the user that made the container may not make cgroups, "
			       "or somebody has removed it");
	}
	cpu(c, a, &out->cpu);
	cpuset(c, a, &out->cpuset);
	memory(c, a, &out->memory);
	pids(c, a, &out->pids);
	io(c, a, out);
	hugetlb(c, a, out);
	rdma_and_misc(c, a, out);
	return a->full ? fail(e, ENOMEM, "cannot hold the statistics of %s", c->path) : 0;
}
