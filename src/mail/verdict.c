// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table behind mail/verdict.h. A row stands for every ability that it names and fits where each
// of its sets holds what was found (an empty set holds everything) and its question is answered
// yes. The order is part of it: what is surer stands above what is vaguer.

#include "mail/verdict.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mail/diagnose.h"
#include "mail/survey.h"

// ---- questions ----------------------------------------------------------------------------------

static bool is_v6_to_v6(const struct verdict_input *input)
{
	return input->family == 6 && input->to_v6_domain;
}

static bool is_v6(const struct verdict_input *input)
{
	return input->family == 6;
}

static bool is_v4_to_v6(const struct verdict_input *input)
{
	return input->family == 4 && input->to_v6_domain;
}

static bool is_v4(const struct verdict_input *input)
{
	return input->family == 4;
}

static bool was_accepted(const struct verdict_input *input)
{
	return input->was_accepted;
}

static bool never_sent(const struct verdict_input *input)
{
	return input->never_sent;
}

static bool remote_spoke(const struct verdict_input *input)
{
	return input->diagnosis != NULL && input->diagnosis->remote_spoke;
}

static bool records_are_wrong(const struct verdict_input *input)
{
	return input->own_records == OWN_RECORDS_WRONG;
}

static bool records_are_unknown(const struct verdict_input *input)
{
	return input->own_records == OWN_RECORDS_UNKNOWN;
}

static bool has_null_mx(const struct verdict_input *input)
{
	return input->survey != NULL && input->survey->mx == SURVEY_MX_NULL;
}

static bool has_no_domain(const struct verdict_input *input)
{
	return input->survey != NULL &&
	       (input->survey->mx == SURVEY_MX_NO_DOMAIN || input->survey->mx == SURVEY_MX_NONE);
}

// The DNS has answered for every host there is, and for each with no.
static bool has_no_aaaa(const struct verdict_input *input)
{
	const struct survey *survey = input->survey;

	if (survey == NULL || survey->n_hosts == 0 || survey->n_hosts < survey->n_hosts_all)
		return false;
	for (size_t i = 0; i < survey->n_hosts; i++)
		if (survey->hosts[i].has_v6 != SURVEY_NO)
			return false;
	return true;
}

// (Documentation addresses count as good ones: the lab has no others, and elsewhere the failure
// itself says enough.)
static bool is_good_kind(enum survey_kind kind)
{
	return kind == SURVEY_KIND_GLOBAL || kind == SURVEY_KIND_DOCUMENTATION ||
	       kind == SURVEY_KIND_UNKNOWN;
}

// There are IPv6 addresses, and every one is of a kind that does not work from outside.
static bool has_no_global(const struct verdict_input *input)
{
	const struct survey *survey = input->survey;
	size_t n = 0;

	for (size_t i = 0; survey != NULL && i < survey->n_hosts; i++)
		for (size_t j = 0; j < survey->hosts[i].n_v6; j++, n++)
			if (is_good_kind(survey->hosts[i].v6[j].kind))
				return false;
	return n > 0;
}

static bool is_later_mx(const struct verdict_input *input)
{
	return input->survey != NULL && survey_prefers_v4(input->survey);
}

// Every host that has an IPv6 address is in a zone whose name servers have none.
static bool is_dns_over_v4(const struct verdict_input *input)
{
	const struct survey *survey = input->survey;
	size_t n = 0;

	for (size_t i = 0; survey != NULL && i < survey->n_hosts; i++) {
		if (survey->hosts[i].has_v6 != SURVEY_YES)
			continue;
		if (survey->hosts[i].ns_v6 != SURVEY_NO)
			return false;
		n++;
	}
	return n > 0;
}

static const struct survey_address *best(const struct verdict_input *input)
{
	return input->survey == NULL ? NULL : survey_best_v6(input->survey);
}

static bool answers_v6(const struct verdict_input *input)
{
	const struct survey_address *address = best(input);

	return address != NULL && address->reach == SURVEY_REACH_ACCEPTS;
}

