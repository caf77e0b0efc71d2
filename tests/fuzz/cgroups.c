/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroups -- resources, as `update` reads them, and paths, from the configuration and from the state.
 */
#include "fuzz.h"

#include "base/error.h"
#include "base/util.h"
#include "cgroup/cgroup.h"
#include "ocispec.h"

#include <string.h>

#define ROOM ((size_t)8 << 20)

/* Directories that are not there: nothing of this host is looked at. */
#define TOP "/nonexistent/cgroup"

static struct cgroup_host hosts[] = {
	{ .mode = CGROUP_V1,
	  .h = { { "name=systemd", TOP "/systemd", "/", false },
		 { "cpu,cpuacct", TOP "/cpu", "/", false },
		 { "cpuset", TOP "/cpuset", "/", false },
		 { "blkio", TOP "/blkio", "/", false },
		 { "memory", TOP "/memory", "/", false },
		 { "devices", TOP "/devices", "/", false },
		 { "hugetlb", TOP "/hugetlb", "/", false },
		 { "rdma", TOP "/rdma", "/", false },
		 { "net_cls,net_prio", TOP "/net", "/", false },
		 { "pids", TOP "/pids", "/", false } },
	  .n = 10,
	  .v2 = -1 },
	{ .mode = CGROUP_V2, .h = { { "", TOP, "/", true } }, .n = 1, .v2 = 0 },
	{ .mode = CGROUP_HYBRID,
	  .h = { { "memory", TOP "/memory", "/", false }, { "", TOP "/unified", "/", true } },
	  .n = 2,
	  .v2 = 1 },
};

static struct cgroup_host *host_at(size_t i)
{
	static char controllers[] = "cpuset cpu io memory hugetlb pids rdma";

	if (hosts[i].v2 >= 0)
		hosts[i].controllers = controllers;
	return &hosts[i];
}

static void seen(void *arg, const char *json, const char *controllers, const char *file,
		 const char *text)
{
	ensure(json && controllers && file && text);
	/* A file of the cgroup, not of somebody else. */
	ensure(*file && !strchr(file, '/') && !streq(file, ".."));
	++*(size_t *)arg;
}

static void check_error(const struct error *e)
{
	ensure(memchr(e->text, '\0', sizeof(e->text)) && e->text[0]);
}

void fuzz_resources(const uint8_t *data, size_t size)
{
	struct ocispec_error wrong;
	struct oci_resources merged;
	struct error e = { 0 };
	struct arena a;
	size_t writes = 0;

	ensure(arena_open_private(&a, ROOM) == 0);
	struct oci_resources *r = oci_resources_read(&a, (const char *)data, size, &wrong);

	for (size_t i = 0; r && i < array_len(hosts); i++) {
		struct cgroup_host *host = host_at(i);

		e = (struct error){ 0 };
		if (cgroup_check(host, r, &e) < 0)
			check_error(&e);
		e = (struct error){ 0 };
		if (cgroup_each_write(host, r, seen, &writes, &e) < 0)
			check_error(&e);
	}
	/* The same once more changes nothing that could be seen from outside. */
	if (r && cgroup_merge(&a, r, r, &merged, &e) == 0) {
		char *text = ocispec_write(&oci_resources_schema, &merged, false, NULL);

		ensure(text);
		free(text);
	}
	arena_close(&a);
}

/* No component that leads anywhere else, and no way out of the line in the state file. */
static void check_path(const char *path)
{
	if (!path)
		return;
	ensure(*path == '/' && !strchr(path, '\n') && !strstr(path, "//"));
	for (const char *at = path; (at = strstr(at, "/.")); at++)
		ensure(at[2] != '/' && at[2] != '\0' &&
		       !(at[2] == '.' && (at[3] == '/' || at[3] == '\0')));
}

static void check_written(struct cgroup_host *host, const struct cgroup *c)
{
	struct error e = { 0 };
	struct cgroup again;
	char *text = cgroup_to_text(c), *second;

	ensure(text);
	check_path(c->path);
	ensure(cgroup_from_text(host, text, &again, &e) == 0);
	ensure(!c->path == !again.path && (!c->path || streq(c->path, again.path)));
	second = cgroup_to_text(&again);
	ensure(second && streq(text, second));
	cgroup_free(&again);
	free(second);
	free(text);
}

void fuzz_cgroup_path(const uint8_t *data, size_t size)
{
	static const enum cgroup_driver drivers[] = { CGROUP_CGROUPFS, CGROUP_SYSTEMD };
	char *path = fuzz_string(data, size);

	for (size_t i = 0; i < array_len(hosts); i++)
		for (size_t d = 0; d < array_len(drivers); d++) {
			struct error e = { 0 };
			struct cgroup c;

			if (cgroup_plan(host_at(i), path, "web", drivers[d], &c, &e) < 0)
				check_error(&e);
			else if (drivers[d] == CGROUP_CGROUPFS)
				check_written(host_at(i), &c);
			cgroup_free(&c);
		}
	free(path);
}

void fuzz_cgroup_text(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	for (size_t i = 0; i < array_len(hosts); i++) {
		struct error e = { 0 };
		struct cgroup c;

		if (cgroup_from_text(host_at(i), text, &c, &e) < 0)
			check_error(&e);
		else
			check_written(host_at(i), &c);
		cgroup_free(&c);
	}
	free(text);
}
