// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// canon: relaxed header fields, and which of them a signature covers (RFC 6376
// sections 3.4.2, 3.4.5, 5.4.2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "mail/canon.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_relaxed_fields(void **state)
{
	static const struct {
		const char *field, *want;
	} rows[] = {
		{"A: X", "a:X"}, // the examples of section 3.4.5
		{"B : Y\t\r\n\tZ  ", "b:Y Z"},
		{"Subject: a\r\n b\r\n\t c", "subject:a b c"},
		{"Subject:   ", "subject:"},
		{"Subject:", "subject:"},
		{"X-Y\t :z: y", "x-y:z: y"},
		{"To: \xc3\x89\xc3\xa9", "to:\xc3\x89\xc3\xa9"},
		{"DKIM-Signature: a;\r\n\tb=", "dkim-signature:a; b="},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = buf_make(1000);

		canon_field(&out, rows[i].field, strlen(rows[i].field));
		assert_string_equal(buf_string(&out), rows[i].want);
		buf_free(&out);
	}
}

static void test_fields_of_a_signature(void **state)
{
	static const char message[] = "Received: 1\r\nreceived: 2\r\nReceived : 3\r\n x\r\n"
				      "From: a\r\nFromage: b\r\n\r\nTo: in the body\r\n";
	static const struct {
		const char *names, *want;
	} rows[] = {
		{"From", "from:a\r\n"},
		{"from:FROM", "from:a\r\n"}, // oversigned
		{"Received:From:Received", "received:3 x\r\nfrom:a\r\nreceived:2\r\n"},
		{"Received:\r\n\t Received:received:received",
		 "received:3 x\r\nreceived:2\r\nreceived:1\r\n"},
		{"To:Fro:Fromage", "fromage:b\r\n"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = buf_make(1000);

		canon_header(&out, message, rows[i].names, strlen(rows[i].names));
		assert_string_equal(buf_string(&out), rows[i].want);
		buf_free(&out);
	}
}

static void test_field_lengths(void **state)
{
	(void)state;
	assert_int_equal(canon_field_len("A: b\r\n\r\n"), 4);
	assert_int_equal(canon_field_len("A: b\r\n c\r\nD: e\r\n"), 8);
	assert_int_equal(canon_field_len("\r\nbody"), 0);
	assert_int_equal(canon_field_len("A: b"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relaxed_fields),
		cmocka_unit_test(test_fields_of_a_signature),
		cmocka_unit_test(test_field_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
