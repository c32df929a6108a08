// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/dsn: delivery-status parts as the RFCs have them and as strangers write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/dsn.h"

static struct dsn parse(const char *text)
{
	struct dsn dsn;

	dsn_parse(text, strlen(text), &dsn);
	return dsn;
}

// What postfix-v6 says of the talk's probe.
static const char postfix[] =
	"Reporting-MTA: dns; mx.six.test\n"
	"X-Postfix-Queue-ID: 4Xy\n"
	"X-Postfix-Sender: rfc822; bounce+abc@six.test\n"
	"Arrival-Date: Thu, 27 Oct 2016 10:00:00 +0200 (CEST)\n"
	"Original-Envelope-Id: abcDEF\n"
	"\n"
	"Final-Recipient: rfc822; user@v4only.test\n"
	"Original-Recipient: rfc822;user@v4only.test\n"
	"Action: failed\n"
	"Status: 5.4.4\n"
	"Diagnostic-Code: X-Postfix; Host or domain name not found. Name service\n"
	"    error for name=mx.v4only.test type=AAAA: Host found but no data record\n"
	"    of requested type\n";

static void test_C4_per_message_fields(void **state)
{
	struct dsn dsn = parse(postfix);

	(void)state;
	assert_string_equal(dsn.reporting_mta, "dns; mx.six.test");
	assert_string_equal(dsn.original_envelope_id, "abcDEF");
	assert_string_equal(dsn.arrival_date, "Thu, 27 Oct 2016 10:00:00 +0200 (CEST)");
	assert_string_equal(dsn.received_from_mta, "");
	dsn_free(&dsn);

	dsn = parse("Original-Envelope-Id: first\nOriginal-Envelope-Id: second\nReporting-MTA:\n "
		    "x; y\n");
	assert_string_equal(dsn.original_envelope_id, "first");
	assert_string_equal(dsn.reporting_mta, "x; y");
	assert_int_equal(dsn.n_recipients, 0);
	dsn_free(&dsn);
}

static void test_C8_remote_mta(void **state)
{
	struct dsn dsn = parse(postfix);

	(void)state;
	assert_int_equal(dsn.n_recipients, 1);
	assert_string_equal(dsn.recipients[0].remote_mta, "");
	assert_string_equal(dsn.recipients[0].diagnostic_code,
			    "X-Postfix; Host or domain name not found. Name service error for "
			    "name=mx.v4only.test type=AAAA: Host found but no data record of "
			    "requested type");
	dsn_free(&dsn);
	dsn = parse("Status: 5.1.1\nRemote-MTA: dns; mx.nouser.test\n");
	assert_string_equal(dsn.recipients[0].remote_mta, "dns; mx.nouser.test");
	dsn_free(&dsn);
}

