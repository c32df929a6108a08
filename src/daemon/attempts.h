// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Deliveries of probes that postfix-v6 tried, out of its log: when, at which server, and what that
// said. How far the log is read is kept in the database, so that a restart loses nothing of it.
#pragma once

#include "base/cleanup.h"

struct attempts;
struct daemon;

// Never NULL. With v6.log "none" nothing is ever read.
struct attempts *attempts_new(struct daemon *daemon);
struct attempts *attempts_free(struct attempts *attempts);

// Inside a turn's transaction: records what the log has told since, a bounded number of lines. 0,
// or the database's negative errno; a log that cannot be read is told once and tried again.
int attempts_record(struct attempts *attempts) must_check;

// After a rollback: what was read is read again.
void attempts_roll_back(struct attempts *attempts);
