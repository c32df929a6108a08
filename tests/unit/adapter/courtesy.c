// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// courtesy: against a plain list, and networks of strangers' addresses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "adapter/courtesy.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define STEPS    100000
#define NETWORKS 2000

static void test_networks(void **state)
{
	static const struct {
		const char *one, *two;
		bool is_same;
	} cases[] = {
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"255.255.255.255", "ff00::1", false},
		{"192.0.2.1", "c000:201::", false},
		{"nonsense", "", true}, // no network
		{"192.0.2.1", "192.0.2.1\n", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(courtesy_network(cases[i].one) == courtesy_network(cases[i].two),
				 cases[i].is_same);
	assert_true(courtesy_network("") == 0);
	assert_true(courtesy_network("192.0.2.1%eth0") == 0);
}

static void test_any_number(void **state)
{
	struct courtesy *courtesy = courtesy_new(0);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		courtesy_enter(courtesy, 1);
		assert_false(courtesy_leave(courtesy, 1));
	}
	assert_null(courtesy_free(courtesy));
	assert_null(courtesy_free(NULL));
}

// Comes and goes at random at networks that share buckets; some stay to the end.
static void test_against_a_list(void **state)
{
	static const size_t limits[] = {1, 2, 7};

	(void)state;
	srand(7);
	for (size_t l = 0; l < COUNT(limits); l++) {
		struct courtesy *courtesy = courtesy_new(limits[l]);
		size_t open[NETWORKS] = {0};

		for (int i = 0; i < STEPS; i++) {
			uint64_t n = (uint64_t)rand() % NETWORKS, network = n << (n % 3 * 20);

			assert_int_equal(courtesy_has_room(courtesy, network), open[n] < limits[l]);
			if (rand() % 2 == 0 && open[n] < limits[l]) {
				courtesy_enter(courtesy, network);
				open[n]++;
			} else if (open[n] > 0) {
				assert_int_equal(courtesy_leave(courtesy, network),
						 open[n] == limits[l]);
				open[n]--;
			}
		}
		courtesy_free(courtesy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_any_number),
		cmocka_unit_test(test_against_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
