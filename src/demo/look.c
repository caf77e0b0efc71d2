/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demo.h"

#include "base/names.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- small readers ---------------------------------------------------------------------------*/

/* The first line of a file, without its newline. */
static bool first_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	return ok;
}

/* Calls line() for each line of a file until it returns false; false when there is no such file. */
static bool each_line(const char *path, bool (*line)(char *text, void *context), void *context)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return false;
	while (getline(&text, &size, f) > 0) {
		text[strcspn(text, "\n")] = '\0';
		if (!line(text, context))
			break;
	}
	free(text);
	fclose(f);
	return true;
}

static bool print_line(char *text, void *context)
{
	(void)context;
	puts(text);
	return true;
}

static int show_file(const char *path)
{
	return each_line(path, print_line, NULL) ? 0 : refused("read", path);
}

struct wanted_field {
	const char *name; /* NULL: all */
	bool found;
};

static bool status_line(char *text, void *context)
{
	struct wanted_field *wanted = context;
	char *value = strchr(text, ':');

	if (!value)
		return true;
	*value++ = '\0';
	if (wanted->name && strcasecmp(text, wanted->name) != 0)
		return true;
	wanted->found = true;
	printf("%s:", text);
	for (char *word = strtok_r(value, " \t", &value); word;
	     word = strtok_r(NULL, " \t", &value))
		printf(" %s", word);
	putchar('\n');
	return !wanted->name;
}

static int show_status(const char *field)
{
	struct wanted_field wanted = { .name = field };

	if (!each_line("/proc/self/status", status_line, &wanted))
		return refused("read", "/proc/self/status");
	if (field && !wanted.found) {
		errno = ENOENT;
		return refused("find in /proc/self/status", field);
	}
	return 0;
}

/* --- identity and privileges -----------------------------------------------------------------*/

static void show_groups(void)
{
	int n = getgroups(0, NULL);
	gid_t *groups = n > 0 ? calloc((size_t)n, sizeof(*groups)) : NULL;

	printf("groups:");
	n = groups ? getgroups(n, groups) : 0;
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	putchar('\n');
	free(groups);
}

static int ids(int argc, char **argv)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	(void)argc;
	(void)argv;
	if (getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0)
		return refused("read", "ids");
	printf("uid: %u\neuid: %u\nsuid: %u\n", uid, euid, suid);
	printf("gid: %u\negid: %u\nsgid: %u\n", gid, egid, sgid);
	show_groups();
	printf("pid: %d\nppid: %d\npgid: %d\nsid: %d\n", getpid(), getppid(), getpgrp(), getsid(0));
	return 0;
}

static bool capability_line(char *text, void *context)
{
	uint64_t set;
	bool none = true;

	(void)context;
	if (sscanf(text, "Cap%*4s %" SCNx64, &set) != 1)
		return true;
	printf("%.6s: %016" PRIx64 "\n%.6s.names:", text, set, text);
	for (int i = 0; i < 64; i++) {
		if (!(set >> i & 1))
			continue;
		none = false;
		/* A kernel newer than our table has capabilities without a name. */
		if (capability_name(i))
			printf(" %s", capability_name(i));
		else
			printf(" %d", i);
	}
	puts(none ? " none" : "");
	return true;
}

static int caps(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!each_line("/proc/self/status", capability_line, NULL))
		return refused("read", "/proc/self/status");
	return 0;
}

static int status(int argc, char **argv)
{
	return show_status(argc > 1 ? argv[1] : NULL);
}

static int limits(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < n_rlimit_names; i++) {
		struct rlimit limit;

		if (getrlimit((unsigned int)rlimit_names[i].number, &limit) < 0)
			return refused("getrlimit", rlimit_names[i].name);
		printf("RLIMIT_%s:", rlimit_names[i].name);
		for (int hard = 0; hard < 2; hard++) {
			rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;

			if (value == RLIM_INFINITY)
				printf(" unlimited");
			else
				printf(" %llu", (unsigned long long)value);
		}
		putchar('\n');
	}
	return 0;
}

static int show_umask(int argc, char **argv)
{
	mode_t mask = umask(0);

	(void)argc;
	(void)argv;
	umask(mask);
	printf("umask: %04o\n", mask);
	return 0;
}

static int show_personality(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("personality: 0x%x\n", (unsigned int)personality(0xffffffff));
	return 0;
}

