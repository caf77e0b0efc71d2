/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file.h"

#include "util.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static ssize_t read_some(int fd, char *buf, size_t n)
{
	ssize_t r;

	do
		r = read(fd, buf, n);
	while (r < 0 && errno == EINTR);
	return nerrno(r);
}

ssize_t file_read(int dir, const char *name, char *buf, size_t size)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0)
		return -errno;
	while (got < size) {
		ssize_t r = read_some(fd, buf + got, size - got);

		if (r < 0)
			return r;
		if (r == 0) {
			buf[got] = '\0';
			return (ssize_t)got;
		}
		got += (size_t)r;
	}
	return -EFBIG;
}

ssize_t file_read_fd(int fd, size_t limit, char **out)
{
	struct stat st;
	char small[4096]; /* for what has no size beforehand: /proc, cgroups, pipes */
	auto_free char *large = NULL;
	char *buf = small;
	size_t got = 0, room = sizeof(small);

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)room) {
		room = (size_t)MIN((unsigned long long)st.st_size, (unsigned long long)limit) + 1;
		if (!(buf = large = malloc(room + 1)))
			return -ENOMEM;
	}
	for (;;) {
		ssize_t r = read_some(fd, buf + got, room - got);

		if (r < 0)
			return r;
		got += (size_t)r;
		if (got > limit)
			return -EFBIG;
		if (r == 0)
			break;
		if (got < room)
			continue;
		room *= 2;
		char *more = realloc(large, room + 1);

		if (!more)
			return -ENOMEM;
		if (!large)
			memcpy(more, small, got);
		buf = large = more;
	}
	if (!large) {
		if (!(large = malloc(got + 1)))
			return -ENOMEM;
		memcpy(large, small, got);
	}
	large[got] = '\0';
	*out = large;
	large = NULL;
	return (ssize_t)got;
}

ssize_t file_read_all(int dir, const char *name, size_t limit, char **out)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_fd(fd, limit, out);
}

int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int file_write_n(int dir, const char *name, const void *data, size_t n)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t r = write(fd, data, n);

	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

int file_write(int dir, const char *name, const char *text)
{
	return file_write_n(dir, name, text, strlen(text));
}

int file_create(int dir, const char *name, const void *data, size_t n, mode_t mode)
{
	auto_close int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : write_all(fd, data, n);
}

int file_replace(int dir, const char *name, const void *data, size_t n, mode_t mode)
{
	char temporary[4096];
	size_t base = strlen(name);

	if (base + 8 > sizeof(temporary))
		return -ENAMETOOLONG;
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	int r = file_create(dir, temporary, data, n, mode);

	/* A leftover of a killed writer, or what others have put there: it is not written to. */
	if (r == -EEXIST && unlinkat(dir, temporary, 0) == 0)
		r = file_create(dir, temporary, data, n, mode);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r;
}

int dir_next(DIR *d, struct dirent **out)
{
	do {
		errno = 0;
		*out = readdir(d);
		if (!*out)
			return -errno;
	} while (streq((*out)->d_name, ".") || streq((*out)->d_name, ".."));
	return 1;
}
