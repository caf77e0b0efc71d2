/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demo.h"

#include "base/names.h"
#include "base/number.h"
#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- files -----------------------------------------------------------------------------------*/

/* What a write to /proc/sys or a cgroup file refuses, it refuses at the write or at the close. */
static int write_file(int argc, char **argv)
{
	size_t length = strlen(argv[2]);
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	(void)argc;
	if (fd < 0)
		return refused("open", argv[1]);
	n = write(fd, argv[2], length);
	if (n < 0 || close(fd) < 0)
		return refused("write", argv[1]);
	if ((size_t)n != length) {
		errno = ENOSPC;
		return refused("write", argv[1]);
	}
	return answer("write", true);
}

static int make_directory(int argc, char **argv)
{
	(void)argc;
	if (mkdir(argv[1], 0755) < 0)
		return refused("mkdir", argv[1]);
	return answer("mkdir", true);
}

static int rm(int argc, char **argv)
{
	(void)argc;
	if (remove(argv[1]) < 0)
		return refused("rm", argv[1]);
	return answer("rm", true);
}

static int lock_rw(int argc, char **argv)
{
	int fd = open(argv[1], O_RDWR | O_CLOEXEC);

	(void)argc;
	return answer("lock-rw", fd >= 0);
}

static int mount_try(int argc, char **argv)
{
	const char *type = argc > 1 ? argv[1] : "tmpfs";
	const char *target = argc > 2 ? argv[2] : "/tmp";

	if (syscall(SYS_mount, "demo", target, type, 0, NULL) < 0)
		return answer("mount", false);
	syscall(SYS_umount2, target, 0);
	return answer("mount", true);
}

/* Rewrites a number at the start of a file: a paused container is one where it stands still. */
static int count(int argc, char **argv)
{
	const struct timespec pace = { .tv_nsec = 1000 * 1000 };
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)argc;
	if (fd < 0)
		return refused("open", argv[1]);
	for (unsigned long n = 1;; n++) {
		char line[32];
		int length = snprintf(line, sizeof(line), "%020lu\n", n);

		if (pwrite(fd, line, (size_t)length, 0) != length)
			return refused("write", argv[1]);
		nanosleep(&pace, NULL);
	}
}

/* --- processes -------------------------------------------------------------------------------*/

static int exit_with(int argc, char **argv)
{
	(void)argc;
	return (int)number_argument(argv[1]);
}

static int sleep_for(int argc, char **argv)
{
	struct timespec left = { 0 };

	if (argc < 2)
		return wait_forever();
	left.tv_sec = number_argument(argv[1]);
	flush();
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return 0;
}

static int signals(int argc, char **argv)
{
	sigset_t all;
	int sig = 0;

	(void)argc;
	(void)argv;
	/* Blocked signals reach even PID 1, for which the kernel drops those without a handler. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("ready");
	while (sig != SIGTERM) {
		char name[32];

		flush();
		sig = sigwaitinfo(&all, NULL);
		if (sig < 0)
			continue; /* a stop and a continue interrupt the wait */
		puts(signal_name(sig, name, sizeof(name)));
	}
	return 0;
}

static int fork_children(int argc, char **argv)
{
	long n = number_argument(argv[1]);

	(void)argc;
	flush();
	for (long i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			return refused("fork", argv[1]);
		if (child == 0)
			return wait_forever();
	}
	printf("children: %ld\n", n);
	return wait_forever();
}

static int zombies(int argc, char **argv)
{
	long n = number_argument(argv[1]);

	(void)argc;
	flush();
	for (long i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			return refused("fork", argv[1]);
		if (child == 0)
			_exit(0);
		/* WNOWAIT: known to be dead, and left lying. */
		waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
	}
	printf("zombies: %ld\n", n);
	return wait_forever();
}

/* Its parent ends first; read() returns when it has. */
static void be_orphan(const int alive[2])
{
	char none;

	close(alive[1]);
	if (read(alive[0], &none, 1) < 0)
		_exit(1);
	_exit(0);
}

/* Their parents end, and then they: to be buried by whoever is the parent of orphans here. */
static int orphans(int argc, char **argv)
{
	long n = number_argument(argv[1]);

	(void)argc;
	flush();
	for (long i = 0; i < n; i++) {
		int alive[2];
		pid_t parent = pipe(alive) < 0 ? -1 : fork();

		if (parent < 0)
			return refused("fork", argv[1]);
		if (parent == 0) {
			if (fork() == 0)
				be_orphan(alive);
			_exit(0);
		}
		waitpid(parent, NULL, 0);
		close(alive[0]);
		close(alive[1]);
	}
	printf("orphans: %ld\n", n);
	return wait_forever();
}

