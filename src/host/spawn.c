/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spawn.h"

#include "base/sys.h"
#include "base/weakened.h"
#include "blob.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/*
 * clone3 with CLONE_VM needs a stack of its own for the child, which C cannot switch to. libc has
 * this as __clone3() but does not offer it.
 */
#if defined(__x86_64__)
long clone3_call(struct clone_args *args, size_t size, int (*fn)(void *), void *arg);
__asm__(".text\n"
	".globl clone3_call\n"
	".hidden clone3_call\n"
	".type clone3_call, @function\n"
	"clone3_call:\n"
	"	endbr64\n"
	"	mov %rcx, %r8\n" /* the system call destroys rcx and r11 */
	"	mov $435, %eax\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	mov %r8, %rdi\n"
	"	and $-16, %rsp\n"
	"	call *%rdx\n"
	"	mov %eax, %edi\n"
	"	mov $60, %eax\n"
	"	syscall\n"
	"	hlt\n"
	".size clone3_call, . - clone3_call\n");
#define SHARE_MEMORY (CLONE_VM | CLONE_VFORK)
#elif defined(__aarch64__)
long clone3_call(struct clone_args *args, size_t size, int (*fn)(void *), void *arg);
__asm__(".text\n"
	".globl clone3_call\n"
	".hidden clone3_call\n"
	".type clone3_call, %function\n"
	"clone3_call:\n"
	"	mov x10, x2\n"
	"	mov x11, x3\n"
	"	mov x8, #435\n"
	"	svc #0\n"
	"	cbz x0, 1f\n"
	"	ret\n"
	"1:	mov x29, #0\n"
	"	mov x0, x11\n"
	"	blr x10\n"
	"	mov x8, #93\n"
	"	svc #0\n"
	".size clone3_call, . - clone3_call\n");
#define SHARE_MEMORY (CLONE_VM | CLONE_VFORK)
#else
/* As fork(2) does it: slower, the same otherwise. */
static long clone3_call(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
	args->stack = args->stack_size = 0;
	long r = syscall(SYS_clone3, args, size);

	if (r == 0)
		_exit(fn(arg));
	return r < 0 ? -errno : r;
}
#define SHARE_MEMORY 0
#endif

#define STACK_SIZE 16384

/* Seen by parent and children alike while they share their memory. */
struct birth {
	const struct spawn *s;
	int program; /* the memfd */
	char *const *argv;
	int pidfd;
	long pid;
	volatile int err;
	volatile const char *what; /* failed, with err */
	char *stacks;
};

/* CLOEXEC for everything, then not for what shall live on. */
static int choose_descriptors(const struct birth *b)
{
	const struct plan *p = b->s->plan;
	int r = PROTECT(close_on_exec) ? sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) : 0;

	if (r < 0)
		return r;
	for (int i = 0; i < b->s->preserve; i++)
		fcntl(3 + i, F_SETFD, 0);
	for (size_t i = 0; i < p->n_keep; i++)
		if (fcntl(p->keep[i], F_SETFD, 0) < 0)
			return -errno;
	return fcntl(b->s->arena, F_SETFD, 0) < 0 ? -errno : 0;
}

/*
 * In a user namespace the caller's id has no name yet, or never gets one (a map of others' ids, set
 * by root), and execve takes the capabilities of whoever is not root. Ambient ones pass it.
 */
static int keep_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < array_len(data); i++)
		data[i].inheritable = data[i].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (unsigned long cap = 0; cap < 64; cap++)
		if (data[cap / 32].permitted & 1u << cap % 32 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -errno;
	return 0;
}

static int become_init(void *arg)
{
	static char *const no_env[] = { NULL };
	struct birth *b = arg;
	sigset_t none;
	int r = choose_descriptors(b);

	/* CLONE_CLEAR_SIGHAND leaves what the caller ignores, and a manager's wish to live on after
	 * SIGPIPE is not the container's. */
	sys_default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	b->what = "descriptors for ocirt-init";
	if (r == 0 && (b->s->userns >= 0 || b->s->plan->clone_flags & CLONE_NEWUSER)) {
		b->what = "capabilities for ocirt-init";
		r = keep_capabilities();
	}
	if (r == 0) {
		b->what = "executing ocirt-init";
		syscall(SYS_execveat, b->program, "", b->argv, no_env, AT_EMPTY_PATH);
		r = -errno;
	}
	b->err = -r;
	return 127;
}

