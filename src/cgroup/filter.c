/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter -- device rules as a BPF program on a v2 cgroup.
 *
 * The kernel asks the program about each mknod(2) and open(2) of a device node. Several programs
 * may be attached (systemd has its own); all must agree, and ours is found by its name.
 */
#include "parts.h"

#include "base/util.h"

#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NAME     "ocirt_devices"
#define PER_RULE 8  /* instructions at most */
#define MANY     64 /* more programs the kernel does not attach to one cgroup */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)nerrno(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

/* The kernel wants what a command does not use to be zero, and an initialiser may leave it. */
static union bpf_attr blank(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	return attr;
}

/* ---- the program ----------------------------------------------------------------------------- */

enum { RESULT = BPF_REG_0, CONTEXT = BPF_REG_1, TYPE, ACCESS, MAJOR, MINOR };

struct program {
	struct bpf_insn *insn;
	size_t n;
};

static size_t emit(struct program *p, unsigned int code, unsigned int dst, unsigned int src,
		   int off, int imm)
{
	p->insn[p->n] = (struct bpf_insn){ .code = (unsigned char)code,
					   .dst_reg = dst & 15,
					   .src_reg = src & 15,
					   .off = (short)off,
					   .imm = imm };
	return p->n++;
}

static void load(struct program *p, unsigned int reg, size_t offset)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, CONTEXT, (int)offset, 0);
}

static void end_with(struct program *p, bool allow)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, 0, allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* One rule; ACCESS holds what no later rule has allowed yet. */
static void emit_rule(struct program *p, const struct device_rule *r)
{
	size_t past[4], n = 0;

	past[n++] = emit(p, BPF_JMP | BPF_JNE | BPF_K, TYPE, 0, 0,
			 r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		past[n++] = emit(p, BPF_JMP | BPF_JNE | BPF_K, MAJOR, 0, 0, (int)r->major);
	if (r->minor >= 0)
		past[n++] = emit(p, BPF_JMP | BPF_JNE | BPF_K, MINOR, 0, 0, (int)r->minor);
	if (r->access != DEVICE_ALL && r->allow) {
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, 0, (int)(DEVICE_ALL & ~r->access));
		past[n++] = emit(p, BPF_JMP | BPF_JNE | BPF_K, ACCESS, 0, 0, 0);
	} else if (r->access != DEVICE_ALL) {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, RESULT, ACCESS, 0, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, RESULT, 0, 0, (int)r->access);
		past[n++] = emit(p, BPF_JMP | BPF_JEQ | BPF_K, RESULT, 0, 0, 0);
	}
	end_with(p, r->allow);
	while (n-- > 0)
		p->insn[past[n]].off = (short)(p->n - past[n] - 1);
}

struct bpf_insn *cgroup_device_program(const struct device_rules *d, size_t *n)
{
	struct program p = { .insn = calloc(d->n * PER_RULE + 8, sizeof(struct bpf_insn)) };

	if (!p.insn)
		return NULL;
	load(&p, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
	emit(&p, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit(&p, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	load(&p, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(&p, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = d->n; i-- > 0;) /* the last that matches decides: begin there */
		emit_rule(&p, &d->rules[i]);
	end_with(&p, d->allow);
	*n = p.n;
	return p.insn;
}

/* ---- attaching ------------------------------------------------------------------------------- */

static int load_program(const struct bpf_insn *insn, size_t n, char *log, size_t log_size)
{
	union bpf_attr attr = blank();

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insn_cnt = (unsigned int)n;
	attr.insns = (uintptr_t)insn;
	attr.license = (uintptr_t) "GPL";
	memcpy(attr.prog_name, NAME, sizeof(NAME));
	int fd = sys_bpf(BPF_PROG_LOAD, &attr);

	if (fd == -EPERM) {
		/* Before 5.11 programs were charged to RLIMIT_MEMLOCK, which is small. */
		struct rlimit old, none = { RLIM_INFINITY, RLIM_INFINITY };

		if (getrlimit(RLIMIT_MEMLOCK, &old) == 0 && setrlimit(RLIMIT_MEMLOCK, &none) == 0) {
			fd = sys_bpf(BPF_PROG_LOAD, &attr);
			setrlimit(RLIMIT_MEMLOCK, &old);
		}
	} else if (fd < 0 && log) {
		attr.log_level = 1;
		attr.log_buf = (uintptr_t)log;
		attr.log_size = (unsigned int)log_size;
		fd = sys_bpf(BPF_PROG_LOAD, &attr);
	}
	return fd;
}

/* 1: `program` is one of ours. */
static int is_ours(int program)
{
	union bpf_attr ask = blank();
	struct bpf_prog_info info;

	memset(&info, 0, sizeof(info));
	ask.info.bpf_fd = (unsigned int)program;
	ask.info.info_len = sizeof(info);
	ask.info.info = (uintptr_t)&info;
	int r = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &ask);

	return r < 0 ? r : streq(info.name, NAME);
}

/* Our programs on the cgroup: owned fds; how many, or -errno. */
static int find_ours(int dir, int fds[MANY])
{
	unsigned int ids[MANY] = { 0 };
	union bpf_attr query = blank();
	int n = 0, r;

	query.query.target_fd = (unsigned int)dir;
	query.query.attach_type = BPF_CGROUP_DEVICE;
	query.query.prog_ids = (uintptr_t)ids;
	query.query.prog_cnt = MANY;
	r = sys_bpf(BPF_PROG_QUERY, &query);
	for (size_t i = 0; r >= 0 && i < query.query.prog_cnt && i < MANY; i++) {
		union bpf_attr get = blank();

		get.prog_id = ids[i];
		int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &get);

		r = fd < 0 ? fd : is_ours(fd);
		if (r > 0)
			fds[n++] = fd;
		else if (fd >= 0)
			close(fd);
		if (r == -ENOENT)
			r = 0; /* it has just gone */
	}
	while (r < 0 && n > 0)
		close(fds[--n]);
	return r < 0 ? r : n;
}

static int detach(int dir, int program)
{
	union bpf_attr attr = blank();

	attr.target_fd = (unsigned int)dir;
	attr.attach_bpf_fd = (unsigned int)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_DETACH, &attr);
}

int cgroup_filter_detach(int dir)
{
	int fds[MANY], n = find_ours(dir, fds), r = n < 0 ? n : 0;

	while (n-- > 0) {
		int err = detach(dir, fds[n]);

		r = err < 0 ? err : r;
		close(fds[n]);
	}
	return r;
}

int cgroup_filter_attach(int dir, const struct device_rules *d, char *log, size_t log_size)
{
	size_t n_insn;
	auto_free struct bpf_insn *insn = cgroup_device_program(d, &n_insn);

	if (!insn)
		return -ENOMEM;
	auto_close int program = load_program(insn, n_insn, log, log_size);
	int old[MANY];

	if (program < 0)
		return program;
	int n = find_ours(dir, old);

	if (n < 0)
		return n;
	union bpf_attr attr = blank();

	attr.target_fd = (unsigned int)dir;
	attr.attach_bpf_fd = (unsigned int)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (n > 0) { /* in one step: there is no moment with neither */
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (unsigned int)old[0];
	}
	int r = sys_bpf(BPF_PROG_ATTACH, &attr);

	for (int i = 0; i < n; i++) {
		if (i > 0 && r == 0)
			r = detach(dir, old[i]);
		close(old[i]);
	}
	return r;
}
