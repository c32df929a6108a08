// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: what is asked of the database, and the answers; store_damage.c has what goes wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "adapter/store.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define R1       UINT64_C(0x1000)
#define R2       UINT64_C(0x7ffffffffffffff0)

static struct store *store;

static const char *ask(const char *sql)
{
	return database_ask(folder_file("db"), sql);
}

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

static struct store_request request(uint64_t id, const char *entry)
{
	return (struct store_request){
		.id = id,
		.entry = entry,
		.arrived = 100,
		.decision = "answer",
		.site = "one",
		.requester = "a@good.test",
		.instance = "dual",
		.queue_id = "Q1",
		.recipient = "test@six.test",
		.client_address = "2001:db8::1",
		.client_hostname = "mx.good.test",
		.client_helo = "helo.good.test",
		.client_protocol = "ESMTP",
		.size = 1234,
		.message_id = "<m@good.test>",
		.references = "<r@good.test>",
		.in_reply_to = "<i@good.test>",
		.subject = "it's \"me\"; --",
		.date = 90,
		.first_received = 95,
		.hops = 2,
		.trace = "v=1",
		.authenticated = "dkim",
		.fingerprint = "f1",
	};
}

static struct store_dsn notification(const char *entry, uint64_t mail)
{
	return (struct store_dsn){.entry = entry,
				  .arrived = 200,
				  .decision = "used",
				  .mail = mail,
				  .sender = "",
				  .client_address = "2001:db8::2",
				  .action = "failed",
				  .status = "5.4.4",
				  .final_recipient = "rfc822; a@good.test",
				  .reporting_mta = "dns; mx.six.test",
				  .remote_mta = "dns; mx.good.test",
				  .diagnostic = "X-Postfix; no AAAA",
				  .class = "no-aaaa",
				  .last_attempt = "then",
				  .will_retry_until = "later",
				  .report_text = "the text",
				  .status_part = "the part",
				  .returned = "the header"};
}

static void add(uint64_t id, const char *entry)
{
	struct store_request row = request(id, entry);

	assert_int_equal(store_add_request(store, &row), 0);
}

// ---- opening ------------------------------------------------------------------------------------

static sqlite3 *own_handle;

// SQLite calls this for each new connection: the only way to ask the store's own about its
// settings.
static int on_connection(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
	(void)error, (void)api;
	own_handle = db;
	return SQLITE_OK;
}

