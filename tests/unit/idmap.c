/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host/idmap.c: real maps of a child in a new user namespace, as root and as an ordinary user. */
#include "check.h"

#include "base/file.h"
#include "base/sys.h"
#include "host/idmap.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define USER 1234

/* What the child side of a test found, passed through its exit status and this memory. */
static char uid_map[8192], gid_map[8192], setgroups_[64];

/* A map without the padding that the kernel prints. */
static void read_map(pid_t pid, const char *file, char *out, size_t size)
{
	char path[64], raw[8192];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if (file_read(AT_FDCWD, path, raw, sizeof(raw)) < 0)
		raw[0] = '\0';
	for (const char *c = raw; *c && n + 1 < size; c++)
		if (*c != ' ' || (n > 0 && out[n - 1] != ' ' && out[n - 1] != '\n'))
			out[n++] = *c;
	out[n] = '\0';
}

/* A child in a new user namespace that lives until its pidfd's owner ends. -1: not allowed here. */
static pid_t in_userns(void)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	bool ok = pid > 0 && read(ready[0], &byte, 1) == 1;

	close(ready[0]);
	if (!ok && pid > 0)
		waitpid(pid, NULL, 0);
	return ok ? pid : -1;
}

/* idmap_write() on such a child; -ENOSYS when there can be none. */
static int write_maps(const struct oci_linux *l, struct error *e)
{
	pid_t pid = in_userns();

	*e = (struct error){ 0 };
	if (pid < 0)
		return -ENOSYS;
	int r = idmap_write(pid, l, e);

	read_map(pid, "uid_map", uid_map, sizeof(uid_map));
	read_map(pid, "gid_map", gid_map, sizeof(gid_map));
	read_map(pid, "setgroups", setgroups_, sizeof(setgroups_));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static void root_writes_several_ranges_at_once(void)
{
	struct oci_id_mapping uids[] = { { 0, 100000, 1000 }, { 5000, 200000, 10 } };
	struct oci_id_mapping gids[] = { { 0, 300000, 65536 } };
	struct oci_linux l = {
		.uidMappings = uids, .n_uidMappings = 2, .gidMappings = gids, .n_gidMappings = 1
	};
	struct error e;

	if (geteuid() != 0)
		skip("needs root");
	int r = write_maps(&l, &e);

	if (r == -ENOSYS)
		skip("no user namespaces here");
	check_int(r, 0);
	check_str(e.text, "");
	check_str(uid_map, "0 100000 1000\n5000 200000 10\n");
	check_str(gid_map, "0 300000 65536\n");
	check_str(setgroups_, "allow\n");
}

static void root_can_write_340_short_ranges_but_not_a_page_of_text(void)
{
	static struct oci_id_mapping ranges[340];
	struct oci_linux l = { .uidMappings = ranges, .n_uidMappings = 340 };
	struct error e;

	if (geteuid() != 0)
		skip("needs root");
	for (uint32_t i = 0; i < array_len(ranges); i++)
		ranges[i] = (struct oci_id_mapping){ i, 1000 + i, 1 };
	int r = write_maps(&l, &e);

	if (r == -ENOSYS)
		skip("no user namespaces here");
	check_int(r, 0);
	for (uint32_t i = 0; i < array_len(ranges); i++)
		ranges[i] = (struct oci_id_mapping){ i, 4000000000u + i, 1 };
	check(write_maps(&l, &e) < 0);
	check(strstr(e.text, "linux.uidMappings: 340 ranges are ") != NULL);
	check(strstr(e.text, "the kernel takes less than 4096") != NULL);
}

static void a_process_that_is_gone_is_an_error(void)
{
	struct oci_linux l = { 0 };
	struct error e = { 0 };

	check(idmap_write(0x3fffffff, &l, &e) < 0);
	check_str(e.text,
		  "linux.uidMappings: cannot open /proc/1073741823: No such file or directory");
}

/* Run `body` as an ordinary user; it cannot come back from there, so in a child. */
static void as_user(void (*body)(void))
{
	if (geteuid() != 0) {
		body();
		return;
	}
	fflush(stdout);
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
		    setresuid(USER, USER, USER) < 0)
			_exit(2);
		prctl(PR_SET_DUMPABLE, 1);
		body();
		fflush(stdout);
		_exit(test_failed ? 1 : test_skipped ? 77 : 0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("an ordinary user may not make user namespaces here");
	check_int(status, 0);
}

static void own_id(void)
{
	struct oci_id_mapping uid = { 0, geteuid(), 1 }, gid = { 7, getegid(), 1 };
	struct oci_linux l = {
		.uidMappings = &uid, .n_uidMappings = 1, .gidMappings = &gid, .n_gidMappings = 1
	};
	struct error e;
	char want[64];
	int r = write_maps(&l, &e);

	if (r == -ENOSYS)
		skip("not allowed");
	check_int(r, 0);
	check_str(e.text, "");
	snprintf(want, sizeof(want), "0 %u 1\n", geteuid());
	check_str(uid_map, want);
	snprintf(want, sizeof(want), "7 %u 1\n", getegid());
	check_str(gid_map, want);
	check_str(setgroups_, "deny\n");
}

static void a_user_maps_itself_without_help(void)
{
	as_user(own_id);
}

/* A newuidmap that refuses, in a PATH of its own. */
static bool make_helper(char *dir, const char *script)
{
	char path[64];

	if (!mkdtemp(dir))
		return false;
	snprintf(path, sizeof(path), "%s/newuidmap", dir);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	setenv("PATH", dir, 1);
	return fd >= 0 && write_all(fd, script, strlen(script)) == 0;
}

static void remove_helper(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/newuidmap", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/seen", dir);
	unlink(path);
	rmdir(dir);
}

