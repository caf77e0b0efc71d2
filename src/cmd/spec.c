/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "base/file.h"
#include "base/util.h"
#include "blob.h"
#include "libocispec/ocispec.h"
#include "output.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct spec_options {
	const char *bundle, *file, *demo;
	bool rootless;
};

static const struct option_row rows[] = {
	OPTION_STRING(struct spec_options, bundle, "bundle", 'b', "DIR",
		      "write it into this directory (default: the current one)"),
	OPTION_STRING(struct spec_options, file, "file", 'f', "FILE",
		      "write this file instead of config.json; - is standard output"),
	OPTION_FLAG(struct spec_options, rootless, "rootless", 0,
		    "for a user without privileges: with a user namespace"),
	OPTION_STRING(struct spec_options, demo, "demo", 0, "DIR",
		      "make a whole bundle in DIR, with a small program to run"),
	{ 0 },
};

/* ---- the configuration ----------------------------------------------------------------------- */

/* An array of strings with its n_NAME. */
#define STRINGS(member, ...)                             \
	.member = (const char *[]){ __VA_ARGS__, NULL }, \
	.n_##member = array_len(((const char *[]){ __VA_ARGS__ }))
#define ARRAY(member, array) .member = (array), .n_##member = array_len(array)

/* clang-format off */
static struct oci_mount mounts[] = {
	{ .destination = "/proc", .type = "proc", .source = "proc" },
	{ .destination = "/dev", .type = "tmpfs", .source = "tmpfs",
	  STRINGS(options, "nosuid", "strictatime", "mode=755", "size=65536k") },
	{ .destination = "/dev/pts", .type = "devpts", .source = "devpts",
	  STRINGS(options, "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
		  "gid=5") },
	{ .destination = "/dev/shm", .type = "tmpfs", .source = "shm",
	  STRINGS(options, "nosuid", "noexec", "nodev", "mode=1777", "size=65536k") },
	{ .destination = "/dev/mqueue", .type = "mqueue", .source = "mqueue",
	  STRINGS(options, "nosuid", "noexec", "nodev") },
	{ .destination = "/sys", .type = "sysfs", .source = "sysfs",
	  STRINGS(options, "nosuid", "noexec", "nodev", "ro") },
	{ .destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup",
	  STRINGS(options, "nosuid", "noexec", "nodev", "relatime", "ro") },
};
/* clang-format on */

/* A fresh sysfs needs a network namespace of one's own; without it the host's is bound. */
static struct oci_mount rootless_sys = {
	.destination = "/sys",
	.type = "none",
	.source = "/sys",
	STRINGS(options, "rbind", "nosuid", "noexec", "nodev", "ro"),
};

static struct oci_user root_user;

#define CAPABILITIES "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"

/* No inheritable and no ambient set: they would hand privileges to ordinary users' programs. */
static struct oci_capabilities capabilities = {
	STRINGS(bounding, CAPABILITIES),
	STRINGS(permitted, CAPABILITIES),
	STRINGS(effective, CAPABILITIES),
};

static struct oci_rlimit rlimits[] = {
	{ .type = "RLIMIT_NOFILE", .soft = 1024, .hard = 1024 },
};

static struct oci_process process = {
	.terminal = { true, true },
	.user = &root_user,
	STRINGS(args, "sh"),
	STRINGS(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=xterm"),
	.cwd = "/",
	.capabilities = &capabilities,
	ARRAY(rlimits, rlimits),
	.noNewPrivileges = { true, true },
};

static struct oci_process demo_process = {
	.terminal = { true, false },
	.user = &root_user,
	STRINGS(args, "/bin/demo"),
	STRINGS(env, "PATH=/bin", "TERM=xterm"),
	.cwd = "/",
	.capabilities = &capabilities,
	ARRAY(rlimits, rlimits),
	.noNewPrivileges = { true, true },
};

static struct oci_device_cgroup no_device[] = {
	{ .allow = false, .access = "rwm" },
};
static struct oci_resources resources = { ARRAY(devices, no_device) };

/* Room for all; make_config() adds what the host and the options ask for. */
static struct oci_namespace namespaces[7] = {
	{ .type = "pid" },
	{ .type = "ipc" },
	{ .type = "uts" },
	{ .type = "mount" },
};
static struct oci_id_mapping uid_map = { .size = 1 }, gid_map = { .size = 1 };

static struct oci_linux linux_part = {
	.namespaces = namespaces,
	.n_namespaces = 4,
	.resources = &resources,
	STRINGS(maskedPaths, "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
		"/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
		"/sys/firmware"),
	STRINGS(readonlyPaths, "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger"),
};

static struct oci_root root = { .path = "rootfs", .readonly = { true, true } };

static struct oci_config config = {
	.ociVersion = OCI_VERSION,
	.root = &root,
	ARRAY(mounts, mounts),
	.process = &process,
	.hostname = "ocirt",
	.linux = &linux_part,
};

static void add_namespace(const char *type)
{
	namespaces[linux_part.n_namespaces++].type = type;
}

/* "gid=5" where 5 is nobody's number. */
static void drop_options(struct oci_mount *m, const char *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_options; i++)
		if (!after(m->options[i], prefix))
			m->options[kept++] = m->options[i];
	m->n_options = kept;
}

