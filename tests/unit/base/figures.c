// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// figures: counts, sets, and merging them with and without the same tags.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/figures.h"

static struct figures *make(const char *key, const uint64_t *tags, size_t n, int64_t requests)
{
	struct figures *figures = figures_new();

	strcpy(figures->key, key);
	figures_count(figures, "requests", requests);
	for (size_t i = 0; i < n; i++)
		figures_member(figures, "addresses", tags[i]);
	figures_finish(figures);
	return figures;
}

static const uint64_t one[] = {7, 5, 5, 9}, two[] = {9, 1, 1};

static void test_members_count_once(void **state)
{
	struct figures *figures = make("k", one, 4, 4);

	(void)state;
	assert_int_equal(figures_size(figures_set(figures, "addresses")), 3);
	assert_int_equal(figures_get(figures, "requests"), 4);
	assert_int_equal(figures_get(figures, "nothing"), 0);
	figures_free(figures);
}

static void test_merge(void **state)
{
	static const struct {
		const char *key, *other;
		int64_t size;
		bool is_sum;
	} cases[] = {
		{"k", "k", 4, false}, {"k", "l", 5, true}, {"", "", 5, true}, {"k", "", 5, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct figures *all = make(cases[i].key, one, 4, 4);
		struct figures *other = make(cases[i].other, two, 3, 3);
		const struct figures_set *set;

		figures_count(other, "bounces", 2);
		figures_merge(all, other);
		set = figures_set(all, "addresses");
		assert_int_equal(figures_size(set), cases[i].size);
		assert_int_equal(set->is_sum, cases[i].is_sum);
		assert_int_equal(figures_get(all, "requests"), 7);
		assert_int_equal(figures_get(all, "bounces"), 2);
		figures_free(all);
		figures_free(other);
	}
}

static void test_bounds(void **state)
{
	struct figures *figures = figures_new();
	char name[20];

	(void)state;
	for (int i = 0; i < FIGURES_COUNTS + 100; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		figures_count(figures, name, 1);
	}
	assert_int_equal(figures->n_counts, FIGURES_COUNTS);
	assert_int_equal(figures_get(figures, "other"), 101);
	for (int i = 0; i < FIGURES_SETS + 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		figures_member(figures, name, 1);
	}
	assert_int_equal(figures->n_sets, FIGURES_SETS);
	figures_free(figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_count_once),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
