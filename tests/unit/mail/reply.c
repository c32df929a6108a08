// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/reply: codes inside sentences, and replies of several lines that became one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/reply.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_finding(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *status;
	} rows[] = {
		{"550 5.1.1 no", 550, "5.1.1"},
		{"smtp; 550 5.1.1 no", 550, "5.1.1"},
		{"smtp; 550-5.7.25 no", 550, "5.7.25"},
		{"smtp; 550 no", 550, ""},
		{"smtp;550: 5.2.2 full", 550, "5.2.2"},
		{"host mx.x.test[192.0.2.1] said: 450 4.2.0 later", 450, "4.2.0"},
		{"remote host said 552 5.2.2 full", 552, "5.2.2"},
		{"remote server returned '550 5.1.10 not found'", 550, "5.1.10"},
		{"did not like our rcpt to:550 5.1.1 no", 550, "5.1.1"},
		{"[smtp error code 550]", 550, ""},
		{"<<< 553 sorry (#5.1.2)", 553, "5.1.2"},
		{"sorry, no mailbox here. (#5.1.1)", 0, "5.1.1"},
		{"5.1.0 - unknown '5.2.2 full'", 0, "5.1.0"},
		{"smtp; 5.2.2 full", 0, "5.2.2"},
		// numbers that are none
		{"after 450 seconds", 0, ""},
		{"smtp; 5501 5.7.25 no", 0, ""},
		{"connect to mx.x.test[192.0.2.1]:25: refused", 0, ""},
		{"smtp; 250 2.0.0 ok", 0, ""},
		{"version: 5.7.100.1", 0, ""},
		{"[550.1.2.3] no", 0, ""},
		{"(580 years) 480/2", 0, ""},
		{"", 0, ""},
	};
	char text[STATUS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reply reply = {0};

		reply_find(rows[i].text, &reply);
		if (reply.code != rows[i].code)
			print_message("%s\n", rows[i].text);
		assert_int_equal(reply.code, rows[i].code);
		assert_string_equal(status_text(text, reply.status), rows[i].status);
	}
}

static void test_joining(void **state)
{
	static const struct {
		const char *text, *joined;
	} rows[] = {
		{"550-5.7.1 due to its domain's 550-5.7.1 dmarc policy. 550 5.7.1 see there",
		 "550 5.7.1 due to its domain's dmarc policy. see there"},
		{"smtp; 550-user 550 unknown", "smtp; 550 user unknown"},
		// another reply is another reply
		{"550 5.1.1 no 503 5.5.1 rcpt first 550 5.1.1 no",
		 "550 5.1.1 no 503 5.5.1 rcpt first 550 5.1.1 no"},
		{"550-a 554 b", "550 a 554 b"},
		{"550-a 550 b 550 c", "550 a b 550 c"}, // it ended with b
		{"no reply", "no reply"},
		{"550-", "550 "},
		{"", ""},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		strcpy(text, rows[i].text);
		assert_int_equal(reply_join(text, strlen(text)), strlen(rows[i].joined));
		assert_string_equal(text, rows[i].joined);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_joining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
