// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// list: a line for each request whatever is in it, and nothing but lines; as JSON, an object.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sysexits.h>

#include "unit/cli/told.h"

static void test_nothing(void **state)
{
	(void)state;
	assert_string_equal(tell(verb_list, NULL), "");
	assert_int_equal(told_status, EX_OK);
	assert_string_equal(tell(verb_list, "--json", NULL), "");
	assert_int_equal(told_status, EX_OK);
}

// RELIABILITY A: what a stranger wrote is neither a line nor a command to a terminal.
static void test_strangers(void **state)
{
	(void)state;
	told_all_strangers();
	tell(verb_list, NULL);
	assert_int_equal(told_status, EX_OK);
	assert_int_equal(told_lines(), COUNT(told_strangers));
	assert_null(strstr(told_out, "\nrequest 1"));
	assert_non_null(strstr(told_out, " a\\x0d\\x0arequest 1\\x0d\\x09b\n"));
	tell(verb_list, "--limit", "3", NULL);
	assert_int_equal(told_lines(), 3);
}

static void test_json(void **state)
{
	(void)state;
	told_all_strangers();
	tell(verb_list, "--json", NULL);
	assert_int_equal(told_status, EX_OK);
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		// the newest is first
		json_t *object = told_object(COUNT(told_strangers) - 1 - i, COUNT(told_strangers));
		const char *text = told_strangers[i];

		if (text_is_utf8(text, strlen(text)))
			assert_string_equal(json_string_value(told_member(object, "requester")),
					    text);
		json_decref(object);
	}
}

// RELIABILITY fault 14: times before 1970, and behind what has a text.
static void test_times(void **state)
{
	static const struct {
		int64_t arrived;
		const char *text;
	} cases[] = {
		{INT64_MAX, NULL},
		{INT64_C(253402300800), NULL},
		{INT64_C(253402300799), "9999-12-31T23:59:59Z"},
		{1, "1970-01-01T00:00:01Z"},
		{0, NULL},
		{-1, NULL},
		{-86400 * 365, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		told_request(R(i + 1), cases[i].arrived, "too-soon", "x");
	told_clock = -1000;
	tell(verb_list, NULL);
	assert_int_equal(told_status, EX_OK);
	assert_int_equal(told_lines(), COUNT(cases));
	tell(verb_list, "--json", NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *object = told_object(i, COUNT(cases));
		const json_t *arrived = told_member(object, "arrived");

		if (cases[i].text == NULL)
			assert_true(json_is_null(arrived));
		else
			assert_string_equal(json_string_value(arrived), cases[i].text);
		json_decref(object);
	}
	// a span that begins before 1970 begins at the beginning
	tell(verb_list, "--since", "7d", NULL);
	assert_int_equal(told_lines(), COUNT(cases));
}

static void test_usage(void **state)
{
	static const char *const words[][2] = {
		{"--since", "yesterday\x1b[2J"},
		{"--since", "2026-02-30"},
		{"--limit", "-1"},
		{"--limit", "99999999999999999999"},
		{"--outcome", "lost"},
		{"--class", ""},
		{"--nonsense", "x"},
		{"x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		assert_string_equal(tell(verb_list, words[i][0], words[i][1], NULL), "");
		assert_int_equal(told_status, EX_USAGE);
		assert_null(strchr(told_errors, '\x1b'));
		assert_string_not_equal(told_errors, "");
	}
	told_store = store_free(told_store);
	folder_write("state/postsix.db", "no database, but long enough to be read as one", 46);
	assert_string_equal(tell(verb_list, NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	assert_int_equal(unlink(folder_file("conf")), 0);
	assert_string_equal(tell(verb_list, NULL), "");
	assert_int_equal(told_status, EX_CONFIG);
}

// A site is one of the configuration, or one of old that has requests.
static void test_sites(void **state)
{
	static int (*const verbs[])(int, char **) = {verb_list, verb_stats, verb_export};

	(void)state;
	told_request(R(1), NOW, "too-soon", "old");
	for (size_t i = 0; i < COUNT(verbs); i++) {
		assert_string_equal(tell(verbs[i], "--site", "nosuch\x1b[2J", NULL), "");
		assert_int_equal(told_status, EX_USAGE);
		assert_non_null(strstr(told_errors, " has no [site nosuch\\x1b[2J]"));
		tell(verbs[i], "--site", "one", NULL);
		assert_int_equal(told_status, EX_OK);
		tell(verbs[i], "--site", "old", NULL);
		assert_int_equal(told_status, EX_OK);
	}
}

// Whoever reads has gone.
static void test_full_disk(void **state)
{
	int kept, full = open("/dev/full", O_WRONLY);
	char *argv[] = {(char[]){"list"}, (char[]){"-c"}, NULL, NULL};
	char path[400];

	(void)state;
	if (full < 0)
		skip();
	told_all_strangers();
	argv[2] = strcpy(path, folder_file("conf"));
	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	dup2(full, STDOUT_FILENO);
	close(full);
	optind = 0;
	told_status = verb_list(3, argv);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	clearerr(stdout);
	assert_int_equal(told_status, EX_IOERR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing), TEST(test_strangers), TEST(test_json),  TEST(test_times),
		TEST(test_usage),   TEST(test_full_disk), TEST(test_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
