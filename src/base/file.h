// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Files and descriptors: whole reads, whole writes, durable writes. All return 0 or a negative
// errno.
#pragma once

#include <stddef.h>

#include "base/buf.h"

// Reads fd to its end into buf. -EFBIG once buf's ceiling is passed (the rest stays unread).
int file_read_fd(int fd, struct buf *buf) must_check;

// The same for the file at path below dirfd (AT_FDCWD for none).
int file_read_at(int dirfd, const char *path, struct buf *buf) must_check;

// Writes all len bytes, over short writes and EINTR.
int file_write_fd(int fd, const void *data, size_t len) must_check;

// Puts a file into the folder so that it is either there whole and will stay, or not there at all:
// write to a temporary name, fsync, rename, fsync the folder. An existing file of that name is
// replaced. The temporary file is removed on failure. An fsync that fails counts as not stored.
int file_put_durably(int dirfd, const char *name, const void *data, size_t len) must_check;

// The same, for everybody to read, whatever the umask: its mode is set before it has its name, so
// that the folder's owner cannot have another file's set.
int file_put_for_all(int dirfd, const char *name, const void *data, size_t len) must_check;
