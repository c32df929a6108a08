// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Allocation that succeeds or ends the process: the mail is in a queue, systemd restarts us.
#pragma once

#include <stddef.h>

// Zeroed memory for count items of size bytes each. Never NULL.
void *mem_new(size_t count, size_t size) __attribute__((returns_nonnull, malloc));

// realloc that cannot fail; count times size is checked for overflow.
void *mem_grow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

// A copy of a C string.
char *mem_strdup(const char *string) __attribute__((returns_nonnull, malloc));

// A NUL-terminated copy of len bytes.
char *mem_strndup(const char *bytes, size_t len) __attribute__((returns_nonnull, malloc));
