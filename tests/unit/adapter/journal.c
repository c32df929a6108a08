// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// journal: a log file is followed over growth, half lines, rotation, cutting and restarts, and each
// line is told once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "adapter/journal.h"
#include "unit/folder.h"

#define NOW INT64_C(1795460400)

static struct journal *journal;
static char place[JOURNAL_PLACE_SIZE];

static int make(void **state)
{
	place[0] = '\0';
	return folder_make(state);
}

static int drop(void **state)
{
	journal = journal_free(journal);
	return folder_remove(state);
}

static void append(const char *name, const char *text)
{
	FILE *file = fopen(folder_file(name), "a");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

// A line about queue id Q with that number.
static const char *line(int n)
{
	static char text[200];

	snprintf(text, sizeof(text),
		 "Nov 23 18:54:39 mx postfix-v6/smtp[1]: Q%d: to=<a@b>, relay=none, dsn=4.4.1, "
		 "status=deferred (x)\n",
		 n);
	return text;
}

static void open_it(void)
{
	journal = journal_free(journal);
	assert_int_equal(journal_open(folder_file("log"), "postfix-v6", place, &journal), 0);
}

// The queue ids of all there is, and the place after it is kept.
static const char *read_all(void)
{
	static char all[1000];
	struct maillog log;
	int r;

	all[0] = '\0';
	while ((r = journal_next(journal, NOW, &log)) == 1)
		if (log.kind == MAILLOG_ATTEMPT)
			strcat(strcat(all, log.queue_id), " ");
	assert_int_equal(r, 0);
	journal_place(journal, place);
	return all;
}

static void rotate(void)
{
	assert_int_equal(rename(folder_file("log"), folder_file("log.1")), 0);
}

static void test_follows(void **state)
{
	(void)state;
	append("log", line(1));
	open_it();
	assert_string_equal(read_all(), ""); // what was there before anybody looked
	append("log", line(2));
	append("log", "something else\n");
	append("log", line(3));
	assert_string_equal(read_all(), "Q2 Q3 ");
	assert_string_equal(read_all(), "");
	open_it();
	assert_string_equal(read_all(), "");
	append("log", line(4));
	open_it();
	assert_string_equal(read_all(), "Q4 ");
}

static void test_half_a_line(void **state)
{
	char whole[200];

	(void)state;
	append("log", "");
	open_it();
	assert_string_equal(read_all(), "");
	snprintf(whole, sizeof(whole), "%s", line(1));
	append("log", "Nov 23 18:54:39 mx postf");
	assert_string_equal(read_all(), "");
	open_it(); // in the middle of it
	append("log", whole + strlen("Nov 23 18:54:39 mx postf"));
	assert_string_equal(read_all(), "Q1 ");
}

static void test_not_there_yet(void **state)
{
	(void)state;
	open_it();
	assert_string_equal(read_all(), "");
	append("log", line(1));
	assert_string_equal(read_all(), "Q1 ");
}

static void test_rotation(void **state)
{
	(void)state;
	append("log", "");
	open_it();
	assert_string_equal(read_all(), "");
	append("log", line(1));
	rotate();
	append("log.1", line(2)); // its writer goes on for a while
	assert_string_equal(read_all(), "Q1 Q2 ");
	append("log.1", line(3));
	append("log", line(4));
	assert_string_equal(read_all(), "Q3 Q4 ");
}

static void test_rotation_while_away(void **state)
{
	(void)state;
	append("log", "");
	open_it();
	append("log", line(1));
	assert_string_equal(read_all(), "Q1 ");
	journal = journal_free(journal);
	append("log", line(2));
	rotate();
	append("log", line(3));
	open_it();
	assert_string_equal(read_all(), "Q2 Q3 ");
}

static void test_cut(void **state)
{
	(void)state;
	append("log", "");
	open_it();
	append("log", line(1));
	append("log", line(2));
	assert_string_equal(read_all(), "Q1 Q2 ");
	assert_int_equal(truncate(folder_file("log"), 0), 0);
	append("log", line(3));
	assert_string_equal(read_all(), "Q3 ");
	assert_int_equal(truncate(folder_file("log"), 0), 0);
	open_it();
	append("log", line(4));
	assert_string_equal(read_all(), "Q4 ");
}

static void test_long_line(void **state)
{
	(void)state;
	append("log", "");
	open_it();
	append("log", line(1));
	for (int i = 0; i < 10000; i++)
		append("log", "0123456789");
	append("log", "\n");
	append("log", line(2));
	assert_string_equal(read_all(), "Q1 Q2 ");
}

// The file is cut while a line that is too long is being passed over: what comes then is new.
static void test_long_line_is_cut(void **state)
{
	(void)state;
	append("log", "");
	open_it();
	for (int i = 0; i < 10000; i++)
		append("log", "0123456789");
	assert_string_equal(read_all(), "");
	assert_int_equal(truncate(folder_file("log"), 0), 0);
	append("log", line(1));
	append("log", line(2));
	assert_string_equal(read_all(), "Q1 Q2 ");
}

// After a rotation the new file is one that may not be read, or is none: what was read is told
// once.
static void test_rotation_fails(void **state)
{
	struct maillog log;

	(void)state;
	append("log", "");
	open_it();
	append("log", line(1));
	rotate();
	assert_int_equal(mkdir(folder_file("log"), 0755), 0);
	assert_int_equal(journal_next(journal, NOW, &log), 1);
	assert_int_equal(journal_next(journal, NOW, &log), -EACCES);
	journal_place(journal, place);
	open_it();
	assert_int_equal(journal_next(journal, NOW, &log), -EACCES);
	assert_int_equal(rmdir(folder_file("log")), 0);
	assert_string_equal(read_all(), "");
	append("log", line(2));
	assert_string_equal(read_all(), "Q2 ");
}

// A place that is none of ours, as another program or a broken database may have it.
static void test_places(void **state)
{
	static const char *const places[] = {
		"x",
		"1",
		"1:",
		":",
		"0:-5",
		"18446744073709551615:9223372036854775807",
		"99999999999999999999999:1",
		"s=0123;i=4",
	};

	(void)state;
	append("log", line(1));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		strcpy(place, places[i]);
		open_it();
		(void)read_all();
		append("log", line(2));
		assert_string_equal(read_all(), "Q2 ");
	}
}

static void test_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(journal_open(folder_path, "postfix-v6", "", &journal), -ESTALE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follows),   TEST(test_half_a_line),         TEST(test_not_there_yet),
		TEST(test_rotation),  TEST(test_rotation_while_away), TEST(test_cut),
		TEST(test_long_line), TEST(test_long_line_is_cut),    TEST(test_rotation_fails),
		TEST(test_places),    TEST(test_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
