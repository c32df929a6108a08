// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check: the table and the JSON can be read whatever a server, a file's name or the DNS says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/check.h"
#include "unit/cli/told.h"

static const char *print(const struct check *check, bool is_json)
{
	int out = told_divert(stdout, "out");

	if (is_json)
		check_print_json(check);
	else
		check_print(check, 0);
	told_restore(stdout, out);
	free(told_out);
	return told_out = told_read("out", &told_len);
}

static void test_nothing(void **state)
{
	struct check check = {.current = "dns"};

	(void)state;
	assert_string_equal(print(&check, false), "");
	assert_string_equal(print(&check, true),
			    "{\"version\": 1, \"ok\": 0, \"warn\": 0, \"fail\": 0, \"checks\": "
			    "[\n]}\n");
}

static void test_table(void **state)
{
	struct check check = {.current = "dns"};

	(void)state;
	check_say(&check, CHECK_OK, "", "all is %s", "well");
	check.current = "certificate";
	check_say(&check, CHECK_WARN, "/a", "soon");
	check_mend(&check, "renew it");
	check_say(&check, CHECK_FAIL, "/b", "late");
	for (int i = 0; i < CHECK_MEND_MAX + 2; i++)
		check_mend(&check, "mend %d", i);
	assert_string_equal(print(&check, false), "ok    dns         all is well\n"
						  "WARN  certificate /a: soon\n"
						  "      mend: renew it\n"
						  "FAIL  certificate /b: late\n"
						  "      mend: mend 0\n"
						  "      mend: mend 1\n"
						  "      mend: mend 2\n");
	assert_int_equal(check_count(&check, CHECK_FAIL), 1);
	check_free_lines(&check);
	assert_int_equal(check.n_lines, 0);
}

static void test_strangers(void **state)
{
	struct check check = {.current = "port25"};
	json_t *object, *line;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(told_strangers); i++) {
		check_say(&check, CHECK_FAIL, told_strangers[i], "it says %s", told_strangers[i]);
		check_mend(&check, "not %s", told_strangers[i]);
	}
	print(&check, false);
	assert_int_equal(told_lines(), 2 * COUNT(told_strangers));
	print(&check, true);
	object = json_loadb(told_out, told_len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	assert_int_equal(json_integer_value(told_member(object, "fail")), COUNT(told_strangers));
	json_array_foreach(json_object_get(object, "checks"), i, line)
	{
		char escaped[2000];

		text_escape(escaped, sizeof(escaped), told_strangers[i], strlen(told_strangers[i]));
		assert_string_equal(json_string_value(told_member(line, "subject")), escaped);
		assert_int_equal(json_array_size(told_member(line, "mend")), 1);
	}
	json_decref(object);
	check_free_lines(&check);
}

// A text that is cut is cut between characters.
static void test_long(void **state)
{
	struct check check = {.current = "port25"};
	static char text[5000];
	json_t *object;

	(void)state;
	for (size_t shift = 0; shift < 2; shift++) {
		memset(text, 'x', sizeof(text));
		for (size_t i = shift; i + 3 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa9", 2);
		text[sizeof(text) - 1] = '\0';
		check_say(&check, CHECK_OK, text, "%s", text);
	}
	print(&check, false);
	assert_int_equal(told_lines(), 2);
	print(&check, true);
	object = json_loadb(told_out, told_len, 0, NULL);
	assert_non_null(object);
	json_decref(object);
	check_free_lines(&check);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_table),
		TEST(test_strangers),
		TEST(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