static bool is_not_reached(const struct verdict_input *input)
{
	const struct survey_address *address = best(input);

	return address != NULL && address->reach != SURVEY_REACH_ACCEPTS &&
	       address->reach != SURVEY_REACH_UNKNOWN;
}

// ---- the table ----------------------------------------------------------------------------------

// Sets, as bits.
#define D   (1U << ABILITY_DELIVER_V6)
#define R   (1U << ABILITY_RECEIVE_V6)
#define E   (1U << ABILITY_ENVELOPE_V6)
#define H   (1U << ABILITY_HEADER_V6)
#define REH (R | E | H)

#define PENDING  (1U << OUTCOME_PENDING)
#define ACCEPTED (1U << OUTCOME_ACCEPTED)
#define DELAYED  (1U << OUTCOME_DELAYED)
#define FAILED   (1U << OUTCOME_FAILED)
#define NO_WORD  (1U << OUTCOME_UNKNOWN)
#define OPEN     (PENDING | DELAYED | NO_WORD)

#define C(name) (1U << CLASS_##name)
#define WAY     (C(UNROUTABLE) | C(TIMEOUT) | C(REFUSED))
#define RECORDS (C(PTR_REQUIRED) | C(AUTH_REQUIRED))
// after this an acceptance is not the last word about the sender; what a host behind the door wants
// of our records is no word about the IPv6-only domain, and a forwarder may have broken SPF and
// DKIM
#define SENDER C(SENDER_DOMAIN)
#define PERSON (C(NO_SUCH_USER) | C(MAILBOX_FULL))
// for a reason that holds over IPv4 as well
#define NOT_V6 (PERSON | C(CONTENT) | C(OTHER) | C(PROTOCOL) | C(SENDER_DOMAIN) | C(AUTH_REQUIRED))

#define ANY 0U

#define P(name)   (1U << PHASE_##name)
#define AT_WAY    (P(UNKNOWN) | P(CONNECT))
#define BEFORE    (P(CONNECT) | P(BANNER) | P(EHLO) | P(STARTTLS))
#define SESSION   (P(UNKNOWN) | P(MAIL) | P(RCPT) | P(DATA) | P(END))
#define WITH_TEXT (P(DATA) | P(END))

struct row {
	unsigned int abilities;
	unsigned int outcomes;
	unsigned int classes;
	unsigned int phases;
	bool (*is_so)(const struct verdict_input *input);
	enum verdict verdict;
	enum evidence evidence;
};

#define PASS(evidence)    VERDICT_PASS, EVIDENCE_##evidence
#define FAIL(evidence)    VERDICT_FAIL, EVIDENCE_##evidence
#define UNKNOWN(evidence) VERDICT_UNKNOWN, EVIDENCE_##evidence

