// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Whether a message may be answered at all. Every reason not to is one row of the table at the end,
// asked in order; to add one, write what it sees and name it there. A row returns NULL, or what it
// saw.
//
// Doubt refuses: a person who gets no answer asks again, a loop does not stop by itself. Rows that
// a personal responder would have and a service has not (RFC 5230 section 4.5) are in
// doc/RFC-NOTES.md.

#include "mail/refuse.h"

#include <string.h>

#include "base/text.h"
#include "mail/comment.h"

#define MESSAGE_ID_MAX 255

struct refuse_check {
	const struct refuse_input *input;
	const char *wrong_sender; // addr_parse's sentence, or NULL: then requester is set
	struct addr requester;
};

static const char *field(const struct refuse_check *check, const char *name, size_t n)
{
	return facts_field(check->input->facts, name, n);
}

static bool is_listed(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (text_equals_nocase(word, *list))
			return true;
	return false;
}

static bool is_own_domain(const struct refuse_check *check, const struct domain *domain)
{
	for (size_t i = 0; i < check->input->n_own; i++)
		if (domain_is_below(domain, &check->input->own[i]))
			return true;
	return false;
}

static const char *sees_unparsable(const struct refuse_check *check)
{
	return check->input->facts->unparsable;
}

static const char *sees_report(const struct refuse_check *check)
{
	return check->input->facts->is_report ? "a report, not a request" : NULL;
}

static const char *sees_null_sender(const struct refuse_check *check)
{
	const char *sender = check->input->envelope->sender;

	return *sender == '\0' || strcmp(sender, "<>") == 0 ? "the sender is <>" : NULL;
}

static const char *sees_bad_sender(const struct refuse_check *check)
{
	return check->wrong_sender;
}

// Names below ours are our own machines', whose cron and monitoring mail nobody waits for.
static const char *sees_own_domain(const struct refuse_check *check)
{
	return is_own_domain(check, &check->requester.domain) ? check->input->envelope->sender
							      : NULL;
}

// True where name is the pattern, in which one * at either end stands for anything.
static bool name_matches(const char *name, const char *pattern)
{
	char fixed[32];
	const size_t len = strlen(pattern);

	if (*pattern == '*')
		return text_ends_nocase(name, pattern + 1);
	if (pattern[len - 1] != '*')
		return text_equals_nocase(name, pattern);
	memcpy(fixed, pattern, len - 1);
	fixed[len - 1] = '\0';
	return text_starts_nocase(name, fixed);
}

// RFC 5230 section 4.6's addresses, and what mailing lists make of their own name. Not noreply: a
// person who mails from there gets what they asked for. Looked for before any "+", as VERP and BATV
// put things behind one.
static const char *sees_system_sender(const struct refuse_check *check)
{
	static const char *const patterns[] = {
		"mailer-daemon*", "mailer_daemon*", "listserv", "majordomo", "owner-*", "*-owner",
		"*-request",      "*-bounces",      "*-bounce", "*-relay",   "bounces", NULL,
	};
	char name[ADDR_LOCAL_MAX + 1];

	addr_local_plain(name, &check->requester);
	for (size_t i = 0; patterns[i] != NULL; i++)
		if (name_matches(name, patterns[i]))
			return check->input->envelope->sender;
	return NULL;
}

// Any field whose keyword is not "no", a word we do not know and none at all included (RFC 3834
// section 5).
static const char *sees_auto_submitted(const struct refuse_check *check)
{
	char keyword[FACTS_VALUE_MAX + 1];
	const char *value;

	for (size_t n = 0; (value = field(check, "Auto-Submitted", n)) != NULL; n++) {
		comment_keyword(keyword, sizeof keyword, value);
		if (!text_equals_nocase(keyword, "no"))
			return value;
	}
	return NULL;
}

static const char *sees_precedence(const struct refuse_check *check)
{
	static const char *const words[] = {"junk", "bulk", "list", "auto_reply", NULL};
	char keyword[FACTS_VALUE_MAX + 1];
	const char *value;

	for (size_t n = 0; (value = field(check, "Precedence", n)) != NULL; n++) {
		comment_keyword(keyword, sizeof keyword, value);
		if (is_listed(keyword, words))
			return value;
	}
	return NULL;
}

static const char *sees_list(const struct refuse_check *check)
{
	static const char *const names[] = {"Mailing-List", "X-Mailing-List", "X-ML-Name", NULL};
	const struct facts *facts = check->input->facts;

	for (size_t i = 0; i < facts->n_fields; i++)
		if (text_starts_nocase(facts->fields[i].name, "List-") ||
		    is_listed(facts->fields[i].name, names))
			return facts->fields[i].name;
	return NULL;
}

// Microsoft's list of what a sender wants none of; DR, NDR, RN and NRN are receipts, which we never
// send.
static const char *sees_suppressed(const struct refuse_check *check)
{
	static const char *const words[] = {"All", "OOF", "AutoReply", NULL};
	char copy[FACTS_VALUE_MAX + 1];
	const char *value;
	char *rest;

	for (size_t n = 0; (value = field(check, "X-Auto-Response-Suppress", n)) != NULL; n++) {
		comment_strip(copy, sizeof copy, value);
		rest = copy;
		for (char *word; (word = strsep(&rest, ",; \t")) != NULL;)
			if (is_listed(word, words))
				return value;
	}
	return NULL;
}

static const char *sees_autoreply(const struct refuse_check *check)
{
	static const char *const names[] = {"X-Autoreply", "X-Autorespond", "X-Autoresponse", NULL};
	const struct facts *facts = check->input->facts;

	for (size_t i = 0; i < facts->n_fields; i++)
		if (is_listed(facts->fields[i].name, names))
			return facts->fields[i].name;
	return NULL;
}

