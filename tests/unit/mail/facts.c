// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// facts: which header fields leave the parser (RELIABILITY A2, A8, B1), and how they are found
// again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mail/facts.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void test_B1_wants(void **state)
{
	static const char *const rows[] = {
		"From",
		"from",
		"FROM",
		"Sender",
		"Reply-To",
		"To",
		"Cc",
		"Date",
		"Message-ID",
		"Message-Id",
		"In-Reply-To",
		"References",
		"Subject",
		"Content-Type",
		"Return-Path",
		"Auto-Submitted",
		"Auto-submitted",
		"Precedence",
		"X-Auto-Response-Suppress",
		"X-Autoreply",
		"X-Autorespond",
		"X-Autoresponse",
		"X-Loop",
		"Delivered-To",
		"List-Id",
		"List-ID",
		"List-Help",
		"List-Subscribe",
		"List-Unsubscribe",
		"List-Unsubscribe-Post",
		"List-Post",
		"List-Owner",
		"List-Archive",
		"Mailing-List",
		"X-Mailing-List",
		"X-ML-Name",
		"x-ml-name",
		"Feedback-ID",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (!facts_wants(rows[i]))
			fail_msg("not wanted: %s", rows[i]);
	}
}

static void test_wants_nothing_else(void **state)
{
	static const char *const rows[] = {
		"",       "Received",       "X-Spam-Flag",
		"Bcc",    "DKIM-Signature", "Authentication-Results",
		"List",   "List-",          "List-Foo",
		"Fro",    "From ",          "Froms",
		"X-From", "MIME-Version",   "X-Mailer",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (facts_wants(rows[i]))
			fail_msg("wanted: %s", rows[i]);
	}
}

static struct facts made(void)
{
	static const char *const fields[][2] = {
		{"From", "a@b.test"}, {"Received", "1"}, {"FROM", "c@d.test"},
		{"received", ""},     {"X", "y"},
	};
	struct facts facts = {.n_fields = LEN(fields)};

	facts.fields = mem_new(LEN(fields), sizeof(*facts.fields));
	for (size_t i = 0; i < LEN(fields); i++) {
		facts.fields[i].name = mem_strdup(fields[i][0]);
		facts.fields[i].value = mem_strdup(fields[i][1]);
	}
	return facts;
}

static void test_finds_the_nth(void **state)
{
	struct facts facts = made();
	struct facts none = {0};

	(void)state;
	assert_string_equal(facts_field(&facts, "from", 0), "a@b.test");
	assert_string_equal(facts_field(&facts, "From", 1), "c@d.test");
	assert_null(facts_field(&facts, "From", 2));
	assert_string_equal(facts_field(&facts, "Received", 1), "");
	assert_string_equal(facts_field(&facts, "x", 0), "y");
	assert_null(facts_field(&facts, "Sender", 0));
	assert_null(facts_field(&none, "From", 0));
	facts_free(&facts);
}

// The leak checker of the sanitizer build is the witness.
static void test_free_takes_all(void **state)
{
	struct facts facts = made();

	(void)state;
	facts.unparsable = mem_strdup("why");
	facts.subject = mem_strdup("subject");
	facts.report_text = mem_strdup("text");
	facts.status_part = mem_strdup("part");
	facts.returned = mem_strdup("header");
	facts.returned_id = mem_strdup("id");
	facts.dsn.recipients = mem_new(1, sizeof(*facts.dsn.recipients));
	facts.dsn.n_recipients = 1;
	facts.has_dsn = true;
	facts_free(&facts);
	assert_int_equal(facts.n_fields, 0);
	assert_null(facts.fields);
	assert_null(facts.subject);
	assert_null(facts.dsn.recipients);
	facts_free(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_B1_wants),
		cmocka_unit_test(test_wants_nothing_else),
		cmocka_unit_test(test_finds_the_nth),
		cmocka_unit_test(test_free_takes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
