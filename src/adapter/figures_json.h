// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Figures as one JSON object on a line: {"v":1,"key":…,"since":…,"until":…,"counts":{…},
// "different":{NAME:{"count":…,"exact":…,"tags":["0123456789abcdef",…]},…}}.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/figures.h"

#define FIGURES_JSON_MAX (64 * 1024 * 1024) // octets

// since, until: seconds since 1970, 0 for none. Tags are written where the figures have a key.
void figures_json_write(const struct figures *figures, int64_t since, int64_t until,
			struct buf *out);

// Reads what that has written, finished; free it. -EINVAL for anything else, another version
// included.
int figures_json_read(const char *text, size_t len, int64_t *ret_since, int64_t *ret_until,
		      struct figures **ret_figures) must_check;
