// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The SQL behind store.c, and what the other files of the store (store_*.c) ask it by.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define STORE_APPLICATION_ID 0x70736978 // "psix"

// Script i takes a database from user_version i to i + 1.
extern const char *const store_migrations[];
extern const size_t n_store_migrations;

// Named as in store.h; the text says the parameters.
enum store_query {
	BEGIN,
	COMMIT,
	ROLLBACK,
	ADD_REQUEST,
	HAS_ENTRY,
	COUNT_ANSWERS,
	EACH_ANSWER,
	EACH_FAILED,
	HAS_FINGERPRINT,
	ADD_MAIL,
	ADD_SURVEY,
	ADD_DSN,
	FIND_PROBE,
	SET_OUTCOME,
	CLAIM,
	LOAD_MAIL,
	MAIL_SENT,
	MAIL_RETRY,
	MAIL_GIVEN_UP,
	WAIT_NO_MORE,
	WAIT_UNTIL,
	REQUEUE,
	BRING_FORWARD,
	NEXT_DUE,
	COUNT_QUEUED,
	COUNT_PENDING,
	FIND_SILENT,
	FIND_STALE,
	FIND_QUEUE_ID,
	ADD_ATTEMPT,
	COUNT_ATTEMPTS,
	SET_CURSOR,
	GET_CURSOR,
	OLD_REQUESTS,
	AGE_REQUEST,
	CLEAR_REPLIES,
	EACH_REASON,
	SET_REASON,
	REQUEST_DSNS,
	OLD_DSNS,
	AGE_DSN,
	GONE_REQUESTS,
	GONE_DSNS,
	FORGET_COUNTS,
	FORGET_SURVEY,
	FORGET_ATTEMPTS,
	UNLINK_DSNS,
	FORGET_DSNS,
	FORGET_MAIL,
	FORGET_REQUEST,
	COUNT_DSN,
	FORGET_DSN,
	N_QUERIES,
};

extern const char *const store_queries[N_QUERIES];

struct store;
struct store_row; // borrowed, for the call

// Runs a query with one value per letter of types: i an int64_t, s a string, "" for NULL. 1 where
// it has a row, 0 where it has none, or a negative errno.
int store_run(struct store *store, enum store_query query, const char *types, ...) must_check;

// The same for a query that selects a number: 1 and *ret_number, or 0.
int store_number(struct store *store, int64_t *ret_number, enum store_query query,
		 const char *types, ...) must_check;

// The same for every row of it: 0. on_row must not use the store.
typedef void store_on_row(void *arg, const struct store_row *row);
int store_each(struct store *store, enum store_query query, store_on_row *on_row, void *arg,
	       const char *types, ...) must_check;
const char *store_row_text(const struct store_row *row, int column); // "" for NULL
int64_t store_row_number(const struct store_row *row, int column);

// Rows that the last statement changed.
int store_changes(const struct store *store);

// Writes all of the log (WAL) into the database, and empties it. -EAGAIN where somebody reads.
int store_shrink_log(struct store *store) must_check;
