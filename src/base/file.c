// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Files and descriptors: whole reads, whole writes, durable writes.
//
// file_put_durably is where mail becomes safe. The order write, fsync, rename, fsync the folder is
// the point of it (RELIABILITY 40): a name that is there leads to bytes that are there. close(2)
// reports write-back errors on some file systems, so its result counts too.
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_CHUNK 16384
#define NEW_MODE                                                                                   \
	0640 // and the umask: the service's group may read what another of its users stored

int file_read_fd(int fd, struct buf *buf)
{
	char chunk[READ_CHUNK];

	for (;;) {
		size_t room = buf->max - buf->len;
		ssize_t got = read(fd, chunk, room < READ_CHUNK ? room + 1 : READ_CHUNK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return buf_failed(buf) ? -EFBIG : 0;
		buf_add(buf, chunk, (size_t)got < room ? (size_t)got : room);
		if ((size_t)got > room) {
			buf->full = true;
			return -EFBIG;
		}
	}
}

int file_read_at(int dirfd, const char *path, struct buf *buf)
{
	auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_fd(fd, buf);
}

int file_write_fd(int fd, const void *data, size_t len)
{
	const char *next = data;

	while (len > 0) {
		ssize_t done = write(fd, next, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		next += done;
		len -= (size_t)done;
	}
	return 0;
}

// Always a new file: one of that name was left by a crash, or put there by somebody else who may
// write the folder, and is his.
static int open_new(int dirfd, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags, NEW_MODE);

	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, name, 0) == 0)
		fd = openat(dirfd, name, flags, NEW_MODE);
	return fd;
}

static int write_new(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = open_new(dirfd, name);
	int error;

	if (fd < 0)
		return -errno;
	error = file_write_fd(fd, data, len);
	if (error == 0 && mode != 0 && fchmod(fd, mode) < 0)
		error = -errno;
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

static int put(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	static unsigned count;
	char temporary[48];
	int error;

	// the leading dot keeps it from readers of the folder; one left by a crash is replaced some
	// day
	snprintf(temporary, sizeof(temporary), ".put-%d-%u", (int)getpid(), count++);
	error = write_new(dirfd, temporary, data, len, mode);
	if (error == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		error = -errno;
	if (error != 0) {
		unlinkat(dirfd, temporary, 0);
		return error;
	}
	if (fsync(dirfd) < 0) {
		error = -errno;
		unlinkat(dirfd, name, 0);
	}
	return error;
}

int file_put_durably(int dirfd, const char *name, const void *data, size_t len)
{
	return put(dirfd, name, data, len, 0);
}

int file_put_for_all(int dirfd, const char *name, const void *data, size_t len)
{
	return put(dirfd, name, data, len, 0644);
}
