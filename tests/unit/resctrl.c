/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Classes of service: what is planned for a directory that has the files of resctrl. What the kernel
 * makes of it is tests/integration/rdt.bats' affair.
 */
#include "check.h"

#include "base/file.h"
#include "base/util.h"
#include "host/resctrl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const directories[] = { "info", "info/MB", "gold", "mon_groups",
					   "gold/mon_groups" };
/* A machine with two caches, bandwidth in steps of 10, and one class. */
static const struct {
	const char *name, *text;
} files[] = {
	{ "schemata", "    MB:0= 100;1= 100\n    L3:0=fff;1=fff\n" },
	{ "gold/schemata", "    MB:0=  50;1= 100\n    L3:0=0ff;1=f00\n" },
	{ "gold/tasks", "" },
	{ "info/MB/bandwidth_gran", "10\n" },
};

static char path[64];
static int root = -1;
static struct error e;

static bool machine(void)
{
	strcpy(path, "/tmp/ocirt-resctrl-XXXXXX");
	if (!mkdtemp(path) || (root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return false;
	for (size_t i = 0; i < array_len(directories); i++)
		mkdirat(root, directories[i], 0755);
	for (size_t i = 0; i < array_len(files); i++)
		if (file_create(root, files[i].name, files[i].text, strlen(files[i].text), 0644) <
		    0)
			return false;
	return true;
}

static void gone(void)
{
	for (size_t i = 0; i < array_len(files); i++)
		unlinkat(root, files[i].name, 0);
	for (size_t i = array_len(directories); i > 0; i--)
		unlinkat(root, directories[i - 1], AT_REMOVEDIR);
	fd_close(&root);
	check(rmdir(path) == 0);
}

static const char *plan(const struct oci_intel_rdt *c, struct resctrl *out)
{
	e = (struct error){ 0 };
	return resctrl_plan(root, c, "web", out, &e) < 0 ? e.text : "";
}

static void without_a_class_it_is_that_of_the_container(void)
{
	struct resctrl r;

	must(machine());
	check_str(plan(&(struct oci_intel_rdt){ 0 }, &r), "");
	check_str(r.class, "web");
	check(r.made && !r.monitor);
	check_str(plan(&(struct oci_intel_rdt){ .enableMonitoring = { true, true } }, &r), "");
	check_str(r.monitor, "web");
	gone();
}

static void a_class_of_this_name_is_somebody_elses(void)
{
	struct resctrl r;

	must(machine());
	e = (struct error){ 0 };
	check(resctrl_plan(root, &(struct oci_intel_rdt){ 0 }, "gold", &r, &e) == -EEXIST);
	gone();
}

static void the_root_is_a_class_that_nobody_makes(void)
{
	struct resctrl r;

	must(machine());
	check_str(plan(&(struct oci_intel_rdt){ .closID = "/" }, &r), "");
	check_str(r.class, ".");
	check(!r.made);
	gone();
}

static void a_class_is_made_for_schemata_and_must_be_there_without(void)
{
	struct resctrl r;

	must(machine());
	check_str(plan(&(struct oci_intel_rdt){ .closID = "tin" }, &r),
		  "linux.intelRdt.closID: there is no class 'tin': No such file or directory");
	check_str(plan(&(struct oci_intel_rdt){ .closID = "tin", .memBwSchema = "MB:0=10" }, &r),
		  "");
	check(r.made);
	check_str(plan(&(struct oci_intel_rdt){ .closID = "gold" }, &r), "");
	check(!r.made);
	gone();
}

static void what_a_class_has_is_compared_by_value(void)
{
	static const char *const l3_same[] = { "L3:0=ff", "L3:0=0FF;1=0xf00", "L3: 1=f00 ; 0=ff",
					       "L3:1=f00\nMB:0=50\n" };
	static const char *const mb_same[] = { "MB:0=50", "MB:0=41;1=91", "MB:1=100" };
	static const char *const mb_other[] = { "MB:0=40", "MB:0=51", "MB:2=10" };
	struct resctrl r;

	must(machine());
	for (size_t i = 0; i < array_len(l3_same); i++)
		check_str(plan(&(struct oci_intel_rdt){ .closID = "gold",
							.l3CacheSchema = l3_same[i] },
			       &r),
			  "");
	for (size_t i = 0; i < array_len(mb_same); i++)
		check_str(
			plan(&(struct oci_intel_rdt){ .closID = "gold", .memBwSchema = mb_same[i] },
			     &r),
			"");
	for (size_t i = 0; i < array_len(mb_other); i++)
		check(*plan(&(struct oci_intel_rdt){ .closID = "gold", .memBwSchema = mb_other[i] },
			    &r));
	check_str(
		plan(&(struct oci_intel_rdt){ .closID = "gold", .l3CacheSchema = "L3:0=f" }, &r),
		"linux.intelRdt.closID: the class 'gold' is there, but its L3 of 0 is 'ff' and not "
		"'f'");
	gone();
}

static void shares_of_what_the_machine_has_not_are_refused(void)
{
	const char *lines[] = { "L3:0=f", "L2:0=f" };
	struct resctrl r;

	must(machine());
	check_str(plan(&(struct oci_intel_rdt){ .schemata = lines, .n_schemata = 2 }, &r),
		  "linux.intelRdt: this machine has no shares of 'L2'");
	unlinkat(root, "schemata", 0);
	check_str(plan(&(struct oci_intel_rdt){ .schemata = lines, .n_schemata = 1 }, &r),
		  "linux.intelRdt: this machine can only count, not share out");
	check_str(plan(&(struct oci_intel_rdt){ 0 }, &r),
		  "linux.intelRdt: this machine can only count, not share out");
	unlinkat(root, "mon_groups", AT_REMOVEDIR);
	check_str(plan(&(struct oci_intel_rdt){ .closID = "/", .enableMonitoring = { true, true } },
		       &r),
		  "linux.intelRdt.enableMonitoring: this machine does not count");
	gone();
}

static void what_was_not_made_is_not_removed(void)
{
	must(machine());
	check(resctrl_remove(root, &(struct resctrl){ .class = "gold" }, &e) == 0);
	check(faccessat(root, "gold", F_OK, 0) == 0);
	check(resctrl_remove(root, &(struct resctrl){ .class = "tin", .made = true }, &e) == 0);
	gone();
}

static const struct test tests[] = {
	TEST(without_a_class_it_is_that_of_the_container),
	TEST(a_class_of_this_name_is_somebody_elses),
	TEST(the_root_is_a_class_that_nobody_makes),
	TEST(a_class_is_made_for_schemata_and_must_be_there_without),
	TEST(what_a_class_has_is_compared_by_value),
	TEST(shares_of_what_the_machine_has_not_are_refused),
	TEST(what_was_not_made_is_not_removed),
};

TEST_MAIN(tests)
