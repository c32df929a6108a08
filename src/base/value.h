// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Numbers as people write them in a configuration. Each returns NULL and sets *ret_value, or a
// sentence that says what is wrong.
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

// Decimal digits only.
const char *value_number(const char *text, int64_t *ret_value) must_check;

// Seconds: a number with s, min (or m), h, d, w, or nothing for seconds.
const char *value_duration(const char *text, int64_t *ret_value) must_check;

// Octets: a number with k, M, G (powers of 1024), or nothing for octets.
const char *value_size(const char *text, int64_t *ret_value) must_check;
