// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// status: enhanced status codes as strangers write them (RELIABILITY C7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mail/status.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void test_C7_reads(void **state)
{
	static const struct {
		const char *text;
		struct status status;
		const char *back;
	} rows[] = {
		{"5.1.1", {5, 1, 1}, "5.1.1"},
		{"2.0.0", {2, 0, 0}, "2.0.0"},
		{"4.999.999", {4, 999, 999}, "4.999.999"},
		{"  \t5.4.4 (no AAAA)", {5, 4, 4}, "5.4.4"},
		{"5.4.4(no AAAA)", {5, 4, 4}, "5.4.4"},
		{"5.7.25;x", {5, 7, 25}, "5.7.25"},
		{"5.1.1\r\n", {5, 1, 1}, "5.1.1"},
		{"5.1.10 <a@b.test>", {5, 1, 10}, "5.1.10"},
		{"5.001.010", {5, 1, 10}, "5.1.10"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct status status = {0};
		char text[STATUS_TEXT_SIZE];

		if (!status_parse(rows[i].text, &status))
			fail_msg("not read: %s", rows[i].text);
		assert_int_equal(status.class, rows[i].status.class);
		assert_int_equal(status.subject, rows[i].status.subject);
		assert_int_equal(status.detail, rows[i].status.detail);
		assert_ptr_equal(status_text(text, status), text);
		assert_string_equal(text, rows[i].back);
	}
}

static void test_C7_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"5",
		"5.",
		"5.1",
		"5.1.",
		"5..1",
		"5.1.1.1",
		"3.1.1",
		"0.0.0",
		"1.1.1",
		"55.1.1",
		"5.1000.1",
		"5.11111111111111111111.1",
		"5.1.1000",
		"5.1.1.",
		"x5.1.1",
		"-5.1.1",
		"5.-1.1",
		"5.1.-1",
		"5 .1.1",
		"5. 1.1",
		"#5.1.1",
		"553 Exceeded storage allocation",
		"550 5.1.1 no such user",
		"\n5.1.1",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct status status = {9, 9, 9};

		if (status_parse(rows[i], &status))
			fail_msg("read: %s", rows[i]);
		assert_int_equal(status.class + status.subject + status.detail, 27); // untouched
	}
}

static void test_none_is_empty(void **state)
{
	char text[STATUS_TEXT_SIZE] = "x";

	(void)state;
	assert_string_equal(status_text(text, (struct status){0, 1, 1}), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_C7_reads),
		cmocka_unit_test(test_C7_refuses),
		cmocka_unit_test(test_none_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
