// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one line that `systemctl status` shows: what was done since the start, what waits, and what
// is wrong.
#pragma once

#include <stdbool.h>

struct daemon;
struct gauge;

// A count of nothing. The daemon is borrowed.
struct gauge *gauge_new(const struct daemon *daemon);
struct gauge *gauge_free(struct gauge *gauge);

// A request, inside a transaction: counts from gauge_commit on, and not at all after
// gauge_roll_back.
void gauge_count(struct gauge *gauge, bool is_answered);
void gauge_commit(struct gauge *gauge);
void gauge_roll_back(struct gauge *gauge);

// Whether the last reload was refused: the line says so until one is not.
void gauge_set_refused(struct gauge *gauge, bool is_refused);

// Why the last turn could not be recorded, or NULL where it was.
void gauge_set_trouble(struct gauge *gauge, const char *error);

// Counts what waits and tells the manager, where there is something new to tell and the last time
// is a second ago. The turn that follows tells the rest.
void gauge_tell(struct gauge *gauge);
