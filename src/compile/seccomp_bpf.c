/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp_bpf.h"

#include "../base/util.h"

#include <linux/seccomp.h>

/* A stretch of numbers with one answer. It ends where the next one begins. */
struct segment {
	uint32_t from;
	uint32_t action;                  /* of `rules`, when none of them holds */
	const struct seccomp_rule *rules; /* NULL: the action is all */
	size_t n_rules;
};

struct segments {
	struct segment *at;
	size_t n;
};

/* The program as it grows. Too long is remembered, not checked at each instruction. */
struct code {
	struct sock_filter *at;
	size_t n, room;
};

static void emit(struct code *c, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (c->n < c->room)
		c->at[c->n] = (struct sock_filter){ .code = op, .jt = jt, .jf = jf, .k = k };
	c->n++;
}

static void emit_load(struct code *c, size_t offset)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct code *c, uint32_t action)
{
	emit(c, BPF_RET | BPF_K, action, 0, 0);
}

/*
 * Complete the conditional jump at `jump`, which stands before code that goes up to here: taken
 * (or, with `when` false, not taken) it goes past that code. Conditional jumps reach 255 far, so
 * longer code is moved up to make room for a jump that reaches any distance.
 */
static void jump_here(struct code *c, size_t jump, bool when)
{
	size_t distance = c->n - jump - 1;

	if (distance > 255) {
		emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
		if (c->n > c->room)
			return;
		memmove(&c->at[jump + 2], &c->at[jump + 1], distance * sizeof(*c->at));
		c->at[jump + 1] =
			(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)distance);
		c->at[jump].jt = when ? 0 : 1;
		c->at[jump].jf = when ? 1 : 0;
	} else if (c->n <= c->room) {
		c->at[jump].jt = when ? (uint8_t)distance : 0;
		c->at[jump].jf = when ? 0 : (uint8_t)distance;
	}
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* Where a jump of a condition goes, until that place is known. A rule is far shorter than this. */
#define HOLDS 254
#define FAILS 255

static void resolve(struct code *c, size_t from, uint8_t label)
{
	for (size_t i = from; i < MIN(c->n, c->room); i++) {
		if (BPF_CLASS(c->at[i].code) != BPF_JMP)
			continue;
		if (c->at[i].jt == label)
			c->at[i].jt = (uint8_t)(c->n - i - 1);
		if (c->at[i].jf == label)
			c->at[i].jf = (uint8_t)(c->n - i - 1);
	}
}

/* BPF has 32 bits: arguments are looked at in halves. */
static void load_half(struct code *c, unsigned int index, bool upper)
{
	bool second = upper == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	emit_load(c, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) +
			     (second ? sizeof(uint32_t) : 0));
}

static void emit_masked_half(struct code *c, const struct seccomp_condition *o, bool upper)
{
	uint32_t mask = (uint32_t)(upper ? o->mask >> 32 : o->mask);
	uint32_t value = (uint32_t)(upper ? o->value >> 32 : o->value);

	if (mask == 0 && value == 0)
		return;
	load_half(c, o->index, upper);
	emit(c, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, value, 0, FAILS);
}

/* The upper halves decide, unless they are equal: then on to the next instruction. */
static void emit_upper_half(struct code *c, const struct seccomp_condition *o)
{
	bool less = o->op == SECCOMP_LT || o->op == SECCOMP_LE;
	uint32_t value = (uint32_t)(o->value >> 32);

	load_half(c, o->index, true);
	if (o->op == SECCOMP_EQ || o->op == SECCOMP_NE) {
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, value, 0, o->op == SECCOMP_EQ ? FAILS : HOLDS);
		return;
	}
	emit(c, BPF_JMP | BPF_JGT | BPF_K, value, less ? FAILS : HOLDS, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, value, 0, less ? HOLDS : FAILS);
}

static void emit_lower_half(struct code *c, const struct seccomp_condition *o)
{
	static const struct {
		uint16_t jump;
		bool negated;
	} tests[] = {
		[SECCOMP_NE] = { BPF_JEQ, true }, [SECCOMP_EQ] = { BPF_JEQ, false },
		[SECCOMP_LT] = { BPF_JGE, true }, [SECCOMP_GE] = { BPF_JGE, false },
		[SECCOMP_LE] = { BPF_JGT, true }, [SECCOMP_GT] = { BPF_JGT, false },
	};
	bool negated = tests[o->op].negated;

	load_half(c, o->index, false);
	emit(c, BPF_JMP | tests[o->op].jump | BPF_K, (uint32_t)o->value, negated ? FAILS : 0,
	     negated ? 0 : FAILS);
}

static void emit_condition(struct code *c, const struct seccomp_condition *o, bool wide)
{
	size_t start = c->n;

	if (o->op == SECCOMP_MASKED_EQ) {
		if (wide)
			emit_masked_half(c, o, true);
		emit_masked_half(c, o, false);
		return;
	}
	if (wide)
		emit_upper_half(c, o);
	emit_lower_half(c, o);
	resolve(c, start, HOLDS);
}

