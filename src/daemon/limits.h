// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How much is answered: to one requester, one domain, one network, and in all. The table of limits
// is asked twice: in the SMTP session, where a person can be told, and when the request is
// recorded, which is the last word.
//
// The database is the truth. What the session asks is kept in memory, filled at the start, on a
// clock that does not jump. A permission is a reservation: it counts for a minute, by when the
// message should be here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "mail/addr.h"

struct config;
struct limits;
struct store;

#define LIMITS_RESERVED 60     // seconds that a permission counts without its message
#define LIMITS_DAY      86400  // seconds
#define LIMITS_ROOM     131072 // requests remembered; total_daily is below it

// What a request is counted by. An empty one is not counted.
struct limits_keys {
	char mailbox[ADDR_TEXT_SIZE]; // the requester without case and without +anything
	char domain[DOMAIN_MAX + 1];  // the one that somebody registered, as far as a name tells
	char network[48];             // 2001:db8:1:2::/64, 192.0.2.1
};

struct limits_row {
	const char *name;   // as logged: reason=too-soon
	const char *option; // in [postsix]
	const char *words;  // what a person is told; %lld is the option's value
	int key;            // limits.c's own, as the next one
	size_t offset;
};

struct limits_refusal {
	const struct limits_row *row;
	int64_t limit; // the option's value
	int64_t wait;  // seconds until it may be answered, if nobody else comes first
};

// The keys of a requester and its client's address. Any client text is fine.
void limits_make_keys(struct limits_keys *keys, const struct addr *requester, const char *client);

// An empty memory. The configuration is borrowed.
struct limits *limits_new(const struct config *config);
struct limits *limits_free(struct limits *limits);

// Goes by another configuration from now on, which is borrowed; what was counted stays.
void limits_follow(struct limits *limits, const struct config *config);

// Fills it from the database. uptime: seconds of the clock that does not jump; now: since 1970. A
// negative errno is the database's.
int limits_load(struct limits *limits, struct store *store, int64_t uptime, int64_t now) must_check;

// In the session: true, and the place is reserved; or false and *ret_refusal.
bool limits_permit(struct limits *limits, const struct limits_keys *keys, int64_t uptime,
		   struct limits_refusal *ret_refusal) must_check;

// The last word about a request that arrived then, inside a transaction. 0 and *ret_row, NULL where
// it may be answered; or the database's negative errno. Requests from more than a day after it do
// not count: the clock was set back.
int limits_ask(struct limits *limits, struct store *store, const struct limits_keys *keys,
	       int64_t arrived, int64_t uptime, const struct limits_row **ret_row) must_check;

// A request is answered, inside a transaction: counts from limits_commit on, and not at all after
// limits_roll_back.
void limits_add(struct limits *limits, const struct limits_keys *keys);
void limits_commit(struct limits *limits, int64_t uptime);
void limits_roll_back(struct limits *limits);

// All rows, in the order they are asked, ended by one with a NULL name.
const struct limits_row *limits_rows(void);
