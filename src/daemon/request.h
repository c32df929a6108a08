// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A message to test@: whether it is answered, and what is recorded of it.
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

struct daemon;
struct entry;

// Inside a turn's transaction. name: the entry's. A negative errno is the database's.
int request_record(struct daemon *daemon, const char *name, const struct entry *entry) must_check;

// True for the text of a Message-ID, without brackets, that this daemon gave to a message of its
// own (arg: the daemon).
bool request_is_own_message_id(void *arg, const char *id);