static int hog(int argc, char **argv)
{
	int64_t bytes;
	char *memory;

	(void)argc;
	if (number_size(argv[1], &bytes) < 0 || bytes <= 0) {
		errno = EINVAL;
		return refused("hog", argv[1]);
	}
	memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return refused("mmap", argv[1]);
	memset(memory, 1, (size_t)bytes);
	printf("hog: %lld\n", (long long)bytes);
	return wait_forever();
}

__attribute__((noreturn)) static int spin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("spin: started");
	flush();
	for (;;)
		__asm__ volatile("");
}

static int send_signal(int argc, char **argv)
{
	int sig = signal_number(argv[2]);

	(void)argc;
	if (sig < 0) {
		errno = -sig;
		return refused("kill with", argv[2]);
	}
	if (kill((pid_t)number_argument(argv[1]), sig) < 0)
		return refused("kill", argv[1]);
	return answer("kill", true);
}

static int exec(int argc, char **argv)
{
	(void)argc;
	flush();
	execvp(argv[1], argv + 1);
	int status = errno == ENOENT ? 127 : 126; /* as a shell has it */

	refused("exec", argv[1]);
	return status;
}

/* --- sockets ---------------------------------------------------------------------------------*/

/* A connected socket, or -1 with errno. A leading '@' is the abstract namespace, as in systemd. */
static int connect_unix(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	auto_close int fd = -1;

	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	else
		length++;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	length += offsetof(struct sockaddr_un, sun_path);
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)length) < 0)
		return -1;
	return fd_take(&fd);
}

/* One echo request over a socket of ICMP datagrams, for which the kernel makes the checksum. Allowed to
 * the groups in net.ipv4.ping_group_range. */
static int ping(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct icmphdr request = { .type = ICMP_ECHO }, reply;
	const struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	(void)argc;
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		errno = EINVAL;
		return answer("ping", false);
	}
	return answer("ping",
		      fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
			      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
			      send(fd, &request, sizeof(request), 0) == sizeof(request) &&
			      recv(fd, &reply, sizeof(reply), 0) == sizeof(reply));
}

static int connect_to(int argc, char **argv)
{
	(void)argc;
	return answer("connect", connect_unix(argv[1], SOCK_STREAM) >= 0);
}

