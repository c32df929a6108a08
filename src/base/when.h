// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Times as people read and write them: ISO 8601, UTC.
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

#define WHEN_SIZE 24

// "2026-11-23T18:32:18Z"; "-" for 0 and for what has no such text. Returns dst.
char *when_text(char dst[WHEN_SIZE], int64_t time);

// Reads 2026-11-23, 2026-11-23T18:32 or 2026-11-23T18:32:18 (each with or without a Z, UTC all the
// same), or a duration before now: 7d, 24h. NULL and *ret_time, or a sentence that says what is
// wrong.
const char *when_parse(const char *text, int64_t now, int64_t *ret_time) must_check;

// How long ago, in one unit: "42 s", "3 min", "5 h", "12 d". Returns dst.
char *when_age(char dst[WHEN_SIZE], int64_t seconds);