static bool is_own_recipient(const struct refuse_check *check, const char *value)
{
	const struct envelope *envelope = check->input->envelope;
	struct addr theirs;
	struct addr ours;

	if (text_equals_nocase(value, envelope->recipient) ||
	    text_equals_nocase(value, envelope->original_recipient))
		return true;
	return addr_parse(value, strlen(value), &theirs) == NULL &&
	       addr_parse(envelope->recipient, strlen(envelope->recipient), &ours) == NULL &&
	       addr_equals(&theirs, &ours);
}

// A mark of an earlier passage: Delivered-To with the recipient itself, X-Loop with any address of
// ours.
static const char *loop_mark(const struct refuse_check *check)
{
	struct addr addr;
	const char *value;

	for (size_t n = 0; (value = field(check, "Delivered-To", n)) != NULL; n++)
		if (is_own_recipient(check, value))
			return value;
	for (size_t n = 0; (value = field(check, "X-Loop", n)) != NULL; n++)
		if (addr_parse(value, strlen(value), &addr) == NULL &&
		    is_own_domain(check, &addr.domain))
			return value;
	return NULL;
}

// True where text has a <message-id> that we made.
static bool names_own_message(const struct refuse_input *input, const char *text)
{
	char id[MESSAGE_ID_MAX + 1];
	size_t len;

	while ((text = strchr(text, '<')) != NULL) {
		len = strcspn(++text, "<>");
		if (text[len] == '>' && len <= MESSAGE_ID_MAX) {
			memcpy(id, text, len);
			id[len] = '\0';
			if (input->is_own_message_id(input->arg, id))
				return true;
		}
		text += len;
	}
	return false;
}

// A mail of ours come back, or an answer to one by a responder that hides what it is. (A person's
// answer goes to our From, which is another address.)
static const char *own_message(const struct refuse_check *check)
{
	static const char *const names[] = {"Message-ID", "In-Reply-To", "References", NULL};
	const char *value;

	if (check->input->is_own_message_id == NULL)
		return NULL;
	for (size_t i = 0; names[i] != NULL; i++)
		for (size_t n = 0; (value = field(check, names[i], n)) != NULL; n++)
			if (names_own_message(check->input, value))
				return value;
	return NULL;
}

static const char *sees_loop(const struct refuse_check *check)
{
	const char *mark = loop_mark(check);

	return mark != NULL ? mark : own_message(check);
}

static const char *sees_hops(const struct refuse_check *check)
{
	return check->input->facts->n_received >= REFUSE_HOPS_MAX ? "too many Received fields"
								  : NULL;
}

// Only what leaves us in doubt about who wrote. A second Message-ID or Subject does not: the first
// counts.
static const char *sees_malformed(const struct refuse_check *check)
{
	if (check->input->facts->header_cut)
		return "the header is over a limit";
	if (field(check, "From", 0) == NULL)
		return "there is no From";
	if (field(check, "From", 1) != NULL)
		return "there is more than one From";
	return NULL;
}

// The rows from bad-sender on may use check->requester.
static const struct refuse_row rows[] = {
	{"unparsable", "RFC 3834 2", sees_unparsable, NULL},
	{"report", "RFC 3834 2 and RFC 6522 1", sees_report, NULL},
	{"null-sender", "RFC 3834 2", sees_null_sender,
	 "there is nobody to answer: the sender is <>; to test, write from your own address"},
	{"bad-sender", "RFC 3834 2 and RFC 5321 4.1.2", sees_bad_sender,
	 "the sender address is malformed and cannot be answered"},
	{"own-domain", "RFC 3834 2", sees_own_domain,
	 "this service does not test itself: write from a domain that is not its own"},
	{"system-sender", "RFC 3834 2 and RFC 5230 4.6", sees_system_sender,
	 "machines write from such addresses, and no machine is answered: write from a person's "
	 "address"},
	{"auto-submitted", "RFC 3834 2 and 5", sees_auto_submitted, NULL},
	{"precedence", "RFC 3834 2", sees_precedence, NULL},
	{"list", "RFC 3834 2 and RFC 5230 4.6", sees_list, NULL},
	{"auto-response-suppress", "MS-OXCMAIL", sees_suppressed, NULL},
	{"autoreply", "RFC 3834 2", sees_autoreply, NULL},
	{"loop", "RFC 3834 3.1.2 and RFC 5321 6.3", sees_loop, NULL},
	{"too-many-hops", "RFC 5321 6.3", sees_hops, NULL},
	{"malformed", "RFC 3834 2 and RFC 5322 3.6", sees_malformed, NULL},
	{NULL, NULL, NULL, NULL},
};

const struct refuse_row *refuse_rows(void)
{
	return rows;
}

static const struct refuse_row *find(const struct refuse_input *input, bool in_session,
				     struct addr *ret_requester, const char **ret_detail)
{
	struct refuse_check check = {.input = input};
	const char *sender = input->envelope->sender;
	const char *detail;

	check.wrong_sender = addr_parse(sender, strlen(sender), &check.requester);
	for (const struct refuse_row *row = rows; row->name != NULL; row++) {
		detail = in_session && row->words == NULL ? NULL : row->sees(&check);
		if (detail != NULL) {
			*ret_detail = detail;
			return row;
		}
	}
	*ret_requester = check.requester;
	*ret_detail = "";
	return NULL;
}

const struct refuse_row *refuse_find(const struct refuse_input *input, struct addr *ret_requester,
				     const char **ret_detail)
{
	return find(input, false, ret_requester, ret_detail);
}

const struct refuse_row *refuse_find_in_session(const struct refuse_input *input,
						struct addr *ret_requester, const char **ret_detail)
{
	return find(input, true, ret_requester, ret_detail);
}
