// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// verdict: every class in every phase, every survey before there is an outcome, every row of the
// table reached, and what must hold whatever comes in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mail/diagnose.h"
#include "mail/survey.h"
#include "mail/verdict.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OUTCOMES 5
#define RECORDS  3

// ---- surveys ------------------------------------------------------------------------------------

struct host {
	enum survey_answer v6, ns_v6;
	enum survey_kind kind; // of one address; unknown for none
	enum survey_reach reach;
	int preference;
};

static const struct sample {
	const char *name;
	enum survey_mx mx;
	size_t n_all; // 0: as many as there are
	struct host hosts[2];
} samples[] = {
	{"unknown", SURVEY_MX_UNKNOWN, 0, {{0}}},
	{"null", SURVEY_MX_NULL, 0, {{0}}},
	{"none", SURVEY_MX_NONE, 0, {{0}}},
	{"no-domain", SURVEY_MX_NO_DOMAIN, 0, {{0}}},
	{"v4only",
	 SURVEY_MX_LISTED,
	 0,
	 {{.v6 = SURVEY_NO, .preference = 10}, {.v6 = SURVEY_NO, .preference = 20}}},
	{"half", SURVEY_MX_LISTED, 0, {{.v6 = SURVEY_NO, .preference = 10}, {.preference = 20}}},
	{"many", SURVEY_MX_LISTED, 11, {{.v6 = SURVEY_NO, .preference = 10}}},
	{"good",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 10}}},
	{"deaf",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_DOCUMENTATION, SURVEY_REACH_REFUSED, 10}}},
	{"untried", SURVEY_MX_IMPLICIT, 0, {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, 0, 0}}},
	{"ula",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_ULA, SURVEY_REACH_UNREACHABLE, 10}}},
	{"mapped",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_MAPPED, SURVEY_REACH_ACCEPTS, 10}}},
	{"ula-and-good",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_YES, SURVEY_KIND_ULA, SURVEY_REACH_TIMEOUT, 10},
	  {SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 20}}},
	{"secondary",
	 SURVEY_MX_LISTED,
	 0,
	 {{.v6 = SURVEY_NO, .preference = 10},
	  {SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 20}}},
	{"equal",
	 SURVEY_MX_LISTED,
	 0,
	 {{.v6 = SURVEY_NO, .preference = 10},
	  {SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 10}}},
	{"nsv4",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_NO, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 10}}},
	{"nsv4-in-part",
	 SURVEY_MX_LISTED,
	 0,
	 {{SURVEY_YES, SURVEY_NO, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 10},
	  {SURVEY_YES, SURVEY_YES, SURVEY_KIND_GLOBAL, SURVEY_REACH_ACCEPTS, 20}}},
};

static void make_survey(struct survey *survey, const struct sample *sample)
{
	memset(survey, 0, sizeof(*survey));
	survey->mx = sample->mx;
	survey->is_complete = survey->tried_reach = true;
	for (size_t i = 0; i < COUNT(sample->hosts); i++) {
		const struct host *host = &sample->hosts[i];
		struct survey_host *made = &survey->hosts[i];

		if (host->v6 == SURVEY_UNKNOWN && host->preference == 0)
			continue;
		survey->n_hosts++;
		made->preference = host->preference;
		made->has_v6 = host->v6;
		made->ns_v6 = host->ns_v6;
		if (host->kind == SURVEY_KIND_UNKNOWN)
			continue;
		made->n_v6 = 1;
		strcpy(made->v6[0].text, "2001:db8::1");
		made->v6[0].kind = host->kind;
		made->v6[0].reach = host->reach;
	}
	survey->n_hosts_all = sample->n_all == 0 ? survey->n_hosts : sample->n_all;
}

static const struct survey *survey_named(const char *name)
{
	static struct survey survey;

	for (size_t i = 0; i < COUNT(samples); i++)
		if (strcmp(samples[i].name, name) == 0) {
			make_survey(&survey, &samples[i]);
			return &survey;
		}
	return NULL;
}

// ---- tables -------------------------------------------------------------------------------------

