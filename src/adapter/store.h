// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The database: every request, every message of ours, every notification. SQLite; one process
// writes it.
//
// All functions return 0 (or a count, where it says so) or a negative errno: -EAGAIN locked by
// another, -ENOSPC full, -EIO, -EUCLEAN corrupt, -EACCES cannot be opened. After an error inside a
// transaction the caller rolls back.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "mail/kind.h"
#include "mail/outcome.h"

struct store;

// Opens or makes the database at path, brings its schema up to date, and checks it. Returns NULL
// and sets *ret_store, or a sentence that says why it will not be served (static or in a static
// buffer); *ret_error (NULL: not wanted) is then -EUCLEAN or -EACCES where somebody has to mend it,
// or what may pass by itself: -EAGAIN, -ENOSPC, -EIO.
const char *store_open(const char *path, struct store **ret_store, int *ret_error) must_check;
struct store *store_free(struct store *store);

// A transaction: everything up to its commit is recorded together or not at all.
int store_begin(struct store *store) must_check;

// On its return of 0 all of it is durable. After a failure the transaction is still open: roll
// back.
int store_commit(struct store *store) must_check;

// Forgets what was recorded since the beginning. Fine without a transaction.
void store_rollback(struct store *store);

// A message to test@, answered or not.
struct store_request {
	uint64_t id;       // low bits 0
	const char *entry; // the spool file's name
	int64_t arrived;
	const char *decision;  // "answer", or the name of what refused it
	const char *site;      // "" where there is none
	const char *requester; // the envelope sender as addr_parse took it, or as given where it
			       // did not
	const char *instance;
	const char *queue_id;
	const char *recipient;
	const char *client_address;
	const char *client_hostname;
	const char *client_helo;
	const char *client_protocol;
	int64_t size;
	const char *message_id;
	const char *references;
	const char *in_reply_to;
	const char *subject;
	int64_t date; // by its own Date and its oldest Received field; 0 for none
	int64_t first_received;
	int64_t hops;              // Received fields
	const char *trace;         // our trace field's value where it is believed, or ""
	const char *authenticated; // "dkim", "mx" or ""
	const char *fingerprint;   // the same for a repeat of the same message (RFC 1047)
	const char *mailbox;       // what limits count by; NULL where nothing is to be counted
	const char *domain;
	const char *network;
};

// Records it. -EEXIST where that entry or that id is recorded already.
int store_add_request(struct store *store, const struct store_request *request) must_check;

// True (1) where an entry of that name was committed before.
int store_has_entry(struct store *store, const char *entry) must_check;

// How many requests of that mailbox, octet by octet, were answered that came after since and until
// then.
int store_count_answers(struct store *store, const char *mailbox, int64_t since, int64_t until,
			int64_t *ret_count) must_check;

// What is borrowed is so for the call.
typedef void store_on_answer(void *arg, const char *mailbox, const char *domain,
			     const char *network, int64_t arrived);

// Calls on_answer for every request that was answered after since and until then, the oldest
// first. It must not use the store.
int store_each_answer(struct store *store, int64_t since, int64_t until, store_on_answer *on_answer,
		      void *arg) must_check;

// Calls on_failed for every probe made after since whose outcome is failed.
int store_each_failed(struct store *store, int64_t since, void (*on_failed)(void *arg, uint64_t id),
		      void *arg) must_check;

// True (1) where a request with that fingerprint was answered since then.
int store_has_fingerprint(struct store *store, const char *fingerprint, int64_t since) must_check;

// Our message of that kind for a request, to be sent when it is due; a processed bounce never
// before a report that still waits. -EEXIST where there is one already.
int store_add_mail(struct store *store, uint64_t request, enum kind kind, int64_t now, int64_t due,
		   int64_t dsn) must_check;

// What the survey of the requester's domain found, as adapter/survey_json.h has it, or "" where it
// came to nothing; the first one counts. What waits for it waits no more.
int store_add_survey(struct store *store, uint64_t request, int64_t now,
		     const char *json) must_check;

// A processed bounce that was not tried yet is due then, though never before a report that still
// waits.
int store_wait_until(struct store *store, uint64_t bounce, int64_t due) must_check;

