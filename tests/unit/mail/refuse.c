// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/refuse: each reason not to answer, by the line of the requirements that asks for it; and the
// collected messages of other autoresponders' tests, where they are at hand ($POSTSIX_CORPORA, else
// ../shared/corpora).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/refuse.h"

#define OUR_ID "20161027.abc@six.test"
#define PLAIN  "From: Somebody <a@good.test>\nMessage-ID: <1@good.test>\n"

// One message and what is wanted: the row that refuses it, or NULL for an answer to the sender.
struct sample {
	const char *row;
	const char *sender;
	const char *header;
};

// A header's fields as intake would hand them over: unfolded, trimmed, none that facts_wants() does
// not name.
static struct facts facts_make(const char *header)
{
	struct facts facts = {.fields = mem_new(FACTS_FIELDS_MAX, sizeof *facts.fields)};
	char *copy = mem_strdup(header), *rest = copy;
	char *value;

	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		while (rest != NULL && (*rest == ' ' || *rest == '\t')) {
			rest[-1] = ' ';
			strsep(&rest, "\n");
		}
		value = strchr(line, ':');
		if (value == NULL)
			continue;
		*value++ = '\0';
		facts.n_received += text_equals_nocase(line, "Received");
		if (!facts_wants(line))
			continue;
		facts.fields[facts.n_fields].name = mem_strdup(line);
		facts.fields[facts.n_fields++].value = mem_strdup(value + strspn(value, " \t"));
	}
	free(copy);
	return facts;
}

static bool is_our_id(void *arg, const char *id)
{
	(void)arg;
	return strcmp(id, OUR_ID) == 0;
}

static const char *row_name(const struct refuse_row *row)
{
	return row != NULL ? row->name : "answered";
}

// Asks about one message; the requester's address must be the sender's where it is answered.
static const char *ask(const struct facts *facts, const char *sender, const char *recipient,
		       const char *own_domain)
{
	struct envelope envelope = {.sender = mem_strdup(sender),
				    .recipient = mem_strdup(recipient),
				    .original_recipient = mem_strdup("")};
	struct refuse_input input = {
		.envelope = &envelope, .facts = facts, .n_own = 1, .is_own_message_id = is_our_id};
	struct addr requester = {0}, wanted;
	const struct refuse_row *row;
	const char *detail = NULL;
	struct domain own;

	assert_null(domain_parse(own_domain, strlen(own_domain), &own));
	input.own = &own;
	row = refuse_find(&input, &requester, &detail);
	assert_non_null(detail);
	if (row == NULL) {
		assert_null(addr_parse(sender, strlen(sender), &wanted));
		assert_true(addr_equals(&requester, &wanted));
		assert_string_equal(detail, "");
	} else {
		assert_string_equal(requester.local, "");
		assert_true(*detail != '\0' || strcmp(row->name, "auto-submitted") == 0);
	}
	envelope_free(&envelope);
	return row_name(row);
}

static void check(const struct sample *samples, size_t n)
{
	struct facts facts;
	const char *row;

	for (size_t i = 0; i < n; i++) {
		facts = facts_make(samples[i].header);
		row = ask(&facts, samples[i].sender, "test@six.test", "six.test");
		if (strcmp(row, samples[i].row != NULL ? samples[i].row : "answered") != 0)
			print_message("sample %zu: <%s> %s\n", i, samples[i].sender,
				      samples[i].header);
		assert_string_equal(row, samples[i].row != NULL ? samples[i].row : "answered");
		facts_free(&facts);
	}
}

#define CHECK(samples) check(samples, sizeof samples / sizeof *samples)

static void test_A1_answers_people(void **state)
{
	static const struct sample samples[] = {
		{NULL, "a@good.test", PLAIN},
		{NULL, "<a@good.test>", PLAIN},
		{NULL, "\"a b\"@good.test", PLAIN},
		{NULL, "a@[IPv6:2001:db8::1]", PLAIN},
		{NULL, "\xc3\xa9@good.test", PLAIN},
		{NULL, "postmaster@good.test", PLAIN},
		{NULL, "noreply@good.test", PLAIN},
		{NULL, "a@good.test", PLAIN "Reply-To: b@six.test\nTo: c@else.test\n"},
	};

	(void)state;
	CHECK(samples);
}

