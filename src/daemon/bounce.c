// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Believing a notification is again a list of questions. RFC 3464 section 4.1 names the forgeries;
// the token answers most of them, and the state machine of mail/outcome.c the rest.

#include "daemon/bounce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/entry.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "daemon/diary.h"
#include "daemon/own.h"
#include "daemon/spent.h"
#include "mail/diagnose.h"

struct judgement {
	const char *reason; // NULL: the notification is used
	uint64_t id;        // the probe's; 0 while that is not known
	char token[TOKEN_TEXT_SIZE];
	char *requester;
	enum outcome outcome;
	enum outcome next;
	const struct dsn_recipient *block; // what it says about the requester
	enum class class;
};

static const struct dsn_recipient no_block;

static const char *ask_token(struct daemon *daemon, const struct entry *entry,
			     struct judgement *judgement)
{
	struct addr addr;
	struct token token;
	const char *text;

	if (addr_parse(entry->envelope.recipient, strlen(entry->envelope.recipient), &addr) != NULL)
		return "bad-recipient";
	text = addr.local + strlen(BOUNCE_PREFIX);
	if (token_parse(text, strlen(text), &token) != NULL)
		return "bad-token";
	switch (seal_check(daemon->seal, BOUNCE_PURPOSE, addr.domain.text, &token, daemon_now())) {
	case SEAL_FORGED:
		return "forged-token";
	case SEAL_EXPIRED:
		return "expired-token";
	case SEAL_VALID:
		break;
	}
	judgement->id = token.id;
	token_text(judgement->token, &token);
	return NULL;
}

// Without letter case: many servers lower it, and the token has said already whose probe it was.
static bool is_about(const char *field, const char *requester)
{
	char text[DSN_FIELD_MAX + 1];
	struct addr named, probed;

	dsn_address(text, sizeof(text), field);
	if (addr_parse(text, strlen(text), &named) != NULL ||
	    addr_parse(requester, strlen(requester), &probed) != NULL)
		return false;
	text_lower(named.local);
	text_lower(probed.local);
	return addr_equals(&named, &probed);
}

// The block about the requester: by address, or, where a server rewrote that, by the envelope id
// that only this probe had (RFC 3461 section 4.4).
static const struct dsn_recipient *find_block(const struct dsn *dsn,
					      const struct judgement *judgement)
{
	for (size_t i = 0; i < dsn->n_recipients; i++)
		if (is_about(dsn->recipients[i].final_recipient, judgement->requester) ||
		    is_about(dsn->recipients[i].original_recipient, judgement->requester))
			return &dsn->recipients[i];
	if (dsn->n_recipients > 0 && strcmp(dsn->original_envelope_id, judgement->token) == 0)
		return &dsn->recipients[0];
	return NULL;
}

static const char *ask_report(const struct entry *entry, struct judgement *judgement)
{
	const struct facts *facts = &entry->facts;

	if (entry->envelope.sender[0] != '\0')
		return "not-from-null-sender"; // RFC 3464 section 2
	if (facts->unparsable != NULL)
		return "unparsable";
	if (!facts->has_dsn)
		return "no-delivery-status";
	judgement->block = find_block(&facts->dsn, judgement);
	if (judgement->block == NULL) {
		judgement->block = &no_block;
		return "other-recipient";
	}
	if (!outcome_next(judgement->outcome, judgement->block->action, &judgement->next))
		return "no-change"; // a repeat, or an action that says nothing
	return NULL;
}