static void make_rootless(void)
{
	uid_map.hostID = geteuid();
	gid_map.hostID = getegid();
	linux_part.uidMappings = &uid_map;
	linux_part.gidMappings = &gid_map;
	linux_part.n_uidMappings = linux_part.n_gidMappings = 1;
	linux_part.resources = NULL; /* an ordinary user has no cgroup to set limits in */
	add_namespace("user");
	for (size_t i = 0; i < array_len(mounts); i++) {
		drop_options(&mounts[i], "uid=");
		drop_options(&mounts[i], "gid=");
		if (streq(mounts[i].destination, "/sys"))
			mounts[i] = rootless_sys;
	}
}

static const struct oci_config *make_config(const struct spec_options *o)
{
	struct statfs fs;

	if (o->rootless)
		make_rootless();
	else
		add_namespace("network"); /* rootless: nobody there who could connect it */
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		add_namespace("cgroup");
	if (o->demo)
		config.process = &demo_process;
	return &config;
}

/* ---- the files ------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	mode_t mode;
} demo_directories[] = {
	{ "rootfs", 0755 },      { "rootfs/bin", 0755 },  { "rootfs/dev", 0755 },
	{ "rootfs/etc", 0755 },  { "rootfs/proc", 0755 }, { "rootfs/sys", 0755 },
	{ "rootfs/tmp", 01777 },
};

static const char passwd[] = "root:x:0:0:root:/:/bin/demo\n"
			     "demo:x:1000:1000:demo:/tmp:/bin/demo\n";
static const char group[] = "root:x:0:\n"
			    "tty:x:5:\n"
			    "demo:x:1000:\n";

/* A new file with all its content, or none. */
static int write_new(int dir, const char *path, mode_t mode, const void *data, size_t n,
		     struct error *e)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0) {
		fail(e, errno, "cannot make '%s'", path);
		return hint_if(e, EEXIST, "nothing is overwritten: remove it first");
	}
	int r = write_all(fd, data, n);

	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlinkat(dir, path, 0);
	return fail(e, r, "cannot write '%s'", path);
}

static int make_demo(int dir, struct error *e)
{
	for (size_t i = 0; i < array_len(demo_directories); i++)
		if (mkdirat(dir, demo_directories[i].path, demo_directories[i].mode) < 0) {
			fail(e, errno, "cannot make '%s'", demo_directories[i].path);
			return hint_if(e, EEXIST, "nothing is overwritten: remove it first");
		}
	if (write_new(dir, "rootfs/bin/demo", 0755, blob_demo.data, blob_demo.size, e) < 0 ||
	    write_new(dir, "rootfs/etc/passwd", 0644, passwd, sizeof(passwd) - 1, e) < 0 ||
	    write_new(dir, "rootfs/etc/group", 0644, group, sizeof(group) - 1, e) < 0)
		return -EIO;
	return 0;
}

static int open_directory(const struct spec_options *o, struct error *e)
{
	const char *path = o->demo ? o->demo : o->bundle ? o->bundle : ".";

	if (o->demo && mkdir(path, 0755) < 0 && errno != EEXIST)
		return fail(e, errno, "--demo: cannot make '%s'", path);

	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(e, errno, "%s: cannot open '%s'", o->demo ? "--demo" : "--bundle",
			    path);
	return fd;
}

static int cmd_spec(struct invocation *in)
{
	struct spec_options *o = in->options;
	const char *file = o->file ? o->file : "config.json";
	size_t len;
	auto_free char *text = ocispec_write(&oci_config_schema, make_config(o), true, &len);

	if (!text)
		return fail(in->e, ENOMEM, "no memory");
	if (o->demo && (o->bundle || o->file))
		return fail(in->e, 0, "--demo goes with neither --bundle nor --file");
	if (streq(file, "-")) {
		output_n(text, len);
		return 0;
	}

	auto_close int dir = open_directory(o, in->e);

	if (dir < 0)
		return dir;
	if (o->demo) {
		umask(0); /* modes are meant as they are written here */
		if (make_demo(dir, in->e) < 0)
			return -EIO;
	}
	return write_new(dir, file, 0644, text, len, in->e);
}

const struct command spec_command = {
	.name = "spec",
	.arguments = "",
	.summary = "write a config.json to start from",
	.description =
		"An existing file is never overwritten. To see a container without an image:\n"
		"\n"
		"   ocirt spec --demo /tmp/demo && ocirt run --bundle /tmp/demo demo\n",
	.rows = rows,
	.options_size = sizeof(struct spec_options),
	.run = cmd_spec,
};
