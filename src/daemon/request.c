// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Deciding on a request is a list of questions, each with a name that the log and the database
// show: first RFC 3834's (mail/refuse.c), then ours. Only a request that passes all of them is
// answered, by two messages.

#include "daemon/request.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/digest.h"
#include "adapter/entry.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "daemon/diary.h"
#include "daemon/gauge.h"
#include "daemon/letter.h"
#include "daemon/limits.h"
#include "daemon/surveys.h"
#include "mail/origin.h"
#include "mail/refuse.h"

#define ANSWER           "answer"
#define DUPLICATE_WITHIN 3600 // RFC 1047: the same message again, its sender having missed our 250

struct decision {
	const char *name;               // "answer", or what refused it
	const char *section;            // of the RFC, or ""
	const char *detail;             // borrowed, or ""
	const struct config_site *site; // NULL where the recipient is none of ours
	struct origin origin;
	char requester[ADDR_TEXT_SIZE]; // "" where it is refused before that is known
	char domain[DOMAIN_MAX + 1];    // of it
	struct limits_keys keys;        // the same
	char fingerprint[2 * DIGEST_SIZE + 1];
};

static const char *field(const struct entry *entry, const char *name)
{
	const char *value = facts_field(&entry->facts, name, 0);

	return value == NULL ? "" : value;
}

bool request_is_own_message_id(void *arg, const char *id)
{
	const struct daemon *daemon = arg;
	const char *at = strchr(id, '@');
	struct token token;

	if (at == NULL || token_parse(id, (size_t)(at - id), &token) != NULL)
		return false;
	return seal_check(daemon->seal, LETTER_ID_PURPOSE, at + 1, &token, daemon_now()) !=
	       SEAL_FORGED;
}

// The row of RFC 3834's table that refuses it, or NULL and the requester.
static const struct refuse_row *ask_rfc3834(struct daemon *daemon, const struct entry *entry,
					    struct decision *decision)
{
	struct domain own[2 * CONFIG_SITES_MAX];
	struct refuse_input input = {.envelope = &entry->envelope,
				     .facts = &entry->facts,
				     .own = own,
				     .n_own = config_own_domains(daemon->config, own),
				     .is_own_message_id = request_is_own_message_id,
				     .arg = daemon};
	struct addr requester;
	const struct refuse_row *row = refuse_find(&input, &requester, &decision->detail);

	origin_find(&entry->facts, &entry->envelope, row == NULL ? &requester : NULL,
		    daemon->config->milter_socket[0] != '\0', &decision->origin);
	if (row == NULL) {
		addr_text(decision->requester, &requester);
		text_cut(decision->domain, sizeof(decision->domain), requester.domain.text);
		limits_make_keys(&decision->keys, &requester, entry->envelope.client_address);
	}
	return row;
}

static const struct config_site *find_site(const struct config *config, const char *recipient)
{
	struct addr addr;
	char local[ADDR_LOCAL_MAX + 1];

	if (addr_parse(recipient, strlen(recipient), &addr) != NULL)
		return NULL;
	addr_local_plain(local, &addr);
	local[strcspn(local, "+")] = '\0';
	return text_equals_nocase(local, "test") ? config_site_of(config, &addr.domain) : NULL;
}

// The same for a repeat of the same message: sender, recipient, Message-ID, Date and body.
static void make_fingerprint(const struct entry *entry, char dst[2 * DIGEST_SIZE + 1])
{
	unsigned char digest[DIGEST_SIZE];
	auto_buf struct buf all = buf_make(16384);

	buf_adds(&all, entry->envelope.sender);
	buf_addc(&all, '\0');
	buf_adds(&all, entry->envelope.recipient);
	buf_addc(&all, '\0');
	buf_adds(&all, field(entry, "Message-ID"));
	buf_addc(&all, '\0');
	buf_adds(&all, field(entry, "Date"));
	buf_addc(&all, '\0');
	buf_adds(&all, entry->facts.body_hash);
	digest_sha256(digest, all.data, all.len);
	digest_hex(dst, digest, DIGEST_SIZE);
}

// Our own questions, as of when the message came: what waited in the spool while we were away is no
// less a repeat. The session has asked most of them; this is the last word. NULL, or the name of
// what refuses it; *ret_error where the database would not say.
static const char *ask_limits(struct daemon *daemon, const struct decision *decision,
			      int64_t arrived, int *ret_error)
{
	const struct limits_row *row = NULL;
	int r = store_has_fingerprint(daemon->store, decision->fingerprint,
				      arrived - DUPLICATE_WITHIN);

	if (r == 1)
		return "duplicate";
	if (r >= 0)
		r = limits_ask(daemon->limits, daemon->store, &decision->keys, arrived,
			       daemon_uptime(), &row);
	if (r < 0) {
		*ret_error = r;
		return "error";
	}
	return row == NULL ? NULL : row->name;
}

