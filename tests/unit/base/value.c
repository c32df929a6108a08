// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// value: numbers, durations and sizes as a configuration has them; each fault has its sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/value.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define NO_NUMBER "a number is wanted"
#define TOO_LARGE "the number is too large"
#define DIGITS    "only digits are wanted"
#define D_UNIT    "the unit must be s, min, h, d or w"
#define S_UNIT    "the unit must be k, M or G"

struct row {
	const char *(*read)(const char *, int64_t *);
	const char *text;
	const char *fault; // NULL: value
	int64_t value;
};

static const struct row rows[] = {
	{value_number, "0", NULL, 0},
	{value_number, "12", NULL, 12},
	{value_number, "0012", NULL, 12},
	{value_number, "9223372036854775807", NULL, INT64_MAX},
	{value_number, "9223372036854775808", TOO_LARGE, 0},
	{value_number, "99999999999999999999999999", TOO_LARGE, 0},
	{value_number, "92233720368547758070", TOO_LARGE, 0},
	{value_number, "", NO_NUMBER, 0},
	{value_number, " 1", NO_NUMBER, 0},
	{value_number, "-1", NO_NUMBER, 0},
	{value_number, "+1", NO_NUMBER, 0},
	{value_number, "x", NO_NUMBER, 0},
	{value_number, "1 ", DIGITS, 0},
	{value_number, "1s", DIGITS, 0},
	{value_number, "1.5", DIGITS, 0},
	{value_number, "0x10", DIGITS, 0},

	{value_duration, "0", NULL, 0},
	{value_duration, "90", NULL, 90},
	{value_duration, "90s", NULL, 90},
	{value_duration, "2min", NULL, 120},
	{value_duration, "2m", NULL, 120},
	{value_duration, "4h", NULL, 14400},
	{value_duration, "5d", NULL, 432000},
	{value_duration, "2w", NULL, 1209600},
	{value_duration, "15250284452471w", NULL, INT64_C(15250284452471) * 604800},
	{value_duration, "15250284452472w", TOO_LARGE, 0},
	{value_duration, "1y", D_UNIT, 0},
	{value_duration, "1 h", D_UNIT, 0},
	{value_duration, "1H", D_UNIT, 0},
	{value_duration, "1h30min", D_UNIT, 0},
	{value_duration, "h", NO_NUMBER, 0},

	{value_size, "512", NULL, 512},
	{value_size, "16k", NULL, 16384},
	{value_size, "1M", NULL, 1048576},
	{value_size, "3G", NULL, INT64_C(3221225472)},
	{value_size, "8589934591G", NULL, INT64_C(8589934591) << 30},
	{value_size, "8589934592G", TOO_LARGE, 0},
	{value_size, "1K", S_UNIT, 0},
	{value_size, "1m", S_UNIT, 0},
	{value_size, "1kB", S_UNIT, 0},
	{value_size, "M", NO_NUMBER, 0},
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t value = -77;
		const char *fault = rows[i].read(rows[i].text, &value);

		print_message("%s\n", rows[i].text);
		if (rows[i].fault == NULL) {
			assert_null(fault);
			assert_true(value == rows[i].value);
		} else {
			assert_non_null(fault);
			assert_string_equal(fault, rows[i].fault);
			assert_int_equal(value, -77); // untouched
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_values)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