static void test_A2_A3_auto_submitted(void **state)
{
	static const struct sample samples[] = {
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted: auto-replied\n"},
		{"auto-submitted", "a@good.test", PLAIN "auto-submitted: AUTO-GENERATED\n"},
		{"auto-submitted", "a@good.test",
		 PLAIN "Auto-Submitted: auto-notified; owner-email=\"x\"\n"},
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted: (no) x-strange\n"},
		{"auto-submitted", "a@good.test",
		 PLAIN "Auto-Submitted: no\nAuto-Submitted: yes\n"},
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted:\n auto-replied\n"},
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted: no (never closed\n"},
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted: nothing\n"},
		{"auto-submitted", "a@good.test", PLAIN "Auto-Submitted:\n"},
		{NULL, "a@good.test", PLAIN "Auto-Submitted: no\n"},
		{NULL, "a@good.test", PLAIN "Auto-Submitted: No; x=y\n"},
		{NULL, "a@good.test", PLAIN "Auto-Submitted: (a\n person) no (really)\n"},
	};

	(void)state;
	CHECK(samples);
}

static void test_A4_null_sender(void **state)
{
	static const struct sample samples[] = {
		{"null-sender", "", PLAIN},
		{"null-sender", "<>", PLAIN},
	};

	(void)state;
	CHECK(samples);
}

static void test_A4_bad_sender(void **state)
{
	static const struct sample samples[] = {
		{"bad-sender", "#@[]", PLAIN},
		{"bad-sender", "somebody", PLAIN},
		{"bad-sender", "a@", PLAIN},
		{"bad-sender", "@good.test", PLAIN},
		{"bad-sender", "a b@good.test", PLAIN},
		{"bad-sender", "a@good.test\r\nRCPT", PLAIN},
	};

	(void)state;
	CHECK(samples);
}

static void test_A5_B1_system_sender(void **state)
{
	static const struct sample samples[] = {
		{"system-sender", "MAILER-DAEMON@good.test", PLAIN},
		{"system-sender", "mailer-daemonx@good.test", PLAIN},
		{"system-sender", "mailer_daemon@good.test", PLAIN},
		{"system-sender", "LISTSERV@good.test", PLAIN},
		{"system-sender", "Majordomo@good.test", PLAIN},
		{"system-sender", "owner-list@good.test", PLAIN},
		{"system-sender", "list-owner@good.test", PLAIN},
		{"system-sender", "list-request@good.test", PLAIN},
		{"system-sender", "\"list-request\"@good.test", PLAIN},
		{"system-sender", "list-bounces+a=b.test@good.test", PLAIN},
		{"system-sender", "list-bounce@good.test", PLAIN},
		{"system-sender", "x-relay@good.test", PLAIN},
		{"system-sender", "bounces+1@good.test", PLAIN},
		{NULL, "owner@good.test", PLAIN},
		{NULL, "request@good.test", PLAIN},
		{NULL, "a+list-request@good.test", PLAIN},
		{NULL, "a@mailer-daemon.test", PLAIN},
	};

	(void)state;
	CHECK(samples);
}

static void test_A6_malformed(void **state)
{
	static const struct sample samples[] = {
		{"malformed", "a@good.test", "To: test@six.test\n"},
		{"malformed", "a@good.test", PLAIN "From: b@good.test\n"},
		{NULL, "a@good.test", "From: somebody\n"},
		{NULL, "a@good.test", PLAIN "Message-ID: <2@good.test>\nSubject: x\nSubject: y\n"},
	};
	struct facts facts = facts_make(PLAIN);

	(void)state;
	CHECK(samples);
	facts.header_cut = true;
	assert_string_equal(ask(&facts, "a@good.test", "test@six.test", "six.test"), "malformed");
	facts_free(&facts);
	facts.unparsable = mem_strdup("the parser died");
	assert_string_equal(ask(&facts, "a@good.test", "test@six.test", "six.test"), "unparsable");
	facts_free(&facts);
}

static void test_A8_B1_lists(void **state)
{
	static const char *const names[] = {
		"List-Id",    "List-Help",    "List-Subscribe", "List-Unsubscribe", "List-Post",
		"List-Owner", "LIST-ARCHIVE", "Mailing-List",   "X-Mailing-List",   "x-ml-name"};
	static const struct sample precedence[] = {
		{"precedence", "a@good.test", PLAIN "Precedence: junk\n"},
		{"precedence", "a@good.test", PLAIN "Precedence: Bulk (x)\n"},
		{"precedence", "a@good.test", PLAIN "Precedence: first-class\nPrecedence: list\n"},
		{"precedence", "a@good.test", PLAIN "Precedence: auto_reply\n"},
		{NULL, "a@good.test", PLAIN "Precedence: other\n"},
		{NULL, "a@good.test", PLAIN "Precedence: special-delivery\n"},
	};
	char header[200];

	(void)state;
	CHECK(precedence);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(header, sizeof header, PLAIN "%s: x\n", names[i]);
		check(&(struct sample){"list", "a@good.test", header}, 1);
	}
}

