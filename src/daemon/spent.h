// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Probes whose outcome is final: their tokens are refused in the session, without the database. A
// hint in bounded memory: what it has forgotten, bounce.c still ignores.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct spent;

// An empty one: room for 262144 probes, 2 MB once that is full.
struct spent *spent_new(void);
struct spent *spent_free(struct spent *spent);

// The probe's outcome is final. In a full place the oldest is forgotten.
void spent_add(struct spent *spent, uint64_t id);

// True only for what was added.
bool spent_has(const struct spent *spent, uint64_t id);