static int notify(int argc, char **argv)
{
	static const char ready[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	int fd;

	(void)argc;
	(void)argv;
	if (!path) {
		errno = ENOENT;
		return refused("notify", "NOTIFY_SOCKET");
	}
	fd = connect_unix(path, SOCK_DGRAM);
	if (fd < 0 || send(fd, ready, strlen(ready), 0) < 0)
		return refused("notify", path);
	return answer("notify", true);
}

/* --- any system call -------------------------------------------------------------------------*/

/*
 * For seccomp: what the call would do matters less than whether it is let through, so each has
 * arguments that change nothing, used when none are given. "buf" stands for a page of memory.
 */
static const struct {
	const char *name;
	long number;
	const char *arguments[6];
} calls[] = {
#ifdef SYS_chmod
	{ "chmod", SYS_chmod, { "/nowhere", "0" } },
#endif
#ifdef SYS_mkdir
	{ "mkdir", SYS_mkdir, { "/nowhere/at/all", "0" } },
#endif
#ifdef SYS_open
	{ "open", SYS_open, { "/nowhere", "0" } },
#endif
	{ "bpf", SYS_bpf, { "-1", "0", "0" } },
	{ "chdir", SYS_chdir, { "/" } },
	{ "chroot", SYS_chroot, { "/nowhere" } },
	{ "clone3", SYS_clone3, { "0", "0" } },
	{ "fchmodat", SYS_fchmodat, { "-1", "nowhere", "0" } },
	{ "getcwd", SYS_getcwd, { "buf", "4096" } },
	{ "getpid", SYS_getpid, { NULL } },
	{ "getppid", SYS_getppid, { NULL } },
	{ "getuid", SYS_getuid, { NULL } },
	{ "keyctl", SYS_keyctl, { "0", "-3", "0" } }, /* the id of the session keyring */
	{ "kill", SYS_kill, { "0", "0" } },
	{ "mkdirat", SYS_mkdirat, { "-1", "nowhere", "0" } },
	{ "mount", SYS_mount, { "none", "/nowhere", "tmpfs", "0", "0" } },
	{ "openat", SYS_openat, { "-100", "/", "0" } },
	{ "openat2", SYS_openat2, { "-1", "nowhere", "0", "0" } },
	{ "perf_event_open", SYS_perf_event_open, { "0", "0", "-1", "-1", "0" } },
	{ "personality", SYS_personality, { "0xffffffff" } },
	{ "pivot_root", SYS_pivot_root, { "/nowhere", "/nowhere" } },
	{ "ptrace", SYS_ptrace, { "16", "-1", "0", "0" } }, /* PTRACE_ATTACH */
	{ "reboot", SYS_reboot, { "0", "0", "0", "0" } },
	{ "sethostname", SYS_sethostname, { "x", "-1" } },
	{ "setns", SYS_setns, { "-1", "0" } },
	{ "settimeofday", SYS_settimeofday, { "0", "0" } },
	{ "setuid", SYS_setuid, { "-1" } },
	{ "socket", SYS_socket, { "1", "1", "0" } },
	{ "swapon", SYS_swapon, { "/nowhere", "0" } },
	{ "symlinkat", SYS_symlinkat, { "x", "-1", "nowhere" } },
	{ "sync", SYS_sync, { NULL } },
	{ "umount2", SYS_umount2, { "/nowhere", "0" } },
	{ "uname", SYS_uname, { "buf" } },
	{ "unshare", SYS_unshare, { "0x20000" } }, /* CLONE_NEWNS */
	{ "userfaultfd", SYS_userfaultfd, { "-1" } },
};

static long call_argument(const char *text)
{
	static char buf[4096];
	char *end;
	long value;

	if (streq(text, "buf"))
		return (long)buf;
	errno = 0;
	value = (long)strtoul(text, &end, 0);
	return *text && !*end && errno == 0 ? value : (long)text;
}

static int system_call(int argc, char **argv)
{
	long number = -1, arguments[6] = { 0 }, r;
	const char *const *texts = (const char *const *)argv + 2;
	size_t n = (size_t)argc - 2;

	for (size_t i = 0; i < array_len(calls); i++) {
		if (!streq(calls[i].name, argv[1]))
			continue;
		number = calls[i].number;
		if (n == 0) {
			texts = calls[i].arguments;
			while (n < array_len(arguments) && texts[n])
				n++;
		}
	}
	if (number < 0 && (argv[1][0] < '0' || argv[1][0] > '9')) {
		fprintf(stderr, "demo: no system call '%s' in the table: give its number\n",
			argv[1]);
		return 2;
	}
	if (number < 0)
		number = number_argument(argv[1]);
	for (size_t i = 0; i < n && i < array_len(arguments); i++)
		arguments[i] = call_argument(texts[i]);

	/* A filter may kill us here. */
	printf("syscall: %s\n", argv[1]);
	flush();
	r = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]);
	printf("return: %ld\n", r);
	printf("errno: %s\n", r == -1 ? errno_name(errno) : "none");
	return 0;
}

/* clang-format off */
const struct command act_commands[] = {
	{ "write",     "FILE TEXT",       "makes or overwrites a file",                           write_file },
	{ "mkdir",     "DIR",             "makes a directory",                                    make_directory },
	{ "rm",        "PATH",            "removes a file or an empty directory",                 rm },
	{ "lock-rw",   "PATH",            "asks whether a file opens for writing",                lock_rw },
	{ "mount-try", "[TYPE] [DIR]",    "asks whether a mount is allowed (tmpfs on /tmp)",      mount_try },
	{ "connect",   "UNIXPATH",        "asks whether a stream socket can be connected to",     connect_to },
	{ "ping",      "ADDRESS",         "asks a host of the network for an echo",               ping },
	{ "notify",    "",                "sends READY=1 to $NOTIFY_SOCKET",                      notify },
	{ "syscall",   "NAME|NR [A...]",  "makes a system call; A: a number, 'buf' or a text",    system_call },
	{ "kill",      "PID SIGNAL",      "sends a signal",                                       send_signal },
	{ "exec",      "PROGRAM [A...]",  "becomes another program",                              exec },
	{ "exit",      "STATUS",          "ends with this status",                                exit_with },
	{ "sleep",     "[SECONDS]",       "waits, for ever if no number is given",                sleep_for },
	{ "signals",   "",                "prints 'ready', then every signal; ends after SIGTERM", signals },
	{ "fork",      "N",               "has N children, and waits with them",                  fork_children },
	{ "zombies",   "N",               "has N dead children that nobody buries, and waits",    zombies },
	{ "orphans",   "N",               "leaves N dead children without a parent, and waits",   orphans },
	{ "hog",       "BYTES",           "fills memory (64M works too), and waits",              hog },
	{ "spin",      "",                "keeps a processor busy for ever",                      spin },
	{ "count",     "FILE",            "rewrites a growing number in FILE for ever",           count },
	{ NULL },
};
/* clang-format on */
