// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Log lines that wait for the commit: a line tells of what is so, and before the commit nothing is.
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "base/log.h"

struct diary;

// An empty one; diary_free() it.
struct diary *diary_new(void);
struct diary *diary_free(struct diary *diary);

// As log_event, for the message or request with that id; 0 for none, which is logged as NOTOKEN.
void diary_event(struct diary *diary, int level, uint64_t id, const char *format, ...)
	printf_like(4, 5);

// Logs all lines, in order, or drops them.
void diary_write(struct diary *diary);
void diary_forget(struct diary *diary);
