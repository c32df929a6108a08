// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// tally: against a slow and simple one, and at its limits (RELIABILITY fault 14: times that go
// back).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "daemon/tally.h"

#define ROOM 50

static const int64_t lives[] = {[TALLY_RESERVED] = 10, [TALLY_FINAL] = 100};

static void expect(const struct tally *tally, uint64_t key, size_t reserved, size_t final)
{
	assert_int_equal(tally_count(tally, key, TALLY_RESERVED), reserved);
	assert_int_equal(tally_count(tally, key, TALLY_FINAL), final);
}

static void test_a_life(void **state)
{
	static const uint64_t one[TALLY_KEYS] = {1, 10}, two[TALLY_KEYS] = {2, 10};
	struct tally *tally = tally_new(ROOM, lives);

	(void)state;
	expect(tally, 1, 0, 0);
	assert_true(tally_time(tally, 1, TALLY_FINAL, 0) == INT64_MIN);
	tally_add(tally, one, TALLY_RESERVED, 1000);
	tally_add(tally, one, TALLY_RESERVED, 1001);
	tally_add(tally, two, TALLY_RESERVED, 1002);
	expect(tally, 1, 2, 0);
	expect(tally, 10, 3, 0);
	expect(tally, 0, 0, 0);
	tally_settle(tally, one, 1005);
	expect(tally, 1, 1, 1);
	expect(tally, 10, 2, 1);
	assert_int_equal(tally_time(tally, 1, TALLY_RESERVED, 0), 1001);
	assert_int_equal(tally_time(tally, 10, TALLY_RESERVED, 1), 1002);
	assert_int_equal(tally_time(tally, 10, TALLY_FINAL, 0), 1005);
	assert_true(tally_time(tally, 10, TALLY_FINAL, 1) == INT64_MIN);
	tally_expire(tally, 1010);
	expect(tally, 1, 1, 1);
	tally_expire(tally, 1011);
	expect(tally, 1, 0, 1);
	expect(tally, 2, 1, 0);
	tally_settle(tally, one, 1012); // without a reservation
	expect(tally, 1, 0, 2);
	tally_expire(tally, 1104);
	expect(tally, 1, 0, 2);
	expect(tally, 2, 0, 0);
	tally_expire(tally, 1105);
	expect(tally, 1, 0, 1);
	tally_expire(tally, INT64_MAX / 2);
	expect(tally, 10, 0, 0);
	assert_null(tally_free(tally));
	assert_null(tally_free(NULL));
}

static void test_fault_14_times_that_go_back(void **state)
{
	static const uint64_t keys[TALLY_KEYS] = {1};
	struct tally *tally = tally_new(ROOM, lives);

	(void)state;
	tally_add(tally, keys, TALLY_FINAL, 1000);
	tally_add(tally, keys, TALLY_FINAL, -5000);
	assert_int_equal(tally_time(tally, 1, TALLY_FINAL, 1), 1000);
	tally_expire(tally, 0);
	expect(tally, 1, 0, 2);
	tally_expire(tally, 1100);
	expect(tally, 1, 0, 0);
	tally_free(tally);
}

static void test_full(void **state)
{
	struct tally *tally = tally_new(3, lives);

	(void)state;
	tally_add(tally, (uint64_t[TALLY_KEYS]){1}, TALLY_RESERVED, 1);
	tally_add(tally, (uint64_t[TALLY_KEYS]){2}, TALLY_FINAL, 2);
	tally_add(tally, (uint64_t[TALLY_KEYS]){3}, TALLY_FINAL, 3);
	tally_add(tally, (uint64_t[TALLY_KEYS]){4}, TALLY_RESERVED, 4); // the oldest final one goes
	expect(tally, 1, 1, 0);
	expect(tally, 2, 0, 0);
	tally_add(tally, (uint64_t[TALLY_KEYS]){5}, TALLY_RESERVED, 5);
	expect(tally, 3, 0, 0);
	tally_add(tally, (uint64_t[TALLY_KEYS]){6}, TALLY_RESERVED, 6);
	expect(tally, 1, 0, 0);
	expect(tally, 4, 1, 0);
	expect(tally, 6, 1, 0);
	tally_free(tally);
}

// ---- the simple one -----------------------------------------------------------------------------

struct simple {
	uint64_t keys[TALLY_KEYS];
	enum tally_state state;
	int64_t time, order;
};

static struct simple events[100000];
static size_t n_events;
static int64_t serial;

static void simple_expire(int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_events; i++)
		if (now - events[i].time < lives[events[i].state])
			events[kept++] = events[i];
	n_events = kept;
}

static void simple_settle(const uint64_t keys[TALLY_KEYS], int64_t now)
{
	struct simple *oldest = NULL;

	for (size_t i = 0; i < n_events; i++)
		if (events[i].state == TALLY_RESERVED && events[i].keys[0] == keys[0] &&
		    (oldest == NULL || events[i].order < oldest->order))
			oldest = &events[i];
	if (oldest == NULL) {
		oldest = &events[n_events++];
		for (int k = 0; k < TALLY_KEYS; k++)
			oldest->keys[k] = keys[k];
	}
	oldest->state = TALLY_FINAL;
	oldest->time = now;
	oldest->order = serial++;
}

static size_t simple_count(uint64_t key, enum tally_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < n_events; i++)
		for (int k = 0; k < TALLY_KEYS; k++)
			count += key != 0 && events[i].state == state && events[i].keys[k] == key;
	return count;
}

static void test_against_a_simple_one(void **state)
{
	struct tally *tally = tally_new(400, lives);
	int64_t now = 5;

	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		uint64_t keys[TALLY_KEYS] = {1 + (uint64_t)random() % 40,
					     100 + (uint64_t)random() % 5,
					     (uint64_t)random() % 3 == 0 ? 0 : 200, 300};
		int what = (int)(random() % 10);

		now += random() % 3 == 0;
		tally_expire(tally, now);
		simple_expire(now);
		if (what < 5) {
			tally_add(tally, keys, TALLY_RESERVED, now);
			events[n_events++] = (struct simple){{keys[0], keys[1], keys[2], keys[3]},
							     TALLY_RESERVED,
							     now,
							     serial++};
		} else if (what < 8) {
			tally_settle(tally, keys, now);
			simple_settle(keys, now);
		}
		assert_true(n_events < 400);
		for (int k = 0; k < TALLY_KEYS; k++)
			expect(tally, keys[k], simple_count(keys[k], TALLY_RESERVED),
			       simple_count(keys[k], TALLY_FINAL));
	}
	tally_free(tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_life),
		cmocka_unit_test(test_fault_14_times_that_go_back),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_against_a_simple_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
