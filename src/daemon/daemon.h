// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What postsixd is made of, and its one step, the turn. Each part has a file of its own; all of
// them take this struct.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/config.h"
#include "adapter/loop.h"
#include "adapter/seal.h"
#include "adapter/spool.h"
#include "adapter/store.h"
#include "base/buf.h"
#include "mail/survey.h"
#include "mail/verdict.h"

struct attempts;
struct diagnose_table;
struct diary;
struct gate;
struct gauge;
struct ingest;
struct languages;
struct limits;
struct outbox;
struct retention;
struct own;
struct signing;
struct spent;
struct surveys;
struct tally;

struct daemon {
	const struct config *config; // that of the start, until a reload
	struct config *reloaded;     // the one in use, where it is of a reload
	struct diagnose_table *diagnose_table;
	int lock; // the state folder, locked against a second daemon
	struct loop *loop;
	struct seal *seal;
	struct signing *signing;
	struct spool *spool;
	struct store *store;
	struct diary *diary;
	struct gauge *gauge;
	struct ingest *ingest;
	struct languages *languages;
	struct surveys *surveys;
	struct attempts *attempts;
	struct retention *retention;
	struct limits *limits;
	struct spent *spent;  // tokens of probes that failed
	struct tally *tokens; // messages to each token address
	struct gate *gate;    // NULL while nothing is to come in
	struct outbox *dual;
	struct outbox *v6;
	char own_address[SURVEY_ADDRESS_SIZE]; // the first IPv6 one that v6 has; "" for none
	struct own *own;
	enum own_records own_records; // as of own's last look
	struct source *turn;          // asked for by whoever has something to record
	struct source *clock;         // the next turn at the latest
	struct source *watch;
	struct source *sigterm;
	struct source *sigint;
	struct source *sighup;
	bool stopping;
};

// Opens everything. NULL on failure, after a line to errors; *ret_status is then an exit status of
// sysexits.h. config is borrowed, and must stay.
struct daemon *daemon_new(const struct config *config, FILE *errors, int *ret_status);
struct daemon *daemon_free(struct daemon *daemon);

// Serves until SIGTERM or SIGINT; SIGHUP is a reload. Returns an exit status.
int daemon_run(struct daemon *daemon);

// Asks for a turn as soon as no event is pending.
void daemon_want_turn(struct daemon *daemon);

// Seconds since 1970.
int64_t daemon_now(void);

// Seconds since the machine started, asleep or not: a clock that nobody sets.
int64_t daemon_uptime(void);