static void refusing_helper(void)
{
	char dir[] = "/tmp/ocirt-idmap-XXXXXX";
	struct oci_id_mapping uids[] = { { 0, 100000, 10 }, { 10, 4294967290u, 2 } };
	struct oci_linux l = { .uidMappings = uids, .n_uidMappings = 2 };
	struct error e;

	must(make_helper(dir,
			 "#!/bin/sh\nshift; echo \"newuidmap: $* not allowed\" >&2; exit 1\n"));
	int r = write_maps(&l, &e);

	remove_helper(dir);
	if (r == -ENOSYS)
		skip("not allowed");
	check_int(r, -EPERM);
	check(strstr(e.text, "linux.uidMappings: /tmp/ocirt-idmap-") == e.text);
	check(strstr(e.text, "/newuidmap: exit status 1 after ") != NULL);
	const char *said = strstr(e.text, "stderr: ");

	check_str(said, "stderr: newuidmap: 0 100000 10 10 4294967290 2 not allowed");
	check_str(e.hint, "the uids that a user may map are in /etc/subuid");
}

static void what_newuidmap_says_is_quoted(void)
{
	as_user(refusing_helper);
}

static void no_helper(void)
{
	struct oci_id_mapping uids[] = { { 0, 100000, 10 } };
	struct oci_linux l = { .uidMappings = uids, .n_uidMappings = 1 };
	struct error e;

	setenv("PATH", "/no/such", 1);
	int r = write_maps(&l, &e);

	if (r == -ENOSYS)
		skip("not allowed");
	check_int(r, -ENOENT);
	check_str(e.text, "linux.uidMappings: newuidmap is not in PATH");
	check(strstr(e.hint, "package 'uidmap'") != NULL);
}

static void a_missing_newuidmap_names_its_package(void)
{
	as_user(no_helper);
}

static void fallback(void)
{
	struct oci_id_mapping uids[] = { { 0, geteuid(), 1 }, { 1, 100000, 65536 } };
	struct oci_id_mapping gids[] = { { 0, getegid() - 5, 10 } };
	struct oci_linux l = {
		.uidMappings = uids, .n_uidMappings = 2, .gidMappings = gids, .n_gidMappings = 1
	};
	struct error e;
	char want[64];

	setenv("PATH", "/no/such", 1);
	int r = write_maps(&l, &e);

	if (r == -ENOSYS)
		skip("not allowed");
	check_int(r, 0);
	check_str(e.text, "");
	snprintf(want, sizeof(want), "0 %u 1\n", geteuid());
	check_str(uid_map, want);
	snprintf(want, sizeof(want), "5 %u 1\n", getegid());
	check_str(gid_map, want);
}

static void without_newuidmap_a_user_gets_at_least_its_own_id(void)
{
	as_user(fallback);
}

static const struct test tests[] = {
	TEST(root_writes_several_ranges_at_once),
	TEST(root_can_write_340_short_ranges_but_not_a_page_of_text),
	TEST(a_process_that_is_gone_is_an_error),
	TEST(a_user_maps_itself_without_help),
	TEST(what_newuidmap_says_is_quoted),
	TEST(a_missing_newuidmap_names_its_package),
	TEST(without_newuidmap_a_user_gets_at_least_its_own_id),
};

TEST_MAIN(tests)