static int sched(int argc, char **argv)
{
	static const char *const policies[] = {
		"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",       "SCHED_BATCH",
		"SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE", "SCHED_EXT",
	};
	/* What <linux/sched/types.h> calls sched_attr; musl's <sched.h> does not bear that header. */
	struct {
		uint32_t size, sched_policy;
		uint64_t sched_flags;
		int32_t sched_nice;
		uint32_t sched_priority;
		uint64_t sched_runtime, sched_deadline, sched_period;
	} attr = { .size = sizeof(attr) };
	cpu_set_t cpus;

	(void)argc;
	(void)argv;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0)
		return refused("sched_getattr", "self");
	if (attr.sched_policy < array_len(policies))
		printf("policy: %s\n", policies[attr.sched_policy]);
	else
		printf("policy: %u\n", attr.sched_policy);
	printf("flags: 0x%llx\nnice: %d\npriority: %u\n", (unsigned long long)attr.sched_flags,
	       attr.sched_nice, attr.sched_priority);
	printf("runtime: %llu\ndeadline: %llu\nperiod: %llu\n",
	       (unsigned long long)attr.sched_runtime, (unsigned long long)attr.sched_deadline,
	       (unsigned long long)attr.sched_period);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return refused("sched_getaffinity", "self");
	printf("cpus:");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus))
			printf(" %d", i);
	putchar('\n');
	return 0;
}

static int ioprio(int argc, char **argv)
{
	static const char *const classes[] = { "none", "realtime", "best-effort", "idle" };
	long value = syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);

	(void)argc;
	(void)argv;
	if (value < 0)
		return refused("ioprio_get", "self");
	printf("class: %s\npriority: %ld\n", classes[value >> 13 & 3], value & 0x1fff);
	return 0;
}

static int mempolicy(int argc, char **argv)
{
	static const char *const modes[] = {
		"default",        "preferred",           "bind", "interleave", "local",
		"preferred-many", "weighted-interleave",
	};
	unsigned long nodes[16] = { 0 };
	int mode;

	(void)argc;
	(void)argv;
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * CHAR_BIT, NULL, 0) < 0)
		return refused("get_mempolicy", "self");
	/* The upper bits are flags, MPOL_F_*. */
	if ((size_t)(mode & 0xff) < array_len(modes))
		printf("mode: %s\n", modes[mode & 0xff]);
	else
		printf("mode: %d\n", mode & 0xff);
	printf("flags: 0x%x\nnodes:", (unsigned int)mode & ~0xffU);
	for (size_t i = 0; i < sizeof(nodes) * CHAR_BIT; i++)
		if (nodes[i / (sizeof(long) * CHAR_BIT)] >> i % (sizeof(long) * CHAR_BIT) & 1)
			printf(" %zu", i);
	putchar('\n');
	return 0;
}

/* --- surroundings ----------------------------------------------------------------------------*/

static int namespaces(int argc, char **argv)
{
	static const char *const kinds[] = { "cgroup", "ipc",  "mnt",  "net",
					     "pid",    "time", "user", "uts" };

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < array_len(kinds); i++) {
		char path[64], target[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, target, sizeof(target));
		if (n < 0 && errno == ENOENT && access("/proc/self/ns", F_OK) == 0)
			continue; /* a kind this kernel does not have */
		if (n < 0)
			return refused("readlink", path);
		printf("namespace.%s: %.*s\n", kinds[i], (int)n, target);
	}
	return 0;
}

/* mountinfo writes blanks and the like as \ooo: one word stays one word, so it is left like that. */
static bool mount_line(char *text, void *context)
{
	const char *only = context;
	const char *root, *point, *options, *type, *source, *super;
	char *rest, *word;

	strtok_r(text, " ", &rest); /* mount id */
	strtok_r(NULL, " ", &rest); /* parent id */
	strtok_r(NULL, " ", &rest); /* device */
	root = strtok_r(NULL, " ", &rest);
	point = strtok_r(NULL, " ", &rest);
	options = strtok_r(NULL, " ", &rest);
	if (!options || (only && !streq(only, point)))
		return true;
	printf("%s: options=%s propagation=", point, options);
	for (bool first = true; (word = strtok_r(NULL, " ", &rest)); first = false) {
		if (streq(word, "-")) {
			if (first)
				printf("private");
			break;
		}
		printf("%s%s", first ? "" : ",", word);
	}
	type = strtok_r(NULL, " ", &rest);
	source = strtok_r(NULL, " ", &rest);
	super = strtok_r(NULL, " ", &rest);
	/* An empty source shows as nothing at all between two blanks. */
	if (!super) {
		super = source;
		source = "";
	}
	printf(" type=%s source=%s super=%s root=%s\n", type, source, super ? super : "", root);
	return true;
}