static void test_A8_marks_of_machines(void **state)
{
	static const struct sample samples[] = {
		{"auto-response-suppress", "a@good.test", PLAIN "X-Auto-Response-Suppress: All\n"},
		{"auto-response-suppress", "a@good.test", PLAIN "X-Auto-Response-Suppress: oof\n"},
		{"auto-response-suppress", "a@good.test",
		 PLAIN "X-Auto-Response-Suppress: DR, OOF,\tRN\n"},
		{"auto-response-suppress", "a@good.test",
		 PLAIN "X-Auto-Response-Suppress: DR;AutoReply\n"},
		{NULL, "a@good.test", PLAIN "X-Auto-Response-Suppress: DR, RN, NRN, None\n"},
		{"autoreply", "a@good.test", PLAIN "X-Autoreply: yes\n"},
		{"autoreply", "a@good.test", PLAIN "X-AutoRespond: Re\n"},
		{"autoreply", "a@good.test", PLAIN "X-Autoresponse: x\n"},
	};

	(void)state;
	CHECK(samples);
}

static void test_C1_reports(void **state)
{
	struct facts facts = facts_make(PLAIN);

	(void)state;
	facts.is_report = true;
	assert_string_equal(ask(&facts, "a@good.test", "test@six.test", "six.test"), "report");
	facts_free(&facts);
}

static void test_D3_too_many_hops(void **state)
{
	char header[4000] = PLAIN;
	struct facts facts;

	(void)state;
	for (int i = 0; i < REFUSE_HOPS_MAX - 1; i++)
		strcat(header, "Received: from a\n by b\n");
	facts = facts_make(header);
	assert_string_equal(ask(&facts, "a@good.test", "test@six.test", "six.test"), "answered");
	facts.n_received++;
	assert_string_equal(ask(&facts, "a@good.test", "test@six.test", "six.test"),
			    "too-many-hops");
	facts_free(&facts);
}

static void test_fault_21_loops(void **state)
{
	static const struct sample samples[] = {
		{"own-domain", "test@six.test", PLAIN},
		{"own-domain", "anybody@SIX.test", PLAIN},
		{"own-domain", "root@mx.six.test", PLAIN},
		{NULL, "a@notsix.test", PLAIN},
		{NULL, "a@six.test.good.test", PLAIN},
		{"loop", "a@good.test", PLAIN "Delivered-To: test@six.test\n"},
		{"loop", "a@good.test",
		 PLAIN "Delivered-To: x@y.test\nDelivered-To: <test@SIX.TEST>\n"},
		{NULL, "a@good.test", PLAIN "Delivered-To: a@good.test\n"},
		{"loop", "a@good.test", PLAIN "X-Loop: contact@six.test\n"},
		{NULL, "a@good.test", PLAIN "X-Loop: a@good.test\n"},
		{"loop", "a@good.test", PLAIN "In-Reply-To: <" OUR_ID ">\n"},
		{"loop", "a@good.test", PLAIN "References: <1@x.test>\n <" OUR_ID "> <2@x.test>\n"},
		{"loop", "a@good.test", PLAIN "References: <<" OUR_ID ">\n"},
		{"loop", "a@good.test", "From: a@good.test\nMessage-ID: <" OUR_ID ">\n"},
		{NULL, "a@good.test", PLAIN "References: <x" OUR_ID "> <\n"},
	};

	(void)state;
	CHECK(samples);
}

static void test_rows_are_named_once(void **state)
{
	const struct refuse_row *rows = refuse_rows();

	(void)state;
	for (size_t i = 0; rows[i].name != NULL; i++) {
		assert_non_null(rows[i].section);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rows[i].name, rows[j].name);
	}
}

// ---- the autoresponders' corpus: file, case, env_from, env_to, env_orig_to, expect, note, … ----