// 0, or the database's negative errno.
static int judge(struct daemon *daemon, const struct entry *entry, struct judgement *judgement)
{
	struct store_probe probe;
	int r;

	judgement->block = &no_block;
	judgement->class = CLASS_OTHER;
	judgement->reason = ask_token(daemon, entry, judgement);
	if (judgement->reason != NULL)
		return 0;
	r = store_find_probe(daemon->store, judgement->id, &probe);
	if (r <= 0) {
		judgement->id = 0;
		judgement->reason = "no-such-probe";
		return r;
	}
	judgement->requester = probe.requester;
	judgement->outcome = probe.outcome;
	judgement->reason = ask_report(entry, judgement);
	return 0;
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

// The texts of a notification about no probe of ours are nobody's business: a flood of them must
// not fill the database.
static const char *text_of(const struct judgement *judgement, const char *text)
{
	return text == NULL || judgement->id == 0 ? "" : text;
}

static int add_dsn(struct daemon *daemon, const char *name, const struct entry *entry,
		   struct judgement *judgement, int64_t *ret_id)
{
	const struct facts *facts = &entry->facts;
	const struct dsn_recipient *block = judgement->block;
	struct diagnose_input input = {.status = block->status,
				       .diagnostic = block->diagnostic_code,
				       .remote_mta = block->remote_mta,
				       .text = or_empty(facts->report_text),
				       .reporting_mta =
					       facts->has_dsn ? facts->dsn.reporting_mta : ""};
	struct diagnosis diagnosis;
	struct store_dsn dsn = {
		.entry = name,
		.arrived = entry->arrived,
		.decision = judgement->reason == NULL ? "used" : judgement->reason,
		.mail = judgement->id,
		.sender = entry->envelope.sender,
		.client_address = entry->envelope.client_address,
		.action = block->action_text,
		.status = block->status_text,
		.final_recipient = block->final_recipient,
		.reporting_mta = facts->has_dsn ? facts->dsn.reporting_mta : "",
		.remote_mta = block->remote_mta,
		.diagnostic = block->diagnostic_code,
		.class = "",
		.last_attempt = block->last_attempt_date,
		.will_retry_until = block->will_retry_until,
		.report_text = text_of(judgement, facts->report_text),
		.status_part = text_of(judgement, facts->status_part),
		.returned = text_of(judgement, facts->returned),
	};

	if (block->action == DSN_ACTION_FAILED || block->action == DSN_ACTION_DELAYED) {
		diagnose(daemon->diagnose_table, &input, &diagnosis);
		judgement->class = diagnosis.class;
		dsn.class = class_name(judgement->class);
	}
	return store_add_dsn(daemon->store, &dsn, ret_id);
}

// A server wants PTR, SPF, DKIM or DMARC of us: before the person is sent to their provider, ours
// are looked at.
static bool is_of_records(const struct judgement *judgement)
{
	return judgement->reason == NULL && judgement->next == OUTCOME_FAILED &&
	       (judgement->class == CLASS_PTR_REQUIRED || judgement->class == CLASS_AUTH_REQUIRED);
}

// The outcome, and the mail that it asks for.
static int apply(struct daemon *daemon, const struct judgement *judgement, int64_t dsn)
{
	uint64_t request = kind_request(judgement->id);
	int64_t now = daemon_now(), wait = is_of_records(judgement) ? own_look(daemon->own) : 0;
	int r = store_set_outcome(daemon->store, judgement->id, judgement->next, dsn, now);

	// (Should this turn be rolled back, the entry comes again, and it is so all the same.)
	if (r >= 0 && judgement->next == OUTCOME_FAILED)
		spent_add(daemon->spent, judgement->id);
	if (r >= 0 && judgement->next == OUTCOME_FAILED)
		r = store_add_mail(daemon->store, request, KIND_BOUNCE, now, now + wait, dsn);
	if (r >= 0 && judgement->next == OUTCOME_DELAYED)
		r = store_add_mail(daemon->store, request, KIND_DELAY, now, now, dsn);
	return r == -EEXIST ? 0 : r; // told already
}

static void write_diary(struct daemon *daemon, const struct entry *entry,
			const struct judgement *judgement)
{
	const struct dsn_recipient *block = judgement->block;

	if (judgement->reason != NULL)
		diary_event(daemon->diary, LOG_INFO, judgement->id,
			    "dsn=ignored, reason=%s, from=<%s>, to=<%s>, client=%s, queue_id=%s",
			    judgement->reason,
			    entry->envelope.sender[0] == '\0' ? ""
							      : log_value(entry->envelope.sender),
			    log_value(entry->envelope.recipient),
			    log_value(entry->envelope.client_address),
			    log_value(entry->envelope.queue_id));
	else
		diary_event(daemon->diary, LOG_INFO, judgement->id,
			    "dsn=used, outcome=%s, action=%s, status=%s, class=%s, remote_mta=%s, "
			    "diagnostic=%s",
			    outcome_name(judgement->next), log_value(block->action_text),
			    log_value(block->status_text),
			    judgement->next == OUTCOME_ACCEPTED ? "-"
								: class_name(judgement->class),
			    log_value(block->remote_mta), log_value(block->diagnostic_code));
}

int bounce_record(struct daemon *daemon, const char *name, const struct entry *entry)
{
	struct judgement judgement = {0};
	int64_t dsn = 0;
	int r = judge(daemon, entry, &judgement);

	if (r >= 0)
		r = add_dsn(daemon, name, entry, &judgement, &dsn);
	if (r >= 0 && judgement.reason == NULL)
		r = apply(daemon, &judgement, dsn);
	if (r >= 0) {
		write_diary(daemon, entry, &judgement);
		if (is_of_records(&judgement))
			own_alert(daemon->own, judgement.id, judgement.class,
				  judgement.block->remote_mta);
	}
	free(judgement.requester);
	return r;
}
