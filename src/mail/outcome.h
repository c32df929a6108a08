// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A probe's fate, and how a notification moves it.
#pragma once

#include <stdbool.h>

#include "mail/dsn.h"

enum outcome {
	OUTCOME_PENDING,
	OUTCOME_ACCEPTED, // by a remote server: it said 250, nothing more
	OUTCOME_DELAYED,
	OUTCOME_FAILED,
	OUTCOME_UNKNOWN, // no word came, or our own instance would not take the probe
};

// The outcome's word, as in the database and in logs. Static.
const char *outcome_name(enum outcome outcome);

// The outcome of that name; false for none such.
bool outcome_find(const char *name, enum outcome *ret_outcome);

// What a notification with that action makes of a probe's outcome. True where it changes it. A
// failure is final; an acceptance can still turn into a failure, since a server may bounce what it
// accepted; a delay counts once.
bool outcome_next(enum outcome now, enum dsn_action action, enum outcome *ret_next);
