// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Allocation that cannot fail. There is nobody to tell: the mail stands safely in a queue or in the
// spool, so the process aborts and is started again. Zero-sized requests get one byte, so that
// no caller ever sees NULL and takes it for an error.
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_checked(void *memory)
{
	if (memory == NULL) {
		fputs("postsix: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *mem_new(size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return mem_checked(calloc(count, size));
}

void *mem_grow(void *old, size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return mem_checked(reallocarray(old, count, size));
}

char *mem_strdup(const char *string)
{
	return mem_strndup(string, strlen(string));
}

char *mem_strndup(const char *bytes, size_t len)
{
	char *copy;

	copy = mem_checked(len < SIZE_MAX ? malloc(len + 1) : NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}
