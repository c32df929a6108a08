// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Why a message failed: one row of the table, the first that fits.
//
// Who speaks matters more than what is said: "Host not found" is our Postfix failing to find the
// requester's server, or the requester's server failing to find our domain. So each row says whose
// words it knows. The rows are asked of the diagnostic first, which is the answer itself, then of
// the report's text, which tells of it; those behind "otherwise" have the last word.
#include "mail/diagnose.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/diagnose_own.h"
#include "mail/diagnose_table.h"
#include "mail/reply.h"

// A text that was looked through.
struct reading {
	size_t len; // 0: nothing to read
	char *folded;
	struct finder_hit *hits;
};

struct question {
	const struct diagnose_table *table;
	const struct diagnose_input *input;
	struct reading words; // the diagnostic's, or, without one, the text's
	struct reading text;
	enum diagnose_voice voice;
	char speaker[256]; // the host whose words they are, lower case
	struct diagnosis *found;
};

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

// "smtp;" and nothing behind it.
static bool says_nothing(const char *diagnostic)
{
	const char *semicolon = strchr(or_empty(diagnostic), ';');

	return diagnostic == NULL || *diagnostic == '\0' ||
	       (semicolon != NULL && semicolon[1 + strspn(semicolon + 1, " \t")] == '\0');
}

// An address is a name, not words: someone may be called spam@ or dmarc@.
static void mask_addresses(char *folded)
{
	for (char *at = strchr(folded, '@'); at != NULL; at = strchr(at + 1, '@'))
		for (char *c = at; c > folded && strchr(" <>()[],;:\"'@", c[-1]) == NULL; c--)
			c[-1] = '_';
}

static void read_text(const struct diagnose_table *table, const char *text, struct reading *reading)
{
	const size_t len = strlen(text);

	*reading = (struct reading){0};
	if (len == 0)
		return;
	reading->folded = mem_new(len + 1, 1);
	reading->len = finder_fold(reading->folded, text, len);
	reading->len = reply_join(reading->folded, reading->len);
	mask_addresses(reading->folded);
	reading->hits = mem_new(finder_count(table->finder) + 1, sizeof(*reading->hits));
	finder_find(table->finder, reading->folded, reading->len, reading->hits);
}

static void reading_free(struct reading *reading)
{
	free(reading->folded);
	free(reading->hits);
}

static bool has_hit(const struct reading *reading, int phrase)
{
	return reading->len > 0 && reading->hits[phrase].last_start_1 != 0;
}

// The first of diagnose.c's own phrases with that sense, or NULL.
static const struct own_phrase *find_own(const struct question *question,
					 const struct reading *reading, enum own_sense sense)
{
	for (size_t i = 0; i < diagnose_own_count; i++)
		if (diagnose_own[i].sense == sense && has_hit(reading, question->table->own[i]))
			return &diagnose_own[i];
	return NULL;
}

// ---- who spoke, where, with what code
// -------------------------------------------------------------

// Old Postfix puts the remote's answer behind "X-Postfix; host … said:".
static bool is_remote(const struct question *question)
{
	const struct diagnose_input *input = question->input;
	const char *diagnostic = or_empty(input->diagnostic);

	if (find_own(question, &question->words, OWN_QUOTES) != NULL)
		return true;
	if (text_starts_nocase(diagnostic, "X-Postfix;"))
		return false;
	return *or_empty(input->remote_mta) != '\0' || text_starts_nocase(diagnostic, "smtp;") ||
	       question->found->code != 0;
}

static enum phase find_phase(const struct question *question)
{
	const struct own_phrase *own = find_own(question, &question->words, OWN_PHASE);

	if (own == NULL)
		own = find_own(question, &question->text, OWN_PHASE);
	return own != NULL ? own->phase : PHASE_UNKNOWN;
}

// The code in the words says more than the field, which many reporters fill with 5.0.0.
static void find_code(struct question *question)
{
	struct reply reply = {0};
	const char *words = question->words.folded;

	question->found->status = question->input->status;
	if (words == NULL)
		return;
	reply_find(words, &reply);
	question->found->code = reply.code;
	if (reply.status.class != 0)
		question->found->status = reply.status;
}

// Copies a host name up to what ends one.
static void set_speaker(struct question *question, const char *name)
{
	size_t len = strcspn(name, " [](),;:<>");

	if (len >= sizeof(question->speaker))
		len = 0;
	memcpy(question->speaker, name, len);
	question->speaker[len] = '\0';
	text_lower(question->speaker);
}