static int decide(struct daemon *daemon, const struct entry *entry, struct decision *decision)
{
	const struct refuse_row *row;
	int error = 0;

	decision->name = ANSWER;
	decision->section = decision->detail = "";
	make_fingerprint(entry, decision->fingerprint);
	decision->site = find_site(daemon->config, entry->envelope.recipient);
	row = ask_rfc3834(daemon, entry, decision);
	if (row != NULL) {
		decision->name = row->name;
		decision->section = row->section;
	} else if (decision->site == NULL) {
		decision->name = "no-such-recipient";
	} else {
		const char *limit = ask_limits(daemon, decision, entry->arrived, &error);

		decision->name = limit == NULL ? ANSWER : limit;
	}
	return error;
}

static int add_request(struct daemon *daemon, const char *name, const struct entry *entry,
		       const struct decision *decision, uint64_t id)
{
	const struct envelope *envelope = &entry->envelope;
	struct store_request request = {
		.id = id,
		.entry = name,
		.arrived = entry->arrived,
		.decision = decision->name,
		.site = decision->site == NULL ? "" : decision->site->name,
		.requester =
			decision->requester[0] == '\0' ? envelope->sender : decision->requester,
		.instance = envelope->instance,
		.queue_id = envelope->queue_id,
		.recipient = envelope->recipient,
		.client_address = envelope->client_address,
		.client_hostname = envelope->client_hostname,
		.client_helo = envelope->client_helo,
		.client_protocol = envelope->client_protocol,
		.size = strtoll(envelope->size, NULL, 10),
		.message_id = field(entry, "Message-ID"),
		.references = field(entry, "References"),
		.in_reply_to = field(entry, "In-Reply-To"),
		.subject = entry->facts.subject == NULL ? "" : entry->facts.subject,
		.date = entry->facts.date,
		.first_received = entry->facts.first_received,
		.hops = (int64_t)entry->facts.n_received,
		.trace = decision->origin.has_trace ? field(entry, TRACE_FIELD) : "",
		.authenticated = decision->origin.authenticated,
		.fingerprint = decision->fingerprint,
		.mailbox = decision->keys.mailbox,
		.domain = decision->keys.domain,
		.network = decision->keys.network,
	};

	return store_add_request(daemon->store, &request);
}

static void write_diary(struct daemon *daemon, const struct entry *entry,
			const struct decision *decision, uint64_t id)
{
	const struct envelope *envelope = &entry->envelope;
	bool answered = strcmp(decision->name, ANSWER) == 0;
	char reason[600] = "";

	if (!answered)
		snprintf(reason, sizeof(reason), ", reason=%s%s%s%s, detail=%s", decision->name,
			 decision->section[0] == '\0' ? "" : " (", decision->section,
			 decision->section[0] == '\0' ? "" : ")", log_value(decision->detail));
	diary_event(daemon->diary, LOG_INFO, id,
		    "request=%s%s, from=<%s>, to=<%s>, instance=%s, queue_id=%s, client=%s, "
		    "authenticated=%s, message_id=%s",
		    answered ? "answered" : "ignored", reason,
		    envelope->sender[0] == '\0' ? "" : log_value(envelope->sender),
		    log_value(envelope->recipient), log_value(envelope->instance),
		    log_value(envelope->queue_id), log_value(envelope->client_address),
		    log_value(decision->origin.authenticated),
		    log_value(field(entry, "Message-ID")));
}

int request_record(struct daemon *daemon, const char *name, const struct entry *entry)
{
	uint64_t id = seal_random_id() & ~KIND_MASK;
	struct decision decision = {0};
	int64_t now = daemon_now();
	int r = decide(daemon, entry, &decision);

	if (r >= 0)
		r = add_request(daemon, name, entry, &decision, id);
	if (r >= 0 && strcmp(decision.name, ANSWER) == 0) {
		int64_t due = surveys_want(daemon->surveys, id, decision.domain, now);

		r = store_add_mail(daemon->store, id, KIND_REPORT, now, due, 0);
		if (r >= 0)
			r = store_add_mail(daemon->store, id, KIND_SIX, now, now, 0);
		limits_add(daemon->limits, &decision.keys);
	}
	if (r >= 0) {
		write_diary(daemon, entry, &decision, id);
		gauge_count(daemon->gauge, strcmp(decision.name, ANSWER) == 0);
	}
	return r;
}
