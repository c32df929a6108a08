// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A line about a delivery names a queue id. Whose that is, a line of qmgr's says before each
// attempt, by the probe's token address; where that was read before a restart, the database knows
// it, from when the probe was handed over. So it does not matter that the log may be ahead of the
// database.

#include "daemon/attempts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/journal.h"
#include "adapter/store_attempts.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"

#define A_TURN   500  // lines read in one
#define KNOWN    4096 // queue ids remembered
#define INSTANCE "postfix-v6"

struct known {
	char queue_id[MAILLOG_QUEUE_SIZE];
	uint64_t id;
};

struct attempts {
	struct daemon *daemon;
	const char *where;
	struct journal *journal; // NULL while it is not open
	bool is_told;            // that it cannot be read
	size_t n_lines;          // since its place was kept
	size_t next;             // place in known
	struct known known[KNOWN];
	struct maillog log;
};

struct attempts *attempts_new(struct daemon *daemon)
{
	struct attempts *attempts = mem_new(1, sizeof(*attempts));

	attempts->daemon = daemon;
	attempts->where = daemon->config->v6.log;
	return attempts;
}

struct attempts *attempts_free(struct attempts *attempts)
{
	if (attempts == NULL)
		return NULL;
	journal_free(attempts->journal);
	free(attempts);
	return NULL;
}

static void tell(struct attempts *attempts, int error)
{
	if (!attempts->is_told)
		log_note(LOG_WARNING, "log=%s, error=%s, will retry", attempts->where,
			 strerror(-error));
	attempts->is_told = true;
}

static int open_journal(struct attempts *attempts)
{
	char *place = NULL;
	int r = store_get_cursor(attempts->daemon->store, attempts->where, &place);

	if (r < 0)
		return r;
	r = journal_open(attempts->where, INSTANCE, place == NULL ? "" : place, &attempts->journal);
	if (r < 0)
		tell(attempts, r);
	// the first place is kept at once: what comes from now on is read
	attempts->n_lines = place == NULL ? A_TURN : 0;
	free(place);
	return 0;
}

// ---- whose it is --------------------------------------------------------------------------------

static void learn(struct attempts *attempts, const struct maillog *log)
{
	struct known *known = &attempts->known[attempts->next];
	const char *text = log->sender + strlen(BOUNCE_PREFIX);
	const char *at = strrchr(log->sender, '@');
	struct token token;

	if (strncmp(log->sender, BOUNCE_PREFIX, strlen(BOUNCE_PREFIX)) != 0 || at == NULL ||
	    at < text || token_parse(text, (size_t)(at - text), &token) != NULL)
		return;
	memcpy(known->queue_id, log->queue_id, sizeof(known->queue_id));
	known->id = token.id;
	attempts->next = (attempts->next + 1) % KNOWN;
}

// 1 and *ret_id, or 0, or the database's negative errno.
static int find_probe(struct attempts *attempts, const char *queue_id, uint64_t *ret_id)
{
	// from the newest on
	for (size_t i = 0; i < KNOWN; i++) {
		const struct known *known =
			&attempts->known[(attempts->next + KNOWN - 1 - i) % KNOWN];

		if (known->queue_id[0] == '\0')
			break;
		if (strcmp(known->queue_id, queue_id) == 0) {
			*ret_id = known->id;
			return 1;
		}
	}
	return store_find_queue_id(attempts->daemon->store, true, queue_id, ret_id);
}

// ---- recording ----------------------------------------------------------------------------------

static int keep_place(struct attempts *attempts)
{
	char place[JOURNAL_PLACE_SIZE];

	journal_place(attempts->journal, place);
	attempts->n_lines = 0;
	return store_set_cursor(attempts->daemon->store, attempts->where, place);
}

// 1 where a row was made.
static int record(struct attempts *attempts, const struct maillog *log)
{
	struct store_attempt attempt = {.at = log->at,
					.recorded = daemon_now(),
					.relay = log->relay,
					.result = log->result,
					.status = log->status,
					.reason = log->reason};
	int r = 0;

	if (log->kind == MAILLOG_FROM)
		learn(attempts, log);
	if (log->kind == MAILLOG_ATTEMPT)
		r = find_probe(attempts, log->queue_id, &attempt.mail);
	return r == 1 ? store_add_attempt(attempts->daemon->store, &attempt) : r;
}

int attempts_record(struct attempts *attempts)
{
	int n_made = 0, more = 1, r = 0;

	if (strcmp(attempts->where, "none") == 0)
		return 0;
	if (attempts->journal == NULL)
		r = open_journal(attempts);
	if (r < 0 || attempts->journal == NULL)
		return r;
	for (int i = 0; i < A_TURN && r >= 0; i++) {
		more = journal_next(attempts->journal, daemon_now(), &attempts->log);
		if (more != 1)
			break;
		attempts->n_lines++;
		r = record(attempts, &attempts->log);
		n_made += r > 0;
	}
	// before all else: what is recorded without its place is recorded once more
	if (r >= 0 && (n_made > 0 || attempts->n_lines >= A_TURN))
		r = keep_place(attempts);
	if (more < 0) {
		tell(attempts, more);
		attempts->journal = journal_free(attempts->journal);
	}
	if (more == 1)
		daemon_want_turn(attempts->daemon);
	if (more == 0)
		attempts->is_told = false;
	return r < 0 ? r : 0;
}

void attempts_roll_back(struct attempts *attempts)
{
	attempts->journal = journal_free(attempts->journal);
}
