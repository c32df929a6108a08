// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// base/finder: many phrases in one pass find what one pass for each would.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/finder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_folding(void **state)
{
	static const struct {
		const char *text, *folded;
	} rows[] = {
		{"", ""},
		{"  Mailbox \t\r\n FULL", "mailbox full"},
		{"a\x01\x7f b", "a b"},
		{"\xc3\x84\xff", "\xc3\x84\xff"}, // only ASCII has letter case here
	};
	char folded[100];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(finder_fold(folded, rows[i].text, strlen(rows[i].text)),
				 strlen(rows[i].folded));
		assert_string_equal(folded, rows[i].folded);
	}
}

// The hit of phrase in text; of all phrases here, so that they meet each other's beginnings.
static struct finder_hit hit_of(const char *phrase, const char *text)
{
	static const char *const others[] = {"he",   "she", "his",    "hers", "user unknown",
					     "user", "use", "ser un", "ptr"};
	struct finder *finder = finder_new();
	struct finder_hit hits[COUNT(others) + 1] = {0}, found;
	char folded[200];
	int number;

	for (size_t i = 0; i < COUNT(others); i++)
		assert_true(finder_add(finder, others[i]) >= 0);
	number = finder_add(finder, phrase);
	assert_true(number >= 0);
	finder_compile(finder);
	assert_true(finder_count(finder) <= COUNT(hits));
	finder_find(finder, folded, finder_fold(folded, text, strlen(text)), hits);
	found = hits[number];
	finder_free(finder);
	return found;
}

static void test_finding(void **state)
{
	static const struct {
		const char *phrase, *text;
		int first_end, last_start; // -1: nowhere
	} rows[] = {
		{"user unknown", "550 5.1.1 User\n  Unknown", 22, 10},
		{"he", "he she he", 2, 7},
		{"hers", "hers", 4, 0},
		{"his", "xhis", -1, -1},
		{"ptr", "mx.ptr.test", -1, -1},
		{"ptr", "a@ptr -ptr _ptr /ptr =ptr 1ptr", -1, -1},
		{"ptr", "(PTR) 'ptr'", 4, 7},
		{"greylist", "Greylisted", 8, 0}, // it may end anywhere
		{"user", "use user", 8, 4},
		{"a b", "a   b", 3, 0},
		{"nothing", "", -1, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct finder_hit hit = hit_of(rows[i].phrase, rows[i].text);

		if (hit.last_start_1 != (uint32_t)(rows[i].last_start + 1))
			print_message("%s in %s\n", rows[i].phrase, rows[i].text);
		assert_int_equal(hit.last_start_1, rows[i].last_start + 1);
		assert_int_equal(hit.first_end, rows[i].first_end < 0 ? 0 : rows[i].first_end);
	}
}

static void test_limits(void **state)
{
	struct finder *finder = finder_new();
	char phrase[FINDER_PHRASE_MAX + 2];
	int n = 0;

	(void)state;
	memset(phrase, 'x', sizeof(phrase));
	phrase[FINDER_PHRASE_MAX + 1] = '\0';
	assert_int_equal(finder_add(finder, phrase), -1);
	assert_int_equal(finder_add(finder, ""), -1);
	assert_int_equal(finder_add(finder, " \t "), -1);
	assert_int_equal(finder_add(finder, "One  Two "), 0);
	assert_int_equal(finder_add(finder, " one two"), 0); // the same
	for (phrase[FINDER_PHRASE_MAX] = '\0'; n >= 0;) {
		snprintf(phrase, sizeof(phrase), "%0*d", FINDER_PHRASE_MAX, n + 1);
		n = finder_add(finder, phrase);
	}
	assert_int_equal(finder_count(finder), 1 + (FINDER_ROOM - 7) / FINDER_PHRASE_MAX);
	finder_compile(finder); // as large as it gets
	finder_free(finder);
	assert_null(finder_free(NULL));
}

// Against the simple way, on texts and phrases of two letters and blanks: all meet all.
static void test_against_the_simple_way(void **state)
{
	static const char letters[] = "ab ";
	char phrases[40][8], text[60], folded[61];

	(void)state;
	srand(1);
	for (int round = 0; round < 500; round++) {
		struct finder *finder = finder_new();
		struct finder_hit hits[40] = {0};
		int numbers[40];
		size_t len = 0;

		for (size_t i = 0; i < COUNT(phrases); i++) {
			const size_t n = 1 + (size_t)rand() % 6;

			phrases[i][0] = letters[rand() % 2];
			for (size_t j = 1; j < n; j++)
				phrases[i][j] = letters[rand() % (j + 1 == n ? 2 : 3)];
			phrases[i][n] = '\0';
			finder_fold(phrases[i], phrases[i], n);
			numbers[i] = finder_add(finder, phrases[i]);
		}
		while (len < sizeof(text) - 1)
			text[len++] = letters[rand() % 3];
		text[len] = '\0';
		finder_compile(finder);
		len = finder_fold(folded, text, len);
		finder_find(finder, folded, len, hits);
		for (size_t i = 0; i < COUNT(phrases); i++) {
			size_t last = 0, first = 0;

			for (size_t at = 0; at < len; at++)
				if ((at == 0 || folded[at - 1] == ' ') &&
				    strncmp(folded + at, phrases[i], strlen(phrases[i])) == 0) {
					last = at + 1;
					if (first == 0)
						first = at + strlen(phrases[i]);
				}
			assert_int_equal(hits[numbers[i]].last_start_1, last);
			assert_int_equal(hits[numbers[i]].first_end, first);
		}
		finder_free(finder);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_against_the_simple_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