// The same two recipients, however it is written.
static void test_C3_C5_forms(void **state)
{
	static const char *const forms[] = {
		"Reporting-MTA: dns; r\n\nFinal-Recipient: rfc822; a@x\nAction: failed\n\n"
		"Final-Recipient: rfc822; b@x\nAction: delayed\n",
		"\r\n\r\nReporting-MTA: dns; r\r\n\r\n\r\n\r\nFinal-Recipient: rfc822; "
		"a@x\r\nAction: failed\r\n"
		"\r\n\r\nFinal-Recipient: rfc822; b@x\r\nAction: delayed\r\n\r\n\r\n",
		"Reporting-MTA: dns; r\r\rFinal-Recipient: rfc822; a@x\rAction: failed\r\r"
		"Final-Recipient: rfc822; b@x\rAction: delayed",
		"Reporting-MTA: dns; r\r\r\n\r\r\nFinal-Recipient: rfc822; a@x\r\r\nAction: "
		"failed\r\r\n\r\r\n"
		"Final-Recipient: rfc822; b@x\r\r\nAction: delayed\r\r\n",
		"REPORTING-mta:dns;\n r\n\nfinal-recipient:\n\trfc822;\n\t\ta@x\nACTION : FAILED "
		"(so\n it seems)\n\n"
		"FINAL-RECIPIENT:   rfc822;  b@x  \naction:Delayed\t\n",
		"Reporting-MTA: dns; r\n\nAction: failed\nFinal-Recipient: rfc822; a@x\n\n no "
		"continuation\n"
		"Final-Recipient: rfc822; b@x\nAction: delayed\n",
		"Final-Recipient: rfc822; a@x\nReporting-MTA: dns; r\nnonsense\n more\nX-Y: z\n "
		"w\nAction: failed\n"
		"Action: relayed\n\nFinal-Recipient: rfc822; b@x\nAction: delayed\n",
	};
	struct dsn dsn;
	char address[100];

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		dsn = parse(forms[i]);
		assert_int_equal(dsn.n_recipients, 2);
		assert_string_equal(dsn_address(address, sizeof address, dsn.reporting_mta), "r");
		assert_string_equal(
			dsn_address(address, sizeof address, dsn.recipients[0].final_recipient),
			"a@x");
		assert_string_equal(
			dsn_address(address, sizeof address, dsn.recipients[1].final_recipient),
			"b@x");
		assert_int_equal(dsn.recipients[0].action, DSN_ACTION_FAILED);
		assert_int_equal(dsn.recipients[1].action, DSN_ACTION_DELAYED);
		dsn_free(&dsn);
	}
}

static void test_C5_too_many_recipients(void **state)
{
	static char text[100 * 64];
	struct dsn dsn;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 70; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "Final-Recipient: rfc822; u%d@x\nStatus: 5.0.0\n\n", i);
	dsn = parse(text);
	assert_int_equal(dsn.n_recipients, DSN_RECIPIENTS_MAX);
	assert_int_equal(dsn.n_ignored, 70 - DSN_RECIPIENTS_MAX);
	assert_string_equal(dsn.recipients[63].final_recipient, "rfc822; u63@x");
	dsn_free(&dsn);
}

