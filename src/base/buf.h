// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A growable run of bytes with a ceiling. Bodies and wire data use it; everything bounded is a
// value.
//
// Errors stick: what would pass the ceiling is dropped and remembered, so a caller may append
// freely and look once at the end (buf_failed). Memory that cannot be had ends the process.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct buf {
	char *data;  // always NUL-terminated once anything was appended; may hold NULs itself
	size_t len;  // bytes in use, without that terminator
	size_t room; // bytes allocated
	size_t max;  // ceiling of len
	bool full;   // something did not fit and was dropped whole
};

// An empty buffer that never holds more than max bytes. Nothing is allocated yet.
struct buf buf_make(size_t max);

// Frees the memory and leaves an empty buffer of the same ceiling. Fine on a zeroed struct.
void buf_free(struct buf *buf);

// Forgets the content and the error, keeps the memory.
void buf_clear(struct buf *buf);

// Appends len bytes, never the buffer's own. data may be NULL where len is 0.
void buf_add(struct buf *buf, const void *data, size_t len);
// Appends a C string.
void buf_adds(struct buf *buf, const char *string);
// Appends one byte, NUL included.
void buf_addc(struct buf *buf, char byte);
// Appends what printf(3) would print.
void buf_addf(struct buf *buf, const char *format, ...) printf_like(2, 3);

// Drops the first len bytes (at most all).
void buf_shift(struct buf *buf, size_t len);

// The content as a C string; "" where nothing was appended. Borrowed.
const char *buf_string(const struct buf *buf);

// The content as a C string that is yours to free; the buffer is empty afterwards.
char *buf_steal(struct buf *buf);

// True once something was dropped: the content is then a prefix of what was meant.
bool buf_failed(const struct buf *buf);

static inline void cleanup_buf(struct buf *buf)
{
	buf_free(buf);
}

#define auto_buf __attribute__((cleanup(cleanup_buf)))
