// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// base/scrub: any bytes become UTF-8 of the same length.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/scrub.h"
#include "base/text.h"

static const struct {
	const char *bytes;
	size_t len;
	const char *want;
} rows[] = {
	{"", 0, ""},
	{"plain", 5, "plain"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88", 14,
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88"},
	{"caf\xe9", 4, "caf\x1a"},
	{"\xc3", 1, "\x1a"},                 // cut
	{"\xe2\x82 x", 4, "\x1a\x1a x"},     // cut in the middle
	{"\xc0\xaf", 2, "\x1a\x1a"},         // overlong
	{"\xed\xa0\x80", 3, "\x1a\x1a\x1a"}, // a surrogate
	{"\xf4\x90\x80\x80", 4, "\x1a\x1a\x1a\x1a"},
	{"a\0b", 3,
	 "a\x1a"
	 "b"},
	{"\xff\xc3\xa9", 3, "\x1a\xc3\xa9"},
};

static void test_scrub(void **state)
{
	char bytes[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(bytes, rows[i].bytes, rows[i].len + 1);
		scrub_utf8(bytes, rows[i].len);
		assert_string_equal(bytes, rows[i].want);
		assert_int_equal(strlen(bytes), rows[i].len);
		assert_true(text_is_utf8(bytes, rows[i].len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_scrub)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
