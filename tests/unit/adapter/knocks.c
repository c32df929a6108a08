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
static char begun[9000]; // what was knocked at, in order

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
	struct knocks *knocks = knocks_new(NULL, &options, 2, 3, 0);
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
	struct knocks *knocks = knocks_new(NULL, &options, 4, 10, 0);
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
	struct knocks *knocks = knocks_new(NULL, &options, 4, 10, 0);
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
	struct knocks *knocks = knocks_new(NULL, &options, 4, 1, 0);
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

// ---- networks
// -------------------------------------------------------------------------------------

#define TARPITS 300

struct crowd {
	struct knocker *knockers[TARPITS];
	struct survey_address addresses[TARPITS][8];
	int n_ends;
};

// Each wants to eight addresses of one /64, and the format has two %zu.
static void gather(struct crowd *crowd, struct knocks *knocks, const char *format)
{
	char text[40];

	begun[0] = '\0';
	for (size_t i = 0; i < TARPITS; i++) {
		crowd->knockers[i] = knocker_new(knocks, on_end, &crowd->n_ends);
		for (size_t j = 0; j < 8; j++) {
			snprintf(text, sizeof(text), format, i + 1, j + 1);
			add(crowd->knockers[i], &crowd->addresses[i][j], text);
		}
	}
}

static void disperse(struct crowd *crowd, struct knocks *knocks)
{
	knocks_stop(knocks);
	for (size_t i = 0; i < TARPITS; i++)
		knocker_free(crowd->knockers[i]);
}

// Three hundred domains with their mail hosts in one /64, or at one IPv4 address: four connections
// there, and the next one's knocks are as quick as ever. Without a limit they hold all places.
static void test_one_network(void **state)
{
	static const struct {
		const char *format;
		size_t max_network, n_open;
	} rows[] = {
		{"2001:db8:bad::%zx:%zx", 4, 4},
		{"2001:db8:bad::%zx:%zx", 1, 1},
		{"192.0.2.66", 4, 4},
		{"2001:db8:bad:%zx::%zx", 4, 256},
		{"2001:db8:bad::%zx:%zx", 0, 256},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		static struct crowd crowd;
		static struct survey_address mine[5];
		struct knocks *knocks = knocks_new(NULL, &options, 4, 256, rows[i].max_network);
		struct knocker *honest = knocker_new(knocks, on_end, &crowd.n_ends);

		gather(&crowd, knocks, rows[i].format);
		assert_int_equal(count_open(), rows[i].n_open);
		begun[0] = '\0';
		add(honest, &mine[0], "192.0.2.1");
		add(honest, &mine[1], "2001:db8:bad:ffff::1");
		add(honest, &mine[2], "192.0.2.2");
		add(honest, &mine[3], "2001:db8:0:1::1");
		add(honest, &mine[4], "2001:db8:0:2::1");
		assert_string_equal(begun, rows[i].n_open == 256
						   ? ""
						   : " 192.0.2.1 2001:db8:bad:ffff::1 192.0.2.2 "
						     "2001:db8:0:1::1");
		disperse(&crowd, knocks);
		knocker_free(honest);
		knocks_free(knocks);
		assert_int_equal(count_open(), 0);
	}
}

// Every one of them has its turn, four at a time.
static void test_one_network_in_turn(void **state)
{
	static struct crowd crowd;
	struct knocks *knocks = knocks_new(NULL, &options, 4, 256, 4);

	(void)state;
	gather(&crowd, knocks, "2001:db8:bad::%zx:%zx");
	for (size_t n = TARPITS * 8; n > 0; n--) {
		assert_int_equal(count_open(), n < 4 ? n : 4);
		begun[0] = '\0';
		end_first(SURVEY_REACH_ACCEPTS);
	}
	for (size_t i = 0; i < TARPITS; i++)
		assert_false(knocker_is_busy(crowd.knockers[i]));
	assert_int_equal(crowd.n_ends, TARPITS);
	disperse(&crowd, knocks);
	knocks_free(knocks);
}

// One survey's addresses in a full network do not hold up its others; who leaves makes room.
static void test_full_network_is_passed_over(void **state)
{
	struct knocks *knocks = knocks_new(NULL, &options, 4, 10, 1);
	int n_ends = 0;
	struct knocker *first = knocker_new(knocks, on_end, &n_ends);
	struct knocker *second = knocker_new(knocks, on_end, &n_ends);
	static struct survey_address addresses[6];

	(void)state;
	begun[0] = '\0';
	add(first, &addresses[0], "2001:db8:1::1");
	add(second, &addresses[1], "2001:db8:1::2");
	add(second, &addresses[2], "2001:db8:1::3");
	add(second, &addresses[3], "2001:db8:2::1");
	add(first, &addresses[4], "2001:db8:2::2");
	assert_string_equal(begun, " 2001:db8:1::1 2001:db8:2::1");
	begun[0] = '\0';
	knocker_free(first);
	assert_string_equal(begun, " 2001:db8:1::2");
	end_first(SURVEY_REACH_ACCEPTS); // at the second network, where nobody waits now
	assert_string_equal(begun, " 2001:db8:1::2");
	end_first(SURVEY_REACH_ACCEPTS);
	assert_string_equal(begun, " 2001:db8:1::2 2001:db8:1::3");
	assert_int_equal(n_ends, 0);
	end_first(SURVEY_REACH_ACCEPTS);
	assert_int_equal(n_ends, 1);
	knocker_free(second);
	knocks_free(knocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_where_not),
		cmocka_unit_test(test_the_same_twice),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_one_network),
		cmocka_unit_test(test_one_network_in_turn),
		cmocka_unit_test(test_full_network_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
