// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The questions about a recipient, in order; the first that says no is the answer. Rows that look
// at the envelope alone are those of mail/refuse.c, limits those of daemon/limits.c.
//
// A probe's DSN by our own postfix-v6 is not asked about: it is made inside, and never is in a
// session.

#include "daemon/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/spent.h"
#include "daemon/tally.h"
#include "mail/policy.h"
#include "mail/refuse.h"

#define SOON      3600 // seconds that a sending server may well wait and try again by itself
#define TOKEN_MAX 20   // messages to one token address in 24 hours: verifications, and a few DSNs

enum who {
	WHO_NOBODY,
	WHO_TEST,
	WHO_TOKEN,
	WHO_POSTMASTER, // or the contact, whose address is in our From: servers verify it from <>
	WHO_ROLE,
};

struct hearing {
	struct daemon *daemon;
	const struct policy_question *question;
	struct policy_answer *answer;
	enum who who;
	const char *domain; // where test@ and people are: the recipient's, or the site's own
	const struct config_site *site;
	bool is_token_domain; // it has token addresses, postmaster and abuse, and nobody else
	char contact[ADDR_TEXT_SIZE];
};

// RFC 2142: what applies to a service of mail and DNS. The business addresses (info, sales, …) and
// those of services that we have not (news, ftp, …) are nobody. postfix/*/aliases has the same.
static const char *const roles[] = {"abuse", "hostmaster", "noc", "security", "webmaster", NULL};

static void refuse(struct hearing *hearing, const char *reason, const char *format, ...)
	printf_like(3, 4);

static void refuse(struct hearing *hearing, const char *reason, const char *format, ...)
{
	va_list values;

	hearing->answer->reason = reason;
	va_start(values, format);
	vsnprintf(hearing->answer->action, sizeof(hearing->answer->action), format, values);
	va_end(values);
}

// ---- the recipient ------------------------------------------------------------------------------

static bool is_listed(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (text_equals_nocase(word, *list))
			return true;
	return false;
}

static bool is_host(const struct config *config, const char *domain)
{
	return text_equals_nocase(domain, config->dual.hostname) ||
	       text_equals_nocase(domain, config->v6.hostname);
}

static enum who find_who(const struct hearing *hearing, const char *local)
{
	bool is_site = hearing->site != NULL && !hearing->is_token_domain;

	if (text_equals_nocase(local, "postmaster") ||
	    (is_site && text_equals_nocase(local, hearing->site->contact)))
		return WHO_POSTMASTER;
	if (hearing->is_token_domain ? text_equals_nocase(local, "abuse") : is_listed(local, roles))
		return WHO_ROLE;
	if (is_site && (text_equals_nocase(local, "test") || text_starts_nocase(local, "test+")))
		return WHO_TEST;
	if (hearing->site != NULL && text_starts_nocase(local, BOUNCE_PREFIX))
		return WHO_TOKEN;
	return WHO_NOBODY;
}

// Of the recipient's domain: whose it is, and what there is.
static void find_site(struct hearing *hearing, const struct domain *domain)
{
	const struct config *config = hearing->daemon->config;

	hearing->site = config_site_of(config, domain);
	if (hearing->site != NULL)
		return;
	hearing->site = config_site_of_token(config, domain);
	hearing->is_token_domain = hearing->site != NULL;
}

// Who is meant, and who the person who reads a refusal can turn to.
static void look_up(struct hearing *hearing)
{
	const struct config *config = hearing->daemon->config;
	const char *recipient = hearing->question->recipient;
	const char *at = strrchr(recipient, '@');
	struct domain domain;
	char local[ADDR_LOCAL_MAX + 1] = "";
	size_t len = at == NULL ? strlen(recipient) : (size_t)(at - recipient);

	if (len < sizeof(local))
		memcpy(local, recipient, len);
	if (at != NULL && domain_parse(at + 1, strlen(at + 1), &domain) == NULL)
		find_site(hearing, &domain);
	if (hearing->site != NULL || at == NULL || is_host(config, at + 1))
		hearing->who = find_who(hearing, local);
	hearing->domain = hearing->is_token_domain ? hearing->site->v6_domain.text
			  : hearing->site != NULL  ? at + 1
						   : config->sites[0].v6_domain.text;
	snprintf(hearing->contact, sizeof(hearing->contact), "%s@%s",
		 hearing->site != NULL ? hearing->site->contact : config->sites[0].contact,
		 hearing->domain);
}

static void ask_recipient(struct hearing *hearing)
{
	if (hearing->who == WHO_NOBODY)
		refuse(hearing, "no-such-recipient",
		       "550 5.1.1 nobody has this address; to test, write to test@%s; a person "
		       "reads %s",
		       hearing->domain, hearing->contact);
}

// ---- tokens -------------------------------------------------------------------------------------

