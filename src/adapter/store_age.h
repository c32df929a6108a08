// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How rows of the database age: their local parts are replaced, and after longer they are deleted.
// A few at a time, inside a transaction; as adapter/store.h has it: a count or a negative errno.
#pragma once

#include <stdint.h>

#include "adapter/store.h"

// Strings of a row, to be replaced by the callback: each is its own to free, none is NULL.
struct store_texts {
	char *requester; // or a notification's sender
	char *texts[4];  // that may name it
};

// Replaces all addresses and local parts that texts has.
typedef void store_on_texts(void *arg, struct store_texts *texts);

// Ages at most max requests that came before then, with all that is known of them; subject,
// Message-IDs, fingerprint and a notification's own texts are dropped. The number of them.
int store_age_requests(struct store *store, int64_t before, int max, store_on_texts *on_texts,
		       void *arg) must_check;

// The same for messages to token addresses that are about no probe.
int store_age_dsns(struct store *store, int64_t before, int max, store_on_texts *on_texts,
		   void *arg) must_check;

// Deletes at most max requests that came before then, with all that is known of them, and as many
// messages about no probe. What they counted is kept in forgotten.
int store_forget(struct store *store, int64_t before, int max) must_check;

// Outside a transaction: empties the log, in which replaced texts stand until then. 0; -EAGAIN
// where somebody reads the database.
int store_empty_log(struct store *store) must_check;