// clang-format off
static const struct row rows[] = {
	{D, ANY, ANY, ANY, is_v6_to_v6, PASS(ARRIVED_OVER_V6)},
	{D, ANY, ANY, ANY, is_v6, PASS(CHOSE_V6)},
	{D, ANY, ANY, ANY, is_v4_to_v6, UNKNOWN(V6_DOMAIN_OVER_V4)},
	{D, ANY, ANY, ANY, is_v4, UNKNOWN(ARRIVED_OVER_V4)},
	{D, ANY, ANY, ANY, NULL, UNKNOWN(CLIENT_UNKNOWN)},

	{R, ACCEPTED, ANY, ANY, is_dns_over_v4, PASS(ACCEPTED_DNS_OVER_V4)},
	{R, ACCEPTED, ANY, ANY, is_later_mx, PASS(ACCEPTED_BY_LATER_MX)},
	{REH, ACCEPTED, ANY, ANY, NULL, PASS(ACCEPTED_BY_MX)},

	// no outcome: what the survey says
	{REH, OPEN, ANY, ANY, has_null_mx, UNKNOWN(NULL_MX)},
	{REH, OPEN, ANY, ANY, has_no_domain, UNKNOWN(NO_SUCH_DOMAIN)},
	{R, OPEN, ANY, ANY, has_no_aaaa, FAIL(MX_WITHOUT_AAAA)},
	{REH, NO_WORD, ANY, ANY, never_sent, UNKNOWN(NEVER_SENT)},
	{REH, NO_WORD, ANY, ANY, NULL, UNKNOWN(NO_WORD)},
	{E | H, OPEN, ANY, ANY, has_no_aaaa, UNKNOWN(NOT_REACHED)},
	{REH, DELAYED, ANY, ANY, NULL, UNKNOWN(DELAYED)},
	{R, PENDING, ANY, ANY, answers_v6, UNKNOWN(MX_ANSWERS_V6)},
	{R, PENDING, ANY, ANY, is_not_reached, UNKNOWN(MX_NOT_REACHED)},
	{REH, PENDING, ANY, ANY, NULL, UNKNOWN(OUTCOME_PENDING)},

	// From here on the probe failed. It was accepted before: the door is open.
	{R, FAILED, ANY, ANY, was_accepted, PASS(ACCEPTED_THEN_BOUNCED)},
	{E, FAILED, ~SENDER, ANY, was_accepted, PASS(ACCEPTED_THEN_BOUNCED)},
	{H, FAILED, ~SENDER, ANY, was_accepted, UNKNOWN(ACCEPTED_THEN_BOUNCED)},

	// what has nothing to do with the way
	{REH, FAILED, C(NULL_MX), ANY, NULL, UNKNOWN(NULL_MX)},
	{REH, FAILED, C(NO_SUCH_DOMAIN), ANY, NULL, UNKNOWN(NO_SUCH_DOMAIN)},
	{REH, FAILED, C(GREYLISTED), ANY, NULL, UNKNOWN(GREYLISTED)},

	// our fault, as long as it may be
	{REH, FAILED, RECORDS, ANY, records_are_wrong, UNKNOWN(OUR_RECORDS)},
	{REH, FAILED, RECORDS, ANY, records_are_unknown, UNKNOWN(OUR_RECORDS_UNCHECKED)},
	{R, FAILED, C(PTR_REQUIRED), ANY, NULL, FAIL(REFUSED_DESPITE_RECORDS)},
	{E | H, FAILED, C(PTR_REQUIRED), BEFORE | P(UNKNOWN) | P(MAIL) | P(RCPT), NULL,
	 UNKNOWN(NOT_REACHED)},

	// the way
	{R, FAILED, C(NO_AAAA), ANY, NULL, FAIL(MX_WITHOUT_AAAA)},
	{R, FAILED, C(NO_V6_POLICY), ANY, NULL, FAIL(NO_V6_POLICY)},
	{R, FAILED, WAY, AT_WAY, has_no_global, FAIL(AAAA_NOT_GLOBAL)},
	{R, FAILED, C(UNROUTABLE), ANY, NULL, FAIL(MX_UNROUTABLE)},
	{R, FAILED, C(REFUSED), ANY, NULL, FAIL(MX_REFUSED)},
	{R, FAILED, C(TIMEOUT), AT_WAY, NULL, FAIL(MX_TIMEOUT)},
	{R, FAILED, C(TIMEOUT), ANY, NULL, FAIL(SESSION_TIMEOUT)},

	// the IPv6-only domain of the sender
	{E, FAILED, C(SENDER_DOMAIN), P(UNKNOWN) | P(MAIL) | P(RCPT) | P(DATA), NULL,
	 FAIL(SENDER_DOMAIN_REFUSED)},
	{H, FAILED, C(SENDER_DOMAIN), P(END), NULL, FAIL(FROM_DOMAIN_REFUSED)},

	// It refused in SMTP, so it was reached; and with the text, so the envelope was fine.
	{R, FAILED, NOT_V6, SESSION, remote_spoke, PASS(REACHED_OVER_V6)},
	{R, FAILED, C(TLS), ANY, remote_spoke, PASS(REACHED_OVER_V6)},
	{E, FAILED, C(NO_AAAA) | C(UNROUTABLE) | C(REFUSED), ANY, NULL, UNKNOWN(NOT_REACHED)},
	{E, FAILED, ANY, WITH_TEXT, NULL, PASS(ENVELOPE_ACCEPTED)},
	{H, FAILED, C(PTR_REQUIRED), ANY, NULL, UNKNOWN(NOT_REACHED)},
	{E | H, FAILED, C(NO_AAAA) | C(NO_V6_POLICY) | WAY, ANY, NULL, UNKNOWN(NOT_REACHED)},

	// why the others say nothing
	{REH, FAILED, C(TLS), ANY, NULL, UNKNOWN(TLS)},
	{REH, FAILED, C(PROTOCOL), ANY, NULL, UNKNOWN(SESSION_BROKEN)},
	// (nobody was asked: the DNS did not answer, say)
	{REH, FAILED, C(OTHER), P(CONNECT), NULL, UNKNOWN(NOT_REACHED)},
	{REH, FAILED, ANY, BEFORE, NULL, UNKNOWN(REFUSED_BEFORE_MAIL)},
	{REH, FAILED, C(NO_SUCH_USER), ANY, NULL, UNKNOWN(NO_SUCH_USER)},
	{REH, FAILED, C(MAILBOX_FULL), ANY, NULL, UNKNOWN(MAILBOX_FULL)},
	{REH, FAILED, C(CONTENT), ANY, NULL, UNKNOWN(REFUSED_FOR_CONTENT)},
	{E | H, FAILED, C(AUTH_REQUIRED), ANY, NULL, UNKNOWN(REFUSED_DESPITE_RECORDS)},
	{H, FAILED, C(SENDER_DOMAIN), ANY, NULL, UNKNOWN(NOT_REACHED)},
	{E, FAILED, ANY, P(MAIL), NULL, UNKNOWN(REFUSED_AT_MAIL)},
	{REH, ANY, ANY, ANY, NULL, UNKNOWN(REFUSED_OTHERWISE)},
};
// clang-format on

