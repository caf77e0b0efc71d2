/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * floor -- the system calls that a default container cannot do without, and nothing else.
 *
 *	floor [-1 DIRECTORY]... [-2 DIRECTORY] ROOTFS PROGRAM [ARGUMENT]...
 *
 * What `ocirt spec --demo` asks for, by the shortest way the kernel offers: no configuration, no
 * state, no lookups that a hostile image would call for, no messages. Its cgroup is made where -1
 * (a hierarchy of cgroup v1) and -2 (that of v2) say, its controllers are known by the hierarchy's
 * name. Without them it has none, as with `ocirt --cgroup-manager disabled`, and no mount of them.
 * Of no use as a container: it is what `ocirt run` is held against. Failures end it with the number
 * of the line.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The kernel's mount flags; <linux/mount.h> has them, but a musl may not. */
enum {
	RDONLY = 1,
	NOSUID = 2,
	NODEV = 4,
	NOEXEC = 8,
	REMOUNT = 32,
	BIND = 4096,
	REC = 16384,
	SLAVE = 1 << 19,
	STRICTATIME = 1 << 24
};

#define must(call) ((call) < 0 ? _exit(__LINE__ & 127) : (void)0)

static const struct {
	const char *type, *path, *data;
	unsigned long flags;
} mounts[] = {
	{ "proc", "proc", NULL, 0 },
	{ "tmpfs", "dev", "mode=755,size=65536k", NOSUID | STRICTATIME },
	{ "devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", NOSUID | NOEXEC },
	{ "tmpfs", "dev/shm", "mode=1777,size=65536k", NOSUID | NOEXEC | NODEV },
	{ "mqueue", "dev/mqueue", NULL, NOSUID | NOEXEC | NODEV },
	{ "sysfs", "sys", NULL, NOSUID | NOEXEC | NODEV | RDONLY },
};

static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{ "dev/null", 1, 3 },   { "dev/zero", 1, 5 },    { "dev/full", 1, 7 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "dev/fd" },       { "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
	{ "pts/ptmx", "dev/ptmx" },
};

static const struct {
	const char *path;
	bool directory;
} masked[] = {
	{ "/proc/acpi", true },
	{ "/proc/asound", true },
	{ "/proc/interrupts", false },
	{ "/proc/kcore", false },
	{ "/proc/keys", false },
	{ "/proc/latency_stats", false },
	{ "/proc/sched_debug", false },
	{ "/proc/scsi", true },
	{ "/proc/timer_list", false },
	{ "/proc/timer_stats", false },
	{ "/sys/devices/virtual/powercap", true },
	{ "/sys/firmware", true },
};

static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger" };

static void ignore(long result)
{
	(void)result; /* a path that this kernel does not have */
}

/* Whatever the bundle asks for, a container may use these (config-linux.md, Default Devices). */
static const struct {
	char type;
	int major, minor;
} allowed[] = {
	{ 'c', 1, 3 }, { 'c', 1, 5 }, { 'c', 1, 7 }, { 'c', 1, 8 },    { 'c', 1, 9 },
	{ 'c', 5, 0 }, { 'c', 5, 1 }, { 'c', 5, 2 }, { 'c', 136, -1 }, { 'c', 10, 200 },
};

static struct cgroup {
	const char *directory, *hierarchy; /* "/sys/fs/cgroup/cpu/floor", "cpu" */
	int tasks;
} cgroups[24];
static int n_cgroups, v2 = -1; /* v2: its index */

static void write_to(int dir, const char *file, const char *const text[])
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	must(fd);
	for (; *text; text++)
		must(write(fd, *text, strlen(*text)));
	close(fd);
}