static void emit_rules(struct code *c, const struct segment *s)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct seccomp_rule *rule = &s->rules[i];
		size_t start = c->n;

		for (unsigned int j = 0; j < rule->n_conditions; j++)
			emit_condition(c, &rule->conditions[j], rule->wide);
		emit_return(c, rule->action);
		resolve(c, start, FAILS);
	}
	emit_return(c, s->action);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A balanced tree: a dozen comparisons at most, for the first number as for the last. */
static void emit_tree(struct code *c, const struct segment *s, size_t n)
{
	if (n == 1) {
		emit_rules(c, s);
		return;
	}
	size_t jump = c->n;

	emit(c, BPF_JMP | BPF_JGE | BPF_K, s[n / 2].from, 0, 0);
	emit_tree(c, s, n / 2);
	jump_here(c, jump, true);
	emit_tree(c, s + n / 2, n - n / 2);
}

static void add_segment(struct segments *s, struct segment next)
{
	if (s->n && !next.rules && !s->at[s->n - 1].rules && s->at[s->n - 1].action == next.action)
		return; /* the one before goes on */
	s->at[s->n++] = next;
}

/* The numbers from `from` up to, not including, `to`: what no rule is about. */
static void add_ranges(struct segments *s, const struct seccomp_arch *a, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < a->n_ranges; i++) {
		uint64_t start = MAX(from, a->ranges[i].from);
		uint64_t end = i + 1 < a->n_ranges ? MIN(to, a->ranges[i + 1].from) : to;

		if (start < end)
			add_segment(s, (struct segment){ .from = (uint32_t)start,
							 .action = a->ranges[i].action });
	}
}

static uint32_t range_action(const struct seccomp_arch *a, uint32_t nr)
{
	size_t i = a->n_ranges - 1;

	while (i > 0 && a->ranges[i].from > nr)
		i--;
	return a->ranges[i].action;
}

/* All the rules for one number. */
static void add_rules(struct segments *s, const struct seccomp_arch *a,
		      const struct seccomp_rule *rules, size_t n)
{
	struct segment next = { .from = rules[0].nr,
				.action = range_action(a, rules[0].nr),
				.rules = rules,
				.n_rules = n };

	for (size_t i = 0; i < n; i++) {
		if (rules[i].n_conditions > 0)
			continue;
		next.rules = NULL;
		next.n_rules = 0;
		next.action = rules[i].action;
		break;
	}
	add_segment(s, next);
}

/*
 * By number, those with the same one as they were. `spare` has room for half of them. Not qsort(3):
 * musl's takes longer for a profile than everything else here.
 */
static void sort(struct seccomp_rule *rules, size_t n, struct seccomp_rule *spare)
{
	size_t half = n / 2, left = 0, right = half;

	if (n < 2)
		return;
	sort(rules, half, spare);
	sort(rules + half, n - half, spare);
	memcpy(spare, rules, half * sizeof(*rules));
	for (size_t at = 0; left < half; at++) {
		bool keep = right == n || spare[left].nr <= rules[right].nr;

		rules[at] = keep ? spare[left++] : rules[right++];
	}
}

static int emit_arch(struct arena *scratch, struct code *c, struct seccomp_arch *a)
{
	struct seccomp_rule *spare =
		arena_new_array(scratch, struct seccomp_rule, a->n_rules / 2 + 1);
	/* Every rule, what lies before it, and the ranges that end in between. */
	struct segments s = { .at = arena_new_array(scratch, struct segment,
						    2 * a->n_rules + a->n_ranges + 1) };
	uint64_t next = 0;
	size_t same;

	if (!s.at || !spare)
		return -ENOMEM;
	sort(a->rules, a->n_rules, spare);
	for (size_t i = 0; i < a->n_rules; i += same) {
		for (same = 1; i + same < a->n_rules; same++)
			if (a->rules[i + same].nr != a->rules[i].nr)
				break;
		add_ranges(&s, a, next, a->rules[i].nr);
		add_rules(&s, a, &a->rules[i], same);
		next = (uint64_t)a->rules[i].nr + 1;
	}
	add_ranges(&s, a, next, (uint64_t)UINT32_MAX + 1);

	size_t jump = c->n;

	emit(c, BPF_JMP | BPF_JEQ | BPF_K, a->audit_arch, 0, 0);
	emit_load(c, offsetof(struct seccomp_data, nr));
	emit_tree(c, s.at, s.n);
	jump_here(c, jump, false);
	return 0;
}

int seccomp_bpf(struct arena *scratch, struct seccomp_arch *archs, size_t n,
		uint32_t foreign_action, struct sock_filter *out, size_t room)
{
	struct code c = { .at = out, .room = MIN(room, BPF_MAXINSNS) };

	emit_load(&c, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < n; i++)
		if (emit_arch(scratch, &c, &archs[i]) < 0)
			return -ENOMEM;
	emit_return(&c, foreign_action);
	return c.n <= c.room ? (int)c.n : -E2BIG;
}