static bool holds(unsigned int set, unsigned int element)
{
	return set == ANY || (set & (1U << element)) != 0;
}

size_t verdict_rows(void)
{
	return sizeof(rows) / sizeof(rows[0]);
}

size_t verdict_row(const struct verdict_input *input, enum ability ability)
{
	const struct diagnosis *diagnosis = input->diagnosis;
	enum class class = diagnosis == NULL ? CLASS_OTHER : diagnosis->class;
	enum phase phase = diagnosis == NULL ? PHASE_UNKNOWN : diagnosis->phase;

	for (size_t i = 0; i < verdict_rows(); i++)
		if ((rows[i].abilities & (1U << ability)) != 0 &&
		    holds(rows[i].outcomes, input->outcome) && holds(rows[i].classes, class) &&
		    holds(rows[i].phases, phase) && (rows[i].is_so == NULL || rows[i].is_so(input)))
			return i;
	assert(!"the last row holds for all");
	return 0;
}

void verdict_find(const struct verdict_input *input, struct verdict_found ret_found[ABILITIES])
{
	for (enum ability ability = 0; ability < ABILITIES; ability++) {
		const struct row *row = &rows[verdict_row(input, ability)];

		ret_found[ability] = (struct verdict_found){row->verdict, row->evidence};
	}
}

// ---- names --------------------------------------------------------------------------------------

static const char *const ability_names[ABILITIES] = {
	[ABILITY_DELIVER_V6] = "deliver-v6",
	[ABILITY_RECEIVE_V6] = "receive-v6",
	[ABILITY_ENVELOPE_V6] = "envelope-v6",
	[ABILITY_HEADER_V6] = "header-v6",
};

static const char *const verdict_names[VERDICTS] = {
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_PASS] = "pass",
	[VERDICT_FAIL] = "fail",
};

