/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arena -- memory with one lifetime, which a second process can map at the same address.
 *
 * The parsed configuration and the plan made from it are read by two programs. A bump allocator at
 * an address that is the same in both makes their pointers valid on either side: nothing is
 * serialised, nothing is parsed twice, nothing is freed by hand. arena_seal() ends the writing for
 * good and puts all of it into a memfd for the other side. Used by whoever builds structs from a
 * configuration; needs only libc.
 *
 *	struct arena a;
 *
 *	r = arena_open(&a, 0);
 *	plan = arena_new(&a, struct plan);
 *	...
 *	arena_set_root(&a, plan);
 *	r = arena_seal(&a);         // -ENOMEM when something above did not fit
 *	... hand a.fd to the other program, which reads struct arena_header and maps it ...
 *	arena_close(&a);
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where the arena is mapped, in both programs. Low enough for 39-bit address spaces, far above a
 * position-dependent program and its heap, far below the stack and the libraries. AddressSanitizer
 * keeps its shadow just there, so it gets a different place; such a host program tells the other
 * side by way of arena_header.base.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_ASAN 1
#endif

#if UINTPTR_MAX <= 0xffffffffu
#define ARENA_BASE 0x40000000ul
#elif defined(ARENA_ASAN)
#define ARENA_BASE 0x200000000000ul
#else
#define ARENA_BASE 0x2000000000ul
#endif

/* Address space only: a page costs memory when it is first written. */
#define ARENA_CAPACITY ((size_t)64 << 20)

#define ARENA_MAGIC 0x31616e6572616f63ull /* "coarena1" */

/* The first bytes of the mapping, so that the other side can pread() them and map the rest. */
struct arena_header {
	uint64_t magic;
	uint64_t base; /* the address to map at */
	uint64_t size; /* how much to map; final once sealed */
	void *root;    /* what the arena is about: the plan */
};

struct arena {
	int fd; /* the memfd, once sealed; else -1 */
	char *base;
	size_t used;     /* next free byte, counted from base */
	size_t capacity; /* bytes mapped */
	bool full;       /* sticky: an allocation failed, what was built is incomplete */
	bool sealed;
};

/*
 * Open an arena of at most `capacity` bytes (0: ARENA_CAPACITY), for two programs. There can be one at
 * a time in a process: a second one gets -EEXIST.
 */
int arena_open(struct arena *a, size_t capacity);

/* The same for this program alone, wherever the kernel puts it; any number of them. */
int arena_open_private(struct arena *a, size_t capacity);

/* Get memory for the first `size` bytes at once: a page fault for each page is dearer. */
void arena_prefault(struct arena *a, size_t size);

/*
 * Copy what is used into a memfd, sealed, a->fd from now on, and make the arena read-only. Pointers
 * into it stay valid. Returns -ENOMEM, and leaves everything as it is, when an allocation failed
 * before.
 */
int arena_seal(struct arena *a);

/* Unmap and close. Fine on a closed and on an all-zero arena. */
void arena_close(struct arena *a);

/* Zeroed memory, or NULL with a->full set. `align` is a power of two, at most a page. */
void *arena_alloc(struct arena *a, size_t size, size_t align) __attribute__((malloc));

/* Room for n elements of `size` bytes; NULL, with a->full set, also when n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size, size_t align) __attribute__((malloc));

#define arena_new(a, type)          ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define arena_new_array(a, type, n) ((type *)arena_array((a), (n), sizeof(type), _Alignof(type)))

/* Copies of strings; arena_strdup(a, NULL) is NULL and no failure. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
void *arena_memdup(struct arena *a, const void *p, size_t size, size_t align);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

void arena_set_root(struct arena *a, void *root);
