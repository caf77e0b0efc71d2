/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The arena: what it hands out, how it ends, and that another process can read it in place.
 */
#include "check.h"
#include "libocispec/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct list {
	const char *text;
	struct list *next;
};

static struct list *build(struct arena *a)
{
	struct list *first = arena_new(a, struct list), *second = arena_new(a, struct list);

	if (!first || !second)
		return NULL;
	*second = (struct list){ arena_strdup(a, "world"), NULL };
	*first = (struct list){ arena_printf(a, "%s%d", "hello", 1), second };
	return first;
}

static void what_it_hands_out_is_zero_and_aligned(void)
{
	struct arena a;

	must(arena_open_private(&a, 1 << 20) == 0);
	for (size_t align = 1; align <= 4096; align *= 2) {
		char *p = arena_alloc(&a, 3, align);

		must(p);
		check(((uintptr_t)p & (align - 1)) == 0);
		check(p[0] == 0 && p[1] == 0 && p[2] == 0);
		memset(p, 0xff, 3);
	}
	check(arena_alloc(&a, 0, 8) != NULL);
	check(arena_strdup(&a, NULL) == NULL && !a.full);
	check_str(arena_strndup(&a, "abcdef", 3), "abc");
	check_str(arena_strndup(&a, "", 0), "");
	check_str(arena_memdup(&a, "xy", 3, 1), "xy");
	arena_close(&a);
	arena_close(&a); /* twice does no harm */
}

static void a_full_arena_stays_full(void)
{
	struct arena a;

	must(arena_open_private(&a, 4096) == 0);
	check(arena_alloc(&a, a.capacity, 1) == NULL);
	check(a.full);
	check(arena_alloc(&a, 1, 1) == NULL); /* so that one look at the end is enough */
	check_int(arena_seal(&a), -ENOMEM);
	arena_close(&a);

	must(arena_open_private(&a, 4096) == 0);
	check(arena_alloc(&a, a.capacity - a.used, 1) != NULL);
	check(!a.full);
	check(arena_alloc(&a, 1, 1) == NULL);
	arena_close(&a);

	must(arena_open_private(&a, 4096) == 0);
	check(arena_array(&a, SIZE_MAX / 2, 4, 1) == NULL);
	check(a.full);
	arena_close(&a);
}

static void there_is_one_shared_arena_at_a_time(void)
{
	struct arena a, b;

	must(arena_open(&a, 0) == 0);
	check(a.base == (char *)ARENA_BASE);
	check_int(arena_open(&b, 0), -EEXIST);
	arena_close(&b);
	arena_close(&a);
	check_int(arena_open(&a, 0), 0);
	arena_close(&a);
}

static void a_sealed_arena_cannot_change(void)
{
	struct arena a;
	struct list *l;

	must(arena_open(&a, 0) == 0);
	must((l = build(&a)));
	arena_set_root(&a, l);
	check_int(arena_seal(&a), 0);
	check(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	check_int(lseek(a.fd, 0, SEEK_END), (long long)a.used);
	check_int(arena_seal(&a), 0); /* once more does nothing */
	check_str(l->text, "hello1"); /* pointers stay valid */
	check_str(l->next->text, "world");
	check(pwrite(a.fd, "x", 1, 0) < 0 && errno == EPERM);
	check(ftruncate(a.fd, 0) < 0 && errno == EPERM);
	check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0) == MAP_FAILED);
	check(fcntl(a.fd, F_ADD_SEALS, 0) < 0 && errno == EPERM);
	check(arena_alloc(&a, 1, 1) == NULL);
	arena_close(&a);
}

/* The other side, as ocirt-init does it: read the header, map what it says, use the pointers. */
static int read_elsewhere(int fd)
{
	struct arena_header h;
	const struct list *l;
	void *p;

	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || h.magic != ARENA_MAGIC)
		return 2;
	p = mmap((void *)(uintptr_t)h.base, h.size, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
		 fd, 0);
	if (p == MAP_FAILED)
		return 3;
	l = h.root;
	return strcmp(l->text, "hello1") == 0 && strcmp(l->next->text, "world") == 0 ? 0 : 4;
}

static void another_process_can_follow_the_pointers(void)
{
	struct arena a;
	int status = -1;
	pid_t pid;

	must(arena_open(&a, 0) == 0);
	arena_set_root(&a, build(&a));
	must(arena_seal(&a) == 0);
	pid = fork();
	if (pid == 0) {
		munmap(a.base, a.capacity);
		_exit(read_elsewhere(a.fd));
	}
	must(pid > 0);
	check(waitpid(pid, &status, 0) == pid);
	check_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
	arena_close(&a);
}

static const struct test tests[] = {
	TEST(what_it_hands_out_is_zero_and_aligned),   TEST(a_full_arena_stays_full),
	TEST(there_is_one_shared_arena_at_a_time),     TEST(a_sealed_arena_cannot_change),
	TEST(another_process_can_follow_the_pointers),
};

TEST_MAIN(tests)
