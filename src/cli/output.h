// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Standard output for a program with an event loop: who reads slowly keeps nothing else waiting.
// What is not written yet is kept here, so whoever adds looks at output_len() first.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "adapter/loop.h"

struct output;

// on_drained: less is kept than before (or, see output_error, none will ever be written).
// before_write may be NULL: called before each write.
struct output *output_new(struct loop *loop, int fd, void (*on_drained)(void *arg),
			  void (*before_write)(void *arg), void *arg);

// Takes a copy. It is written from the loop, in order.
void output_add(struct output *output, const char *bytes, size_t len);

// Octets that are not written yet.
size_t output_len(const struct output *output);

// 0, or the negative errno of a write that failed: all further ones are thrown away.
int output_error(const struct output *output);

// What is not written yet is lost.
struct output *output_free(struct output *output);
