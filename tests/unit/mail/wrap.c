// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Lines for people: what is short stays, what is long is folded, nothing is lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/wrap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TEN          "123456789 "
#define SEVENTY      TEN TEN TEN TEN TEN TEN TEN
#define SOLID        "1234567890"
#define SOLID70      SOLID SOLID SOLID SOLID SOLID SOLID SOLID

static void test_known(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{"", ""},
		{"a", "a\n"},
		{"a\n", "a\n"},
		{"a\n\n-- \nb\n", "a\n\n-- \nb\n"},
		{SEVENTY "123456", SEVENTY "123456\n"}, // exactly 76
		{SEVENTY "1234567", "123456789 123456789 123456789 123456789 123456789 123456789 "
				    "123456789\n1234567\n"},
		{SEVENTY "12 34567", SEVENTY "12\n34567\n"},
		{"  " SEVENTY "12345", "  123456789 123456789 123456789 123456789 123456789 "
				       "123456789 123456789\n  12345\n"},
		{"Reason: " SEVENTY "x", "Reason: 123456789 123456789 123456789 123456789 "
					 "123456789 123456789\n  123456789 x\n"},
		{SOLID70 SOLID, SOLID70 "123456\n7890\n"},
		{"X: " SOLID70 SOLID, "X:\n  " SOLID70 "1234\n  567890\n"},
		{SEVENTY "12      34567", SEVENTY "12\n34567\n"},
		{SEVENTY "123456    ", SEVENTY "123456\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = buf_make(1000);

		wrap_text(&out, rows[i].text, strlen(rows[i].text));
		assert_string_equal(buf_string(&out), rows[i].expect);
		buf_free(&out);
	}
}

// Columns are characters, and no character is cut.
static void test_utf8(void **state)
{
	struct buf text = buf_make(1000), out = buf_make(1000);

	(void)state;
	for (int i = 0; i < 76; i++)
		buf_adds(&text, "\xc5\xbe");
	wrap_text(&out, text.data, text.len);
	assert_int_equal(out.len, text.len + 1);
	buf_clear(&out);
	buf_adds(&text, "\xe6\x97\xa5");
	wrap_text(&out, text.data, text.len);
	assert_int_equal(out.data[76 * 2], '\n');
	assert_string_equal(out.data + 76 * 2 + 1, "\xe6\x97\xa5\n");
	buf_free(&text);
	buf_free(&out);
}

// Any text: no line too long, and the same but for blanks and line ends.
static void test_random(void **state)
{
	static const char octets[] = "abc::  \t\xc5\xbe\n";
	uint32_t random = 7;
	char text[700];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct buf out = buf_make(5000);
		size_t len = (size_t)i % sizeof(text), at = 0, column = 0;

		for (size_t j = 0; j < len; j++) {
			random = random * 1664525 + 1013904223;
			text[j] = octets[(random >> 16) % (sizeof(octets) - (i % 2 ? 1 : 2))];
		}
		wrap_text(&out, text, len);
		for (size_t j = 0; j < out.len; j++) {
			column = out.data[j] == '\n' ? 0 : column + ((out.data[j] & 0xc0) != 0x80);
			assert_true(column <= WRAP_WIDTH);
			if (strchr(" \t\n", out.data[j]) != NULL)
				continue;
			while (at < len && strchr(" \t\n", text[at]) != NULL)
				at++;
			assert_true(at < len && text[at++] == out.data[j]);
		}
		while (at < len && strchr(" \t\n", text[at]) != NULL)
			at++;
		assert_int_equal(at, len);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
