// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/distinct.h"

static void add_numbers(struct distinct *distinct, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		distinct_add(distinct, &i, sizeof(i));
}

static void test_exact_in_small(void **state)
{
	static const uint32_t rows[] = {0, 1, 2, 511, 512, 513, 1000, 100000, DISTINCT_MAX};
	bool is_exact;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct distinct *distinct = distinct_new();

		add_numbers(distinct, rows[i]);
		add_numbers(distinct, rows[i]); // the same again
		assert_int_equal(distinct_count(distinct, &is_exact), rows[i]);
		assert_true(is_exact);
		distinct_free(distinct);
	}
}

// The length counts, an empty one is one, and a prefix is another.
static void test_what_is_different(void **state)
{
	struct distinct *distinct = distinct_new();
	bool is_exact;

	(void)state;
	distinct_add(distinct, "", 0);
	distinct_add(distinct, "\0", 1);
	distinct_add(distinct, "\0\0", 2);
	distinct_add(distinct, "ab", 2);
	distinct_add(distinct, "ba", 2);
	distinct_add(distinct, "a", 1);
	distinct_add(distinct, "ab", 2);
	assert_int_equal(distinct_count(distinct, &is_exact), 6);
	distinct_free(distinct);
}

// Many more than are kept: an estimate, and said to be one. 2 % is five times its deviation.
static void test_estimate_in_large(void **state)
{
	struct distinct *distinct = distinct_new();
	const uint32_t n = 3000000;
	bool is_exact;
	uint64_t count;

	(void)state;
	add_numbers(distinct, n);
	add_numbers(distinct, n / 3);
	count = distinct_count(distinct, &is_exact);
	assert_false(is_exact);
	assert_in_range(count, n - n / 50, n + n / 50);
	distinct_free(distinct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_in_small),
		cmocka_unit_test(test_what_is_different),
		cmocka_unit_test(test_estimate_in_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