// "dns; mx.peer.example", or the host in "host mx.peer.example[2001:db8::1] said:".
static void find_speaker(struct question *question)
{
	const bool remote = question->voice == VOICE_REMOTE;
	const char *field =
		or_empty(remote ? question->input->remote_mta : question->input->reporting_mta);
	const char *at = strchr(field, ';');

	if (remote && *field == '\0' && question->words.folded != NULL) {
		at = strstr(question->words.folded, "host ");
		field = at != NULL ? at + strlen("host ") : "";
		at = NULL;
	}
	if (*field == '\0' && remote) {
		field = or_empty(question->input->reporting_mta);
		at = strchr(field, ';');
	}
	at = at != NULL ? at + 1 : field;
	set_speaker(question, at + strspn(at, " \t"));
}

// ---- rows
// -----------------------------------------------------------------------------------------

static bool is_digit_of(int code, const int digits[3])
{
	const int given[3] = {code / 100, code / 10 % 10, code % 10};

	for (size_t i = 0; i < 3; i++)
		if (digits[i] != DIAGNOSE_ANY && (code == 0 || digits[i] != given[i]))
			return false;
	return true;
}

static bool is_number(int wanted, int given)
{
	return wanted == DIAGNOSE_ANY || wanted == given;
}

static bool is_status(const struct diagnose_row *row, struct status status)
{
	if (row->status_class == DIAGNOSE_ANY && row->subject == DIAGNOSE_ANY &&
	    row->detail == DIAGNOSE_ANY)
		return true;
	return status.class != 0 && is_number(row->status_class, status.class) &&
	       is_number(row->subject, status.subject) && is_number(row->detail, status.detail);
}

// True where host is one of the domains, or below one.
static bool is_provider(const char *domains, const char *host)
{
	const size_t host_len = strlen(host);

	if (*domains == '\0')
		return true;
	while (*domains != '\0') {
		const size_t len = strcspn(domains, ",");
		const char *end = host + host_len - (len < host_len ? len : host_len);

		if (len > 0 && len <= host_len && memcmp(end, domains, len) == 0 &&
		    (end == host || end[-1] == '.'))
			return true;
		domains += len + (domains[len] == ',');
	}
	return false;
}

// Each phrase somewhere behind the one before it. (The first end and the last start are known, not
// those between: with three phrases or more the middle ones may stand out of order.)
static bool has_way(const struct diagnose_words *words, const struct reading *reading)
{
	for (size_t i = 0; i < words->n_parts; i++) {
		if (!has_hit(reading, words->parts[i]))
			return false;
		if (i > 0 && reading->hits[words->parts[i]].last_start_1 - 1 <
				     reading->hits[words->parts[i - 1]].first_end)
			return false;
	}
	return true;
}

static bool has_words(const struct diagnose_row *row, const struct reading *reading)
{
	for (size_t i = 0; i < row->n_words; i++)
		if (has_way(&row->words[i], reading))
			return true;
	return row->n_words == 0;
}

static bool row_fits(const struct diagnose_row *row, const struct question *question,
		     const struct reading *reading)
{
	const struct diagnosis *found = question->found;

	return (row->voice == VOICE_ANY || row->voice == question->voice) &&
	       (row->phases == 0 || (row->phases & (1U << found->phase)) != 0) &&
	       is_digit_of(found->code, row->code) && is_status(row, found->status) &&
	       has_words(row, reading) && is_provider(row->provider, question->speaker);
}

// With the text, only rows that ask for words: its status was asked about already.
static bool find_row(struct question *question, const struct reading *reading, bool is_last,
		     bool needs_words)
{
	const struct diagnose_table *table = question->table;

	for (size_t i = 0; i < table->n_rows; i++) {
		const struct diagnose_row *row = &table->rows[i];

		if (row->is_last == is_last && (!needs_words || row->n_words > 0) &&
		    row_fits(row, question, reading)) {
			question->found->class = row->class;
			question->found->row = row->name;
			return true;
		}
	}
	return false;
}

// A failure to find or reach the server says itself where it happened.
static enum phase phase_of(enum class class)
{
	switch (class) {
	case CLASS_NO_AAAA:
	case CLASS_UNROUTABLE:
	case CLASS_REFUSED:
	case CLASS_NULL_MX:
	case CLASS_NO_SUCH_DOMAIN:
		return PHASE_CONNECT;
	default:
		return PHASE_UNKNOWN;
	}
}