static long clone_init(struct birth *b, uint64_t extra)
{
	const struct plan *p = b->s->plan;
	struct clone_args args = {
		.flags = p->clone_flags | SHARE_MEMORY | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | extra,
		.pidfd = (uintptr_t)&b->pidfd,
		.exit_signal = extra & CLONE_PARENT ? 0 : SIGCHLD,
		.stack = (uintptr_t)b->stacks + STACK_SIZE,
		.stack_size = STACK_SIZE,
	};

	if (b->s->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)b->s->cgroup;
	}
	return clone3_call(&args, sizeof(args), become_init, b);
}

/*
 * Namespaces that count from birth on are entered by a process in between, which is gone at once:
 * CLONE_PARENT makes what it begets our child, CLONE_FILES puts the pidfd among our descriptors.
 */
static int beget(void *arg)
{
	struct birth *b = arg;

	b->what = "entering the user namespace";
	if (b->s->userns >= 0 && setns(b->s->userns, CLONE_NEWUSER) < 0) {
		b->err = errno;
		return 1;
	}
	b->what = "entering the pid namespace";
	if (b->s->pidns >= 0 && setns(b->s->pidns, CLONE_NEWPID) < 0) {
		b->err = errno;
		return 1;
	}
	b->what = "clone3";
	b->pid = clone_init(b, CLONE_PARENT);
	if (b->pid < 0)
		b->err = (int)-b->pid;
	return 0;
}

static long clone_between(struct birth *b)
{
	struct clone_args args = {
		.flags = SHARE_MEMORY | CLONE_FILES,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)b->stacks,
		.stack_size = STACK_SIZE,
	};
	long between = clone3_call(&args, sizeof(args), beget, b);

	if (between < 0)
		return between;
	while (syscall(SYS_wait4, between, NULL, 0, NULL) < 0 && errno == EINTR)
		;
	return b->pid;
}

/* Sealed, so that nobody who gets at it through /proc can write it; F_SEAL_EXEC keeps its mode. */
static int make_program(void)
{
	auto_close int fd = memfd_create("ocirt-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before 6.3 */
		fd = memfd_create("ocirt-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	const char *at = blob_init.data;

	for (size_t left = blob_init.size; left;) {
		ssize_t n = write(fd, at, left);

		if (n < 0)
			return -errno;
		at += n;
		left -= (size_t)n;
	}
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0 && /* before 6.3 */
	    fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	return fd_take(&fd);
}

int spawn(const struct spawn *s, pid_t *pid, int *pidfd, struct error *e)
{
	_Alignas(16) static char stacks[2 * STACK_SIZE];
	char arena[16];
	char *argv[] = { (char *)"ocirt-init", arena, NULL };
	auto_close int program = make_program();
	struct birth b = {
		.s = s, .program = program, .argv = argv, .pidfd = -1, .stacks = stacks
	};
	long r;

	if (program < 0) {
		fail(e, program, "cannot make a memfd for ocirt-init");
		return hint_if(e, EACCES, "the sysctl vm.memfd_noexec must not be 2");
	}
	snprintf(arena, sizeof(arena), "%d", s->arena);
	b.what = "clone3";
	r = s->userns >= 0 || s->pidns >= 0 ? clone_between(&b) : clone_init(&b, 0);
	if (r < 0 || b.err) {
		int err = b.err ? b.err : (int)-r;

		fd_close(&b.pidfd);
		if (r > 0)
			syscall(SYS_wait4, r, NULL, 0, NULL);
		fail(e, err, "cannot start the container's first process: %s",
		     (const char *)b.what);
		hint_if(e, ENOSPC,
			"the limit of nested namespaces is reached: /proc/sys/user/max_*_namespaces");
		hint_if(e, EUSERS, "user namespaces may be nested 32 levels deep");
		hint_if(e, EAGAIN,
			"a limit on processes is reached: pids.max of the cgroup, or RLIMIT_NPROC");
		return hint_if(e, EPERM,
			       "new namespaces need root, or a user namespace of one's own");
	}
	*pid = (pid_t)r;
	*pidfd = fd_take(&b.pidfd);
	return 0;
}