// Forged or not: the same words, as the difference is of use to a forger alone.
static const char *check_token(struct hearing *hearing, struct token *ret_token)
{
	const struct daemon *daemon = hearing->daemon;
	const char *recipient = hearing->question->recipient;
	const char *text = recipient + strlen(BOUNCE_PREFIX);
	const char *at = strrchr(recipient, '@');

	if (token_parse(text, (size_t)(at - text), ret_token) != NULL)
		return "bad-token";
	switch (seal_check(daemon->seal, BOUNCE_PURPOSE, at + 1, ret_token, daemon_now())) {
	case SEAL_FORGED:
		return "forged-token";
	case SEAL_EXPIRED:
		return "expired-token";
	case SEAL_VALID:
		break;
	}
	return spent_has(daemon->spent, ret_token->id) ? "spent-token" : NULL;
}

// A flood of notifications about one probe, forged ones that name its address.
static bool is_flooded(struct daemon *daemon, uint64_t id)
{
	const uint64_t keys[TALLY_KEYS] = {id};
	int64_t uptime = daemon_uptime();

	tally_expire(daemon->tokens, uptime);
	if (tally_count(daemon->tokens, id, TALLY_FINAL) >= TOKEN_MAX)
		return true;
	tally_add(daemon->tokens, keys, TALLY_FINAL, uptime);
	return false;
}

static void ask_token(struct hearing *hearing)
{
	struct token token;
	const char *reason;

	if (hearing->who != WHO_TOKEN)
		return;
	reason = check_token(hearing, &token);
	if (reason != NULL) {
		refuse(hearing, reason,
		       "550 5.7.1 this address takes delivery notifications for one test, and that "
		       "is over; a person reads %s",
		       hearing->contact);
	} else {
		hearing->answer->id = token.id;
		if (is_flooded(hearing->daemon, token.id))
			refuse(hearing, "busy-token",
			       "450 4.7.1 too many messages to this address; a person reads %s",
			       hearing->contact);
	}
}

// ---- the sender ---------------------------------------------------------------------------------

// Humans are no place for bounces: we send nothing from their addresses. Whoever verifies our From
// asks from <>, too, so the contact is open.
static void ask_null_sender(struct hearing *hearing)
{
	if (hearing->question->sender[0] == '\0' && hearing->who == WHO_ROLE)
		refuse(hearing, "null-sender",
		       "550 5.7.1 nothing is sent from this address, so no notification is taken");
}

static void refuse_row(struct hearing *hearing, const struct refuse_row *row)
{
	refuse(hearing, row->name, "550 5.7.1 %s; a person reads %s", row->words, hearing->contact);
}

static void write_time(char dst[40], int64_t when)
{
	time_t clock = (time_t)when;
	struct tm tm;

	if (gmtime_r(&clock, &tm) == NULL || strftime(dst, 40, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		strcpy(dst, "a later time");
}

// A sending server tries again for hours by itself; a person should not have to wait for it to give
// up when it is to be tomorrow.
static void refuse_limit(struct hearing *hearing, const struct limits_refusal *refusal)
{
	char words[100], when[40];

	snprintf(words, sizeof(words), refusal->row->words, (long long)refusal->limit);
	write_time(when, daemon_now() + refusal->wait);
	refuse(hearing, refusal->row->name,
	       "%s %s; the next can be answered at %s; a person reads %s",
	       refusal->wait <= SOON ? "450 4.7.1" : "550 5.7.1", words, when, hearing->contact);
	hearing->answer->option = refusal->row->option;
}

// What is asked about a request.
static void ask_request(struct hearing *hearing)
{
	struct daemon *daemon = hearing->daemon;
	char sender[ADDR_TEXT_SIZE] = "";
	struct envelope envelope = {.sender = sender};
	struct domain own[2 * CONFIG_SITES_MAX];
	struct refuse_input input = {.envelope = &envelope,
				     .own = own,
				     .n_own = config_own_domains(daemon->config, own)};
	const struct refuse_row *row;
	struct limits_refusal refusal;
	struct limits_keys keys;
	struct addr requester;
	const char *detail;

	if (hearing->who != WHO_TEST)
		return;
	if (policy_address(hearing->question->sender, &requester) == NULL)
		addr_text(sender, &requester);
	else if (hearing->question->sender[0] != '\0')
		strcpy(sender, "@"); // no address, and not <> either
	row = refuse_find_in_session(&input, &requester, &detail);
	if (row != NULL) {
		refuse_row(hearing, row);
		return;
	}
	limits_make_keys(&keys, &requester, hearing->question->client_address);
	if (!limits_permit(daemon->limits, &keys, daemon_uptime(), &refusal))
		refuse_limit(hearing, &refusal);
}

void policy_decide(struct daemon *daemon, const struct policy_question *question,
		   struct policy_answer *ret_answer)
{
	static void (*const questions[])(struct hearing * hearing) = {ask_recipient, ask_token,
								      ask_null_sender, ask_request};
	struct hearing hearing = {.daemon = daemon, .question = question, .answer = ret_answer};

	*ret_answer = (struct policy_answer){.option = "", .action = "DUNNO"};
	look_up(&hearing);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (ret_answer->reason == NULL)
			questions[i](&hearing);
}