static const char *const evidence_names[EVIDENCES] = {
	[EVIDENCE_ARRIVED_OVER_V6] = "arrived-over-v6",
	[EVIDENCE_CHOSE_V6] = "chose-v6",
	[EVIDENCE_ARRIVED_OVER_V4] = "arrived-over-v4",
	[EVIDENCE_V6_DOMAIN_OVER_V4] = "v6-domain-over-v4",
	[EVIDENCE_CLIENT_UNKNOWN] = "client-unknown",
	[EVIDENCE_ACCEPTED_BY_MX] = "accepted-by-mx",
	[EVIDENCE_ACCEPTED_BY_LATER_MX] = "accepted-by-later-mx",
	[EVIDENCE_ACCEPTED_DNS_OVER_V4] = "accepted-dns-over-v4",
	[EVIDENCE_ACCEPTED_THEN_BOUNCED] = "accepted-then-bounced",
	[EVIDENCE_REACHED_OVER_V6] = "reached-over-v6",
	[EVIDENCE_ENVELOPE_ACCEPTED] = "envelope-accepted",
	[EVIDENCE_MX_WITHOUT_AAAA] = "mx-without-aaaa",
	[EVIDENCE_AAAA_NOT_GLOBAL] = "aaaa-not-global",
	[EVIDENCE_MX_UNROUTABLE] = "mx-unroutable",
	[EVIDENCE_MX_TIMEOUT] = "mx-timeout",
	[EVIDENCE_MX_REFUSED] = "mx-refused",
	[EVIDENCE_SESSION_TIMEOUT] = "session-timeout",
	[EVIDENCE_NO_V6_POLICY] = "no-v6-policy",
	[EVIDENCE_REFUSED_DESPITE_RECORDS] = "refused-despite-records",
	[EVIDENCE_SENDER_DOMAIN_REFUSED] = "sender-domain-refused",
	[EVIDENCE_FROM_DOMAIN_REFUSED] = "from-domain-refused",
	[EVIDENCE_OUTCOME_PENDING] = "outcome-pending",
	[EVIDENCE_MX_ANSWERS_V6] = "mx-answers-v6",
	[EVIDENCE_MX_NOT_REACHED] = "mx-not-reached",
	[EVIDENCE_DELAYED] = "delayed",
	[EVIDENCE_NO_WORD] = "no-word",
	[EVIDENCE_NEVER_SENT] = "never-sent",
	[EVIDENCE_OUR_RECORDS] = "our-records",
	[EVIDENCE_OUR_RECORDS_UNCHECKED] = "our-records-unchecked",
	[EVIDENCE_NOT_REACHED] = "not-reached",
	[EVIDENCE_NULL_MX] = "null-mx",
	[EVIDENCE_NO_SUCH_DOMAIN] = "no-such-domain",
	[EVIDENCE_NO_SUCH_USER] = "no-such-user",
	[EVIDENCE_MAILBOX_FULL] = "mailbox-full",
	[EVIDENCE_GREYLISTED] = "greylisted",
	[EVIDENCE_TLS] = "tls",
	[EVIDENCE_SESSION_BROKEN] = "session-broken",
	[EVIDENCE_REFUSED_BEFORE_MAIL] = "refused-before-mail",
	[EVIDENCE_REFUSED_AT_MAIL] = "refused-at-mail",
	[EVIDENCE_REFUSED_FOR_CONTENT] = "refused-for-content",
	[EVIDENCE_REFUSED_OTHERWISE] = "refused-otherwise",
};

const char *ability_name(enum ability ability)
{
	return ability_names[ability];
}

const char *verdict_name(enum verdict verdict)
{
	return verdict_names[verdict];
}

const char *evidence_name(enum evidence evidence)
{
	return evidence_names[evidence];
}

const char *own_records_name(enum own_records own_records)
{
	static const char *const names[OWN_RECORDS_STATES] = {
		[OWN_RECORDS_UNKNOWN] = "unknown",
		[OWN_RECORDS_GOOD] = "good",
		[OWN_RECORDS_WRONG] = "wrong",
	};

	return names[own_records];
}

// The place of name in names; n where it is none of them.
static size_t find_name(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

bool ability_find(const char *name, enum ability *ret_ability)
{
	size_t i = find_name(ability_names, ABILITIES, name);

	if (i < ABILITIES)
		*ret_ability = (enum ability)i;
	return i < ABILITIES;
}

bool evidence_find(const char *name, enum evidence *ret_evidence)
{
	size_t i = find_name(evidence_names, EVIDENCES, name);

	if (i < EVIDENCES)
		*ret_evidence = (enum evidence)i;
	return i < EVIDENCES;
}
