// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: databases of earlier versions with work in flight, as they were left
// (tests/data/database): brought up to date whole, or, whatever interrupts that, not at all
// (RELIABILITY 37).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/store.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const int versions[] = {1, 3};

static const char *ask(const char *sql)
{
	return database_ask(folder_file("db"), sql);
}

static void remove_all(void)
{
	unlink(folder_file("db"));
	unlink(folder_file("db-wal"));
	unlink(folder_file("db-shm"));
	unlink(folder_file("db-journal"));
}

// Tests run in the tree's root.
static void make_old(int version)
{
	static char sql[100000];
	char path[60];
	FILE *file;

	snprintf(path, sizeof(path), "tests/data/database/version-%d.sql", version);
	file = fopen(path, "r");
	assert_non_null(file);
	sql[fread(sql, 1, sizeof(sql) - 1, file)] = '\0';
	fclose(file);
	remove_all();
	sqlite3_close(database_hold(folder_file("db"), sql));
}

static void expect_rows(void)
{
	assert_string_equal(ask("SELECT count(*) FROM request"), "3\n");
	assert_string_equal(ask("SELECT kind, state, ifnull(outcome, '-') FROM message"
				" ORDER BY kind, outcome"),
			    "bounce|sent|-\nreport|queued|-\nreport|sent|-\nreport|sent|-\n"
			    "six|sent|accepted\nsix|sent|failed\nsix|sent|pending\n");
	assert_string_equal(ask("SELECT count(*) FROM dsn"), "2\n");
	assert_string_equal(ask("PRAGMA quick_check"), "ok\n");
}

static void expect_version(int version)
{
	char text[20];

	snprintf(text, sizeof(text), "%d\n", version);
	assert_string_equal(ask("PRAGMA user_version"), text);
}

// What was in flight is in flight: the report is handed over, the probe's fate is still awaited.
static void expect_in_flight(void)
{
	const int64_t later = INT64_C(1900000000);
	struct store_mail *mail = NULL;
	struct store_probe probe = {0};
	struct store *store = NULL;

	assert_null(store_open(folder_file("db"), &store, NULL));
	assert_int_equal(store_claim_mail(store, false, later, &mail), 1);
	assert_string_equal(mail->requester, "eve@full.test");
	assert_int_equal(store_find_probe(store, (mail->id & ~UINT64_C(15)) + KIND_SIX, &probe), 1);
	assert_int_equal(probe.outcome, OUTCOME_PENDING);
	free(probe.requester);
	mail = store_mail_free(mail);
	assert_int_equal(store_claim_mail(store, false, later, &mail), 0);
	assert_int_equal(store_claim_mail(store, true, later, &mail), 0);
	store_free(store);
	expect_version(4);
}

static void test_37_in_flight(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		make_old(versions[i]);
		expect_rows();
		expect_in_flight();
	}
}

// ---- interrupted --------------------------------------------------------------------------------

static int steps_left;

static int on_step(void *arg)
{
	(void)arg;
	if (--steps_left == 0)
		raise(SIGKILL);
	return 0;
}

// SQLite calls these for each new connection.
static int kill_later(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
	(void)error, (void)api;
	sqlite3_progress_handler(db, 1, on_step, NULL);
	return SQLITE_OK;
}

static int no_more_pages(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
	(void)error, (void)api;
	return sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL); // as many as it has
}

// True where a process that opens it is killed in SQLite's n-th step.
static bool is_killed(int n)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		struct store *store = NULL;

		steps_left = n;
		sqlite3_auto_extension((void (*)(void))kill_later);
		_exit(store_open(folder_file("db"), &store, NULL) == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
	return WIFSIGNALED(status);
}

static void test_37_killed_in_it(void **state)
{
	int kills = 0, before = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		int n = 1;

		make_old(versions[i]);
		for (; is_killed(n); n += 97, kills++) {
			bool is_old = strcmp(ask("PRAGMA user_version"), "4\n") != 0;

			if (is_old)
				expect_version(versions[i]);
			before += is_old;
			expect_rows();
			expect_in_flight(); // the next start does it all
			make_old(versions[i]);
		}
		expect_version(4);
	}
	print_message("%d kills, %d before the commit\n", kills, before);
	assert_true(before >= 10);
}

static void test_37_disk_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct store *store = NULL;
		const char *fault;
		int error;

		make_old(versions[i]);
		sqlite3_auto_extension((void (*)(void))no_more_pages);
		fault = store_open(folder_file("db"), &store, &error);
		sqlite3_reset_auto_extension();
		assert_string_equal(fault, "its schema cannot be brought up to date: database or "
					   "disk is full");
		assert_int_equal(error, -ENOSPC);
		expect_version(versions[i]);
		expect_rows();
		expect_in_flight(); // once there is room
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_37_in_flight),
		TEST(test_37_killed_in_it),
		TEST(test_37_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