static void test_C6_actions(void **state)
{
	static const struct {
		const char *word;
		enum dsn_action action;
	} table[] = {
		{"failed", DSN_ACTION_FAILED},
		{"Delayed", DSN_ACTION_DELAYED},
		{"DELIVERED", DSN_ACTION_DELIVERED},
		{"relayed", DSN_ACTION_RELAYED},
		{"expanded", DSN_ACTION_EXPANDED},
		{"failed (Bad destination mailbox address)", DSN_ACTION_FAILED},
		{"(sadly) failed", DSN_ACTION_FAILED},
		{"failure", DSN_ACTION_UNKNOWN},
		{"error", DSN_ACTION_UNKNOWN},
		{"expired", DSN_ACTION_UNKNOWN},
		{"deliverable", DSN_ACTION_UNKNOWN},
		{"unknown", DSN_ACTION_UNKNOWN},
		{"failed delayed", DSN_ACTION_UNKNOWN},
		{"fail(x)ed", DSN_ACTION_UNKNOWN},
		{"", DSN_ACTION_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(dsn_action_parse(table[i].word), table[i].action);
	for (int i = DSN_ACTION_FAILED; i <= DSN_ACTION_EXPANDED; i++)
		assert_int_equal(dsn_action_parse(dsn_action_name((enum dsn_action)i)), i);
}

static void test_C7_status(void **state)
{
	static const struct {
		const char *field, *status;
	} table[] = {
		{"5.4.4", "5.4.4"},
		{"4.1.351 (with a comment)", "4.1.351"},
		{"(first) 2.0.0", "2.0.0"},
		{"553 Exceeded maximum inbound message size", ""},
		{"5.1.1.2", ""},
		{"5.1", ""},
		{"", ""},
	};
	char text[200], status[STATUS_TEXT_SIZE];
	struct dsn dsn;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(text, sizeof text, "Action: failed\nStatus: %s\n", table[i].field);
		dsn = parse(text);
		assert_string_equal(dsn.recipients[0].status_text, table[i].field);
		assert_string_equal(status_text(status, dsn.recipients[0].status), table[i].status);
		dsn_free(&dsn);
	}
}

static void test_C10_addresses(void **state)
{
	static const struct {
		const char *field, *address;
	} table[] = {
		{"rfc822; user@good.test", "user@good.test"},
		{"RFC822;<user@good.test>", "user@good.test"},
		{"rfc822; user@good.test (Somebody)", "user@good.test"},
		{"rfc822; \"a; (b)\"@good.test", "\"a; (b)\"@good.test"},
		{"rfc822; a\\x{E9}@good.test", "a\\x{E9}@good.test"},
		{"utf-8; a\\x{E9}@good.test", "a\xc3\xa9@good.test"},
		{"UTF-8 ;\\x{4E2D}\\x{1F600}\\x{5C}\\x{10FFFF}",
		 "\xe4\xb8\xad\xf0\x9f\x98\x80\\\xf4\x8f\xbf\xbf"},
		{"utf-8; \xc3\xa9@good.test", "\xc3\xa9@good.test"},
		// malformed, or not fit to be decoded: kept as it is
		{"utf-8; \\x{}\\x{G}\\x{E9", "\\x{}\\x{G}\\x{E9"},
		{"utf-8; \\x{D800}\\x{110000}\\x{0000E9A}", "\\x{D800}\\x{110000}\\x{0000E9A}"},
		{"utf-8; \\x{0A}\\x{0}\\x{7F}\\x{85}", "\\x{0A}\\x{0}\\x{7F}\\x{85}"},
		{"utf-8; \\x{ E9}\\x{-1}\\x{0x4}", "\\x{ E9}\\x{-1}\\x{0x4}"},
		{"user@good.test", "user@good.test"},
		{"rfc822;", ""},
		{"rfc822; <>", ""},
		{"rfc822; <", "<"},
		{"", ""},
	};
	char address[100];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(dsn_address(address, sizeof address, table[i].field),
				    table[i].address);
	assert_string_equal(dsn_address(address, 5, "rfc822; four"), "four");
	assert_string_equal(dsn_address(address, 5, "rfc822; fives"), "");
}

static void test_C12_xtext(void **state)
{
	char text[20];

	(void)state;
	dsn_xtext(text, sizeof text, "a+b=c d\xc3\xa9~");
	assert_string_equal(text, "a+2Bb+3Dc+20d+C3+A9");
	dsn_xtext(text, 5, "ab+");
	assert_string_equal(text, "ab");
	dsn_xtext(text, 6, "ab+");
	assert_string_equal(text, "ab+2B");
	dsn_xtext(text, 3, "abc");
	assert_string_equal(text, "ab");
}

// Fault 25 and the bounds: any bytes, nothing lost but what is beyond the limit.
static void test_hostile(void **state)
{
	static const char nul[] = "Action: fai\0led\nStatus: 5.0.0\0\n";
	static char big[20000] = "Diagnostic-Code: ";
	struct dsn dsn;

	(void)state;
	dsn_parse(nul, sizeof nul - 1, &dsn);
	assert_string_equal(dsn.recipients[0].action_text, "fai?led");
	assert_int_equal(dsn.recipients[0].status.class, 5);
	dsn_free(&dsn);

	memset(big + strlen(big), 'x', sizeof big - 100);
	dsn_parse(big, sizeof big, &dsn);
	assert_int_equal(strlen(dsn.recipients[0].diagnostic_code), DSN_FIELD_MAX);
	dsn_free(&dsn);

	dsn_parse("", 0, &dsn);
	assert_int_equal(dsn.n_recipients, 0);
	dsn_free(&dsn);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_C3_C5_forms),
		cmocka_unit_test(test_C4_per_message_fields),
		cmocka_unit_test(test_C5_too_many_recipients),
		cmocka_unit_test(test_C6_actions),
		cmocka_unit_test(test_C7_status),
		cmocka_unit_test(test_C8_remote_mta),
		cmocka_unit_test(test_C10_addresses),
		cmocka_unit_test(test_C12_xtext),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
