// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// history: reads beside the writer and writes nothing; what cannot be read is named; filters; and
// that every question is one SQLite understands.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/history.h"
#include "adapter/store.h"
#include "unit/database.h"
#include "unit/folder.h"

#define R(i) ((uint64_t)(i) << 4)

static struct store *store;
static struct history *history;

static int make(void **state)
{
	store = NULL;
	history = NULL;
	return folder_make(state) < 0 || store_open(folder_file("db"), &store, NULL) != NULL ? -1
											     : 0;
}

static int drop(void **state)
{
	history = history_free(history);
	store = store_free(store);
	return folder_remove(state);
}

static void add(uint64_t id, int64_t arrived, const char *requester, const char *decision,
		enum outcome outcome)
{
	char entry[40];
	struct store_request request = {.id = id,
					.entry = entry,
					.arrived = arrived,
					.decision = decision,
					.site = "one",
					.requester = requester};

	snprintf(entry, sizeof(entry), "e%llx", (unsigned long long)id);
	assert_int_equal(store_add_request(store, &request), 0);
	if (strcmp(decision, "answer") != 0)
		return;
	assert_int_equal(store_add_mail(store, id, KIND_SIX, arrived, arrived, 0), 0);
	assert_int_equal(store_set_outcome(store, kind_id(id, KIND_SIX), outcome, 0, arrived), 0);
}

static void on_nothing(void *arg, const struct history_row *row)
{
	(void)arg, (void)row;
}

static void on_count(void *arg, const struct history_row *row)
{
	if (strcmp(history_text(row, "name"), "request too-soon") == 0)
		snprintf(arg, 100, "%s %lld", history_text(row, "name"),
			 (long long)history_number(row, "count"));
}

static void test_every_question(void **state)
{
	struct history_filter filter = {.id = (int64_t)R(1)};

	(void)state;
	add(R(1), 100, "a@good.test", "answer", OUTCOME_ACCEPTED);
	assert_null(history_open(folder_file("db"), &history));
	for (int query = 0; query < HISTORY_QUERIES; query++)
		assert_true(history_ask(history, (enum history_query)query, &filter, on_nothing,
					NULL) >= 0);
}

static void test_filters(void **state)
{
	static const struct {
		struct history_filter filter;
		int n;
		uint64_t first;
	} cases[] = {
		{{0}, 4, R(4)},
		{{.since = 200}, 3, R(4)},
		{{.until = 200}, 1, R(1)},
		{{.since = 200, .until = 300}, 1, R(2)},
		{{.limit = 2}, 2, R(4)},
		{{.outcome = "failed"}, 1, R(2)},
		{{.decision = "too-soon"}, 1, R(4)},
		{{.requester = "A@GOOD.test"}, 2, R(3)},
		{{.site = "two"}, 0, 0},
		{{.class = "no-aaaa"}, 0, 0},
	};

	(void)state;
	add(R(1), 100, "a@good.test", "answer", OUTCOME_ACCEPTED);
	add(R(2), 200, "b@good.test", "answer", OUTCOME_FAILED);
	add(R(3), 300, "a@good.test", "answer", OUTCOME_PENDING);
	add(R(4), 400, "c@good.test", "too-soon", OUTCOME_PENDING);
	assert_null(history_open(folder_file("db"), &history));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t *ids = NULL;

		assert_int_equal(history_ids(history, &cases[i].filter, &ids), cases[i].n);
		if (cases[i].n > 0)
			assert_int_equal(ids[0], (int64_t)cases[i].first);
		free(ids);
	}
}

static void test_many_ids(void **state)
{
	int64_t *ids = NULL;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (uint64_t i = 1; i <= 3000; i++)
		add(R(i), (int64_t)i, "a@good.test", "too-soon", OUTCOME_PENDING);
	assert_int_equal(store_commit(store), 0);
	assert_null(history_open(folder_file("db"), &history));
	assert_int_equal(history_ids(history, NULL, &ids), 3000);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(ids[i], (int64_t)R(3000 - i));
	free(ids);
}

// What retention deleted is counted on.
static void test_counts_go_on(void **state)
{
	char counted[100] = "";

	(void)state;
	add(R(1), 100, "a@good.test", "too-soon", OUTCOME_PENDING);
	assert_string_equal(database_ask(folder_file("db"),
					 "INSERT INTO forgotten VALUES ('request too-soon', 41)"),
			    "");
	assert_null(history_open(folder_file("db"), &history));
	assert_true(history_ask(history, HISTORY_COUNTS, NULL, on_count, counted) > 0);
	assert_string_equal(counted, "request too-soon 42");
}

// The writer is neither held up nor changed by readers, who see each commit.
static void test_beside_the_writer(void **state)
{
	struct history *others[5] = {NULL};
	int64_t *ids = NULL;
	struct stat before, after;

	(void)state;
	add(R(1), 100, "a@good.test", "too-soon", OUTCOME_PENDING);
	assert_null(history_open(folder_file("db"), &history));
	assert_int_equal(store_begin(store), 0);
	add(R(2), 200, "a@good.test", "too-soon", OUTCOME_PENDING);
	assert_int_equal(history_ids(history, NULL, &ids), 1);
	free(ids);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(history_ids(history, NULL, &ids), 2);
	free(ids);
	assert_int_equal(stat(folder_file("db"), &before), 0);
	for (size_t i = 0; i < 5; i++)
		assert_null(history_open(folder_file("db"), &others[i]));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(history_ids(others[i], NULL, &ids), 2);
		free(ids);
		history_free(others[i]);
	}
	assert_int_equal(stat(folder_file("db"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_true(history_size(folder_file("db")) > before.st_size);
}

static void test_faults(void **state)
{
	static const char text[] = "this is no database, and long enough to be looked at as one";

	(void)state;
	assert_string_equal(history_open(folder_file("none"), &history),
			    "there is none yet: has postsixd ever run?");
	folder_write("text", text, sizeof(text));
	assert_string_equal(history_open(folder_file("text"), &history),
			    "it is not a database, or it is damaged");
	sqlite3_close(database_hold(folder_file("other"), "CREATE TABLE a (b)"));
	assert_string_equal(history_open(folder_file("other"), &history),
			    "it is some other program's database");
	assert_string_equal(database_ask(folder_file("db"), "PRAGMA user_version = 99"), "");
	assert_string_equal(history_open(folder_file("db"), &history),
			    "it was written by a newer postsix; upgrade");
	assert_string_equal(database_ask(folder_file("db"), "PRAGMA user_version = 1"), "");
	assert_non_null(strstr(history_open(folder_file("db"), &history), "older postsix"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_question), TEST(test_filters),           TEST(test_many_ids),
		TEST(test_counts_go_on),   TEST(test_beside_the_writer), TEST(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
