// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: what limits ask of it, and a database from before there were any (RELIABILITY A9, 37).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store.h"
#include "adapter/store_sql.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define R1       UINT64_C(0x1000)
#define R2       UINT64_C(0x7ffffffffffffff0)

static struct store *store;

static int open_new(void **state)
{
	store = NULL;
	return folder_make(state) < 0 || store_open(folder_file("db"), &store, NULL) != NULL ? -1
											     : 0;
}

static int close_all(void **state)
{
	store = store_free(store);
	return folder_remove(state);
}

// An answered request; what is not named is "".
static struct store_request request(uint64_t id, const char *entry)
{
	return (struct store_request){.id = id,
				      .entry = entry,
				      .arrived = 100,
				      .decision = "answer",
				      .mailbox = "a@good.test",
				      .domain = "good.test",
				      .network = "2001:db8::/64"};
}

static void test_A9_counts(void **state)
{
	static const struct {
		const char *value;
		int64_t since, until, count;
	} counts[] = {
		{"a@good.test", 0, 1000, 2},
		{"a@good.test", 99, 1000, 2},
		{"a@good.test", 100, 1000, 1},
		{"a@good.test", 150, 1000, 0},
		{"a@good.test", 0, 149, 1},
		{"a@good.test", 0, 150, 2},
		{"A@good.test", 0, 1000, 0}, // keys are made without case
		{"b@good.test", 0, 1000, 0}, // was refused
		{"", 0, 1000, 0},
		{"%", 0, 1000, 0},
	};
	struct store_request one = request(R1, "e1"), later = request(R2, "e2"),
			     refused = request(0x2000, "e3");

	(void)state;
	later.arrived = 150;
	later.network = "192.0.2.1";
	refused.decision = "too-soon";
	refused.mailbox = "b@good.test";
	assert_int_equal(store_add_request(store, &one), 0);
	assert_int_equal(store_add_request(store, &later), 0);
	assert_int_equal(store_add_request(store, &refused), 0);
	for (size_t i = 0; i < COUNT(counts); i++) {
		int64_t count = -1;

		assert_int_equal(store_count_answers(store, counts[i].value, counts[i].since,
						     counts[i].until, &count),
				 0);
		assert_int_equal(count, counts[i].count);
	}
}

static void note_answer(void *arg, const char *mailbox, const char *domain, const char *network,
			int64_t arrived)
{
	char *notes = arg;

	sprintf(notes + strlen(notes), "%s %s %s %lld\n", mailbox, domain, network,
		(long long)arrived);
}

static void note_failed(void *arg, uint64_t id)
{
	char *notes = arg;

	sprintf(notes + strlen(notes), "%llx ", (unsigned long long)id);
}

static void test_what_memory_is_filled_with(void **state)
{
	struct store_request one = request(R1, "e1"), later = request(R2, "e2"),
			     refused = request(0x2000, "e3");
	char notes[500] = "";

	(void)state;
	later.arrived = 90; // it came later, and waited less long
	later.mailbox = later.domain = later.network = NULL;
	refused.decision = "too-soon";
	assert_int_equal(store_add_request(store, &one), 0);
	assert_int_equal(store_add_request(store, &later), 0);
	assert_int_equal(store_add_request(store, &refused), 0);
	assert_int_equal(store_each_answer(store, 0, 100, note_answer, notes), 0);
	assert_string_equal(notes, "   90\na@good.test good.test 2001:db8::/64 100\n");
	notes[0] = '\0';
	assert_int_equal(store_each_answer(store, 100, 1000, note_answer, notes), 0);
	assert_int_equal(store_each_answer(store, 0, 89, note_answer, notes), 0);
	assert_string_equal(notes, "");

	assert_int_equal(store_add_mail(store, R1, KIND_SIX, 5, 5, 0), 0);
	assert_int_equal(store_add_mail(store, R2, KIND_SIX, 6, 6, 0), 0);
	assert_int_equal(store_each_failed(store, 0, note_failed, notes), 0);
	assert_string_equal(notes, "");
	assert_int_equal(store_set_outcome(store, kind_id(R1, KIND_SIX), OUTCOME_FAILED, 0, 9), 0);
	assert_int_equal(store_set_outcome(store, kind_id(R2, KIND_SIX), OUTCOME_ACCEPTED, 0, 9),
			 0);
	assert_int_equal(store_each_failed(store, 5, note_failed, notes), 0);
	assert_string_equal(notes, "");
	assert_int_equal(store_each_failed(store, 4, note_failed, notes), 0);
	assert_int_equal(strtoull(notes, NULL, 16), kind_id(R1, KIND_SIX));
}

// The version before, with a request in it that was answered and one that was not.
static void test_37_limits_hold_over_the_upgrade(void **state)
{
	int64_t count = -1;
	char sql[20000], notes[100];

	(void)state;
	store = store_free(store);
	remove(folder_file("db"));
	folder_write("db", "", 0);
	snprintf(sql, sizeof(sql),
		 "%s INSERT INTO request SELECT value, 'e' || value, 100 + value,"
		 " iif(value = 3, 'too-soon', 'answer'), '', 'A@Good.test', '', '', '', '', '', '',"
		 " '', 1, '', '', '', '', 0, 0, 0, '', '', '' FROM json_each('[1,2,3]');"
		 " PRAGMA application_id = 1886611832; PRAGMA user_version = 1",
		 store_migrations[0]);
	sqlite3_close(database_hold(folder_file("db"), sql));
	assert_string_equal(database_ask(folder_file("db"), "SELECT count(*) FROM request"), "3\n");
	assert_null(store_open(folder_file("db"), &store, NULL));
	assert_int_equal(store_count_answers(store, "a@good.test", 0, 1000, &count), 0);
	assert_int_equal(count, 2);
	notes[0] = '\0';
	assert_int_equal(store_each_answer(store, 101, 1000, note_answer, notes), 0);
	assert_string_equal(notes, "a@good.test   102\n"); // no more is known of it
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_new, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_A9_counts),
		TEST(test_what_memory_is_filled_with),
		TEST(test_37_limits_hold_over_the_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
