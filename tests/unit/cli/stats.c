// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// stats: counts of what strangers wrote stay counts of ours; a table, a CSV and a JSON that can be
// read; and what --merge makes of several, and of what is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sysexits.h>

#include "adapter/pseudonym.h"
#include "unit/cli/told.h"

// RFC 4180: three cells a row, none of which a spreadsheet would take for a formula.
static size_t csv_rows(void)
{
	size_t n = 0;

	for (const char *at = told_out; *at != '\0'; n++) {
		const char *end = strstr(at, "\r\n");
		size_t commas = 0;

		assert_non_null(end);
		assert_true(strchr("=+-@\t\"", *at) == NULL);
		for (; at < end; at++) {
			commas += *at == ',';
			assert_true(*at > ' ' && *at < 0x7f && *at != '"');
		}
		assert_int_equal(commas, 2);
		at += 2;
	}
	return n;
}

static void test_nothing(void **state)
{
	json_t *object;

	(void)state;
	tell(verb_stats, NULL);
	assert_int_equal(told_status, EX_OK);
	assert_true(told_lines() > 10);
	tell(verb_stats, "--csv", NULL);
	assert_int_equal(csv_rows(), 1 + 4 + 8);
	tell(verb_stats, "--json", NULL);
	object = told_object(0, 1);
	assert_int_equal(json_integer_value(told_member(object, "counts.requests")), 0);
	json_decref(object);
}

// A notification's Status field is a stranger's: of it the code counts, and no word.
static void test_strangers(void **state)
{
	json_t *object;

	(void)state;
	told_all_strangers();
	told_request(R(50), NOW, "answer", "me@good.test");
	told_failure(R(50), NOW, "no-aaaa", " (of, =old\r\n) 5.1.1 (\"x\",y\x1b[2J\xff)", "x");
	tell(verb_stats, NULL);
	assert_int_equal(told_status, EX_OK);
	told_lines();
	assert_non_null(strstr(told_out, "\nbounces by status\n       1  5.1.1\n\n"));
	tell(verb_stats, "--csv", NULL);
	csv_rows();
	assert_non_null(strstr(told_out, "\nstatus.5.1.1,1,yes\r\n"));
	assert_null(strstr(told_out, "\nstatus.,"));
	tell(verb_stats, "--json", NULL);
	object = told_object(0, 1);
	assert_int_equal(json_integer_value(told_member(object, "counts.bounces")),
			 COUNT(told_strangers) + 1);
	json_decref(object);
}

// What this host says, another one's --merge reads.
static void test_merges_its_own(void **state)
{
	const char *one, *two;
	json_t *object;

	(void)state;
	told_all_strangers();
	tell(verb_stats, "--json", "--since", "2026-11-01", "--until", "2027-02-01", NULL);
	folder_write("one", told_out, told_len);
	one = folder_file("one");
	two = folder_file("one");
	tell(verb_stats, "--merge", "--json", one, two, NULL);
	assert_int_equal(told_status, EX_OK);
	object = told_object(0, 1);
	assert_int_equal(json_integer_value(told_member(object, "counts.requests")),
			 2 * COUNT(told_strangers));
	assert_string_equal(json_string_value(told_member(object, "since")),
			    "2026-11-01T00:00:00Z");
	assert_string_equal(json_string_value(told_member(object, "until")),
			    "2027-02-01T00:00:00Z");
	json_decref(object);
}

#define FILE_OF(since, until, counts)                                                              \
	"{\"v\":1,\"key\":\"\",\"since\":" since ",\"until\":" until ",\"counts\":{" counts "},"   \
	"\"different\":{\"domains\":{\"count\":9223372036854775807,\"exact\":true,\"tags\":[]}}}"
#define MARCH "\"2026-03-01T00:00:00Z\""
#define APRIL "\"2026-04-01T00:00:00Z\""
#define MAY   "\"2026-05-01T00:00:00Z\""
#define MOST  "\"requests\":9223372036854775807"

