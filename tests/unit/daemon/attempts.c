// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// attempts: each line about a probe's delivery is one row, over restarts, rollbacks, rotations and
// logs that cannot be read; lines about anything else are none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/journal.h"
#include "adapter/store_attempts.h"
#include "daemon/attempts.h"
#include "unit/daemon/house.h"

#define R(i)  ((uint64_t)(i) << 4)
#define ROWS  "SELECT group_concat(reason, ' ') FROM (SELECT reason FROM attempt ORDER BY rowid)"
#define LINES 1700 // more than three turns read

static int make(void **state)
{
	static char path[400];

	house_log = "none";
	if (house_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s", folder_file("log"));
	house_log = path;
	config_free(house_config);
	house_write_config();
	folder_write("log", "", 0);
	return 0;
}

static int drop(void **state)
{
	house_log = "none";
	return house_remove(state);
}

static void start(void)
{
	int status = -1;

	house = daemon_free(house);
	house = daemon_new(house_config, stderr, &status);
	assert_non_null(house);
}

static void turn(bool commit)
{
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(attempts_record(house->attempts), 0);
	if (commit) {
		assert_int_equal(store_commit(house->store), 0);
	} else {
		store_rollback(house->store);
		attempts_roll_back(house->attempts);
	}
}

static void append(const char *text)
{
	FILE *file = fopen(folder_file("log"), "a");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

#define AT "2027-01-15T08:00:00+00:00 mx postfix-v6/"

static void from(const char *queue_id, const char *sender)
{
	char line[500];

	snprintf(line, sizeof(line), AT "qmgr[1]: %s: from=<%s>, size=1, nrcpt=1 (queue active)\n",
		 queue_id, sender);
	append(line);
}

static void tried(const char *queue_id, const char *reason)
{
	char line[500];

	snprintf(line, sizeof(line),
		 AT "smtp[1]: %s: to=<a@b>, relay=none, delay=1, dsn=4.4.1, status=deferred (%s)\n",
		 queue_id, reason);
	append(line);
}

// A request with a probe that postfix-v6 has under that queue id.
static void probe(uint64_t id, const char *queue_id)
{
	char entry[20];
	struct store_request request = {.id = id,
					.entry = entry,
					.arrived = NOW,
					.decision = "answer",
					.requester = "a@good.test"};

	snprintf(entry, sizeof(entry), "e%llu", (unsigned long long)id);
	assert_int_equal(store_add_request(house->store, &request), 0);
	assert_int_equal(store_add_mail(house->store, id, KIND_SIX, NOW, NOW, 0), 0);
	assert_int_equal(store_mail_sent(house->store, kind_id(id, KIND_SIX), NOW, queue_id), 0);
}

static const char *sender_of(uint64_t id)
{
	return house_token_address(house->seal, "bounce", kind_id(id, KIND_SIX), "six.test",
				   NOW + 1000);
}

static void test_whose_it_is(void **state)
{
	(void)state;
	start();
	turn(true);
	probe(R(1), "4Q1");
	probe(R(2), "4Q2");
	tried("4Q1", "by-queue-id");
	from("4R1", sender_of(R(2))); // a queue id that the database has not yet
	tried("4R1", "by-token");
	turn(true);
	assert_string_equal(house_ask("SELECT message >> 4, reason, relay, result, status, at"
				      " FROM attempt ORDER BY rowid"),
			    "1|by-queue-id||deferred|4.4.1|1800000000\n"
			    "2|by-token||deferred|4.4.1|1800000000\n");
}

// What strangers sent is forwarded by nobody, but bounces and the operator's mail go the same way;
// and a token's address may be anybody's invention.
static void test_others(void **state)
{
	static const char *const senders[] = {
		"",
		"a@good.test",
		"bounce+@six.test",
		"bounce+",
		"bounce+aaaa@six.test",
		"bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@six.test",
		"\"x>, size=1, nrcpt=1\"@good.test",
	};

	(void)state;
	start();
	turn(true);
	probe(R(1), "4Q1");
	for (size_t i = 0; i < COUNT(senders); i++) {
		char queue_id[10];

		snprintf(queue_id, sizeof(queue_id), "4R%zu", i);
		from(queue_id, senders[i]);
		tried(queue_id, "nobody's");
	}
	append("\n\n\x1b[2J\nnot a line of Postfix's\n");
	tried("4Q1", "ours");
	turn(true);
	assert_string_equal(house_ask(ROWS), "ours\n");
}

// Hints may be lost, a restart loses nothing.
static void test_restart(void **state)
{
	(void)state;
	tried("4Q1", "before-the-first-start");
	start();
	turn(true);
	probe(R(1), "4Q1");
	tried("4Q1", "one");
	turn(true);
	from("4R1", sender_of(R(1)));
	turn(true);
	tried("4Q1", "two");
	start();
	tried("4Q1", "three");
	turn(true);
	turn(true);
	assert_string_equal(house_ask(ROWS), "one two three\n");
}

static void test_rollback(void **state)
{
	(void)state;
	start();
	turn(true);
	probe(R(1), "4Q1");
	tried("4Q1", "one");
	turn(false);
	turn(false);
	assert_string_equal(house_ask(ROWS), "NULL\n");
	turn(true);
	turn(true);
	assert_string_equal(house_ask(ROWS), "one\n");
}

// After a rotation the new log cannot be read: what the old one told is recorded once.
static void test_rotation_fails(void **state)
{
	(void)state;
	start();
	turn(true);
	probe(R(1), "4Q1");
	tried("4Q1", "one");
	assert_int_equal(rename(folder_file("log"), folder_file("log.1")), 0);
	assert_int_equal(mkdir(folder_file("log"), 0755), 0);
	for (int i = 0; i < 5; i++)
		turn(true);
	assert_string_equal(house_ask(ROWS), "one\n");
	assert_int_equal(rmdir(folder_file("log")), 0);
	tried("4Q1", "two");
	turn(true);
	assert_string_equal(house_ask(ROWS), "one two\n");
}

static void test_no_log(void **state)
{
	(void)state;
	assert_int_equal(unlink(folder_file("log")), 0);
	assert_int_equal(mkdir(folder_file("log"), 0755), 0);
	start();
	for (int i = 0; i < 3; i++)
		turn(true);
	assert_string_equal(house_ask("SELECT count(*) FROM cursor"), "0\n");
	assert_int_equal(rmdir(folder_file("log")), 0);
	turn(true); // it is not there: when it is, all of it is new
	probe(R(1), "4Q1");
	tried("4Q1", "one");
	turn(true);
	assert_string_equal(house_ask(ROWS), "one\n");
}

// More than a turn reads, more queue ids than are remembered, and more attempts than are kept.
static void test_many(void **state)
{
	(void)state;
	start();
	turn(true);
	for (uint64_t i = 1; i <= 2; i++)
		probe(R(i), "4Q1");
	for (int i = 0; i < LINES; i++)
		from(i % 2 == 0 ? "4R1" : "4R2", sender_of(R(1)));
	from("4R1", sender_of(R(2))); // the newest counts
	for (int i = 0; i < STORE_ATTEMPTS_MAX + 20; i++)
		tried("4R1", "x");
	for (int i = 0; i < 5; i++)
		turn(true);
	assert_string_equal(house_ask("SELECT message >> 4, count(*) FROM attempt GROUP BY 1"),
			    "2|100\n");
}

static void test_none(void **state)
{
	(void)state;
	house_log = "none";
	config_free(house_config);
	house_write_config();
	start();
	turn(true);
	assert_string_equal(house_ask("SELECT count(*) FROM cursor"), "0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whose_it_is), TEST(test_others),         TEST(test_restart),
		TEST(test_rollback),    TEST(test_rotation_fails), TEST(test_no_log),
		TEST(test_many),        TEST(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