/* A fresh cpuset has none, and takes no process. */
static void inherit(int dir, const char *file)
{
	char above[64], text[256];

	snprintf(above, sizeof(above), "../%s", file);
	int fd = openat(dir, above, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	must(n);
	close(fd);
	text[n] = '\0';
	write_to(dir, file, (const char *const[]){ text, NULL });
}

/* The same rules for v1, as lines, and for v2, as a program. */
static void restrict_devices(int dir)
{
	char rules[array_len(allowed)][32];
	const char *text[array_len(allowed) + 3] = { "c *:* m", "b *:* m" };

	for (size_t i = 0; i < array_len(allowed); i++) {
		snprintf(rules[i], sizeof(rules[i]), "%c %d:%.*d%s rwm", allowed[i].type,
			 allowed[i].major, allowed[i].minor >= 0, MAX(allowed[i].minor, 0),
			 allowed[i].minor < 0 ? "*" : "");
		text[i + 2] = rules[i];
	}
	write_to(dir, "devices.deny", (const char *const[]){ "a", NULL });
	write_to(dir, "devices.allow", text);
}

#define INSN(c, dst, src, o, i)                                                         \
	(struct bpf_insn)                                                               \
	{                                                                               \
		.code = (c), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i) \
	}

static void filter_devices(int dir)
{
	struct bpf_insn program[5 * array_len(allowed) + 16], *p = program;

	*p++ = INSN(BPF_LDX | BPF_W | BPF_MEM, 2, 1, 0, 0); /* access and type */
	*p++ = INSN(BPF_LDX | BPF_W | BPF_MEM, 4, 1, 4, 0); /* major */
	*p++ = INSN(BPF_LDX | BPF_W | BPF_MEM, 5, 1, 8, 0); /* minor */
	*p++ = INSN(BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
	*p++ = INSN(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	*p++ = INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	*p++ = INSN(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2, BPF_DEVCG_ACC_MKNOD);
	*p++ = INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 1);
	*p++ = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < array_len(allowed); i++) {
		int16_t rest = allowed[i].minor >= 0;

		*p++ = INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, (int16_t)(3 + rest),
			    BPF_DEVCG_DEV_CHAR);
		*p++ = INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, (int16_t)(2 + rest), allowed[i].major);
		if (rest)
			*p++ = INSN(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 2, allowed[i].minor);
		*p++ = INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 1);
		*p++ = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	*p++ = INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0);
	*p++ = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.insns = (uintptr_t)program,
				.insn_cnt = (uint32_t)(p - program),
				.license = (uintptr_t) "" };
	union bpf_attr attach = { .attach_type = BPF_CGROUP_DEVICE,
				  .attach_flags = BPF_F_ALLOW_MULTI,
				  .target_fd = (uint32_t)dir };
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	must(fd);
	attach.attach_bpf_fd = (uint32_t)fd;
	must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)));
	close((int)fd);
}

static int make_cgroups(void)
{
	int born_in = -1;

	for (int i = 0; i < n_cgroups; i++) {
		struct cgroup *c = &cgroups[i];

		must(mkdir(c->directory, 0755));
		int dir = openat(AT_FDCWD, c->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

		must(dir);
		if (streq(c->hierarchy, "cpuset")) {
			inherit(dir, "cpuset.cpus");
			inherit(dir, "cpuset.mems");
		}
		if (streq(c->hierarchy, "devices"))
			restrict_devices(dir);
		if (i == v2) {
			born_in = dir;
			if (n_cgroups == 1)
				filter_devices(dir);
		} else {
			c->tasks = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
			must(c->tasks);
			close(dir);
		}
	}
	return born_in;
}

static void join_cgroups(void)
{
	for (int i = 0; i < n_cgroups; i++)
		if (i != v2)
			must(write(cgroups[i].tasks, "0", 1));
}

static void bind_cgroup(const char *from, const char *to)
{
	const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						   MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
	int tree = sys_open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	must(tree);
	must(sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro));
	must(sys_move_mount(tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH));
	close(tree);
}

/* In the root that is being made, which is the working directory. */
static void mount_cgroups(void)
{
	const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	char path[256];

	if (n_cgroups == 1 && v2 == 0)
		bind_cgroup(cgroups[0].directory, "sys/fs/cgroup");
	if (n_cgroups <= 1)
		return;
	must(sys_mount("tmpfs", "sys/fs/cgroup", "tmpfs", NOSUID | NOEXEC | NODEV, "mode=755"));
	for (int i = 0; i < n_cgroups; i++) {
		snprintf(path, sizeof(path), "sys/fs/cgroup/%s", cgroups[i].hierarchy);
		must(mkdir(path, 0755));
		bind_cgroup(cgroups[i].directory, path);
	}
	must(sys_mount_setattr(AT_FDCWD, "sys/fs/cgroup", 0, &ro));
}