// Together they are about what any of them is about: null is no beginning, and no end.
static void test_merged_times(void **state)
{
	static const struct {
		const char *one, *two, *since, *until;
	} cases[] = {
		{FILE_OF(MARCH, APRIL, ""), FILE_OF(APRIL, MAY, ""), MARCH, MAY},
		{FILE_OF(APRIL, MAY, ""), FILE_OF(MARCH, APRIL, ""), MARCH, MAY},
		{FILE_OF("null", APRIL, ""), FILE_OF(APRIL, MAY, ""), "null", MAY},
		{FILE_OF(APRIL, MAY, ""), FILE_OF("null", APRIL, ""), "null", MAY},
		{FILE_OF(MARCH, "null", ""), FILE_OF(APRIL, MAY, ""), MARCH, "null"},
		{FILE_OF(APRIL, MAY, ""), FILE_OF(MARCH, "null", ""), MARCH, "null"},
		{FILE_OF("null", "null", ""), FILE_OF("null", "null", ""), "null", "null"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char wanted[100];

		folder_write("one", cases[i].one, strlen(cases[i].one));
		folder_write("two", cases[i].two, strlen(cases[i].two));
		tell(verb_stats, "--merge", "--json", folder_file("one"), folder_file("two"), NULL);
		assert_int_equal(told_status, EX_OK);
		snprintf(wanted, sizeof(wanted), "\"since\":%s,\"until\":%s,", cases[i].since,
			 cases[i].until);
		assert_non_null(strstr(told_out, wanted));
	}
}

static void test_merged_limits(void **state)
{
	static const char most[] = FILE_OF("null", "null", MOST);
	json_t *object;

	(void)state;
	folder_write("one", most, strlen(most));
	tell(verb_stats, "--merge", "--json", folder_file("one"), folder_file("one"), NULL);
	assert_int_equal(told_status, EX_OK);
	object = told_object(0, 1);
	assert_true(json_integer_value(told_member(object, "counts.requests")) == INT64_MAX);
	assert_true(json_integer_value(told_member(object, "different.domains.count")) ==
		    INT64_MAX);
	json_decref(object);
	tell(verb_stats, "--merge", folder_file("one"), NULL);
	assert_int_equal(told_status, EX_OK);
	told_lines();
}

static void test_no_figures(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		FILE_OF("null", "null", "\"=cmd|' /C calc'!A0\":1"),
		FILE_OF("null", "null", "\"a,b\":1"),
		FILE_OF("null", "null", "\"a\\r\\nb\":1"),
		FILE_OF("null", "null", "\"\\u001b[2J\":1"),
		FILE_OF("null", "null", "\"\":1"),
		FILE_OF("null", "null", "\"-1\":1"),
		FILE_OF("null", "null", "\"x" TOLD_LONG "\":1"),
		FILE_OF("\"1969-12-31\"", "null", "\"a\":1"),
		FILE_OF("null", "null", "\"a\":9223372036854775808"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		folder_write("one", texts[i], strlen(texts[i]));
		assert_string_equal(tell(verb_stats, "--merge", "--csv", folder_file("one"), NULL),
				    "");
		assert_int_equal(told_status, EX_DATAERR);
	}
	assert_string_equal(tell(verb_stats, "--merge", "/nowhere", NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	tell(verb_stats, "--merge", NULL);
	assert_int_equal(told_status, EX_USAGE);
	tell(verb_stats, "word", NULL);
	assert_int_equal(told_status, EX_USAGE);
}

// Without the key that rows were hashed with, it is said that somebody may count twice.
static void test_key(void **state)
{
	json_t *object;

	(void)state;
	folder_write("state/" PSEUDONYM_KEY_FILE, "short", 5);
	tell(verb_stats, "--json", NULL);
	assert_int_equal(told_status, EX_OK);
	assert_non_null(strstr(told_errors, "addresses may count twice"));
	folder_write("state/" PSEUDONYM_KEY_FILE, "0123456789abcdef", 16);
	tell(verb_stats, "--json", NULL);
	assert_string_equal(told_errors, "");
	object = told_object(0, 1);
	assert_int_equal(json_string_length(told_member(object, "key")), 16);
	json_decref(object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),      TEST(test_strangers),     TEST(test_merges_its_own),
		TEST(test_merged_times), TEST(test_merged_limits), TEST(test_no_figures),
		TEST(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
