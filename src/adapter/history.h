// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The database as whoever asks sees it: read only, beside the daemon that writes it. A question is
// one of a list, and its rows have named columns; history_sql.c has them.
//
// It never writes the database, never checkpoints, and holds no snapshot between two questions, so
// that however slowly its answers are printed, the daemon's log does not grow. Functions return 0
// or a negative errno as adapter/store.h has it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct history;
struct history_row; // borrowed, for the call

enum history_query {
	HISTORY_IDS,      // id of requests, the newest first; takes a filter
	HISTORY_REQUEST,  // one request, all that is known; takes an id
	HISTORY_LINE,     // the same in short, with its probe's outcome and class
	HISTORY_MAILS,    // our messages for a request; takes its id, as the next four
	HISTORY_DSNS,     // notifications about them
	HISTORY_ATTEMPTS, // deliveries that were tried
	HISTORY_SURVEY,   // made, json
	HISTORY_PROBE,    // what its verdicts are found from
	HISTORY_COUNTS,   // name, count: of all there ever was; takes nothing
	HISTORY_WAITING,  // instance, count, oldest; takes nothing
	HISTORY_LATEST,   // arrived of the last request, version of the schema
	HISTORY_SINCE,    // requests, answered ones, since a time; takes a filter
	HISTORY_BUSIEST,  // limits: key, value, count of answers since a time; takes a filter
	HISTORY_QUERIES,
};

// What a question is about. Zeroed: everything.
struct history_filter {
	int64_t id;
	int64_t since;                                             // arrived at or after
	int64_t until;                                             // arrived before; 0: no end
	const char *site, *decision, *outcome, *class, *requester; // NULL: any
	int64_t limit;                                             // rows; 0: all
};

// Returns NULL and sets *ret_history, or a sentence that says why it cannot be read (static or in a
// static buffer).
const char *history_open(const char *path, struct history **ret_history) must_check;
struct history *history_free(struct history *history);

typedef void history_on_row(void *arg, const struct history_row *row);

// Calls on_row for each row of the answer; it may ask further questions, but not the same one.
// filter may be NULL. Returns the number of rows.
int64_t history_ask(struct history *history, enum history_query query,
		    const struct history_filter *filter, history_on_row *on_row,
		    void *arg) must_check;

// A column by its name, which the query must have: "" or 0 where it is NULL.
const char *history_text(const struct history_row *row, const char *name);
int64_t history_number(const struct history_row *row, const char *name);

// All requests that the filter is about, the newest first: *ret_ids is yours to free. Returns how
// many.
int64_t history_ids(struct history *history, const struct history_filter *filter,
		    int64_t **ret_ids) must_check;

// Octets of the database and its log.
int64_t history_size(const char *path);
