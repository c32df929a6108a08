// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A growable run of bytes with a ceiling. Memory doubles up to the ceiling; one byte more than the
// ceiling is kept for the terminator.
//
// Once something was dropped, all that follows is dropped too: else a short line after a long one
// would make a text that nobody meant.
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BUF_ROOM_FIRST 256

struct buf buf_make(size_t max)
{
	assert(max < SIZE_MAX);
	return (struct buf){.max = max};
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = buf_make(buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->full = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

// Room for len bytes more and the terminator; false, and the error sticks, where the ceiling
// forbids it.
static bool buf_reserve(struct buf *buf, size_t len)
{
	size_t need;
	size_t room = buf->room;

	if (buf->full || len > buf->max - buf->len) {
		buf->full = true;
		return false;
	}
	need = buf->len + len + 1;
	if (need <= room)
		return true;
	if (room < BUF_ROOM_FIRST)
		room = BUF_ROOM_FIRST;
	while (room < need)
		room = room > SIZE_MAX / 2 ? need : room * 2;
	if (room > buf->max + 1)
		room = buf->max + 1;
	buf->data = mem_grow(buf->data, room, 1);
	buf->room = room;
	return true;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (!buf_reserve(buf, len))
		return;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_adds(struct buf *buf, const char *string)
{
	buf_add(buf, string, strlen(string));
}

void buf_addc(struct buf *buf, char byte)
{
	buf_add(buf, &byte, 1);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(len >= 0);
	if (!buf_reserve(buf, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

void buf_shift(struct buf *buf, size_t len)
{
	if (len >= buf->len)
		len = buf->len;
	if (len == 0)
		return;
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len + 1);
}

const char *buf_string(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

char *buf_steal(struct buf *buf)
{
	char *stolen = buf->data != NULL ? buf->data : mem_strdup("");

	*buf = buf_make(buf->max);
	return stolen;
}

bool buf_failed(const struct buf *buf)
{
	return buf->full;
}
