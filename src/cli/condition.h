// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How the service is right now: who answers, and what lies in folders.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapter/config.h"

#define CONDITION_PARTS 5

struct condition_part {
	const char *name; // "postsixd"
	int error;        // 0: it answers; -EACCES: this user may not ask; else a negative errno
	int64_t since;    // 0: nobody knows
};

struct condition {
	struct condition_part parts[CONDITION_PARTS];
	int64_t spool;      // entries; -1 where the folder cannot be read
	int64_t oldest;     // when the oldest of them came; 0 for none
	int64_t quarantine; // files
};

// Connects to each socket and leaves again; the mail queue of an instance is asked for, and not
// read. Takes no more than a second for each.
void condition_find(const struct config *config, struct condition *ret_condition);
