// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The survey of each answered request: asked for once the request is in the database, recorded in a
// later turn, which the report waits for. Its due says how long: whatever becomes of a survey, of
// the DNS or of this process, the report goes then, and says what was not known. A survey that was
// under way when the daemon ended is not asked for again: were it the one that ended the daemon, it
// would do so at every start.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct daemon;
struct surveys;

// NULL, and a negative errno in *ret_error, where the system's DNS configuration cannot be read.
// With survey_deadline 0 nothing is ever asked.
struct surveys *surveys_new(struct daemon *daemon, int *ret_error) must_check;
struct surveys *surveys_free(struct surveys *surveys);

// Inside a turn's transaction: a survey of the requester's domain is wanted for that request.
// Returns when its report is due.
int64_t surveys_want(struct surveys *surveys, uint64_t request, const char *domain,
		     int64_t now) must_check;

// Likewise: records what was found since, and has the reports wait no more. 0, or the database's
// negative errno.
int surveys_record(struct surveys *surveys) must_check;

// After a rollback: nothing was recorded, nothing wanted.
void surveys_roll_back(struct surveys *surveys);

// After the commit: asks for what is wanted.
void surveys_ask(struct surveys *surveys);

// Those wanted, under way or not recorded yet.
size_t surveys_open(const struct surveys *surveys);
