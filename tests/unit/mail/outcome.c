// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// outcome: every outcome times every action (RFC 3464 section 2.3.3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mail/outcome.h"

#define OUTCOMES 5
#define ACTIONS  6
#define SAME     (-1)
#define P        OUTCOME_PENDING
#define A        OUTCOME_ACCEPTED
#define D        OUTCOME_DELAYED
#define F        OUTCOME_FAILED
#define U        OUTCOME_UNKNOWN

// A failure is final; an acceptance can become one; a delay counts once, and only before a word of
// any other kind; what an action means that nobody knows is nothing.
static const int expected[OUTCOMES][ACTIONS] = {
	//     unknown failed delayed delivered relayed expanded
	[P] = {SAME, F, D, A, A, A},    [A] = {SAME, F, SAME, SAME, SAME, SAME},
	[D] = {SAME, F, SAME, A, A, A}, [F] = {SAME, SAME, SAME, SAME, SAME, SAME},
	[U] = {SAME, F, SAME, A, A, A},
};

static const char *const names[OUTCOMES] = {
	[P] = "pending", [A] = "accepted", [D] = "delayed", [F] = "failed", [U] = "unknown",
};

static void test_C6_every_move(void **state)
{
	(void)state;
	for (int now = 0; now < OUTCOMES; now++)
		for (int action = 0; action < ACTIONS; action++) {
			enum outcome next = (enum outcome)77;
			bool moves =
				outcome_next((enum outcome)now, (enum dsn_action)action, &next);
			int want = expected[now][action];

			print_message("%s, %s\n", names[now],
				      dsn_action_name((enum dsn_action)action));
			assert_int_equal(moves, want != SAME);
			assert_int_equal(next, want == SAME ? 77 : want);
		}
}

static void test_names(void **state)
{
	enum outcome outcome = (enum outcome)77;

	(void)state;
	for (int i = 0; i < OUTCOMES; i++) {
		assert_string_equal(outcome_name((enum outcome)i), names[i]);
		assert_true(outcome_find(names[i], &outcome));
		assert_int_equal(outcome, i);
	}
	outcome = (enum outcome)77;
	assert_false(outcome_find("", &outcome));
	assert_false(outcome_find("Pending", &outcome));
	assert_false(outcome_find("lost", &outcome));
	assert_int_equal(outcome, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_C6_every_move),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