static void remove_cgroups(void)
{
	for (int i = 0; i < n_cgroups; i++)
		must(rmdir(cgroups[i].directory));
}

static void make_root(const char *rootfs)
{
	must(sys_mount(NULL, "/", NULL, SLAVE | REC, NULL));
	/* Not before: a clone of what is shared would show the host all that is mounted in it. */
	int tree = sys_open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	must(tree);
	must(sys_move_mount(tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH));
	must(fchdir(tree));
	for (size_t i = 0; i < array_len(mounts); i++) {
		if (after(mounts[i].path, "dev/"))
			must(mkdir(mounts[i].path, 0755));
		must(sys_mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
			       mounts[i].data));
	}
	mount_cgroups();
	for (size_t i = 0; i < array_len(devices); i++)
		must(mknod(devices[i].path, S_IFCHR | 0666,
			   makedev(devices[i].major, devices[i].minor)));
	for (size_t i = 0; i < array_len(links); i++)
		must(symlink(links[i][0], links[i][1]));
	must(sys_pivot_root(".", "."));
	must(sys_umount2(".", MNT_DETACH));
	must(chdir("/"));
}

static void protect(void)
{
	const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < array_len(masked); i++)
		ignore(masked[i].directory
			       ? sys_mount("tmpfs", masked[i].path, "tmpfs", RDONLY, "size=0k")
			       : sys_mount("/dev/null", masked[i].path, NULL, BIND, NULL));
	for (size_t i = 0; i < array_len(readonly); i++)
		if (sys_mount(readonly[i], readonly[i], NULL, BIND | REC, NULL) == 0)
			must(sys_mount_setattr(AT_FDCWD, readonly[i], AT_RECURSIVE, &ro));
	must(sys_mount_setattr(AT_FDCWD, "/", 0, &ro));
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(sock);
	must(ioctl(sock, SIOCSIFFLAGS, &request));
	close(sock);
}

static void drop_privileges(void)
{
	/* AUDIT_WRITE, KILL and NET_BIND_SERVICE. */
	const uint32_t kept = 1u << 29 | 1u << 5 | 1u << 10;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { .effective = kept, .permitted = kept } };
	const struct rlimit files = { 1024, 1024 };
	gid_t no_groups[1];

	must(setrlimit(RLIMIT_NOFILE, &files));
	for (unsigned long cap = 0;; cap++)
		if (!(cap < 32 && kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	must(syscall(SYS_setgroups, 0, no_groups)); /* musl has all its threads do it: a detour */
	must(syscall(SYS_setgid, 0));
	must(syscall(SYS_setuid, 0));
	must(syscall(SYS_capset, &header, caps));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* "/sys/fs/cgroup/cpu/floor": "cpu". The name is cut out in a copy that lives on. */
static void add_cgroup(char *directory, bool is_v2)
{
	char *hierarchy = strdup(directory);
	char *slash = hierarchy ? strrchr(hierarchy, '/') : NULL;

	if (!slash || n_cgroups == (int)array_len(cgroups))
		_exit(64);
	*slash = '\0';
	slash = strrchr(hierarchy, '/');
	if (is_v2)
		v2 = n_cgroups;
	cgroups[n_cgroups++] =
		(struct cgroup){ .directory = directory, .hierarchy = slash ? slash + 1 : "" };
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
					    CLONE_NEWPID | CLONE_NEWNET,
				   .exit_signal = SIGCHLD };
	int status, born_in;

	for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2)
		add_cgroup(argv[2], argv[1][1] == '2');
	if (argc < 3)
		return 64;
	born_in = make_cgroups();
	if (born_in >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)born_in;
	}
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	must(pid);
	if (pid > 0) {
		must(waitpid((pid_t)pid, &status, 0));
		remove_cgroups();
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	join_cgroups();
	must(setsid());
	ignore(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "floor"));
	bring_up_loopback();
	make_root(argv[1]);
	must(sethostname("floor", 5));
	protect();
	drop_privileges();
	must(sys_close_range(3, ~0u, 0));
	execve(argv[2], argv + 2, environ);
	_exit(127);
}
