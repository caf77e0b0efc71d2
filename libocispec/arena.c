/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/*
 * What a small container needs: one call faults it in, instead of a page fault for each page. A page
 * too many is dearer than one too few, as it is cleared, and freed again.
 */
#define PREFAULT ((size_t)16 << 10)

static size_t page_round(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) & ~(page - 1);
}

static int map(struct arena *a, void *where, size_t capacity, int flags)
{
	struct arena_header *h;

	*a = (struct arena){ .fd = -1 };
	capacity = page_round(capacity ? capacity : ARENA_CAPACITY);
	h = mmap(where, capacity, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	if (h == MAP_FAILED)
		return -errno;
	/* Else the first byte may take a page of 2 MiB. */
	(void)madvise(h, capacity, MADV_NOHUGEPAGE);
	a->base = (char *)h;
	a->used = sizeof(*h);
	a->capacity = capacity;
	h->magic = ARENA_MAGIC;
	h->base = (uint64_t)(uintptr_t)h;
	return 0;
}

int arena_open(struct arena *a, size_t capacity)
{
	int r = map(a, (void *)ARENA_BASE, capacity, MAP_FIXED_NOREPLACE);

	if (r == 0)
		arena_prefault(a, PREFAULT);
	return r;
}

void arena_prefault(struct arena *a, size_t size)
{
	/* Only an optimisation, and unknown before 5.14. */
	(void)madvise(a->base, size < a->capacity ? size : a->capacity, MADV_POPULATE_WRITE);
}

int arena_open_private(struct arena *a, size_t capacity)
{
	return map(a, NULL, capacity, 0);
}

static int make_memfd(void)
{
	/*
	 * Nothing in here is ever executed. Saying so pleases vm.memfd_noexec=2; kernels before 6.3
	 * do not know the word.
	 */
	int fd = memfd_create("ocirt-plan", MFD_CLOEXEC | MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ocirt-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int arena_seal(struct arena *a)
{
	size_t size = page_round(a->used);
	ssize_t n;

	if (a->full)
		return -ENOMEM;
	if (a->sealed)
		return 0;
	((struct arena_header *)(void *)a->base)->size = size;
	a->fd = make_memfd();
	if (a->fd < 0)
		return a->fd;
	/* By a write: pages of a file that is mapped are dearer to fault in, and to be rid of. */
	n = write(a->fd, a->base, a->used);
	if (n < 0)
		return -errno;
	if ((size_t)n < a->used)
		return -ENOSPC; /* a file in memory has room for all of it, or no memory is left */
	if (fcntl(a->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
		    0 ||
	    mprotect(a->base, size, PROT_READ) < 0)
		return -errno;
	a->sealed = true;
	return 0;
}

void arena_close(struct arena *a)
{
	if (!a->base)
		return; /* never opened: even .fd says nothing */
	munmap(a->base, a->capacity);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct arena){ .fd = -1 };
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
	size_t at = (a->used + align - 1) & ~(align - 1);

	if (a->sealed || a->full || at > a->capacity || size > a->capacity - at) {
		a->full = true;
		return NULL;
	}
	/* Memory is never taken back, so this is zero already. */
	a->used = at + size;
	return a->base + at;
}

void *arena_array(struct arena *a, size_t n, size_t size, size_t align)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->full = true;
		return NULL;
	}
	return arena_alloc(a, total, align);
}

void *arena_memdup(struct arena *a, const void *p, size_t size, size_t align)
{
	void *copy = arena_alloc(a, size, align);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = NULL;

	if (len < SIZE_MAX)
		copy = arena_alloc(a, len + 1, 1); /* its last byte is zero already */
	if (copy && len)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap)
{
	va_list again;
	char *out;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0) {
		a->full = true;
		return NULL;
	}
	out = arena_alloc(a, (size_t)n + 1, 1);
	if (out)
		vsnprintf(out, (size_t)n + 1, format, ap);
	return out;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	char *out;

	va_start(ap, format);
	out = arena_vprintf(a, format, ap);
	va_end(ap);
	return out;
}

void arena_set_root(struct arena *a, void *root)
{
	((struct arena_header *)(void *)a->base)->root = root;
}
