// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A message to a token address: a notification about a probe, or something to swallow.
#pragma once

#include "base/cleanup.h"

struct daemon;
struct entry;

#define BOUNCE_PREFIX  "bounce+" // of a token address's local part
#define BOUNCE_PURPOSE "bounce"  // of its seal

// Inside a turn's transaction. name: the entry's. A negative errno is the database's. Only a
// notification with a genuine, unexpired token, about that probe's recipient, that changes the
// probe's outcome can cause mail; all else is recorded and ignored.
int bounce_record(struct daemon *daemon, const char *name, const struct entry *entry) must_check;