enum column {
	FILE_NAME,
	CASE,
	SENDER,
	RECIPIENT,
	ORIGINAL,
	EXPECT,
	NOTE,
	COLUMNS
};

// Rows that bind a personal responder, or that are about limits and not about the message
// (doc/RFC-NOTES.md).
static bool is_exception(char *const row[COLUMNS])
{
	return strcmp(row[EXPECT], "no-reply") == 0 &&
	       (strstr(row[NOTE], "personal-responder rule") || strstr(row[NOTE], "rate limit"));
}

// Pigeonhole takes the sender from the header where its test sets none.
static const char *sender_of(char *const row[COLUMNS], const struct facts *facts, char *dst,
			     size_t size)
{
	const char *from = facts_field(facts, "From", 0);
	const char *start;

	if (*row[SENDER] != '\0' || strncmp(row[FILE_NAME], "pigeonhole/", 11) != 0 || from == NULL)
		return row[SENDER];
	start = strchr(from, '<');
	snprintf(dst, size, "%s", start != NULL ? start : from);
	return dst;
}

static char *slurp(const char *folder, const char *name)
{
	char path[4096];
	char *text = mem_new(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof path, "%s/autoresponder/%s", folder, name);
	file = fopen(path, "r");
	if (file == NULL) {
		free(text);
		return NULL;
	}
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

// True where our answer is the corpus's; "must-not-fail" takes either.
static bool row_agrees(const char *folder, char *const row[COLUMNS])
{
	char *text = slurp(folder, row[FILE_NAME]);
	struct facts facts;
	char from[500];
	const char *name, *to = *row[RECIPIENT] != '\0' ? row[RECIPIENT] : "test@six.test";
	// whose domain the test takes for ours: only where it says that the sender is one of our
	// addresses
	const char *own =
		strstr(row[CASE], "No reply to own") || strstr(row[CASE], "to alternative")
			? "example.com"
			: "six.test";

	assert_non_null(text);
	if (strstr(row[NOTE], "own Delivered-To") != NULL)
		to = "somebody"; // the upstream test's environment says so
	facts = facts_make(text);
	name = ask(&facts, sender_of(row, &facts, from, sizeof from), to, own);
	facts_free(&facts);
	free(text);
	print_message("# %s %s: %s\n", row[FILE_NAME], row[EXPECT], name);
	return strcmp(row[EXPECT], "must-not-fail") == 0 ||
	       (strcmp(name, "answered") == 0) == (strcmp(row[EXPECT], "reply") == 0);
}

static void test_fault_33_autoresponder_corpus(void **state)
{
	const char *folder = getenv("POSTSIX_CORPORA") ?: "../shared/corpora";
	char *table = slurp(folder, "expected.tsv"), *rest = table;
	size_t n_rows = 0, n_exceptions = 0, n_wrong = 0;
	char *row[COLUMNS];

	(void)state;
	if (table == NULL) {
		print_message("# skipped: no corpora in %s\n", folder);
		skip();
	}
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line == '\0' || *line == '#' || strncmp(line, "file\t", 5) == 0)
			continue;
		for (size_t i = 0; i < COLUMNS; i++)
			row[i] = strsep(&line, "\t") ?: "";
		n_rows++;
		if (is_exception(row))
			n_exceptions++;
		else
			n_wrong += !row_agrees(folder, row);
	}
	free(table);
	print_message("# %zu rows, %zu exceptions, %zu differ\n", n_rows, n_exceptions, n_wrong);
	assert_int_equal(n_wrong, 0);
	assert_int_equal(n_rows, 79);
	assert_int_equal(n_exceptions, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A1_answers_people),
		cmocka_unit_test(test_A2_A3_auto_submitted),
		cmocka_unit_test(test_A4_null_sender),
		cmocka_unit_test(test_A4_bad_sender),
		cmocka_unit_test(test_A5_B1_system_sender),
		cmocka_unit_test(test_A6_malformed),
		cmocka_unit_test(test_A8_B1_lists),
		cmocka_unit_test(test_A8_marks_of_machines),
		cmocka_unit_test(test_C1_reports),
		cmocka_unit_test(test_D3_too_many_hops),
		cmocka_unit_test(test_fault_21_loops),
		cmocka_unit_test(test_rows_are_named_once),
		cmocka_unit_test(test_fault_33_autoresponder_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