static int mounts(int argc, char **argv)
{
	if (!each_line("/proc/self/mountinfo", mount_line, argc > 1 ? argv[1] : NULL))
		return refused("read", "/proc/self/mountinfo");
	return 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	int x = atoi((*a)->d_name), y = atoi((*b)->d_name);

	return (x > y) - (x < y);
}

static int not_dots(const struct dirent *entry)
{
	return !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
}

static int fds(int argc, char **argv)
{
	struct dirent **entries;
	int n = scandir("/proc/self/fd", &entries, not_dots, by_number);

	(void)argc;
	(void)argv;
	if (n < 0)
		return refused("read", "/proc/self/fd");
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX], target[PATH_MAX];
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entries[i]->d_name);
		length = readlink(path, target, sizeof(target));
		/* The descriptor that scandir() read through is closed by now. */
		if (length >= 0)
			printf("%s: %.*s\n", entries[i]->d_name, (int)length, target);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static int env(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (char **e = environ; *e; e++)
		puts(*e);
	return 0;
}

static int args(int argc, char **argv)
{
	printf("argc: %d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		printf("argv[%d]: %s\n", i, argv[i]);
	return 0;
}

static int cwd(int argc, char **argv)
{
	char path[PATH_MAX];

	(void)argc;
	(void)argv;
	if (!getcwd(path, sizeof(path)))
		return refused("getcwd", "self");
	printf("cwd: %s\n", path);
	return 0;
}

static int hostname(int argc, char **argv)
{
	char host[256], domain[256];

	(void)argc;
	(void)argv;
	if (gethostname(host, sizeof(host)) < 0 || getdomainname(domain, sizeof(domain)) < 0)
		return refused("read", "host name");
	printf("hostname: %s\ndomainname: %s\n", host, domain);
	return 0;
}

static int cgroup(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return show_file("/proc/self/cgroup");
}

static int tty(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int fd = 0; fd < 3; fd++) {
		char name[PATH_MAX];
		struct winsize size;

		if (!isatty(fd)) {
			printf("%d: not a tty\n", fd);
			continue;
		}
		/* The name exists only where its devpts is mounted, which may be outside. */
		if (ttyname_r(fd, name, sizeof(name)) != 0)
			snprintf(name, sizeof(name), "?");
		if (ioctl(fd, TIOCGWINSZ, &size) < 0)
			return refused("TIOCGWINSZ", name);
		printf("%d: %s %ux%u\n", fd, name, size.ws_col, size.ws_row);
	}
	return 0;
}

/* --- files -----------------------------------------------------------------------------------*/

static int cat(int argc, char **argv)
{
	char buf[4096];
	ssize_t n;
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

	(void)argc;
	if (fd < 0)
		return refused("open", argv[1]);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	if (n < 0)
		return refused("read", argv[1]);
	close(fd);
	return 0;
}