// A notification, used or not.
struct store_dsn {
	const char *entry;
	int64_t arrived;
	const char *decision; // "used", or why it was ignored
	uint64_t mail;        // the probe's id, or 0
	const char *sender;
	const char *client_address;
	const char *action;
	const char *status;
	const char *final_recipient;
	const char *reporting_mta;
	const char *remote_mta;
	const char *diagnostic;
	const char *class;
	const char *last_attempt;
	const char *will_retry_until;
	const char *report_text;
	const char *status_part;
	const char *returned;
};

// Records it and sets *ret_id to its row. -EEXIST where that entry is recorded already.
int store_add_dsn(struct store *store, const struct store_dsn *dsn, int64_t *ret_id) must_check;

struct store_probe {
	enum outcome outcome;
	char *requester;
};

// 1 and *ret_probe set (free its string) where there is a probe with that id, 0 where there is
// none.
int store_find_probe(struct store *store, uint64_t id, struct store_probe *ret_probe) must_check;

// dsn: the notification that says so, or 0.
int store_set_outcome(struct store *store, uint64_t id, enum outcome outcome, int64_t dsn,
		      int64_t now) must_check;

// One message to hand over, with all that composing it needs. Strings are its own, never NULL; they
// stand in a row, in the order of the query that reads them.
struct store_mail {
	uint64_t id;
	enum kind kind;
	int64_t created;
	int64_t attempts;  // this one included
	bool was_accepted; // a probe's outcome was accepted before it failed
	int64_t arrived;   // the request, as in struct store_request
	int64_t date;
	int64_t first_received;
	int64_t hops;
	char *site;
	char *requester;
	char *instance;
	char *recipient;
	char *client_address;
	char *client_hostname;
	char *client_helo;
	char *client_protocol;
	char *message_id;
	char *references;
	char *in_reply_to;
	char *subject;
	char *trace;
	char *action; // the notification it tells of; all "" where there is none
	char *status;
	char *final_recipient;
	char *reporting_mta;
	char *remote_mta;
	char *diagnostic;
	char *class;
	char *last_attempt;
	char *will_retry_until;
	char *report_text;
	char *status_part;
	char *returned;
	char *survey; // JSON, "" where there is none
	// Deliveries of the probe that were tried before this message was made, a line each, the
	// oldest first, at most 50: seconds since 1970, relay, status, reason, apart by tabs.
	char *tries;
};

// Takes the next message for postfix-v6 or postfix-dual that is due, and marks it as being sent. 1
// and *ret_mail set (store_mail_free it), or 0 where nothing is due.
int store_claim_mail(struct store *store, bool over_v6, int64_t now,
		     struct store_mail **ret_mail) must_check;
struct store_mail *store_mail_free(struct store_mail *mail);

// Sets every text of the row to a static "": for trying what rows are used for. Not to be freed.
void store_mail_blank(struct store_mail *mail);

// What became of a claimed message. reply: the instance's last words.
int store_mail_sent(struct store *store, uint64_t id, int64_t now, const char *queue_id) must_check;
int store_mail_retry(struct store *store, uint64_t id, int64_t next, const char *reply) must_check;
int store_mail_given_up(struct store *store, uint64_t id, int64_t now,
			const char *reply) must_check;

// After a start: what was being sent when the process ended is sent once more. The number of them.
int store_requeue_sending(struct store *store, int64_t now) must_check;

// What waits for that instance and is due after latest, as after a clock that was set back, is due
// now.
int store_bring_forward(struct store *store, bool over_v6, int64_t now, int64_t latest) must_check;

// 1 and the id of a message for that instance which was tried, and waits since before then, or by
// its own account since a time after; 0 for none.
int store_find_stale(struct store *store, bool over_v6, int64_t before, int64_t after,
		     uint64_t *ret_id) must_check;

// When the next message is due; INT64_MAX for never.
int store_next_due(struct store *store, int64_t *ret_due) must_check;

// Messages that wait to be handed over, and probes handed over that nothing final was heard of.
int store_count_waiting(struct store *store, int64_t *ret_mails, int64_t *ret_probes) must_check;

// 1 and the id of a probe handed over before then, or after, that nothing was ever heard of; 0 for
// none.
int store_find_silent(struct store *store, int64_t before, int64_t after,
		      uint64_t *ret_id) must_check;
