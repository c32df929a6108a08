// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// retention: what is old is nobody's any more, in no octet of the database's files; what is older
// is gone; a clock that is set ahead makes nothing old (RELIABILITY 14).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "adapter/pseudonym.h"
#include "adapter/store_attempts.h"
#include "daemon/retention.h"
#include "unit/daemon/house.h"

#define LOCAL "Xyzzy.Quux"
#define DAYS  INT64_C(86400)
#define R(i)  ((uint64_t)(i) << 4)

static int64_t jumped;

// In place of the C library's: the clock that nobody sets goes with the test's, but for the jumps.
int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, ret_time);
	*ret_time = (struct timespec){.tv_sec = 100000 + house_clock - NOW - jumped};
	return 0;
}

static int make(void **state)
{
	jumped = 0;
	return house_make_daemon(state);
}

// A request with the name wherever a stranger or a server may have written it, all over by now.
static void add(uint64_t id, const char *requester, const char *outcome)
{
	char entry[40], entry2[40], texts[200], sql[200];
	struct store_request request = {
		.id = id,
		.arrived = house_clock,
		.entry = entry,
		.decision = "answer",
		.site = "one",
		.requester = requester,
		.instance = "v6",
		.queue_id = "4Q1",
		.recipient = "test+" LOCAL "@six.test",
		.client_address = "2001:db8:100::25",
		.client_hostname = "xyzzy.quux.good.test",
		.client_helo = LOCAL,
		.client_protocol = "ESMTP",
		.message_id = "<1." LOCAL "@good.test>",
		.references = "<0." LOCAL "@good.test>",
		.in_reply_to = "<0." LOCAL "@good.test>",
		.subject = "I am " LOCAL,
		.trace = "v=1; helo=" LOCAL,
		.authenticated = "",
		.fingerprint = "f",
		.mailbox = requester,
		.domain = "good.test",
		.network = "2001:db8:100::/64",
	};
	struct store_dsn dsn = {
		.entry = entry2,
		.arrived = house_clock,
		.decision = "used",
		.mail = kind_id(id, KIND_SIX),
		.sender = "",
		.client_address = "",
		.action = "failed",
		.status = "5.1.1",
		.final_recipient = "rfc822; " LOCAL "@good.test",
		.reporting_mta = "dns; mx.six.test",
		.remote_mta = "dns; mx.good.test",
		.diagnostic = "smtp; 550 5.1.1 <xyzzy.quux@good.test>: XYZZY.QUUX is unknown",
		.class = "no-such-user",
		.last_attempt = "",
		.will_retry_until = "",
		.report_text = texts,
		.status_part = texts,
		.returned = texts,
	};
	struct store_attempt attempt = {.mail = kind_id(id, KIND_SIX),
					.at = house_clock,
					.recorded = house_clock,
					.relay = "mx.good.test[2001:db8:100::10]:25",
					.result = "bounced",
					.status = "5.1.1",
					.reason = "550 5.1.1 <" LOCAL "@good.test> unknown"};
	int64_t row = 0;

	snprintf(entry, sizeof(entry), "e%llx", (unsigned long long)id);
	snprintf(entry2, sizeof(entry2), "d%llx", (unsigned long long)id);
	snprintf(texts, sizeof(texts), "To: %s\nX: " LOCAL "\n", requester);
	assert_int_equal(store_add_request(house->store, &request), 0);
	assert_int_equal(store_add_mail(house->store, id, KIND_SIX, house_clock, house_clock, 0),
			 0);
	assert_int_equal(store_add_mail(house->store, id, KIND_REPORT, house_clock, house_clock, 0),
			 0);
	assert_int_equal(store_add_attempt(house->store, &attempt), 1);
	assert_int_equal(store_add_dsn(house->store, &dsn, &row), 0);
	assert_int_equal(store_set_outcome(house->store, kind_id(id, KIND_SIX), OUTCOME_FAILED, row,
					   house_clock),
			 0);
	snprintf(sql, sizeof(sql),
		 "UPDATE message SET state = 'sent', sent = %lld, reply = '250 " LOCAL "'",
		 (long long)house_clock);
	assert_string_equal(house_ask(sql), "");
	snprintf(sql, sizeof(sql), "UPDATE message SET outcome = '%s' WHERE id = %llu", outcome,
		 (unsigned long long)kind_id(id, KIND_SIX));
	assert_string_equal(house_ask(sql), "");
}

// Turns, as many as there is something to do in.
static void turns(int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(store_begin(house->store), 0);
		assert_int_equal(retention_step(house->retention), 0);
		assert_int_equal(store_commit(house->store), 0);
		retention_commit(house->retention);
	}
}

// Time goes on as it should.
static void pass(int64_t seconds)
{
	turns(1); // so that both clocks are known
	house_clock += seconds;
	turns(60);
}

// How often the name stands in the database's files, whatever its case.
static size_t count_names(void)
{
	static const char *const files[] = {"state/postsix.db", "state/postsix.db-wal"};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(files); i++) {
		FILE *file = fopen(folder_file(files[i]), "r");
		char window[sizeof(LOCAL)] = "";
		int c;

		while (file != NULL && (c = getc(file)) != EOF) {
			memmove(window, window + 1, sizeof(window) - 2);
			window[sizeof(window) - 2] = (char)c;
			n += strncasecmp(window, LOCAL, sizeof(window) - 1) == 0;
		}
		if (file != NULL)
			fclose(file);
	}
	return n;
}

