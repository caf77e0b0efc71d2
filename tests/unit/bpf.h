/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpf -- runs a seccomp filter on one system call, as the kernel would.
 *
 * The part of classic BPF that seccomp(2) takes. Anything else, a jump out of the program or a load
 * beyond struct seccomp_data ends with BPF_BROKEN, which no filter returns.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BPF_BROKEN 0xdeadbeefu

static inline uint32_t bpf_run(const struct sock_filter *code, size_t len,
			       const struct seccomp_data *data)
{
	uint32_t a = 0;
	uint32_t taken;

	for (size_t pc = 0; pc < len; pc++) {
		const struct sock_filter *i = &code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k > sizeof(*data) - 4)
				return BPF_BROKEN;
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = a >= i->k;
			break;
		default:
			return BPF_BROKEN;
		}
		pc += taken ? i->jt : i->jf;
	}
	return BPF_BROKEN;
}
