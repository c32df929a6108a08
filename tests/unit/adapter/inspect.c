// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// inspect: what is wrong with a database, by one sentence each; and how far a request has come,
// whatever stands in its rows.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/inspect.h"
#include "adapter/store.h"
#include "unit/database.h"
#include "unit/folder.h"

#define ID (UINT64_C(1) << 4)

static struct store *store;

static int make(void **state)
{
	store = NULL;
	return folder_make(state) < 0 || store_open(folder_file("db"), &store, NULL) != NULL ? -1
											     : 0;
}

static int drop(void **state)
{
	store = store_free(store);
	return folder_remove(state);
}

static void test_sound(void **state)
{
	int64_t version = 0;

	(void)state;
	assert_null(inspect_database(folder_file("db"), &version));
	assert_true(version > 0);
}

static void test_faults(void **state)
{
	static const struct {
		const char *sql, *fault;
	} cases[] = {
		{"PRAGMA user_version = 9999", "it is of a newer version than this program"},
		{"PRAGMA user_version = 1", "it is of an older version: postsixd has not been "
					    "started since the upgrade"},
		{"PRAGMA user_version = -1", "it is of an older version: postsixd has not been "
					     "started since the upgrade"},
		{"PRAGMA application_id = 1", "it is not a database of postsix"},
	};
	static const char text[5000] = "SQLite format 3";
	int64_t version = 7;

	(void)state;
	assert_string_equal(inspect_database(folder_file("none"), &version), "it cannot be opened");
	assert_int_equal(version, 0);
	folder_write("text", text, sizeof(text));
	assert_string_equal(inspect_database(folder_file("text"), &version), "it cannot be read");
	folder_write("empty", "", 0);
	assert_string_equal(inspect_database(folder_file("empty"), &version),
			    "it is not a database of postsix");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(database_ask(folder_file("db"), cases[i].sql), "");
		assert_string_equal(inspect_database(folder_file("db"), &version), cases[i].fault);
	}
}

// A page in the middle is another one: quick_check(1) finds it.
static void test_corrupt(void **state)
{
	static const char noise[8192] = "noise";
	int64_t version = 0;
	FILE *file;

	(void)state;
	store = store_free(store); // and its log with it
	file = fopen(folder_file("db"), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 3 * 4096, SEEK_SET), 0);
	assert_int_equal(fwrite(noise, 1, sizeof(noise), file), sizeof(noise));
	assert_int_equal(fclose(file), 0);
	assert_string_equal(inspect_database(folder_file("db"), &version), "it is corrupt");
}

static void test_request(void **state)
{
	static char message_id[2000];
	struct store_request request = {.id = ID,
					.entry = "e",
					.arrived = 1000,
					.decision = "answer",
					.requester = "a@good.test",
					.message_id = message_id};
	struct inspect_request found;
	int64_t dsn = 0;
	struct store_dsn failure = {.entry = "d",
				    .arrived = 1,
				    .decision = "used",
				    .mail = kind_id(ID, KIND_SIX),
				    .class = "no-aaaa"};

	(void)state;
	memset(message_id, '\'', sizeof(message_id) - 1);
	assert_int_equal(inspect_request(folder_file("db"), message_id, &found), 0);
	assert_int_equal(store_add_request(store, &request), 0);
	assert_int_equal(inspect_request(folder_file("db"), message_id, &found), 1);
	assert_string_equal(found.decision, "answer");
	assert_string_equal(found.six, "");
	assert_int_equal(store_add_mail(store, ID, KIND_SIX, 1000, 1000, 0), 0);
	assert_int_equal(store_add_mail(store, ID, KIND_REPORT, 1000, 1000, 0), 0);
	// what is too long for its place is cut between characters
	assert_int_equal(store_mail_sent(store, kind_id(ID, KIND_SIX), 1001,
					 "ééééééééééééééééééééééééééééééééééééééééééééééé"),
			 0);
	assert_int_equal(store_add_dsn(store, &failure, &dsn), 0);
	assert_int_equal(store_set_outcome(store, kind_id(ID, KIND_SIX), OUTCOME_FAILED, dsn, 1002),
			 0);
	assert_int_equal(inspect_request(folder_file("db"), message_id, &found), 1);
	assert_string_equal(found.report, "queued");
	assert_string_equal(found.six, "sent");
	assert_int_equal(strlen(found.six_queue_id), INSPECT_WORD - 2);
	assert_string_equal(found.outcome, "failed");
	assert_string_equal(found.class, "no-aaaa");
	assert_true(inspect_request(folder_file("none"), message_id, &found) < 0);
	folder_write("empty", "", 0);
	assert_true(inspect_request(folder_file("empty"), message_id, &found) < 0);
}

// A schema that asks SQLite for more than tables is not followed: somebody else's, put in place.
static void test_schema_is_not_trusted(void **state)
{
	static const char *const foreign[] = {
		"PRAGMA foreign_keys = OFF", "ALTER TABLE request RENAME TO r",
		"CREATE VIEW request AS SELECT 1 id, 'm' message_id, seq arrived, file decision"
		" FROM pragma_database_list"};
	struct inspect_request found;

	(void)state;
	store = store_free(store);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_string_equal(database_ask(folder_file("db"), foreign[i]), "");
	assert_int_equal(inspect_request(folder_file("db"), "m", &found), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sound),
		TEST(test_faults),
		TEST(test_corrupt),
		TEST(test_request),
		TEST(test_schema_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
