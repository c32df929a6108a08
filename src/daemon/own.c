// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One look at a time, of all sites; a burst of refusals shares it. The alerts that wait for it are
// kept in memory only: they are lines of a log, and the outcome they tell of is in the database.
// So is how long its processed bounce waits, should this process end.
#include "daemon/own.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/prove.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "daemon/diary.h"

#define DEADLINE 5  // s at most, as a letter waits for it
#define FRESH    60 // s
#define WAITERS  64 // probes that wait; of more the log has enough, and their bounces wait it out

struct waiter {
	uint64_t id;
	int64_t until; // its bounce waits; 0: no more
	enum class class;
	char remote_mta[256];
};

struct own {
	struct daemon *daemon;
	struct dns *dns; // NULL: no looks
	struct records *records;
	struct prove *prove; // while a look is under way
	int64_t looked;      // when it ended, by daemon_uptime(); 0: never
	struct waiter waiters[WAITERS];
	size_t n_waiters;
};

struct own *own_new(struct daemon *daemon)
{
	const struct dns_options options = {.attempt_ms = 700, .cache_entries = -1};
	struct own *own = mem_new(1, sizeof(*own));
	int r = 0;

	own->daemon = daemon;
	if (daemon->config->survey_deadline == 0)
		return own;
	r = dns_init();
	if (r == 0)
		r = dns_open_loop(daemon->loop, &options, &own->dns);
	if (r < 0)
		log_note(LOG_WARNING, "own-records=unknown, error=%s, ignoring", strerror(-r));
	return own;
}

struct own *own_free(struct own *own)
{
	if (own == NULL)
		return NULL;
	prove_free(own->prove);
	dns_close(own->dns);
	records_free(own->records);
	free(own);
	return NULL;
}

// ---- the look -----------------------------------------------------------------------------------

// A record that is doubtful is not refused; one that nobody could tell leaves it unknown.
static enum own_records state_of(enum record_level worst)
{
	switch (worst) {
	case RECORD_GOOD:
	case RECORD_DOUBTFUL:
		return OWN_RECORDS_GOOD;
	case RECORD_WRONG:
		return OWN_RECORDS_WRONG;
	case RECORD_UNKNOWN:
	case RECORD_WAITS:
	case RECORD_LEVELS:
		break;
	}
	return OWN_RECORDS_UNKNOWN;
}

// What a receiver looks at: not how mail finds its way to us.
static bool is_proof(const struct record *record)
{
	return record->role == RECORD_PTR || record->role == RECORD_SPF ||
	       record->role == RECORD_DKIM || record->role == RECORD_DMARC ||
	       record->role == RECORD_ADDRESS;
}

static void log_finding(const struct record *record, const struct record_finding *finding)
{
	log_note(LOG_ALERT, "alert=own-records, state=%s, record=%s, name=%s, found=%s",
		 own_records_name(state_of(finding->level)), record_role_name(record->role),
		 log_value(record->name), log_value(finding->text));
}

static void log_alert(const struct own *own, const struct waiter *waiter)
{
	char token[TOKEN_ID_SIZE];

	token_id_text(token, waiter->id);
	log_event(LOG_ALERT, token, "alert=own-records, state=%s, class=%s, remote_mta=%s",
		  own_records_name(own->daemon->own_records), class_name(waiter->class),
		  log_value(waiter->remote_mta));
}

static void on_end(void *arg, const struct record_finding *findings)
{
	struct own *own = arg;
	enum record_level worst = RECORD_GOOD;

	for (size_t i = 0; i < own->records->n; i++) {
		const struct record *record = &own->records->rows[i];

		if (!is_proof(record))
			continue;
		worst = record_worse(worst, findings[i].level);
		if (state_of(findings[i].level) != OWN_RECORDS_GOOD)
			log_finding(record, &findings[i]);
	}
	own->daemon->own_records = state_of(worst);
	own->looked = daemon_uptime();
	own->prove = prove_free(own->prove);
	own->records = records_free(own->records);
	for (size_t i = 0; i < own->n_waiters; i++) {
		struct waiter *waiter = &own->waiters[i];

		if (waiter->until > 0 && own->daemon->own_records != OWN_RECORDS_GOOD)
			log_alert(own, waiter);
		waiter->until = 0;
	}
	if (own->n_waiters > 0)
		daemon_want_turn(own->daemon);
}

static int64_t deadline(const struct own *own)
{
	int64_t seconds = own->daemon->config->survey_deadline;

	return seconds < DEADLINE ? seconds : DEADLINE;
}

// The records of the configuration as it is now. NULL after a line in the log.
static struct records *read_records(const struct own *own)
{
	char *errors = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&errors, &len);
	struct records *records = prove_records(own->daemon->config, NULL, memory);

	fclose(memory);
	if (records == NULL)
		log_note(LOG_WARNING, "own-records=unknown, error=%s, ignoring", log_value(errors));
	free(errors);
	return records;
}

int64_t own_look(struct own *own)
{
	if (own->dns == NULL ||
	    (own->prove == NULL && own->looked > 0 && daemon_uptime() - own->looked < FRESH))
		return 0;
	if (own->prove == NULL) {
		own->records = read_records(own);
		if (own->records == NULL)
			return 0;
		own->prove = prove_start(own->daemon->loop, own->dns, own->records,
					 (int)deadline(own) * 1000, on_end, own);
	}
	return deadline(own) + 1; // letters know only seconds
}

// ---- who waits for it ---------------------------------------------------------------------------

int own_record(struct own *own)
{
	int64_t now = daemon_now();
	int r = 0;

	for (size_t i = 0; i < own->n_waiters && r >= 0; i++) {
		const struct waiter *waiter = &own->waiters[i];
		uint64_t bounce = kind_id(waiter->id, KIND_BOUNCE);

		r = store_wait_until(own->daemon->store, bounce,
				     waiter->until > now ? waiter->until : now);
	}
	return r;
}

void own_commit(struct own *own)
{
	size_t n = 0;

	for (size_t i = 0; i < own->n_waiters; i++)
		if (own->waiters[i].until > 0)
			own->waiters[n++] = own->waiters[i];
	own->n_waiters = n;
}

void own_alert(struct own *own, uint64_t id, enum class class, const char *remote_mta)
{
	const struct daemon *daemon = own->daemon;

	if (own->prove != NULL && own->n_waiters < WAITERS) {
		struct waiter *waiter = &own->waiters[own->n_waiters++];

		*waiter = (struct waiter){
			.id = id, .until = daemon_now() + deadline(own) + 1, .class = class};
		text_cut(waiter->remote_mta, sizeof(waiter->remote_mta), remote_mta);
	} else if (own->prove == NULL && daemon->own_records != OWN_RECORDS_GOOD) {
		diary_event(daemon->diary, LOG_ALERT, id,
			    "alert=own-records, state=%s, class=%s, remote_mta=%s",
			    own_records_name(daemon->own_records), class_name(class),
			    log_value(remote_mta));
	}
}
