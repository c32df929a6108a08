// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// when: times that people write, and how they are shown.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/when.h"

#define NOW INT64_C(1795460400) // 2026-11-23T19:00:00Z

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t want; // -1: refused
	} cases[] = {
		{"2026-11-23", 1795392000},
		{"2026-11-23T19:00", NOW},
		{"2026-11-23T19:00:07", NOW + 7},
		{"2026-11-23T19:00:07Z", NOW + 7},
		{"7d", NOW - 7 * 86400},
		{"24h", NOW - 86400},
		{"9999w", 0},
		{"2024-02-29", 1709164800},
		{"2026-02-29", -1},
		{"2026-13-01", -1},
		{"2026-11-23T24:00", -1},
		{"2026-11-23 19:00", -1},
		{"2026-11-23x", -1},
		{"1969-12-31", -1},
		{"77", -1}, // of what?
		{"", -1},
		{"yesterday", -1},
		{"-7d", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t time = -1;
		const char *fault = when_parse(cases[i].text, NOW, &time);

		assert_true((fault == NULL) == (cases[i].want >= 0));
		assert_int_equal(time, cases[i].want);
	}
}

static void test_text(void **state)
{
	char text[WHEN_SIZE];

	(void)state;
	assert_string_equal(when_text(text, NOW), "2026-11-23T19:00:00Z");
	assert_string_equal(when_text(text, 0), "-");
	assert_string_equal(when_text(text, -5), "-");
	assert_string_equal(when_text(text, INT64_MAX), "-");
	assert_string_equal(when_age(text, -3), "0 s");
	assert_string_equal(when_age(text, 119), "119 s");
	assert_string_equal(when_age(text, 7199), "119 min");
	assert_string_equal(when_age(text, 86400), "24 h");
	assert_string_equal(when_age(text, 3 * 86400), "3 d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
