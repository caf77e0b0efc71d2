/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * floor -- the system calls that a default container cannot do without, and nothing else.
 *
 *	floor ROOTFS PROGRAM [ARGUMENT]...
 *
 * What `ocirt spec --demo` asks for, but for cgroups, by the shortest way the kernel offers: no
 * configuration, no state, no lookups that a hostile image would call for, no messages. Of no use as
 * a container: it is what `ocirt run` is held against. Failures end it with the number of the line.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
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

static void make_root(const char *rootfs)
{
	int tree = sys_open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	must(tree);
	must(sys_mount(NULL, "/", NULL, SLAVE | REC, NULL));
	must(sys_move_mount(tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH));
	must(fchdir(tree));
	for (size_t i = 0; i < array_len(mounts); i++) {
		if (after(mounts[i].path, "dev/"))
			must(mkdir(mounts[i].path, 0755));
		must(sys_mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
			       mounts[i].data));
	}
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

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
					    CLONE_NEWPID | CLONE_NEWNET,
				   .exit_signal = SIGCHLD };
	int status;

	if (argc < 3)
		return 64;
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	must(pid);
	if (pid > 0) {
		must(waitpid((pid_t)pid, &status, 0));
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
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
