// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How many different things there were, in bounded memory: exact up to DISTINCT_MAX of them, within
// a hundredth beyond.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTINCT_MAX (1 << 17) // kept; 2 MB of memory at most

struct distinct;

// Never NULL.
struct distinct *distinct_new(void);
struct distinct *distinct_free(struct distinct *distinct);

// Adds one, which may have been added before.
void distinct_add(struct distinct *distinct, const void *bytes, size_t len);

// How many different ones were added; *ret_exact is false where that is an estimate.
uint64_t distinct_count(const struct distinct *distinct, bool *ret_exact);