void diagnose(const struct diagnose_table *table, const struct diagnose_input *input,
	      struct diagnosis *ret_diagnosis)
{
	const char *diagnostic = says_nothing(input->diagnostic) ? "" : input->diagnostic;
	const char *text = or_empty(input->text);
	struct question question = {.table = table, .input = input, .found = ret_diagnosis};

	*ret_diagnosis = (struct diagnosis){.class = CLASS_OTHER, .row = ""};
	read_text(table, *diagnostic != '\0' ? diagnostic : text, &question.words);
	if (*diagnostic != '\0')
		read_text(table, text, &question.text);
	find_code(&question);
	ret_diagnosis->remote_spoke = is_remote(&question);
	question.voice = ret_diagnosis->remote_spoke ? VOICE_REMOTE : VOICE_REPORTER;
	ret_diagnosis->phase = find_phase(&question);
	find_speaker(&question);
	for (int last = 0; last <= 1; last++)
		if (find_row(&question, &question.words, last != 0, false) ||
		    (question.text.len > 0 && find_row(&question, &question.text, last != 0, true)))
			break;
	if (ret_diagnosis->phase == PHASE_UNKNOWN && !ret_diagnosis->remote_spoke)
		ret_diagnosis->phase = phase_of(ret_diagnosis->class);
	reading_free(&question.words);
	reading_free(&question.text);
}

static const struct {
	const char *name;
	enum problem problem;
} classes[CLASSES] = {
	[CLASS_NO_AAAA] = {"no-aaaa", PROBLEM_IPV6},
	[CLASS_UNROUTABLE] = {"unroutable", PROBLEM_IPV6},
	[CLASS_TIMEOUT] = {"timeout", PROBLEM_IPV6},
	[CLASS_REFUSED] = {"refused", PROBLEM_IPV6},
	[CLASS_PTR_REQUIRED] = {"ptr-required", PROBLEM_POLICY},
	[CLASS_AUTH_REQUIRED] = {"auth-required", PROBLEM_POLICY},
	[CLASS_NO_V6_POLICY] = {"no-v6-policy", PROBLEM_IPV6},
	[CLASS_SENDER_DOMAIN] = {"sender-domain", PROBLEM_SENDER},
	[CLASS_TLS] = {"tls", PROBLEM_POLICY},
	[CLASS_GREYLISTED] = {"greylisted", PROBLEM_POLICY},
	[CLASS_NO_SUCH_USER] = {"no-such-user", PROBLEM_ADDRESS},
	[CLASS_MAILBOX_FULL] = {"mailbox-full", PROBLEM_MAILBOX},
	[CLASS_NULL_MX] = {"null-mx", PROBLEM_ADDRESS},
	[CLASS_NO_SUCH_DOMAIN] = {"no-such-domain", PROBLEM_ADDRESS},
	[CLASS_PROTOCOL] = {"protocol", PROBLEM_OTHER},
	[CLASS_CONTENT] = {"content", PROBLEM_OTHER},
	[CLASS_OTHER] = {"other", PROBLEM_OTHER},
};

const char *class_name(enum class class)
{
	return classes[class].name;
}

bool class_find(const char *name, enum class *ret_class)
{
	for (enum class class = 0; class < CLASSES; class ++)
		if (strcmp(classes[class].name, name) == 0) {
			*ret_class = class;
			return true;
		}
	return false;
}

static const char *const phases[PHASES] = {
	[PHASE_UNKNOWN] = "unknown", [PHASE_CONNECT] = "connect",   [PHASE_BANNER] = "banner",
	[PHASE_EHLO] = "ehlo",       [PHASE_STARTTLS] = "starttls", [PHASE_MAIL] = "mail",
	[PHASE_RCPT] = "rcpt",       [PHASE_DATA] = "data",         [PHASE_END] = "end",
};

const char *phase_name(enum phase phase)
{
	return phases[phase];
}

bool phase_find(const char *name, enum phase *ret_phase)
{
	for (enum phase phase = 0; phase < PHASES; phase++)
		if (strcmp(phases[phase], name) == 0) {
			*ret_phase = phase;
			return true;
		}
	return false;
}

enum problem class_problem(enum class class)
{
	return classes[class].problem;
}

const char *problem_name(enum problem problem)
{
	static const char *const names[] = {
		[PROBLEM_IPV6] = "ipv6",       [PROBLEM_SENDER] = "sender",
		[PROBLEM_POLICY] = "policy",   [PROBLEM_ADDRESS] = "address",
		[PROBLEM_MAILBOX] = "mailbox", [PROBLEM_OTHER] = "other",
	};

	return names[problem];
}
