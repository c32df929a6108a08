// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the database keeps of attempts to deliver probes: each one that an instance's log tells of,
// and how far that log is read. As adapter/store.h has it: 0, a count, or a negative errno.
#pragma once

#include <stdint.h>

#include "adapter/store.h"

#define STORE_ATTEMPTS_MAX 100 // of one probe

struct store_attempt {
	uint64_t mail; // the probe's id
	int64_t at;    // by the log
	int64_t recorded;
	const char *relay;  // "" for none
	const char *result; // "deferred", "bounced", "sent"
	const char *status;
	const char *reason;
};

// 1 where it is recorded; 0 where there is no such probe, or so many attempts of it already.
int store_add_attempt(struct store *store, const struct store_attempt *attempt) must_check;

// 1 and the id of the probe that an instance (v6, or dual) has under that queue id; 0 for none.
int store_find_queue_id(struct store *store, bool over_v6, const char *queue_id,
			uint64_t *ret_id) must_check;

// The place in a log up to which it was recorded: 1 and a string of yours, or 0.
int store_get_cursor(struct store *store, const char *log, char **ret_place) must_check;
int store_set_cursor(struct store *store, const char *log, const char *place) must_check;
