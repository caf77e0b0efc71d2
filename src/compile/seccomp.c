/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp -- linux.seccomp as a filter for the kernel.
 *
 * Names become numbers here, for each architecture of the profile; seccomp_bpf.c makes the program.
 * libseccomp is the table of names. Nothing depends on the running kernel, so equal profiles give
 * equal filters: the result may be kept and used again.
 */
#include "compile.h"

#include "bpf.h"
#include "parts.h"
#include "seccomp_bpf.h"
#include "words.h"

#include "../base/log.h"
#include "../base/util.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* clang-format off */
static const struct name actions[] = {
	{ "SCMP_ACT_KILL",         (int)SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", (int)SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD",  (int)SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_TRAP",         (int)SECCOMP_RET_TRAP },
	{ "SCMP_ACT_ERRNO",        (int)SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_TRACE",        (int)SECCOMP_RET_TRACE },
	{ "SCMP_ACT_ALLOW",        (int)SECCOMP_RET_ALLOW },
	{ "SCMP_ACT_LOG",          (int)SECCOMP_RET_LOG },
	{ "SCMP_ACT_NOTIFY",       (int)SECCOMP_RET_USER_NOTIF },
};

static const struct name operators[] = {
	{ "SCMP_CMP_NE", SECCOMP_NE }, { "SCMP_CMP_LT", SECCOMP_LT }, { "SCMP_CMP_LE", SECCOMP_LE },
	{ "SCMP_CMP_EQ", SECCOMP_EQ }, { "SCMP_CMP_GE", SECCOMP_GE }, { "SCMP_CMP_GT", SECCOMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQ },
};

static const struct name flags[] = {
	/* The filter is installed by a process with one thread: there is nothing to synchronise. */
	{ "SECCOMP_FILTER_FLAG_TSYNC",              0 },
	{ "SECCOMP_FILTER_FLAG_LOG",                SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW",         SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

#ifdef HAVE_SECCOMP
/* Architectures that libseccomp does not know are 0 here. */
#ifndef SCMP_ARCH_LOONGARCH64
#define SCMP_ARCH_LOONGARCH64 0
#endif
#ifndef SCMP_ARCH_M68K
#define SCMP_ARCH_M68K 0
#endif
#ifndef SCMP_ARCH_RISCV64
#define SCMP_ARCH_RISCV64 0
#endif
#ifndef SCMP_ARCH_SH
#define SCMP_ARCH_SH 0
#endif
#ifndef SCMP_ARCH_SHEB
#define SCMP_ARCH_SHEB 0
#endif

#define ARCH(a) { "SCMP_ARCH_" #a, (int)SCMP_ARCH_##a }
static const struct name archs[] = {
	ARCH(X86), ARCH(X86_64), ARCH(X32), ARCH(ARM), ARCH(AARCH64), ARCH(LOONGARCH64), ARCH(M68K),
	ARCH(MIPS), ARCH(MIPS64), ARCH(MIPS64N32), ARCH(MIPSEL), ARCH(MIPSEL64), ARCH(MIPSEL64N32),
	ARCH(PPC), ARCH(PPC64), ARCH(PPC64LE), ARCH(S390), ARCH(S390X), ARCH(SH), ARCH(SHEB),
	ARCH(PARISC), ARCH(PARISC64), ARCH(RISCV64),
};
#undef ARCH
#endif
/* clang-format on */

/* ---- words ----------------------------------------------------------------------------------- */

const char *const *compile_seccomp_actions(void)
{
	static const char *list[array_len(actions) + 1];

	return word_list(WORDS_OF(actions), list);
}

const char *const *compile_seccomp_operators(void)
{
	static const char *list[array_len(operators) + 1];

	return word_list(WORDS_OF(operators), list);
}

const char *const *compile_seccomp_flags(void)
{
	static const char *list[array_len(flags) + 1];

	return word_list(WORDS_OF(flags), list);
}

#ifndef HAVE_SECCOMP

const char *const *compile_seccomp_archs(void)
{
	static const char *const none[] = { NULL };

	return none;
}

int compile_seccomp(struct arena *a, const struct oci_seccomp *s, struct plan_seccomp *out,
		    struct error *e)
{
	(void)a;
	*out = (struct plan_seccomp){ 0 };
	if (!s)
		return 0;
	fail(e, 0, "linux.seccomp: this build has no seccomp support");
	return hint(e, "build ocirt with libseccomp, or take the profile out of the configuration");
}

#else

const char *const *compile_seccomp_archs(void)
{
	static const char *list[array_len(archs) + 1];
	size_t n = 0;

	for (size_t i = 0; i < array_len(archs); i++)
		if (archs[i].number)
			list[n++] = archs[i].name;
	list[n] = NULL;
	return list;
}

/* The default's errno, and what a rule has that names none. */
#define USUAL_ERRNO      EPERM

/* `path` and `errno_member` are for messages: "linux.seccomp.syscalls[1].action". */
static int read_action(const char *path, const char *errno_path, const char *word,
		       struct opt_u32 number, uint32_t *out, struct error *e)
{
	const struct name *known;
	uint32_t limit;

	if (!word)
		return fail(e, 0, "%s: is missing", path);
	known = word_find(WORDS_OF(actions), word);
	if (!known) {
		fail(e, 0, "%s: unknown action '%s'", path, word);
		return hint_words(e, WORDS_OF(actions), word);
	}
	*out = (uint32_t)known->number;
	if (*out != SECCOMP_RET_ERRNO && *out != SECCOMP_RET_TRACE) {
		if (!number.set)
			return 0;
		fail(e, 0, "%s: %u is given, but %s does not take an error number", errno_path,
		     number.v, word);
		return hint(e, "remove it, or use SCMP_ACT_ERRNO or SCMP_ACT_TRACE");
	}
	/* The kernel cuts ERRNO off at MAX_ERRNO; a tracer gets all 16 bits. */
	limit = *out == SECCOMP_RET_ERRNO ? 4095 : SECCOMP_RET_DATA;
	if (number.set && number.v > limit)
		return fail(e, 0, "%s: %u is larger than %u, the largest that %s can give",
			    errno_path, number.v, limit, word);
	*out |= number.set ? number.v : USUAL_ERRNO;
	return 0;
}

static int read_flags(const struct oci_seccomp *s, bool notify, unsigned int *out, struct error *e)
{
	*out = notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	if (!s->flags)
		*out |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; i < s->n_flags; i++) {
		const struct name *known = word_find(WORDS_OF(flags), s->flags[i]);

		if (!known) {
			fail(e, 0, "linux.seccomp.flags[%zu]: unknown flag '%s'", i, s->flags[i]);
			return hint_words(e, WORDS_OF(flags), s->flags[i]);
		}
		*out |= (unsigned int)known->number;
	}
	/* It is about waiting for a listener, and the kernel refuses it when there is none. */
	if (!notify)
		*out &= ~(unsigned int)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return 0;
}

/* ---- architectures --------------------------------------------------------------------------- */

/* x32 shares its AUDIT_ARCH with x86-64; this bit in the number tells them apart. */
#define X32_BIT          0x40000000u
/* Numbers that are not counted on from the last one: those only x32 has, those only ARM has. */
#define X32_OWN          (X32_BIT + 512)
#define ARM_OWN          0x0f0000u

/* Calls that some architectures multiplex: libseccomp gives them -100 - N and -200 - N. */
#define SOCKETCALL       (-100)
#define IPC              (-200)
#define MULTIPLEXED_LAST (-299)
#define MOST_CALLS       24 /* of socketcall(2) and of ipc(2) */

/* One architecture as libseccomp counts them. */
struct target {
	uint32_t token;
	bool wide;
	uint32_t own;                /* see above; UINT32_MAX: none */
	uint32_t newest, own_newest; /* of all numbers the profile has, 0: none */
	bool direct_known;
	int direct[1 -
		   MULTIPLEXED_LAST]; /* multiplexed calls that have a number of their own, too */
	struct block *block;
	struct arena *scratch;
};

/* What the profile of containers-common takes for three architectures. */
#define PREFAULT         ((size_t)128 << 10)

/* One architecture as the kernel counts them. */
struct block {
	uint32_t audit_arch;
	struct seccomp_rule *rules;
	size_t n, room;
};

struct profile {
	const struct oci_seccomp *s;
	struct arena scratch; /* what is below; the plan gets the filter alone */
	uint32_t default_action;
	bool notify;
	struct target *targets;
	size_t n_targets;
	struct block *blocks;
	size_t n_blocks;
	struct seccomp_condition *conditions;           /* of all syscalls[] */
	struct seccomp_condition calls[MOST_CALLS + 1]; /* argument 0 == N, of multiplexers */
};

static void add_target(struct profile *p, uint32_t token)
{
	bool x32 = token == SCMP_ARCH_X32;
	uint32_t audit_arch = x32 ? AUDIT_ARCH_X86_64 : token;
	struct target *t;
	struct block *b;

	for (size_t i = 0; i < p->n_targets; i++)
		if (p->targets[i].token == token)
			return;
	for (b = p->blocks; b < p->blocks + p->n_blocks; b++)
		if (b->audit_arch == audit_arch)
			break;
	if (b == p->blocks + p->n_blocks) {
		b->audit_arch = audit_arch;
		p->n_blocks++;
	}
	t = &p->targets[p->n_targets++];
	t->token = token;
	t->scratch = &p->scratch;
	t->wide = (token & __AUDIT_ARCH_64BIT) && token != SCMP_ARCH_MIPS64N32 &&
		  token != SCMP_ARCH_MIPSEL64N32;
	t->own = x32 ? X32_OWN : token == SCMP_ARCH_ARM ? ARM_OWN : UINT32_MAX;
	t->block = b;
}

static int read_archs(struct profile *p, struct error *e)
{
	const struct oci_seccomp *s = p->s;
	uint32_t native = seccomp_arch_native();

	p->targets = arena_new_array(&p->scratch, struct target, array_len(archs) + 1);
	p->blocks = arena_new_array(&p->scratch, struct block, array_len(archs) + 1);
	if (!p->targets || !p->blocks)
		return no_room(e);
	add_target(p, native); /* first: its calls are the most frequent */
	for (size_t i = 0; i < s->n_architectures; i++) {
		const char *word = s->architectures[i];
		const struct name *known = word_find(WORDS_OF(archs), word);

		if (!known) {
			fail(e, 0, "linux.seccomp.architectures[%zu]: unknown architecture '%s'", i,
			     word);
			return hint_words(e, WORDS_OF(archs), word);
		}
		/*
		 * No process can be of these, and if one were, it would be killed like all that the
		 * profile does not have: leaving them out protects no less.
		 */
		if (!known->number || (((uint32_t)known->number ^ native) & __AUDIT_ARCH_LE)) {
			log_debug("linux.seccomp.architectures[%zu]: %s cannot run here: left out",
				  i, word);
			continue;
		}
		add_target(p, (uint32_t)known->number);
	}
	return 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static int add_rule(struct target *t, uint32_t nr, uint32_t action,
		    const struct seccomp_condition *conditions, unsigned int n)
{
	struct block *b = t->block;

	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 512;
		struct seccomp_rule *rules = arena_new_array(t->scratch, struct seccomp_rule, room);

		if (!rules)
			return -ENOMEM;
		if (b->n)
			memcpy(rules, b->rules, b->n * sizeof(*rules));
		b->rules = rules;
		b->room = room;
	}
	b->rules[b->n] = (struct seccomp_rule){ .nr = nr,
						.action = action,
						.conditions = conditions,
						.n_conditions = n,
						.wide = t->wide };
	b->n++;
	return 0;
}

static void note_newest(struct target *t, uint32_t nr)
{
	uint32_t *newest = nr < t->own ? &t->newest : &t->own_newest;

	*newest = MAX(*newest, nr);
}

/*
 * Which multiplexed calls have numbers of their own on this architecture: libseccomp knows, but
 * tells only when asked the other way round, slowly. The kernel added them after the others, from
 * 326 (PowerPC) to 402; MIPS counts from 4000 and had those of sockets early.
 */
static void find_direct(struct target *t)
{
	bool mips = t->token == SCMP_ARCH_MIPS || t->token == SCMP_ARCH_MIPSEL;
	int end = mips ? 4405 : 405;

	t->direct_known = true;
	for (int nr = mips ? 4100 : 320; nr < end; nr++) {
		auto_free char *name = seccomp_syscall_resolve_num_arch(t->token, nr);
		int pseudo = name ? seccomp_syscall_resolve_name_arch(t->token, name) : 0;

		if (pseudo < SOCKETCALL && pseudo >= MULTIPLEXED_LAST)
			t->direct[-pseudo] = nr;
	}
}

/* A rule as it will be added for each architecture. */
struct draft {
	uint32_t action;
	bool skip; /* the default does the same: only the numbers count */
	const struct seccomp_condition *conditions;
	unsigned int n;
	bool any; /* one condition is enough */
};

static int add_numbered(struct target *t, uint32_t nr, const struct draft *d)
{
	int r = 0;

	note_newest(t, nr);
	if (d->skip)
		return 0;
	if (!d->any)
		return add_rule(t, nr, d->action, d->conditions, d->n);
	for (unsigned int i = 0; i < d->n && r == 0; i++)
		r = add_rule(t, nr, d->action, &d->conditions[i], 1);
	return r;
}

/* socketcall(2) or ipc(2) with one value of its first argument. */
static int add_multiplexed(const struct profile *p, struct target *t, int pseudo,
			   const struct draft *d)
{
	bool socket = pseudo > IPC;
	int call = (socket ? SOCKETCALL : IPC) - pseudo;
	int nr = seccomp_syscall_resolve_name_arch(t->token, socket ? "socketcall" : "ipc");
	bool permits = d->action == SECCOMP_RET_ALLOW || d->action == SECCOMP_RET_LOG;

	if (nr < 0 || call > MOST_CALLS)
		return 0;
	note_newest(t, (uint32_t)nr);
	/*
	 * The real arguments are in memory, where no filter can look. So a condition cannot be
	 * checked: what it would permit is not permitted this way, what it would refuse always is.
	 */
	if (d->skip || (d->n && permits))
		return 0;
	return add_rule(t, (uint32_t)nr, d->action, &p->calls[call], 1);
}

/* Returns 1 when some architecture has a call of this name. */
static int add_name(struct profile *p, const char *name, const struct draft *d)
{
	bool found = false;
	int r = 0;

	for (struct target *t = p->targets; t < p->targets + p->n_targets && r == 0; t++) {
		int nr = seccomp_syscall_resolve_name_arch(t->token, name);

		if (nr != __NR_SCMP_ERROR)
			found = true;
		if (nr >= 0) {
			r = add_numbered(t, (uint32_t)nr, d);
		} else if (nr < SOCKETCALL && nr >= MULTIPLEXED_LAST) {
			if (!t->direct_known)
				find_direct(t);
			if (t->direct[-nr])
				r = add_numbered(t, (uint32_t)t->direct[-nr], d);
			if (r == 0)
				r = add_multiplexed(p, t, nr, d);
		}
	}
	return r < 0 ? r : found;
}

static int read_condition(const struct oci_syscall_arg *arg, size_t i, size_t k,
			  struct seccomp_condition *out, struct error *e)
{
	const struct name *op;

	if (arg->index > 5)
		return fail(e, 0,
			    "linux.seccomp.syscalls[%zu].args[%zu].index: %u is larger than 5", i,
			    k, arg->index);
	if (!arg->op)
		return fail(e, 0, "linux.seccomp.syscalls[%zu].args[%zu].op: is missing", i, k);
	op = word_find(WORDS_OF(operators), arg->op);
	if (!op) {
		fail(e, 0, "linux.seccomp.syscalls[%zu].args[%zu].op: unknown operator '%s'", i, k,
		     arg->op);
		return hint_words(e, WORDS_OF(operators), arg->op);
	}
	*out = (struct seccomp_condition){ .index = arg->index,
					   .op = (enum seccomp_op)op->number,
					   .value = arg->value };
	if (out->op == SECCOMP_MASKED_EQ) {
		out->mask = arg->value;
		out->value = arg->valueTwo.v;
	}
	return 0;
}

/* syscalls[i]. `conditions` has room for its args. */
static int read_syscall(struct profile *p, size_t i, struct seccomp_condition *conditions,
			struct error *e)
{
	const struct oci_syscall *c = &p->s->syscalls[i];
	struct draft d = { .conditions = conditions, .n = (unsigned int)c->n_args };
	char action[64], number[64];
	unsigned int indexes = 0;
	int r;

	if (c->n_names == 0)
		return fail(e, 0, "linux.seccomp.syscalls[%zu].names: is empty", i);
	snprintf(action, sizeof(action), "linux.seccomp.syscalls[%zu].action", i);
	snprintf(number, sizeof(number), "linux.seccomp.syscalls[%zu].errnoRet", i);
	r = read_action(action, number, c->action, c->errnoRet, &d.action, e);
	if (r < 0)
		return r;
	for (size_t k = 0; k < c->n_args; k++) {
		r = read_condition(&c->args[k], i, k, &conditions[k], e);
		if (r < 0)
			return r;
		/*
		 * Nothing says what two conditions for one argument mean. All that make containers
		 * take them for alternatives, profiles rely on it, and then it is so for all.
		 */
		if (indexes & 1u << c->args[k].index)
			d.any = true;
		indexes |= 1u << c->args[k].index;
	}
	if (d.action == SECCOMP_RET_USER_NOTIF)
		p->notify = true;
	d.skip = d.action == p->default_action;
	for (size_t k = 0; k < c->n_names; k++) {
		r = add_name(p, c->names[k], &d);
		if (r < 0)
			return no_room(e);
		/* Usual: profiles are newer than libseccomp. It gets the answer for new calls. */
		if (r == 0)
			log_debug("linux.seccomp.syscalls[%zu].names[%zu]: unknown system call "
				  "'%s': left out",
				  i, k, c->names[k]);
	}
	return 0;
}

static int read_syscalls(struct profile *p, struct error *e)
{
	const struct oci_seccomp *s = p->s;
	size_t n = 0;

	for (unsigned int call = 0; call <= MOST_CALLS; call++)
		p->calls[call] = (struct seccomp_condition){ .op = SECCOMP_EQ, .value = call };
	for (size_t i = 0; i < s->n_syscalls; i++)
		n += s->syscalls[i].n_args;
	p->conditions = arena_new_array(&p->scratch, struct seccomp_condition, n + 1);
	if (!p->conditions)
		return no_room(e);
	n = 0;
	for (size_t i = 0; i < s->n_syscalls; i++) {
		int r = read_syscall(p, i, &p->conditions[n], e);

		if (r < 0)
			return r;
		n += s->syscalls[i].n_args;
	}
	return 0;
}

/* ---- the filter ------------------------------------------------------------------------------ */

/*
 * A system call that did not exist when the profile was written is not forbidden by it: to the
 * program, the kernel shall look as old as the profile. libc tries new calls and takes the old
 * ones on ENOSYS, but gives up on EPERM. Not where the default lets calls pass, or asks somebody.
 */
static bool refuses_new_calls(uint32_t default_action)
{
	switch (default_action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		return (default_action & SECCOMP_RET_DATA) != ENOSYS;
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	default:
		return false;
	}
}

#define NEW_CALL    (SECCOMP_RET_ERRNO | ENOSYS)
#define MOST_RANGES 8

static const struct target *find_target(const struct profile *p, uint32_t token)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (p->targets[i].token == token)
			return &p->targets[i];
	return NULL;
}

/* The answers for numbers without a rule, from `from` on. `t` NULL: nobody may use these. */
static size_t add_ranges(const struct profile *p, const struct target *t, uint32_t from,
			 struct seccomp_range *out)
{
	bool refuse = refuses_new_calls(p->default_action);
	size_t n = 0;

	if (!t) {
		out[n++] = (struct seccomp_range){ from, SECCOMP_RET_KILL_THREAD };
		return n;
	}
	out[n++] = (struct seccomp_range){ from, p->default_action };
	if (refuse && t->newest)
		out[n++] = (struct seccomp_range){ t->newest + 1, NEW_CALL };
	if (t->own != UINT32_MAX)
		out[n++] = (struct seccomp_range){ t->own, p->default_action };
	if (refuse && t->own_newest)
		out[n++] = (struct seccomp_range){ t->own_newest + 1, NEW_CALL };
	return n;
}

static size_t make_ranges(const struct profile *p, const struct block *b, struct seccomp_range *out)
{
	size_t n;

	if (b->audit_arch == AUDIT_ARCH_X86_64) {
		n = add_ranges(p, find_target(p, SCMP_ARCH_X86_64), 0, out);
		n += add_ranges(p, find_target(p, SCMP_ARCH_X32), X32_BIT, out + n);
	} else {
		n = add_ranges(p, find_target(p, b->audit_arch), 0, out);
	}
	/* -1 is a call that a tracer has cancelled, not a new one. */
	out[n++] = (struct seccomp_range){ UINT32_MAX, p->default_action };
	return n;
}

/* What init/birth.c does between the filter and the execve. Without it an exec is confined later. */
static bool permits_birth(const struct plan_seccomp *s, uint32_t audit_arch)
{
	static const struct {
		int nr;
		uint64_t args[2];
	} calls[] = {
		{ SYS_clone, { CLONE_PARENT } }, { SYS_exit_group },     { SYS_setsid },
		{ SYS_ioctl, { 0, TIOCSCTTY } }, { SYS_sendmsg, { 3 } }, { SYS_recvmsg, { 3 } },
	};

	if (s->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return false;
	for (size_t i = 0; i < array_len(calls); i++) {
		const struct seccomp_data data = { .nr = calls[i].nr,
						   .arch = audit_arch,
						   .args = { calls[i].args[0], calls[i].args[1] } };
		uint32_t verdict = bpf_run(s->filter, s->len, &data);

		if (verdict != SECCOMP_RET_ALLOW && verdict != SECCOMP_RET_LOG)
			return false;
	}
	return true;
}

static int make_filter(struct arena *a, struct profile *p, struct plan_seccomp *out,
		       struct error *e)
{
	struct seccomp_range ranges[array_len(archs) + 1][MOST_RANGES];
	struct seccomp_arch list[array_len(archs) + 1];
	struct sock_filter *code = arena_new_array(&p->scratch, struct sock_filter, BPF_MAXINSNS);
	int len;

	if (!code)
		return no_room(e);
	for (size_t i = 0; i < p->n_blocks; i++)
		list[i] = (struct seccomp_arch){ .audit_arch = p->blocks[i].audit_arch,
						 .rules = p->blocks[i].rules,
						 .n_rules = p->blocks[i].n,
						 .ranges = ranges[i],
						 .n_ranges =
							 make_ranges(p, &p->blocks[i], ranges[i]) };
	len = seccomp_bpf(&p->scratch, list, p->n_blocks, SECCOMP_RET_KILL_THREAD, code,
			  BPF_MAXINSNS);
	if (len == -E2BIG) {
		fail(e, 0,
		     "linux.seccomp: the profile needs more than %d instructions, which is "
		     "the kernel's limit",
		     BPF_MAXINSNS);
		return hint(e, "leave out architectures that are not used, or conditions");
	}
	if (len < 0)
		return no_room(e);
	out->filter =
		arena_memdup(a, code, (size_t)len * sizeof(*code), _Alignof(struct sock_filter));
	out->len = (unsigned short)len;
	if (!out->filter)
		return no_room(e);
	out->birth = permits_birth(out, p->blocks[0].audit_arch);
	return 0;
}

static int check_listener(const struct profile *p, struct error *e)
{
	const struct oci_seccomp *s = p->s;

	if (s->listenerPath && *s->listenerPath)
		return 0;
	if (s->listenerMetadata && *s->listenerMetadata)
		return fail(e, 0, "linux.seccomp.listenerMetadata: is given without listenerPath");
	if (!p->notify)
		return 0;
	fail(e, 0, "linux.seccomp.listenerPath: is missing, but SCMP_ACT_NOTIFY is used");
	return hint(e, "give the path of the socket on which an agent waits for the listener");
}

static int read_profile(struct profile *p, struct error *e)
{
	const struct oci_seccomp *s = p->s;
	int r = read_action("linux.seccomp.defaultAction", "linux.seccomp.defaultErrnoRet",
			    s->defaultAction, s->defaultErrnoRet, &p->default_action, e);

	if (r < 0)
		return r;
	p->notify = p->default_action == SECCOMP_RET_USER_NOTIF;
	r = read_archs(p, e);
	if (r < 0)
		return r;
	r = read_syscalls(p, e);
	if (r < 0)
		return r;
	return check_listener(p, e);
}

int compile_seccomp(struct arena *a, const struct oci_seccomp *s, struct plan_seccomp *out,
		    struct error *e)
{
	struct profile p = { .s = s };
	int r;

	*out = (struct plan_seccomp){ 0 };
	if (!s)
		return 0;
	r = arena_open_private(&p.scratch, 0);
	if (r < 0)
		return no_room(e);
	arena_prefault(&p.scratch, PREFAULT);
	r = read_profile(&p, e);
	if (r == 0)
		r = read_flags(s, p.notify, &out->flags, e);
	if (r == 0)
		r = make_filter(a, &p, out, e);
	arena_close(&p.scratch);
	return r;
}

#endif
