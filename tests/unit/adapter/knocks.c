// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// knocks: who may knock next. The functions of adapter/reach.h are the test's own: a knock ends
// when the test says so.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/knocks.h"
#include "base/mem.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

struct reach {
	struct reach *next;
	struct survey_address *address;
	void (*on_end)(void *arg);
	void *arg;
};

static struct reach *open_first;
static char begun[2000]; // what was knocked at, in order

struct reach *reach_start(struct loop *loop, const struct reach_options *options,
			  struct survey_address *address, void (*on_end)(void *arg), void *arg)
{
	struct reach *reach = mem_new(1, sizeof(*reach));
	struct reach **last = &open_first;

	(void)loop, (void)options;
	*reach = (struct reach){NULL, address, on_end, arg};
	while (*last != NULL)
		last = &(*last)->next;
	*last = reach;
	strcat(strcat(begun, " "), address->text);
	return reach;
}

struct reach *reach_free(struct reach *reach)
{
	struct reach **at = &open_first;

	while (*at != reach)
		at = &(*at)->next;
	*at = reach->next;
	free(reach);
	return NULL;
}

// The knock that began first has its answer.
static void end_first(enum survey_reach result)
{
	open_first->address->reach = result;
	open_first->on_end(open_first->arg);
}

static size_t count_open(void)
{
	size_t n = 0;

	for (struct reach *at = open_first; at != NULL; at = at->next)
		n++;
	return n;
}

static void on_end(void *arg)
{
	++*(int *)arg;
}

static void add(struct knocker *knocker, struct survey_address *address, const char *text)
{
	memset(address, 0, sizeof(*address));
	snprintf(address->text, sizeof(address->text), "%s", text);
	knocker_add(knocker, address);
}

static const struct reach_options options;

// Two at once for each, three in all: in turn, whoever came first.
static void test_in_turn(void **state)
{
	struct knocks *knocks = knocks_new(NULL, &options, 2, 3);
	int n_ends = 0;
	struct knocker *first = knocker_new(knocks, on_end, &n_ends);
	struct knocker *second = knocker_new(knocks, on_end, &n_ends);
	static struct survey_address addresses[10];
	char text[20];

	(void)state;
	begun[0] = '\0';
	for (size_t i = 0; i < LEN(addresses); i++) {
		snprintf(text, sizeof(text), "192.0.2.%zu", i);
		add(i < 5 ? first : second, &addresses[i], text);
	}
	assert_string_equal(begun, " 192.0.2.0 192.0.2.1 192.0.2.5");
	for (size_t i = 0; i < LEN(addresses); i++) {
		assert_in_range(count_open(), 1, 3);
		end_first(SURVEY_REACH_ACCEPTS);
	}
	assert_string_equal(begun, " 192.0.2.0 192.0.2.1 192.0.2.5 192.0.2.6 192.0.2.2 192.0.2.3 "
				   "192.0.2.7 192.0.2.8 192.0.2.4 192.0.2.9");
	assert_int_equal(n_ends, 2);
	assert_false(knocker_is_busy(first));
	assert_true(knocker_has_knocked(second));
	knocker_free(first);
	knocker_free(second);
	knocks_free(knocks);
}

// No SSRF: what a stranger's DNS says leads nowhere near us.
static void test_where_not(void **state)
{
	static const char *const texts[] = {"127.0.0.1", "10.0.0.1", "::1",
					    "::",        "fe80::1",  "::ffff:192.0.2.1",
					    "fd00::1",   "ff02::1",  "64:ff9b::a00:1"};
	struct knocks *knocks = knocks_new(NULL, &options, 4, 10);
	int n_ends = 0;
	struct knocker *knocker = knocker_new(knocks, on_end, &n_ends);
	static struct survey_address addresses[LEN(texts)];

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++)
		add(knocker, &addresses[i], texts[i]);
	assert_int_equal(count_open(), 0);
	assert_false(knocker_is_busy(knocker));
	assert_false(knocker_has_knocked(knocker));
	knocker_free(knocker);
	knocks_free(knocks);
}

static void test_the_same_twice(void **state)
{
	struct knocks *knocks = knocks_new(NULL, &options, 4, 10);
	int n_ends = 0;
	struct knocker *knocker = knocker_new(knocks, on_end, &n_ends);
	static struct survey_address a, b, c;

	(void)state;
	begun[0] = '\0';
	add(knocker, &a, "2001:db8::1");
	add(knocker, &b, "2001:db8::1");
	add(knocker, &c, "2001:db8::2");
	assert_string_equal(begun, " 2001:db8::1 2001:db8::2");
	end_first(SURVEY_REACH_REFUSED);
	assert_int_equal(n_ends, 0);
	end_first(SURVEY_REACH_ACCEPTS);
	assert_int_equal(n_ends, 1);
	knocker_free(knocker);
	assert_int_equal(b.reach, SURVEY_REACH_REFUSED);
	assert_int_equal(c.reach, SURVEY_REACH_ACCEPTS);
	knocks_free(knocks);
}

// Who goes makes room, and takes his place in the row with him.
static void test_room(void **state)
{
	struct knocks *knocks = knocks_new(NULL, &options, 4, 1);
	int n_ends = 0;
	struct knocker *all[3];
	static struct survey_address addresses[3][2];

	(void)state;
	begun[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		all[i] = knocker_new(knocks, on_end, &n_ends);
		add(all[i], &addresses[i][0], "192.0.2.1");
		add(all[i], &addresses[i][1], "192.0.2.2");
	}
	assert_int_equal(count_open(), 1);
	knocker_free(all[1]);
	assert_int_equal(count_open(), 1);
	knocker_free(all[0]);
	assert_int_equal(count_open(), 1);
	assert_string_equal(begun, " 192.0.2.1 192.0.2.1");
	knocks_stop(knocks);
	end_first(SURVEY_REACH_ACCEPTS);
	assert_int_equal(count_open(), 0);
	assert_true(knocker_is_busy(all[2]));
	knocker_free(all[2]);
	knocks_free(knocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_where_not),
		cmocka_unit_test(test_the_same_twice),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
