// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the database keeps, and for how long: after keep_addresses local parts become keyed hashes,
// after keep_requests rows are deleted. A few rows in a turn.
//
// A clock that was set ahead must not make all rows old: nothing is done before the wall clock has
// gone on for a day without a jump, and no request is touched that waits for anything.
#pragma once

#include "base/cleanup.h"

struct daemon;
struct retention;

#define RETENTION_STEADY 86400 // seconds

// Never NULL. The key is made when it is first needed.
struct retention *retention_new(struct daemon *daemon);
struct retention *retention_free(struct retention *retention);

// Inside a turn's transaction. 0, or the database's negative errno; without its key it does
// nothing, and says so once.
int retention_step(struct retention *retention) must_check;

// After the commit: where something was replaced, and nothing is left to be, the log is emptied of
// what it was.
void retention_commit(struct retention *retention);
