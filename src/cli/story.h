// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// All that the database knows of one request, for people and for programs.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "cli/ask.h"
#include "cli/judge.h"

// Whoever was sent a probe may send any number of notifications about it, of 40 kB each as JSON.
#define STORY_MAX (64 * 1024 * 1024)

// What happened, a line each, in the order of time, at most 1000; then the survey and the verdicts.
// 0, or a negative errno; -ENOENT where there is no such request. out: of STORY_MAX; look at
// buf_failed().
int64_t story_print(const struct ask *ask, const struct judge *judge, int64_t id, struct buf *out);

// The same as one JSON object on a line, "v" 1: request, mails, notifications, attempts, survey,
// verdicts. doc/show.schema.json describes it.
int64_t story_json(const struct ask *ask, const struct judge *judge, int64_t id, struct buf *out);
