// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// From a message to classes: a delivery-status part tells most (RFC 3464); without one, the words
// for people do. Of several recipients each is judged by what is said of it alone.

#include "cli/explain_judge.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/mime.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/bounce_text.h"

// What the header of the whole message says.
struct envelope_signs {
	bool is_mail;
	bool is_from_mailer; // a mail system wrote it
	bool is_null_path;   // an automaton did: a mail system, or somebody on holiday
	bool is_feedback;    // a complaint (RFC 5965), no bounce
	char *failed;        // X-Failed-Recipients (Exim, Google); "" for none
};

struct judge {
	const struct diagnose_table *table;
	const struct facts *facts;
	struct envelope_signs signs;
	struct bounce_text text;
	char *whole;    // the text up to the returned message
	char *preamble; // what is said of all recipients
	struct explained *explained;
};

// ---- the header
// -----------------------------------------------------------------------------------

static bool is_known_field(const char *name)
{
	static const char *const names[] = {"From",     "To",           "Date",
					    "Subject",  "Message-ID",   "Return-Path",
					    "Received", "MIME-Version", "Content-Type"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_equals_nocase(name, names[i]))
			return true;
	return false;
}

static bool has_one(const char *value, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(value, words[i]) != NULL)
			return true;
	return false;
}

static void read_field(struct envelope_signs *signs, const char *name, const char *value)
{
	static const char *const mailers[] = {"mailer-daemon", "postmaster", "mail delivery",
					      "mail administrator", "mail deliver system"};
	static const char *const subjects[] = {"undeliver",
					       "delivery fail",
					       "delivery status",
					       "returned mail",
					       "failure notice",
					       "mail failed",
					       "mail failure",
					       "delivery problem",
					       "mail delivery",
					       "non-delivery",
					       "mail error",
					       "delivery report",
					       "error sending your mail"};

	signs->is_mail |= is_known_field(name);
	if (text_equals_nocase(name, "From"))
		signs->is_from_mailer |=
			has_one(value, mailers, sizeof(mailers) / sizeof(*mailers));
	else if (text_equals_nocase(name, "Return-Path"))
		signs->is_null_path |= strcmp(value, "<>") == 0;
	else if (text_equals_nocase(name, "Subject"))
		signs->is_from_mailer |=
			has_one(value, subjects, sizeof(subjects) / sizeof(*subjects));
	else if (text_equals_nocase(name, "Content-Type"))
		signs->is_feedback |= strcasestr(value, "feedback-report") != NULL;
	else if (text_equals_nocase(name, "X-Failed-Recipients") && signs->failed == NULL)
		signs->failed = mem_strdup(value);
}

static void read_signs(struct envelope_signs *signs, const char *bytes, size_t len)
{
	struct header header;

	header_start(&header, bytes, len);
	while (header_next(&header))
		read_field(signs, header.name, buf_string(&header.value));
	header_free(&header);
}

// ---- recipients
// -----------------------------------------------------------------------------------

static struct explained_recipient *add_recipient(struct judge *judge, const char *address)
{
	struct explained *explained = judge->explained;
	struct explained_recipient *recipient;

	explained->recipients = mem_grow(explained->recipients, explained->n_recipients + 1,
					 sizeof(*explained->recipients));
	recipient = &explained->recipients[explained->n_recipients++];
	*recipient = (struct explained_recipient){.address = mem_strdup(address)};
	return recipient;
}

// "dns; mx.example" without its type.
static char *host_of(const char *field)
{
	char host[DSN_FIELD_MAX + 1];

	return mem_strdup(dsn_address(host, sizeof(host), field));
}

// What is said of this one alone, else of all.
static const char *words_of(const struct judge *judge, const char *address)
{
	const struct bounce_text_recipient *found;

	if (judge->text.n_recipients < 2)
		return judge->whole;
	found = bounce_text_find(&judge->text, address);
	return found != NULL && found->has_more ? buf_string(&found->words) : judge->whole;
}

static bool is_success(const struct dsn_recipient *block)
{
	switch (block->action) {
	case DSN_ACTION_DELIVERED:
	case DSN_ACTION_RELAYED:
	case DSN_ACTION_EXPANDED:
		return true;
	case DSN_ACTION_UNKNOWN:
		return block->status.class == 2;
	default:
		return false;
	}
}

static bool is_about_way(const struct diagnosis *diagnosis)
{
	return !diagnosis->remote_spoke &&
	       (diagnosis->class == CLASS_UNROUTABLE || diagnosis->class == CLASS_TIMEOUT ||
		diagnosis->class == CLASS_REFUSED);
}

