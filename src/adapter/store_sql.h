// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The SQL behind store.c.
#pragma once

#include <stddef.h>

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
	REQUEUE,
	BRING_FORWARD,
	NEXT_DUE,
	FIND_SILENT,
	FIND_STALE,
	N_QUERIES,
};

extern const char *const store_queries[N_QUERIES];