// "pass accepted-by-mx", in a static buffer.
static const char *say(const struct verdict_input *input, enum ability ability)
{
	static char text[80];
	struct verdict_found found[ABILITIES];

	verdict_find(input, found);
	snprintf(text, sizeof(text), "%s %s", verdict_name(found[ability].verdict),
		 evidence_name(found[ability].evidence));
	return text;
}

static void test_deliver(void **state)
{
	static const struct {
		int family;
		bool to_v6_domain;
		const char *want;
	} rows[] = {
		{6, true, "pass arrived-over-v6"},      {6, false, "pass chose-v6"},
		{4, true, "unknown v6-domain-over-v4"}, {4, false, "unknown arrived-over-v4"},
		{0, true, "unknown client-unknown"},    {0, false, "unknown client-unknown"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict_input input = {.family = rows[i].family,
					      .to_v6_domain = rows[i].to_v6_domain};

		assert_string_equal(say(&input, ABILITY_DELIVER_V6), rows[i].want);
	}
}

// Before the outcome, and when it is good.
static void test_survey_and_outcome(void **state)
{
	static const struct {
		const char *survey;
		enum outcome outcome;
		const char *receive, *envelope;
	} rows[] = {
		{"", OUTCOME_PENDING, "unknown outcome-pending", "unknown outcome-pending"},
		{"unknown", OUTCOME_PENDING, "unknown outcome-pending", "unknown outcome-pending"},
		{"half", OUTCOME_PENDING, "unknown outcome-pending", "unknown outcome-pending"},
		{"many", OUTCOME_PENDING, "unknown outcome-pending", "unknown outcome-pending"},
		{"untried", OUTCOME_PENDING, "unknown outcome-pending", "unknown outcome-pending"},
		{"v4only", OUTCOME_PENDING, "fail mx-without-aaaa", "unknown not-reached"},
		{"v4only", OUTCOME_DELAYED, "fail mx-without-aaaa", "unknown not-reached"},
		{"v4only", OUTCOME_UNKNOWN, "fail mx-without-aaaa", "unknown no-word"},
		{"v4only", OUTCOME_ACCEPTED, "pass accepted-by-mx", "pass accepted-by-mx"},
		{"null", OUTCOME_PENDING, "unknown null-mx", "unknown null-mx"},
		{"none", OUTCOME_PENDING, "unknown no-such-domain", "unknown no-such-domain"},
		{"no-domain", OUTCOME_UNKNOWN, "unknown no-such-domain", "unknown no-such-domain"},
		{"good", OUTCOME_PENDING, "unknown mx-answers-v6", "unknown outcome-pending"},
		{"good", OUTCOME_DELAYED, "unknown delayed", "unknown delayed"},
		{"good", OUTCOME_UNKNOWN, "unknown no-word", "unknown no-word"},
		{"good", OUTCOME_ACCEPTED, "pass accepted-by-mx", "pass accepted-by-mx"},
		{"deaf", OUTCOME_PENDING, "unknown mx-not-reached", "unknown outcome-pending"},
		{"ula", OUTCOME_PENDING, "unknown mx-not-reached", "unknown outcome-pending"},
		{"mapped", OUTCOME_PENDING, "unknown mx-answers-v6", "unknown outcome-pending"},
		{"mapped", OUTCOME_ACCEPTED, "pass accepted-by-mx", "pass accepted-by-mx"},
		{"secondary", OUTCOME_PENDING, "unknown mx-answers-v6", "unknown outcome-pending"},
		{"secondary", OUTCOME_ACCEPTED, "pass accepted-by-later-mx", "pass accepted-by-mx"},
		{"equal", OUTCOME_ACCEPTED, "pass accepted-by-mx", "pass accepted-by-mx"},
		{"nsv4", OUTCOME_ACCEPTED, "pass accepted-dns-over-v4", "pass accepted-by-mx"},
		{"nsv4-in-part", OUTCOME_ACCEPTED, "pass accepted-by-mx", "pass accepted-by-mx"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict_input input = {.outcome = rows[i].outcome,
					      .survey = survey_named(rows[i].survey)};

		print_message("%s, %s\n", rows[i].survey, outcome_name(rows[i].outcome));
		assert_string_equal(say(&input, ABILITY_RECEIVE_V6), rows[i].receive);
		assert_string_equal(say(&input, ABILITY_ENVELOPE_V6), rows[i].envelope);
		assert_string_equal(say(&input, ABILITY_HEADER_V6), rows[i].envelope);
	}
}

// A letter for what may be found in a phase.
static const struct {
	char letter;
	enum verdict verdict;
	enum evidence evidence;
} letters[] = {
	{'A', VERDICT_FAIL, EVIDENCE_MX_WITHOUT_AAAA},
	{'U', VERDICT_FAIL, EVIDENCE_MX_UNROUTABLE},
	{'T', VERDICT_FAIL, EVIDENCE_MX_TIMEOUT},
	{'t', VERDICT_FAIL, EVIDENCE_SESSION_TIMEOUT},
	{'R', VERDICT_FAIL, EVIDENCE_MX_REFUSED},
	{'6', VERDICT_FAIL, EVIDENCE_NO_V6_POLICY},
	{'P', VERDICT_FAIL, EVIDENCE_REFUSED_DESPITE_RECORDS},
	{'p', VERDICT_UNKNOWN, EVIDENCE_REFUSED_DESPITE_RECORDS},
	{'D', VERDICT_FAIL, EVIDENCE_SENDER_DOMAIN_REFUSED},
	{'F', VERDICT_FAIL, EVIDENCE_FROM_DOMAIN_REFUSED},
	{'+', VERDICT_PASS, EVIDENCE_REACHED_OVER_V6},
	{'*', VERDICT_PASS, EVIDENCE_ENVELOPE_ACCEPTED},
	{'-', VERDICT_UNKNOWN, EVIDENCE_NOT_REACHED},
	{'0', VERDICT_UNKNOWN, EVIDENCE_NULL_MX},
	{'n', VERDICT_UNKNOWN, EVIDENCE_NO_SUCH_DOMAIN},
	{'u', VERDICT_UNKNOWN, EVIDENCE_NO_SUCH_USER},
	{'f', VERDICT_UNKNOWN, EVIDENCE_MAILBOX_FULL},
	{'g', VERDICT_UNKNOWN, EVIDENCE_GREYLISTED},
	{'s', VERDICT_UNKNOWN, EVIDENCE_TLS},
	{'x', VERDICT_UNKNOWN, EVIDENCE_SESSION_BROKEN},
	{'b', VERDICT_UNKNOWN, EVIDENCE_REFUSED_BEFORE_MAIL},
	{'m', VERDICT_UNKNOWN, EVIDENCE_REFUSED_AT_MAIL},
	{'c', VERDICT_UNKNOWN, EVIDENCE_REFUSED_FOR_CONTENT},
	{'o', VERDICT_UNKNOWN, EVIDENCE_REFUSED_OTHERWISE},
	{'w', VERDICT_UNKNOWN, EVIDENCE_OUR_RECORDS},
	{'W', VERDICT_UNKNOWN, EVIDENCE_OUR_RECORDS_UNCHECKED},
	{'B', VERDICT_PASS, EVIDENCE_ACCEPTED_THEN_BOUNCED},
	{'q', VERDICT_UNKNOWN, EVIDENCE_ACCEPTED_THEN_BOUNCED},
	{'G', VERDICT_FAIL, EVIDENCE_AAAA_NOT_GLOBAL},
};

static char letter_of(const struct verdict_found *found)
{
	for (size_t i = 0; i < COUNT(letters); i++)
		if (letters[i].verdict == found->verdict && letters[i].evidence == found->evidence)
			return letters[i].letter;
	return '?';
}

// A failure: for each of the three abilities what each phase says, in the enum's order: unknown,
// connect, banner, ehlo, starttls, mail, rcpt, data, end. Records are good and a server spoke
// unless the row says something else.
#define SILENT   1
#define WRONG    2
#define UNASKED  4
#define ACCEPTED 8

static const struct failure {
	enum class class;
	unsigned int flags;
	const char *survey;
	const char *want[3];
} failures[] = {
	{CLASS_NO_AAAA, SILENT, "v4only", {"AAAAAAAAA", "---------", "---------"}},
	{CLASS_UNROUTABLE, SILENT, "good", {"UUUUUUUUU", "---------", "---------"}},
	{CLASS_UNROUTABLE, SILENT, "ula", {"GGUUUUUUU", "---------", "---------"}},
	{CLASS_TIMEOUT, SILENT, "", {"TTttttttt", "-------**", "---------"}},
	{CLASS_TIMEOUT, SILENT, "ula", {"GGttttttt", "-------**", "---------"}},
	{CLASS_TIMEOUT, SILENT, "ula-and-good", {"TTttttttt", "-------**", "---------"}},
	{CLASS_REFUSED, SILENT, "deaf", {"RRRRRRRRR", "---------", "---------"}},
	{CLASS_PTR_REQUIRED, 0, "", {"PPPPPPPPP", "-------**", "---------"}},
	{CLASS_PTR_REQUIRED, WRONG, "", {"wwwwwwwww", "wwwwwwwww", "wwwwwwwww"}},
	{CLASS_PTR_REQUIRED, UNASKED, "", {"WWWWWWWWW", "WWWWWWWWW", "WWWWWWWWW"}},
	{CLASS_AUTH_REQUIRED, 0, "", {"+bbbb++++", "pbbbbpp**", "pbbbbpppp"}},
	{CLASS_AUTH_REQUIRED, WRONG, "", {"wwwwwwwww", "wwwwwwwww", "wwwwwwwww"}},
	{CLASS_AUTH_REQUIRED, UNASKED, "", {"WWWWWWWWW", "WWWWWWWWW", "WWWWWWWWW"}},
	// whoever refused behind the door does so for its own reasons, and our records may be wrong
	// there
	{CLASS_AUTH_REQUIRED, ACCEPTED, "", {"BBBBBBBBB", "BBBBBBBBB", "qqqqqqqqq"}},
	{CLASS_AUTH_REQUIRED, ACCEPTED | WRONG, "", {"BBBBBBBBB", "BBBBBBBBB", "qqqqqqqqq"}},
	{CLASS_PTR_REQUIRED, ACCEPTED, "", {"BBBBBBBBB", "BBBBBBBBB", "qqqqqqqqq"}},
	{CLASS_PTR_REQUIRED, ACCEPTED | UNASKED, "", {"BBBBBBBBB", "BBBBBBBBB", "qqqqqqqqq"}},
	{CLASS_NO_V6_POLICY, 0, "", {"666666666", "-------**", "---------"}},
	{CLASS_SENDER_DOMAIN, 0, "", {"+bbbb++++", "DbbbbDDD*", "-bbbb---F"}},
	{CLASS_SENDER_DOMAIN, SILENT, "", {"obbbboooo", "DbbbbDDD*", "-bbbb---F"}},
	{CLASS_SENDER_DOMAIN, ACCEPTED, "", {"BBBBBBBBB", "DbbbbDDD*", "-bbbb---F"}},
	{CLASS_TLS, 0, "", {"+++++++++", "sssssss**", "sssssssss"}},
	{CLASS_TLS, SILENT, "", {"sssssssss", "sssssss**", "sssssssss"}},
	{CLASS_GREYLISTED, 0, "", {"ggggggggg", "ggggggggg", "ggggggggg"}},
	{CLASS_NO_SUCH_USER, 0, "", {"+bbbb++++", "ubbbbuu**", "ubbbbuuuu"}},
	{CLASS_NO_SUCH_USER, SILENT, "", {"ubbbbuuuu", "ubbbbuu**", "ubbbbuuuu"}},
	{CLASS_NO_SUCH_USER, ACCEPTED, "", {"BBBBBBBBB", "BBBBBBBBB", "qqqqqqqqq"}},
	{CLASS_MAILBOX_FULL, 0, "", {"+bbbb++++", "fbbbbff**", "fbbbbffff"}},
	{CLASS_NULL_MX, SILENT, "", {"000000000", "000000000", "000000000"}},
	{CLASS_NO_SUCH_DOMAIN, SILENT, "", {"nnnnnnnnn", "nnnnnnnnn", "nnnnnnnnn"}},
	{CLASS_PROTOCOL, 0, "", {"+xxxx++++", "xxxxxxx**", "xxxxxxxxx"}},
	{CLASS_PROTOCOL, SILENT, "", {"xxxxxxxxx", "xxxxxxx**", "xxxxxxxxx"}},
	{CLASS_CONTENT, 0, "", {"+bbbb++++", "cbbbbcc**", "cbbbbcccc"}},
	{CLASS_OTHER, 0, "", {"+-bbb++++", "o-bbbmo**", "o-bbboooo"}},
	{CLASS_OTHER, SILENT, "", {"o-bbboooo", "o-bbbmo**", "o-bbboooo"}},
};

static void test_every_class_in_every_phase(void **state)
{
	bool seen[CLASSES] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(failures); i++) {
		const struct failure *row = &failures[i];
		char got[3][PHASES + 1] = {{0}};

		seen[row->class] = true;
		for (enum phase phase = 0; phase < PHASES; phase++) {
			struct diagnosis diagnosis = {.class = row->class,
						      .phase = phase,
						      .remote_spoke = (row->flags & SILENT) == 0};
			struct verdict_input input = {
				.outcome = OUTCOME_FAILED,
				.was_accepted = (row->flags & ACCEPTED) != 0,
				.diagnosis = &diagnosis,
				.survey = survey_named(row->survey),
				.own_records = row->flags & WRONG     ? OWN_RECORDS_WRONG
					       : row->flags & UNASKED ? OWN_RECORDS_UNKNOWN
								      : OWN_RECORDS_GOOD};
			struct verdict_found found[ABILITIES];

			verdict_find(&input, found);
			for (int j = 0; j < 3; j++)
				got[j][phase] = letter_of(&found[ABILITY_RECEIVE_V6 + j]);
		}
		print_message("%zu: %s\n", i, class_name(row->class));
		for (int j = 0; j < 3; j++)
			assert_string_equal(got[j], row->want[j]);
	}
	for (enum class class = 0; class < CLASSES; class ++)
		assert_true(seen[class]);
}

// The class that is in no notification, as where none could be read.
static void test_failed_without_diagnosis(void **state)
{
	struct verdict_input input = {.outcome = OUTCOME_FAILED};

	(void)state;
	for (enum ability ability = ABILITY_RECEIVE_V6; ability < ABILITIES; ability++)
		assert_string_equal(say(&input, ability), "unknown refused-otherwise");
	input.outcome = OUTCOME_UNKNOWN;
	input.never_sent = true;
	for (enum ability ability = ABILITY_RECEIVE_V6; ability < ABILITIES; ability++)
		assert_string_equal(say(&input, ability), "unknown never-sent");
}

// ---- whatever comes in --------------------------------------------------------------------------

static bool rows_reached[200];
static bool evidence_seen[EVIDENCES];

// What must hold of any answer.
static void look(const struct verdict_input *input)
{
	bool failed = input->outcome == OUTCOME_FAILED;
	enum class class = input->diagnosis == NULL ? CLASS_OTHER : input->diagnosis->class;
	struct verdict_found found[ABILITIES];

	verdict_find(input, found);
	for (enum ability ability = 0; ability < ABILITIES; ability++) {
		rows_reached[verdict_row(input, ability)] = true;
		evidence_seen[found[ability].evidence] = true;
	}
	assert_true(found[ABILITY_DELIVER_V6].verdict != VERDICT_FAIL);
	// never the person's fault while it may be ours
	if (failed && (class == CLASS_PTR_REQUIRED || class == CLASS_AUTH_REQUIRED) &&
	    input->own_records != OWN_RECORDS_GOOD)
		for (enum ability ability = 0; ability < ABILITIES; ability++)
			assert_true(found[ability].verdict != VERDICT_FAIL);
	// what was accepted came in over IPv6; and nothing passes without an outcome
	if (input->outcome == OUTCOME_ACCEPTED ||
	    (failed && input->was_accepted && class != CLASS_NULL_MX))
		assert_int_equal(found[ABILITY_RECEIVE_V6].verdict, VERDICT_PASS);
	for (enum ability ability = ABILITY_RECEIVE_V6; ability < ABILITIES; ability++)
		if (input->outcome != OUTCOME_ACCEPTED && !failed)
			assert_true(found[ability].verdict != VERDICT_PASS);
	// the header is only judged by an acceptance, or by a word about it
	if (found[ABILITY_HEADER_V6].verdict == VERDICT_PASS)
		assert_int_equal(input->outcome, OUTCOME_ACCEPTED);
	if (found[ABILITY_HEADER_V6].verdict == VERDICT_FAIL)
		assert_true(class == CLASS_SENDER_DOMAIN);
}

static void look_at_all(const struct diagnosis *diagnosis, const struct survey *survey)
{
	for (unsigned int i = 0; i < 3 * 2 * OUTCOMES * 2 * 2 * RECORDS; i++) {
		unsigned int rest = i;
		struct verdict_input input = {.diagnosis = diagnosis, .survey = survey};

#define TAKE(n)                                                                                    \
	({                                                                                         \
		unsigned int taken = rest % (n);                                                   \
		rest /= (n);                                                                       \
		taken;                                                                             \
	})
		input.family = (const int[]){0, 4, 6}[TAKE(3)];
		input.to_v6_domain = TAKE(2);
		input.outcome = (enum outcome)TAKE(OUTCOMES);
		input.was_accepted = TAKE(2);
		input.never_sent = TAKE(2);
		input.own_records = (enum own_records)TAKE(RECORDS);
		look(&input);
	}
}

static void test_every_input_has_a_verdict_and_every_row_a_use(void **state)
{
	static struct survey survey;

	(void)state;
	for (size_t i = 0; i <= COUNT(samples); i++) {
		if (i < COUNT(samples))
			make_survey(&survey, &samples[i]);
		look_at_all(NULL, i < COUNT(samples) ? &survey : NULL);
		for (int j = 0; j < CLASSES * PHASES * 2; j++) {
			struct diagnosis diagnosis = {.class = (enum class)(j / 2 % CLASSES),
						      .phase = (enum phase)(j / 2 / CLASSES),
						      .remote_spoke = j % 2 == 1};

			look_at_all(&diagnosis, i < COUNT(samples) ? &survey : NULL);
		}
	}
	assert_true(verdict_rows() <= COUNT(rows_reached));
	for (size_t i = 0; i < verdict_rows(); i++) {
		if (!rows_reached[i])
			print_message("row %zu is never reached\n", i);
		assert_true(rows_reached[i]);
	}
	for (size_t i = 0; i < EVIDENCES; i++) {
		if (!evidence_seen[i])
			print_message("%s is never said\n", evidence_name((enum evidence)i));
		assert_true(evidence_seen[i]);
	}
}

static void test_names(void **state)
{
	enum ability ability = ABILITIES;
	enum evidence evidence = EVIDENCES;

	(void)state;
	for (enum ability i = 0; i < ABILITIES; i++) {
		assert_true(ability_find(ability_name(i), &ability));
		assert_int_equal(ability, i);
	}
	for (enum evidence i = 0; i < EVIDENCES; i++) {
		assert_true(evidence_find(evidence_name(i), &evidence));
		assert_int_equal(evidence, i);
	}
	assert_false(ability_find("receive", &ability));
	assert_false(evidence_find("", &evidence));
	assert_int_equal(evidence, EVIDENCES - 1);
	assert_string_equal(verdict_name(VERDICT_UNKNOWN), "unknown");
	assert_string_equal(verdict_name(VERDICT_PASS), "pass");
	assert_string_equal(verdict_name(VERDICT_FAIL), "fail");
	assert_string_equal(own_records_name(OWN_RECORDS_WRONG), "wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deliver),
		cmocka_unit_test(test_survey_and_outcome),
		cmocka_unit_test(test_every_class_in_every_phase),
		cmocka_unit_test(test_failed_without_diagnosis),
		cmocka_unit_test(test_every_input_has_a_verdict_and_every_row_a_use),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