// "connect to mx.example[2001:db8::1]:25: Connection timed out", "host mx.example [192.0.2.1]: …":
// the first address in brackets in what is said of this recipient alone, since text around it names
// the message's sender, too; so does this field, where a report is only half one.
static void find_address(struct explained_recipient *recipient, const char *said)
{
	const char *end = strcasestr(said, "Received-From-MTA:");

	if (!is_about_way(&recipient->diagnosis))
		return;
	for (const char *at = strchr(said, '['); at != NULL && (end == NULL || at < end);
	     at = strchr(at + 1, '[')) {
		const char *start = text_starts_nocase(at + 1, "IPv6:") ? at + 6 : at + 1;
		char inside[EXPLAINED_ADDRESS_SIZE] = "";
		unsigned char bytes[sizeof(struct in6_addr)];
		size_t len = strcspn(start, "]");

		if (len < sizeof(inside))
			memcpy(inside, start, len);
		recipient->is_v6 = inet_pton(AF_INET6, inside, bytes) == 1;
		if (recipient->is_v6 || inet_pton(AF_INET, inside, bytes) == 1) {
			memcpy(recipient->host_address, inside, sizeof(inside));
			return;
		}
	}
}

static void judge_block(struct judge *judge, const struct dsn_recipient *block)
{
	char address[DSN_FIELD_MAX + 1];
	struct explained_recipient *recipient;
	struct diagnose_input input = {.status = block->status,
				       .diagnostic = block->diagnostic_code,
				       .remote_mta = block->remote_mta,
				       .reporting_mta = judge->facts->dsn.reporting_mta};

	dsn_address(address, sizeof(address), block->final_recipient);
	if (*address == '\0')
		dsn_address(address, sizeof(address), block->original_recipient);
	input.text = words_of(judge, address);
	recipient = add_recipient(judge, address);
	recipient->action = block->action;
	recipient->is_classed = !is_success(block);
	recipient->diagnosis.status = block->status;
	if (recipient->is_classed)
		diagnose(judge->table, &input, &recipient->diagnosis);
	find_address(recipient, block->diagnostic_code);
	recipient->host = host_of(block->remote_mta);
	recipient->words =
		mem_strdup(*block->diagnostic_code != '\0' ? block->diagnostic_code : input.text);
}

// With several recipients, what is said of another is not said of this one.
static void judge_words(struct judge *judge, const struct bounce_text_recipient *said,
			const char *address)
{
	const char *words = said != NULL ? buf_string(&said->words) : "";
	const bool is_alone = judge->text.n_recipients < 2 || !said->has_more;
	const struct diagnose_input input = {.diagnostic = words,
					     .text = is_alone ? judge->whole : judge->preamble};
	struct explained_recipient *recipient = add_recipient(judge, address);

	recipient->is_classed = true;
	recipient->host = mem_strdup("");
	recipient->words = mem_strdup(*words != '\0' ? words : judge->whole);
	diagnose(judge->table, &input, &recipient->diagnosis);
	find_address(recipient, words);
}

static void judge_text(struct judge *judge)
{
	const struct bounce_text *text = &judge->text;

	for (size_t i = 0; i < text->n_recipients; i++)
		judge_words(judge, &text->recipients[i], text->recipients[i].address);
	if (text->n_recipients == 0)
		judge_words(judge, NULL, judge->signs.failed != NULL ? judge->signs.failed : "");
}

// ---- the message
// ----------------------------------------------------------------------------------

static void judge_report(struct judge *judge)
{
	const struct dsn *dsn = &judge->facts->dsn;

	for (size_t i = 0; i < dsn->n_recipients; i++)
		judge_block(judge, &dsn->recipients[i]);
	if (dsn->n_recipients == 0)
		judge_text(judge);
}

// A mail system's letter is a bounce; another one, where the table knows what it says of somebody.
static bool is_bounce(const struct judge *judge)
{
	const struct explained *explained = judge->explained;

	if (judge->facts->dsn.n_recipients > 0)
		return true;
	if (judge->signs.is_feedback)
		return false;
	if (judge->signs.is_from_mailer || judge->signs.failed != NULL || judge->facts->is_report)
		return true;
	return (judge->text.n_recipients > 0 || judge->signs.is_null_path) &&
	       *explained->recipients[0].diagnosis.row != '\0';
}

void explain_judge(const struct diagnose_table *table, char *bytes, size_t len,
		   struct explained *ret_explained)
{
	struct facts facts;
	struct judge judge = {.table = table, .facts = &facts, .explained = ret_explained};

	*ret_explained = (struct explained){0};
	len = header_canonicalise(bytes, len);
	read_signs(&judge.signs, bytes, len);
	mime_read_bounce(bytes, len, &facts);
	bounce_text_read(facts.report_text, strlen(facts.report_text), &judge.text);
	judge.whole = mem_strndup(facts.report_text, judge.text.len);
	judge.preamble = mem_strndup(facts.report_text, judge.text.preamble);
	ret_explained->is_mail = judge.signs.is_mail;
	judge_report(&judge);
	ret_explained->is_bounce = is_bounce(&judge);
	free(judge.whole);
	free(judge.preamble);
	free(judge.signs.failed);
	bounce_text_free(&judge.text);
	facts_free(&facts);
}

void explained_free(struct explained *explained)
{
	for (size_t i = 0; i < explained->n_recipients; i++) {
		free(explained->recipients[i].address);
		free(explained->recipients[i].host);
		free(explained->recipients[i].words);
	}
	free(explained->recipients);
	*explained = (struct explained){0};
}