static int ls(int argc, char **argv)
{
	struct dirent **entries;
	int n = scandir(argv[1], &entries, not_dots, alphasort);

	(void)argc;
	if (n < 0)
		return refused("read", argv[1]);
	for (int i = 0; i < n; i++) {
		puts(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "unknown";
	}
}

static int show_stat(int argc, char **argv)
{
	struct stat st;

	(void)argc;
	if (lstat(argv[1], &st) < 0)
		return refused("stat", argv[1]);
	printf("type: %s\nmode: %04o\nuid: %u\ngid: %u\nrdev: %u:%u\nsize: %lld\n",
	       type_name(st.st_mode), st.st_mode & 07777, st.st_uid, st.st_gid, major(st.st_rdev),
	       minor(st.st_rdev), (long long)st.st_size);
	return 0;
}

static int show_link(int argc, char **argv)
{
	char target[PATH_MAX];
	ssize_t n = readlink(argv[1], target, sizeof(target));

	(void)argc;
	if (n < 0)
		return refused("readlink", argv[1]);
	printf("target: %.*s\n", (int)n, target);
	return 0;
}

/* --- the report ------------------------------------------------------------------------------*/

static bool count_line(char *text, void *context)
{
	(void)text;
	++*(int *)context;
	return true;
}

/* "N:CONTROLLERS:PATH" of /proc/self/cgroup; keeps the path of the memory controller's group. */
static bool memory_cgroup_line(char *text, void *context)
{
	char *path = context;
	char *controllers = strchr(text, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return true;
	*group++ = '\0';
	controllers++;
	if (*controllers == '\0' || strstr(controllers, "memory"))
		snprintf(path, PATH_MAX, "%s", group);
	return !strstr(controllers, "memory");
}

/* The limit is where a container sees its own cgroup, which depends on how it is mounted. */
static void show_memory_limit(void)
{
	static const char *const patterns[] = {
		"/sys/fs/cgroup/memory.max",
		"/sys/fs/cgroup%s/memory.max",
		"/sys/fs/cgroup/memory/memory.limit_in_bytes",
		"/sys/fs/cgroup/memory%s/memory.limit_in_bytes",
	};
	char group[PATH_MAX] = "";

	each_line("/proc/self/cgroup", memory_cgroup_line, group);
	for (size_t i = array_len(patterns); i-- > 0;) {
		char path[2 * PATH_MAX], value[64];
		int before = (int)strcspn(patterns[i], "%");
		bool has_group = patterns[i][before] == '%';

		snprintf(path, sizeof(path), "%.*s%s%s", before, patterns[i],
			 has_group ? group : "", has_group ? patterns[i] + before + 2 : "");
		if (!first_line(path, value, sizeof(value)))
			continue;
		/* cgroup v1 says "none" with the largest multiple of the page size. */
		if (streq(value, "max") || strlen(value) > 18)
			puts("memory limit: unlimited");
		else
			printf("memory limit: %s bytes\n", value);
		return;
	}
	puts("memory limit: none visible");
}

int report(void)
{
	static const char *const fields[] = { "CapInh", "CapPrm",     "CapEff", "CapBnd",
					      "CapAmb", "NoNewPrivs", "Seccomp" };
	struct statvfs root;
	int n_mounts = 0;
	bool has_proc = access("/proc/self/status", R_OK) == 0;

	puts("Hello, this is the demo program of ocirt, speaking from inside.");
	printf("pid: %d\nppid: %d\nuid: %u\ngid: %u\n", getpid(), getppid(), getuid(), getgid());
	show_groups();
	hostname(1, NULL);
	cwd(1, NULL);
	if (has_proc)
		namespaces(1, NULL);
	show_memory_limit();
	for (size_t i = 0; has_proc && i < array_len(fields); i++)
		show_status(fields[i]);
	if (statvfs("/", &root) == 0)
		printf("root file system: %s\n",
		       root.f_flag & ST_RDONLY ? "read-only" : "writable");
	if (each_line("/proc/self/mountinfo", count_line, &n_mounts))
		printf("mounts: %d\n", n_mounts);
	if (!has_proc)
		puts("no /proc here: the rest cannot be seen");
	puts("more: 'demo help' lists what else this program can do");
	return 0;
}

/* clang-format off */
const struct command look_commands[] = {
	{ "ids",         "",         "user, group and process ids",                       ids },
	{ "caps",        "",         "the five capability sets, in hex and by name",      caps },
	{ "status",      "[FIELD]",  "/proc/self/status, or one field of it",             status },
	{ "namespaces",  "",         "the namespaces this process is in",                 namespaces },
	{ "mounts",      "[POINT]",  "what is mounted: one line per mount, or one mount", mounts },
	{ "limits",      "",         "resource limits, soft and hard",                    limits },
	{ "fds",         "",         "open descriptors and what they are",                fds },
	{ "env",         "",         "the environment, NAME=VALUE",                       env },
	{ "args",        "[A...]",   "the arguments as they arrived",                     args },
	{ "cwd",         "",         "the working directory",                             cwd },
	{ "hostname",    "",         "host name and domain name",                         hostname },
	{ "cgroup",      "",         "/proc/self/cgroup",                                 cgroup },
	{ "umask",       "",         "the file mode creation mask",                       show_umask },
	{ "personality", "",         "the execution domain",                              show_personality },
	{ "sched",       "",         "scheduling policy, priorities and CPUs",            sched },
	{ "ioprio",      "",         "I/O priority",                                      ioprio },
	{ "mempolicy",   "",         "NUMA memory policy",                                mempolicy },
	{ "tty",         "",         "which of 0, 1, 2 are terminals: name and size",     tty },
	{ "cat",         "FILE",     "the content of a file",                             cat },
	{ "ls",          "DIR",      "the names in a directory, sorted",                  ls },
	{ "stat",        "PATH",     "type, mode, owner, device and size; no following",  show_stat },
	{ "readlink",    "PATH",     "where a symbolic link points to",                   show_link },
	{ NULL },
};
/* clang-format on */
