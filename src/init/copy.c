/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy -- tmpcopyup: a tmpfs begins with what it covers.
 *
 * The tree belongs to the image, so it is walked by descriptors without following any link.
 * Regular files, directories and symbolic links are copied with mode and owner; nodes, sockets and
 * FIFOs are made again by mknod where that is allowed.
 */
#include "stage.h"

#include "../base/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Who exchanges a file for a link between two looks must not be followed. */
#define NO_LINK (PROTECT(copy_links) ? O_NOFOLLOW : 0)

#define DEEPEST 128 /* directories below each other; each costs a few KiB of stack */

/* As getdents64(2) fills it in; libc has it under other names. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static int copy_directory(int from, int to, int depth);

/* No more than there was when it began: somebody may go on writing for ever. */
static int copy_bytes(int from, int to, off_t size)
{
	char buf[4096];
	ssize_t n = 0;

	for (off_t left = size; left > 0; left -= n) {
		n = read(from, buf, (size_t)MIN(left, (off_t)sizeof(buf)));
		if (n <= 0)
			break;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, buf + done, (size_t)(n - done));

			if (w < 0)
				return -errno;
			done += w;
		}
	}
	return n < 0 ? -errno : 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	auto_close int in = openat(from, name, O_RDONLY | NO_LINK | O_NONBLOCK | O_CLOEXEC);

	struct stat now;

	if (in < 0 || fstat(in, &now) < 0)
		return -errno;
	if (!S_ISREG(now.st_mode)) /* exchanged for a pipe or a device since it was looked at */
		return -ESTALE;
	auto_close int out =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out < 0)
		return -errno;
	int r = copy_bytes(in, out, now.st_size);

	if (r == 0 &&
	    (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0))
		r = -errno;
	return r;
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	char text[4096];
	ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, to, name) < 0 ||
	    fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int enter_directory(int from, int to, const char *name, const struct stat *st, int depth)
{
	auto_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | NO_LINK | O_CLOEXEC);

	if (in < 0 || mkdirat(to, name, 0700) < 0)
		return -errno;
	auto_close int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (out < 0)
		return -errno;
	int r = copy_directory(in, out, depth + 1);

	if (r == 0 &&
	    (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0))
		r = -errno;
	return r;
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return enter_directory(from, to, name, &st, depth);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st);
	if (mknodat(to, name, st.st_mode, st.st_rdev) < 0 ||
	    fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* `from` is open for reading. */
static int copy_directory(int from, int to, int depth)
{
	_Alignas(struct entry) char buf[2048];
	long n;

	if (depth > DEEPEST)
		return -ELOOP;
	while ((n = nerrno(syscall(SYS_getdents64, from, buf, sizeof(buf)))) > 0)
		for (long at = 0; at < n;) {
			struct entry *e = (struct entry *)(buf + at);

			at += e->reclen;
			if (streq(e->name, ".") || streq(e->name, ".."))
				continue;
			int r = copy_entry(from, to, e->name, depth);

			if (r < 0)
				return r;
		}
	return (int)n;
}

int copy_up(int from, int to)
{
	auto_close int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return -errno;
	if (fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return copy_directory(in, to, 0);
}