static int64_t own_pragma(const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	assert_int_equal(sqlite3_prepare_v2(own_handle, sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void test_40_settings(void **state)
{
	(void)state;
	store = store_free(store);
	sqlite3_auto_extension((void (*)(void))on_connection);
	for (int times = 0; times < 2; times++) { // as made, and as found
		assert_null(store_open(folder_file("db"), &store, NULL));
		assert_int_equal(own_pragma("PRAGMA synchronous"), 2);
		assert_int_equal(own_pragma("PRAGMA foreign_keys"), 1);
		assert_int_equal(own_pragma("PRAGMA trusted_schema"), 0);
		assert_int_equal(own_pragma("PRAGMA cell_size_check"), 1);
		assert_int_equal(own_pragma("PRAGMA user_version"), 4);
		assert_string_equal(ask("PRAGMA journal_mode"), "wal\n");
		assert_string_equal(ask("PRAGMA application_id"), "1886611832\n");
		if (times == 0)
			store = store_free(store);
	}
	sqlite3_reset_auto_extension();
}

static void test_reopen_keeps_all(void **state)
{
	(void)state;
	add(R1, "e1");
	store = store_free(store);
	assert_null(store_open(folder_file("db"), &store, NULL));
	assert_int_equal(store_has_entry(store, "e1"), 1);
	assert_string_equal(ask("SELECT * FROM request"),
			    "4096|e1|100|answer|one|a@good.test|dual|Q1|test@six.test|2001:db8::1|"
			    "mx.good.test|helo.good.test|ESMTP|1234|<m@good.test>|<r@good.test>|"
			    "<i@good.test>|it's \"me\"; --|90|95|2|v=1|dkim|f1||||0\n");
}

// What was committed is there after a process that ended without a word; what was not, is not.
static void test_1_killed(void **state)
{
	pid_t child;

	(void)state;
	store = store_free(store);
	child = fork();
	if (child == 0) {
		struct store_request one = request(R1, "e1"), two = request(R2, "e2");
		bool ok = store_open(folder_file("db"), &store, NULL) == NULL &&
			  store_begin(store) == 0 && store_add_request(store, &one) == 0 &&
			  store_commit(store) == 0 && store_begin(store) == 0 &&
			  store_add_request(store, &two) == 0;

		_exit(ok ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_null(store_open(folder_file("db"), &store, NULL));
	assert_int_equal(store_has_entry(store, "e1"), 1);
	assert_int_equal(store_has_entry(store, "e2"), 0);
}

// ---- entries ------------------------------------------------------------------------------------

static void test_20_entry_names(void **state)
{
	struct store_request again = request(R2, "e1");
	struct store_dsn dsn = notification("d1", 0);
	int64_t id = 0;

	(void)state;
	assert_int_equal(store_has_entry(store, "e1"), 0);
	add(R1, "e1");
	assert_int_equal(store_add_dsn(store, &dsn, &id), 0);
	assert_int_equal(store_has_entry(store, "e1"), 1);
	assert_int_equal(store_has_entry(store, "d1"), 1);
	assert_int_equal(store_has_entry(store, "e"), 0);
	assert_int_equal(store_has_entry(store, "E1"), 0);
	assert_int_equal(store_has_entry(store, ""), 0);

	assert_int_equal(store_add_request(store, &again), -EEXIST);
	again = request(R1, "e2"); // the id, too
	assert_int_equal(store_add_request(store, &again), -EEXIST);
	assert_int_equal(store_add_dsn(store, &dsn, &id), -EEXIST);
	assert_string_equal(ask("SELECT count(*) FROM request UNION ALL SELECT count(*) FROM dsn"),
			    "1\n1\n");
}

static void test_rollback(void **state)
{
	(void)state;
	store_rollback(store); // of nothing
	assert_int_equal(store_begin(store), 0);
	add(R1, "e1");
	assert_int_equal(store_add_mail(store, R1, KIND_SIX, 1, 1, 0), 0);
	assert_int_equal(store_has_entry(store, "e1"), 1);
	store_rollback(store);
	assert_int_equal(store_has_entry(store, "e1"), 0);
	assert_string_equal(ask("SELECT count(*) FROM message"), "0\n");

	assert_int_equal(store_begin(store), 0);
	add(R1, "e1");
	assert_int_equal(store_commit(store), 0);
	store_rollback(store); // too late
	assert_int_equal(store_has_entry(store, "e1"), 1);
	assert_int_equal(store_begin(store), 0); // and it goes on
	assert_int_equal(store_commit(store), 0);
}

// An error inside a transaction leaves the rest of it whole.
static void test_rollback_after_an_error(void **state)
{
	(void)state;
	assert_int_equal(store_begin(store), 0);
	add(R1, "e1");
	assert_int_equal(store_add_mail(store, R1, KIND_BOUNCE, 1, 1, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_BOUNCE, 2, 2, 0), -EEXIST);
	assert_int_equal(store_commit(store), 0);
	assert_string_equal(ask("SELECT created FROM message"), "1\n");
}

static void test_20_fingerprints(void **state)
{
	static const struct {
		const char *fingerprint;
		int64_t since;
		int found;
	} prints[] = {{"f1", 99, 1}, {"f1", 100, 0}, {"f2", 149, 1}, {"f3", 0, 0}, {"F1", 0, 0}};
	struct store_request later = request(R2, "e2"), refused = request(0x2000, "e3");

	(void)state;
	later.arrived = 150;
	later.fingerprint = "f2";
	refused.decision = "too-soon";
	refused.fingerprint = "f3";
	add(R1, "e1");
	assert_int_equal(store_add_request(store, &later), 0);
	assert_int_equal(store_add_request(store, &refused), 0);
	for (size_t i = 0; i < COUNT(prints); i++)
		assert_int_equal(
			store_has_fingerprint(store, prints[i].fingerprint, prints[i].since),
			prints[i].found);
}

// ---- our mail -----------------------------------------------------------------------------------

static void test_I3_one_of_each_kind(void **state)
{
	(void)state;
	add(R1, "e1");
	for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
		assert_int_equal(store_add_mail(store, R1, kind, 5, 5, 0), 0);
		assert_int_equal(store_add_mail(store, R1, kind, 6, 6, 0), -EEXIST);
	}
	assert_int_equal(store_add_mail(store, R2, KIND_SIX, 5, 5, 0), -EEXIST); // no such request
	assert_string_equal(
		ask("SELECT id, request, kind, instance, state, created, due, attempts, outcome,"
		    " dsn FROM message"),
		"4097|4096|report|dual|queued|5|5|0|NULL|NULL\n"
		"4098|4096|six|v6|queued|5|5|0|pending|NULL\n"
		"4099|4096|delay|dual|queued|5|5|0|NULL|NULL\n"
		"4100|4096|bounce|dual|queued|5|5|0|NULL|NULL\n");
}

static int64_t next_due(void)
{
	int64_t due = -1;

	assert_int_equal(store_next_due(store, &due), 0);
	return due;
}

static void test_claim_and_fates(void **state)
{
	struct store_mail *mail = NULL;

	(void)state;
	assert_true(next_due() == INT64_MAX);
	assert_int_equal(store_claim_mail(store, false, 1000, &mail), 0);
	add(R1, "e1");
	add(R2, "e2");
	assert_int_equal(store_add_mail(store, R2, KIND_REPORT, 20, 20, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_REPORT, 10, 10, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_SIX, 30, 30, 0), 0);
	assert_true(next_due() == 10);

	assert_int_equal(store_claim_mail(store, true, 29, &mail), 0); // not due
	assert_int_equal(store_claim_mail(store, false, 9, &mail), 0);
	assert_int_equal(store_claim_mail(store, false, 20, &mail), 1); // the one due first
	assert_true(mail->id == kind_id(R1, KIND_REPORT));
	assert_int_equal(mail->attempts, 1);
	mail = store_mail_free(mail);
	assert_string_equal(ask("SELECT state FROM message WHERE id = 4097"), "sending\n");
	assert_int_equal(store_claim_mail(store, false, 20, &mail), 1);
	assert_true(mail->id == kind_id(R2, KIND_REPORT));
	mail = store_mail_free(mail);
	assert_int_equal(store_claim_mail(store, false, 20, &mail), 0); // each once
	assert_int_equal(store_claim_mail(store, true, 30, &mail), 1);
	assert_true(mail->id == kind_id(R1, KIND_SIX));
	mail = store_mail_free(mail);
	assert_true(next_due() == INT64_MAX);

	assert_int_equal(store_mail_sent(store, kind_id(R1, KIND_REPORT), 40, "QID"), 0);
	assert_int_equal(store_mail_retry(store, kind_id(R2, KIND_REPORT), 90, "451 no"), 0);
	assert_int_equal(store_mail_given_up(store, kind_id(R1, KIND_SIX), 41, "550 no"), 0);
	assert_string_equal(
		ask("SELECT state, due, sent, queue_id, reply FROM message ORDER BY id"),
		"sent|10|40|QID|\n"
		"given-up|30|41||550 no\n"
		"queued|90|NULL||451 no\n");
	assert_true(next_due() == 90);
	assert_int_equal(store_claim_mail(store, false, 89, &mail), 0);
	assert_int_equal(store_claim_mail(store, false, 90, &mail), 1);
	assert_int_equal(mail->attempts, 2);
	mail = store_mail_free(mail);
	assert_null(mail);
}

static void test_requeue(void **state)
{
	struct store_mail *mail = NULL;

	(void)state;
	add(R1, "e1");
	for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++)
		assert_int_equal(store_add_mail(store, R1, kind, 10, 10, 0), 0);
	assert_int_equal(store_requeue_sending(store, 50), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_claim_mail(store, false, 10, &mail), 1);
		mail = store_mail_free(mail);
	}
	assert_int_equal(store_mail_sent(store, kind_id(R1, KIND_REPORT), 11, "Q"), 0);
	assert_int_equal(store_requeue_sending(store, 50), 1);
	assert_string_equal(ask("SELECT kind, state, due FROM message ORDER BY id"),
			    "report|sent|10\nsix|queued|10\ndelay|queued|50\nbounce|queued|10\n");
	assert_int_equal(store_requeue_sending(store, 60), 0);
}

static void test_stale_and_silent(void **state)
{
	struct store_mail *mail = NULL;
	uint64_t id = 0;

	(void)state;
	add(R1, "e1");
	assert_int_equal(store_add_mail(store, R1, KIND_SIX, 10, 10, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_REPORT, 10, 10, 0), 0);
	for (int over_v6 = 0; over_v6 < 2; over_v6++) { // nothing is given up untried
		assert_int_equal(store_find_stale(store, over_v6, 1000, INT64_MAX, &id), 0);
		assert_int_equal(store_claim_mail(store, over_v6, 10, &mail), 1);
		assert_int_equal(store_mail_retry(store, mail->id, 10, "later"), 0);
		mail = store_mail_free(mail);
	}
	assert_int_equal(store_find_stale(store, true, 10, INT64_MAX, &id), 0);
	assert_int_equal(store_find_stale(store, true, 11, INT64_MAX, &id), 1);
	assert_true(id == kind_id(R1, KIND_SIX));
	assert_int_equal(store_find_stale(store, true, 10, 10, &id), 0);
	assert_int_equal(store_find_stale(store, true, 10, 9, &id), 1); // a clock was set back
	assert_int_equal(store_find_stale(store, false, 11, INT64_MAX, &id), 1);
	assert_true(id == kind_id(R1, KIND_REPORT));

	assert_int_equal(store_find_silent(store, 1000, INT64_MAX, &id), 0); // not sent yet
	assert_int_equal(store_mail_sent(store, kind_id(R1, KIND_SIX), 20, "Q"), 0);
	assert_int_equal(store_mail_sent(store, kind_id(R1, KIND_REPORT), 20, "Q"), 0);
	assert_int_equal(store_find_stale(store, true, 1000, INT64_MAX, &id), 0);
	assert_int_equal(store_find_silent(store, 20, 20, &id), 0);
	assert_int_equal(store_find_silent(store, 20, 19, &id), 1);
	for (int i = 0; i < 2; i++) {
		static const enum outcome heard[] = {OUTCOME_DELAYED, OUTCOME_UNKNOWN};

		assert_int_equal(store_find_silent(store, 21, INT64_MAX, &id), 1);
		assert_true(id == kind_id(R1, KIND_SIX));
		assert_int_equal(store_set_outcome(store, id, heard[i], 0, 22), 0);
	}
	assert_int_equal(store_find_silent(store, 1000, INT64_MAX, &id), 0);
}

static void test_probe_and_its_notification(void **state)
{
	struct store_probe probe = {0};
	struct store_mail *mail = NULL;
	struct store_dsn dsn = notification("d1", kind_id(R1, KIND_SIX));
	int64_t id = 0;

	(void)state;
	add(R1, "e1");
	assert_int_equal(store_add_mail(store, R1, KIND_SIX, 10, 10, 0), 0);
	assert_int_equal(store_add_mail(store, R1, KIND_REPORT, 10, 10, 0), 0);
	assert_int_equal(store_find_probe(store, R1, &probe), 0);
	assert_int_equal(store_find_probe(store, kind_id(R1, KIND_REPORT), &probe), 0);
	assert_int_equal(store_find_probe(store, kind_id(R2, KIND_SIX), &probe), 0);
	assert_int_equal(store_find_probe(store, kind_id(R1, KIND_SIX), &probe), 1);
	assert_int_equal(probe.outcome, OUTCOME_PENDING);
	assert_string_equal(probe.requester, "a@good.test");
	free(probe.requester);

	assert_int_equal(store_set_outcome(store, kind_id(R1, KIND_SIX), OUTCOME_ACCEPTED, 0, 20),
			 0);
	assert_int_equal(store_add_dsn(store, &dsn, &id), 0);
	assert_true(id > 0);
	assert_int_equal(store_set_outcome(store, kind_id(R1, KIND_SIX), OUTCOME_FAILED, id, 30),
			 0);
	assert_string_equal(ask("SELECT outcome, outcome_at, outcome_dsn, accepted_at FROM message"
				" WHERE kind = 'six'"),
			    "failed|30|1|20\n");

	assert_int_equal(store_claim_mail(store, false, 10, &mail), 1); // the report tells of none
	assert_false(mail->was_accepted);
	assert_string_equal(mail->action, "");
	assert_string_equal(mail->returned, "");
	mail = store_mail_free(mail);
	assert_int_equal(store_add_mail(store, R1, KIND_BOUNCE, 31, 31, id), 0);
	assert_int_equal(store_claim_mail(store, false, 31, &mail), 1);
	assert_int_equal(mail->kind, KIND_BOUNCE);
	assert_true(mail->was_accepted);
	assert_int_equal(mail->created, 31);
	assert_int_equal(mail->arrived, 100);
	assert_int_equal(mail->date, 90);
	assert_int_equal(mail->first_received, 95);
	assert_int_equal(mail->hops, 2);
	{
		const char *texts[][2] = {
			{mail->site, "one"},
			{mail->requester, "a@good.test"},
			{mail->instance, "dual"},
			{mail->recipient, "test@six.test"},
			{mail->client_address, "2001:db8::1"},
			{mail->client_hostname, "mx.good.test"},
			{mail->client_helo, "helo.good.test"},
			{mail->client_protocol, "ESMTP"},
			{mail->message_id, "<m@good.test>"},
			{mail->references, "<r@good.test>"},
			{mail->in_reply_to, "<i@good.test>"},
			{mail->subject, "it's \"me\"; --"},
			{mail->trace, "v=1"},
			{mail->action, "failed"},
			{mail->status, "5.4.4"},
			{mail->final_recipient, "rfc822; a@good.test"},
			{mail->reporting_mta, "dns; mx.six.test"},
			{mail->remote_mta, "dns; mx.good.test"},
			{mail->diagnostic, "X-Postfix; no AAAA"},
			{mail->class, "no-aaaa"},
			{mail->last_attempt, "then"},
			{mail->will_retry_until, "later"},
			{mail->report_text, "the text"},
			{mail->status_part, "the part"},
			{mail->returned, "the header"},
		};

		for (size_t i = 0; i < COUNT(texts); i++)
			assert_string_equal(texts[i][0], texts[i][1]);
	}
	mail = store_mail_free(mail);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_new, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_40_settings),      TEST(test_reopen_keeps_all),
		TEST(test_1_killed),         TEST(test_20_entry_names),
		TEST(test_rollback),         TEST(test_rollback_after_an_error),
		TEST(test_20_fingerprints),  TEST(test_I3_one_of_each_kind),
		TEST(test_claim_and_fates),  TEST(test_requeue),
		TEST(test_stale_and_silent), TEST(test_probe_and_its_notification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