static void test_no_octet_is_left(void **state)
{
	(void)state;
	add(R(1), LOCAL "@good.test", "failed");
	add(R(2), "xyzzy.quux@Good.test", "accepted");
	assert_true(count_names() > 20);
	pass(89 * DAYS);
	assert_true(count_names() > 20);
	assert_string_equal(house_ask("SELECT sum(aged) FROM request"), "0\n");
	pass(2 * DAYS);
	assert_int_equal(count_names(), 0);
	assert_string_equal(house_ask("SELECT sum(aged) FROM request"), "2\n");
	// the same address has the same hash, and its domain stays
	assert_string_equal(house_ask("SELECT count(DISTINCT requester), count(*) FROM request"
				      " WHERE requester LIKE 'hashed-________________________"
				      "@good.test'"),
			    "1|2\n");
	// what can be told of nobody stays
	assert_string_equal(house_ask("SELECT DISTINCT class, status, remote_mta FROM dsn"),
			    "no-such-user|5.1.1|dns; mx.good.test\n");
	assert_string_equal(house_ask("SELECT count(*) FROM attempt WHERE reason LIKE"
				      " '550 5.1.1 <hashed-%@good.test> unknown'"),
			    "2\n");
	assert_string_equal(house_ask("PRAGMA integrity_check"), "ok\n");
}

static void test_key_is_the_folders(void **state)
{
	struct pseudonym *pseudonym = NULL;
	char hashed[ADDR_TEXT_SIZE], sql[400];
	struct stat info;

	(void)state;
	add(R(1), LOCAL "@good.test", "failed");
	pass(91 * DAYS);
	assert_int_equal(stat(folder_file("state/" PSEUDONYM_KEY_FILE), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(
		pseudonym_open(folder_file("state/" PSEUDONYM_KEY_FILE), false, &pseudonym), 0);
	pseudonym_address(pseudonym, "XYZZY.quux@good.test", hashed);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM request WHERE requester = '%s'", hashed);
	assert_string_equal(house_ask(sql), "1\n");
	pseudonym_free(pseudonym);
}

static void test_rows_go_and_counters_stay(void **state)
{
	(void)state;
	add(R(1), LOCAL "@good.test", "failed");
	house_clock += 700 * DAYS;
	add(R(2), LOCAL "@good.test", "failed");
	pass(40 * DAYS);
	assert_string_equal(house_ask("SELECT id FROM request"), "32\n");
	assert_string_equal(house_ask("SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM"
				      " dsn), (SELECT count(*) FROM attempt)"),
			    "2|1|1\n");
	assert_string_equal(house_ask("SELECT name, count FROM forgotten ORDER BY name"),
			    "attempt bounced|1\nfailure no-such-user|1\nmessage report sent|1\n"
			    "message six sent|1\nnotification used|1\noutcome failed|1\n"
			    "request answer|1\n");
}

static void test_what_waits_is_not_touched(void **state)
{
	(void)state;
	add(R(1), LOCAL "@good.test", "delayed");
	pass(1000 * DAYS);
	assert_string_equal(house_ask("SELECT requester, aged FROM request"),
			    LOCAL "@good.test|0\n");
}

// Fault 14: nothing is old for a day by the clock that nobody sets.
static void test_14_clock_set_ahead(void **state)
{
	(void)state;
	add(R(1), LOCAL "@good.test", "failed");
	turns(1);
	house_clock += 1000 * DAYS;
	jumped += 1000 * DAYS;
	turns(5);
	house_clock += DAYS - 10;
	turns(5);
	assert_string_equal(house_ask("SELECT aged FROM request"), "0\n");
	house_clock += 20;
	turns(5);
	assert_string_equal(house_ask("SELECT count(*) FROM request"), "0\n");
}

static void test_zero_is_for_ever(void **state)
{
	struct config *config = (struct config *)(uintptr_t)house->config;

	(void)state;
	config->keep_addresses = config->keep_requests = 0;
	add(R(1), LOCAL "@good.test", "failed");
	pass(5000 * DAYS);
	assert_string_equal(house_ask("SELECT requester, aged FROM request"),
			    LOCAL "@good.test|0\n");
}

// A message to a token address that is about nothing has a sender, too.
static void test_stray_senders(void **state)
{
	struct entry entry = house_entry(LOCAL "@good.test", "bounce+nonsense@six.test");

	(void)state;
	assert_int_equal(bounce_record(house, "stray", &entry), 0);
	assert_true(count_names() > 0);
	pass(91 * DAYS);
	assert_int_equal(count_names(), 0);
	assert_string_equal(house_ask("SELECT substr(sender, 1, 7) FROM dsn"), "hashed-\n");
	pass(700 * DAYS);
	assert_string_equal(house_ask("SELECT count(*) FROM dsn"), "0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_octet_is_left),
		TEST(test_key_is_the_folders),
		TEST(test_rows_go_and_counters_stay),
		TEST(test_what_waits_is_not_touched),
		TEST(test_14_clock_set_ahead),
		TEST(test_zero_is_for_ever),
		TEST(test_stray_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
