// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: surveys, the reports that wait for them, and a database from before (RELIABILITY 37).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store.h"
#include "adapter/store_sql.h"
#include "unit/database.h"
#include "unit/folder.h"

#define R1     UINT64_C(0x1000)
#define R2     UINT64_C(0x2000)
#define REPORT kind_id(R1, KIND_REPORT)

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

static const char *ask(const char *sql)
{
	return database_ask(folder_file("db"), sql);
}

// A request whose report is due at 20 and whose probe at 10.
static void add(uint64_t id, const char *entry)
{
	struct store_request request = {.id = id, .entry = entry, .decision = "answer"};

	assert_int_equal(store_add_request(store, &request), 0);
	assert_int_equal(store_add_mail(store, id, KIND_REPORT, 10, 20, 0), 0);
	assert_int_equal(store_add_mail(store, id, KIND_SIX, 10, 10, 0), 0);
}

// The survey of the next message that dual gets at now, in a static buffer; "-" where none is due.
static const char *claim(int64_t now)
{
	static char survey[100];
	struct store_mail *mail = NULL;
	int r = store_claim_mail(store, false, now, &mail);

	assert_true(r >= 0);
	snprintf(survey, sizeof(survey), "%s", r == 0 ? "-" : mail->survey);
	store_mail_free(mail);
	return survey;
}

static void test_report_waits(void **state)
{
	(void)state;
	add(R1, "e1");
	add(R2, "e2");
	assert_string_equal(claim(19), "-");
	assert_int_equal(store_add_survey(store, R1, 15, "{\"a\":1}"), 0);
	assert_string_equal(ask("SELECT created, due, kind FROM message ORDER BY id"),
			    "10|15|report\n10|10|six\n10|20|report\n10|10|six\n");
	assert_string_equal(claim(14), "-");
	assert_string_equal(claim(15), "{\"a\":1}");
	assert_string_equal(claim(19), "-");
	assert_string_equal(claim(20), ""); // its own survey is what counts
}

static void test_first_survey_counts(void **state)
{
	(void)state;
	add(R1, "e1");
	assert_int_equal(store_add_survey(store, R1, 15, "1"), 0);
	assert_int_equal(store_add_survey(store, R1, 16, "2"), 0);
	assert_string_equal(ask("SELECT request, made, json FROM survey"), "4096|15|1\n");
}

static void test_nothing_found(void **state)
{
	(void)state;
	add(R1, "e1");
	assert_int_equal(store_add_survey(store, R1, 11, ""), 0);
	assert_string_equal(ask("SELECT count(*) FROM survey"), "0\n");
	assert_string_equal(claim(11), "");
}

// What was handed over and is tried again keeps its pause; what was due before is not put off.
static void test_only_what_waits_is_hurried(void **state)
{
	(void)state;
	add(R1, "e1");
	assert_string_equal(claim(20), "");
	assert_int_equal(store_add_survey(store, R1, 21, "1"), 0);
	assert_string_equal(ask("SELECT state, due FROM message WHERE id = 4097"), "sending|20\n");
	assert_int_equal(store_mail_retry(store, REPORT, 90, ""), 0);
	assert_int_equal(store_add_survey(store, R1, 22, "1"), 0);
	assert_string_equal(ask("SELECT state, due FROM message WHERE id = 4097"), "queued|90\n");
	add(R2, "e2");
	assert_int_equal(store_add_survey(store, R2, 30, "1"), 0);
	assert_string_equal(ask("SELECT due FROM message WHERE id = 8193"), "20\n");
}

// A probe may fail sooner than the survey is over; its bounce tells of both.
static void test_bounce_waits_with_the_report(void **state)
{
	(void)state;
	add(R1, "e1");
	assert_int_equal(store_add_mail(store, R1, KIND_DELAY, 11, 11, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_BOUNCE, 12, 12, 0), 0);
	assert_string_equal(ask("SELECT kind, created, due FROM message ORDER BY id"),
			    "report|10|20\nsix|10|10\ndelay|11|11\nbounce|12|20\n");
	assert_int_equal(store_add_survey(store, R1, 13, "1"), 0);
	assert_string_equal(ask("SELECT kind, due FROM message ORDER BY id"),
			    "report|13\nsix|10\ndelay|11\nbounce|13\n");
	assert_string_equal(claim(13), "1");
	add(R2, "e2");
	assert_string_equal(ask("SELECT due FROM message WHERE id = 8193"), "20\n");
	assert_string_equal(claim(20), "1"); // the bounce first, since it is due longer
	assert_string_equal(claim(20), "1");
	assert_string_equal(claim(20), "");
	assert_int_equal(store_add_mail(store, R2, KIND_BOUNCE, 21, 21, 0), 0);
	assert_string_equal(ask("SELECT due FROM message WHERE id = 8196"), "21\n");
}

static void test_survey_of_no_request(void **state)
{
	(void)state;
	assert_true(store_add_survey(store, R1, 15, "1") < 0);
}

// The version before, with a request whose messages wait.
static void test_37_messages_under_way_at_the_upgrade(void **state)
{
	char sql[20000];

	(void)state;
	store = store_free(store);
	remove(folder_file("db"));
	snprintf(sql, sizeof(sql),
		 "%s%s INSERT INTO request (id, entry, arrived, decision, site, requester, "
		 "instance,"
		 " queue_id, recipient, client_address, client_hostname, client_helo,"
		 " client_protocol, size, message_id, \"references\", in_reply_to, subject, date,"
		 " first_received, hops, trace, authenticated, fingerprint)"
		 " VALUES (4096, 'e', 1, 'answer', 'one', 'a@good.test', '', '', '', '', '', '',"
		 " '', 1, '', '', '', 'S', 0, 0, 0, '', '', '');"
		 "INSERT INTO message (id, request, kind, instance, state, created, due)"
		 " VALUES (4097, 4096, 'report', 'dual', 'queued', 5, 5);"
		 " PRAGMA application_id = 1886611832; PRAGMA user_version = 2",
		 store_migrations[0], store_migrations[1]);
	sqlite3_close(database_hold(folder_file("db"), sql));
	assert_null(store_open(folder_file("db"), &store, NULL));
	assert_string_equal(claim(5), "");
	assert_int_equal(store_add_survey(store, R1, 6, "{}"), 0);
	assert_string_equal(ask("SELECT json FROM survey"), "{}\n");
	assert_string_equal(ask("PRAGMA user_version"), "4\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_new, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_report_waits),
		TEST(test_first_survey_counts),
		TEST(test_nothing_found),
		TEST(test_only_what_waits_is_hurried),
		TEST(test_bounce_waits_with_the_report),
		TEST(test_survey_of_no_request),
		TEST(test_37_messages_under_way_at_the_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
