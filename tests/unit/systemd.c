/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup/systemd.c without systemd: where units are, and what names there are none for. */
#include "check.h"

#include "base/util.h"
#include "cgroup/systemd.h"

static struct error e;
static struct cgroup_host host = {
	.mode = CGROUP_V2,
	.h = { { "", "/nonexistent", "/", true } },
	.n = 1,
	.v2 = 0,
};

/* The path, or the failure's text. */
static const char *planned(const char *path)
{
	static char text[1200];
	struct cgroup c;

	cgroup_systemd_program("", 1);
	e = (struct error){ 0 };
	if (cgroup_plan(&host, path, "web", CGROUP_SYSTEMD, &c, &e) < 0)
		return e.text;
	snprintf(text, sizeof(text), "%s", c.path);
	cgroup_free(&c);
	return text;
}

/* An ordinary user's units are somewhere else. */
#define NEED_ROOT                                                   \
	do {                                                        \
		if (geteuid() != 0)                                 \
			skip("only root has the system's manager"); \
	} while (0)

static void a_unit_is_in_its_slice(void)
{
	NEED_ROOT;
	check_str(planned("a.slice:pre:name"), "/a.slice/pre-name.scope/container");
	check_str(planned(":pre:name"), "/system.slice/pre-name.scope/container");
	check_str(planned("a.slice::name"), "/a.slice/name.scope/container");
	check_str(planned(NULL), "/system.slice/ocirt-web.scope/container");
	check_str(planned("a.slice:pre:x:y"), "/a.slice/pre-x:y.scope/container");
	check_str(planned("a\\x2db.slice:p:n"), "/a\\x2db.slice/p-n.scope/container");
}

static void slices_are_inside_of_slices(void)
{
	NEED_ROOT;
	check_str(planned("a-b-c.slice:p:n"), "/a.slice/a-b.slice/a-b-c.slice/p-n.scope/container");
	check_str(planned("-.slice:p:n"), "/p-n.scope/container");
	check_str(planned("-:p:n"), "/p-n.scope/container");
	check_str(planned("a.slice:p:a-n.slice"), "/a.slice/a-n.slice/container");
}

static void what_is_no_name_is_refused(void)
{
	static const char *const wrong[] = {
		"/some/path",     "name",           "a.slice:name",  "a.slice:p:",
		"a/b.slice:p:n",  "a--b.slice:p:n", "-a.slice:p:n",  "a-.slice:p:n",
		"a.scope:p:n",    ".slice:p:n",     "a.slice:p/q:n", "a.slice:p:../n",
		"a.slice:p:n\nb", "a'.slice:p:n",
	};

	for (size_t i = 0; i < array_len(wrong); i++) {
		char text[100];

		snprintf(text, sizeof(text), "linux.cgroupsPath: '%s' ", wrong[i]);
		check(after(planned(wrong[i]), text));
		check(strstr(e.hint, "slice:prefix:name"));
	}
}

static void an_annotation_names_the_sub_cgroup(void)
{
	struct oci_pair pair = { "run.oci.systemd.subgroup", "" };
	struct oci_string_map map = { .items = &pair, .n = 1 };

	NEED_ROOT;
	host.annotations = &map;
	check_str(planned("a.slice:p:n"), "/a.slice/p-n.scope");
	pair.value = "in";
	check_str(planned("a.slice:p:n"), "/a.slice/p-n.scope/in");
	pair.value = "a/b";
	check(strstr(planned("a.slice:p:n"), "'a/b' is not the name of a cgroup"));
	pair.value = "..";
	check(strstr(planned("a.slice:p:n"), "'..' is not the name of a cgroup"));
	host.annotations = NULL;
}

static void the_line_in_the_state_file_reads_back(void)
{
	struct cgroup c, read;

	NEED_ROOT;
	must(cgroup_plan(&host, "a.slice:p:n", "web", CGROUP_SYSTEMD, &c, &e) == 0);

	auto_free char *text = cgroup_to_text(&c);

	check_str(text, "systemd system:2 v2:1 /a.slice/p-n.scope/container");
	must(cgroup_from_text(&host, text, &read, &e) == 0);
	check_int(read.driver, CGROUP_SYSTEMD);
	check_int(read.scope, 2);
	check(!read.user_manager);
	check_int(read.at[0].kept, 1);
	cgroup_free(&c);
	cgroup_free(&read);
	must(cgroup_from_text(&host, "systemd user:4 v2:3 /u/s/m/x.scope/in", &read, &e) == 0);
	check(read.user_manager);
	cgroup_free(&read);
	check(cgroup_from_text(&host, "systemd v2:1 /a/b", &read, &e) < 0);
	check(cgroup_from_text(&host, "systemd system:3 v2:1 /a/b", &read, &e) < 0);
}

static void without_cgroup_v2_alone_it_is_refused(void)
{
	host.mode = CGROUP_HYBRID;
	check_str(planned("a.slice:p:n"),
		  "the systemd cgroup driver needs a host with cgroup v2 alone");
	host.mode = CGROUP_V2;
}

static const struct test tests[] = {
	TEST(a_unit_is_in_its_slice),
	TEST(slices_are_inside_of_slices),
	TEST(what_is_no_name_is_refused),
	TEST(an_annotation_names_the_sub_cgroup),
	TEST(the_line_in_the_state_file_reads_back),
	TEST(without_cgroup_v2_alone_it_is_refused),
};

TEST_MAIN(tests)
