// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// own: a processed bounce that tells of our records waits for the look at them, and no longer; so
// does the alert. The proof is the test's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/prove.h"
#include "base/mem.h"
#include "daemon/diary.h"
#include "daemon/own.h"
#include "daemon/request.h"
#include "unit/daemon/life.h"

// ---- in place of the library's ------------------------------------------------------------------

static void (*on_end)(void *arg, const struct record_finding *findings);
static void *on_end_arg;
static int n_looks;

struct records *prove_records(const struct config *config, const char *site, FILE *errors)
{
	struct records *records = mem_new(1, sizeof(*records));

	(void)config;
	(void)site;
	(void)errors;
	records->rows = mem_new(1, sizeof(records->rows[0]));
	records->n = 1;
	records->rows[0] = (struct record){.role = RECORD_PTR,
					   .site = mem_strdup(""),
					   .name = mem_strdup("6.ip6.arpa"),
					   .value = mem_strdup("mx.six.test"),
					   .addresses = mem_strdup("2001:db8:25::6"),
					   .why = ""};
	return records;
}

struct prove *prove_start(struct loop *loop, struct dns *dns, const struct records *records,
			  int deadline_ms,
			  void (*given_on_end)(void *arg, const struct record_finding *findings),
			  void *arg)
{
	(void)loop;
	(void)dns;
	(void)records;
	assert_int_equal(deadline_ms, 5000);
	n_looks++;
	on_end = given_on_end;
	on_end_arg = arg;
	return (struct prove *)&n_looks;
}

struct prove *prove_free(struct prove *prove)
{
	(void)prove;
	return NULL;
}

static void end_look(enum record_level level)
{
	struct record_finding finding = {.level = level};

	on_end(on_end_arg, &finding);
}

static int make_daemon(void **state)
{
	int status = -1;

	n_looks = 0;
	house_survey_deadline = 10;
	if (make(state) < 0)
		return -1;
	house = daemon_new(house_config, stderr, &status);
	return house == NULL ? -1 : 0;
}

// ---- turns by hand ------------------------------------------------------------------------------

static void commit(void)
{
	assert_int_equal(store_commit(house->store), 0);
	diary_forget(house->diary);
	own_commit(house->own);
}

static uint64_t request(const char *sender, const char *name)
{
	struct entry entry = house_entry(sender, "test@six.test");
	char query[200];

	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(request_record(house, name, &entry), 0);
	commit();
	snprintf(query, sizeof(query), "SELECT id FROM request WHERE requester = '%s'", sender);
	return strtoull(house_ask(query), NULL, 10);
}

// Its report waits for no survey.
static uint64_t surveyed(const char *sender, const char *name)
{
	uint64_t id = request(sender, name);

	assert_int_equal(store_add_survey(house->store, id, house_clock, ""), 0);
	return id;
}

static void refuse(uint64_t id, const char *sender)
{
	const char *to = house_token_address(house->seal, BOUNCE_PURPOSE, kind_id(id, KIND_SIX),
					     "six.test", NOW + 3600);
	struct entry entry = house_bounce(to, DSN_ACTION_FAILED, sender);

	strcpy(entry.facts.dsn.recipients[0].diagnostic_code, "smtp; 550 5.7.25 no PTR record");
	strcpy(entry.facts.dsn.recipients[0].remote_mta, "dns; mx.good.test");
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(bounce_record(house, entry.envelope.queue_id, &entry), 0);
	commit();
}

static void turn(void)
{
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(own_record(house->own), 0);
	commit();
}

static const char *dues(void)
{
	return house_ask("SELECT due - 1800000000 FROM message WHERE kind = 'bounce' ORDER BY id");
}

// What it logs of the look's end, in a static buffer.
static const char *logged_end(enum record_level level)
{
	static char log[4000];
	int keep = dup(2);
	FILE *file;

	fflush(stderr);
	assert_non_null(freopen(folder_file("log"), "w", stderr));
	end_look(level);
	fflush(stderr);
	dup2(keep, 2);
	close(keep);
	file = fopen(folder_file("log"), "r");
	log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
	fclose(file);
	return log;
}

static void test_released_at_the_end(void **state)
{
	uint64_t id = surveyed("a@good.test", "e1");

	(void)state;
	refuse(id, "a@good.test");
	assert_int_equal(n_looks, 1);
	assert_string_equal(dues(), "6\n");
	house_clock += 1;
	turn();
	assert_string_equal(dues(), "6\n"); // still under way
	end_look(RECORD_WRONG);
	assert_int_equal(house->own_records, OWN_RECORDS_WRONG);
	assert_string_equal(dues(), "6\n"); // not outside of a turn
	turn();
	assert_string_equal(dues(), "1\n");
	house_clock += 1;
	turn();
	assert_string_equal(dues(), "1\n"); // forgotten
}

static void test_2_rolled_back(void **state)
{
	uint64_t id = surveyed("a@good.test", "e1");

	(void)state;
	refuse(id, "a@good.test");
	end_look(RECORD_GOOD);
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(own_record(house->own), 0);
	store_rollback(house->store);
	assert_string_equal(dues(), "6\n");
	turn();
	assert_string_equal(dues(), "0\n");
}

// The survey's end does not release what waits for the look, nor the look's what waits for a
// survey.
static void test_survey_and_look(void **state)
{
	uint64_t first = request("a@good.test", "e1"), second = request("b@good.test", "e2");

	(void)state;
	refuse(first, "a@good.test");
	refuse(second, "b@good.test");
	assert_int_equal(n_looks, 1);
	assert_string_equal(house_ask("SELECT DISTINCT due - 1800000000 FROM message"
				      " WHERE kind = 'bounce'"),
			    "11\n");
	assert_int_equal(store_add_survey(house->store, first, house_clock, ""), 0);
	turn();
	assert_string_equal(house_ask("SELECT due - 1800000000 FROM message m WHERE kind = 'bounce'"
				      " ORDER BY (SELECT requester FROM request r"
				      " WHERE r.id = m.request)"),
			    "6\n11\n");
	end_look(RECORD_GOOD);
	turn();
	assert_string_equal(house_ask("SELECT due - 1800000000 FROM message m WHERE kind = 'bounce'"
				      " ORDER BY (SELECT requester FROM request r"
				      " WHERE r.id = m.request)"),
			    "0\n11\n");
}

// What is being sent, or was, is not due again.
static void test_never_again(void **state)
{
	uint64_t id = surveyed("a@good.test", "e1");

	(void)state;
	refuse(id, "a@good.test");
	house_ask("UPDATE message SET state = 'sent', attempts = 1 WHERE kind = 'bounce'");
	end_look(RECORD_GOOD);
	turn();
	assert_string_equal(house_ask("SELECT state, due - 1800000000 FROM message"
				      " WHERE kind = 'bounce'"),
			    "sent|6\n");
}

// One look for all, one alert for each, told once.
static void test_alerts(void **state)
{
	uint64_t first = surveyed("a@good.test", "e1"), second = surveyed("b@good.test", "e2");
	const char *log, *at;

	(void)state;
	refuse(first, "a@good.test");
	refuse(second, "b@good.test");
	assert_int_equal(n_looks, 1);
	log = logged_end(RECORD_WRONG);
	assert_non_null(strstr(log, "alert=own-records, state=wrong, record=ptr, name=6.ip6.arpa"));
	at = strstr(log, "alert=own-records, state=wrong, class=ptr-required, "
			 "remote_mta=dns; mx.good.test");
	assert_non_null(at);
	at = strstr(at + 1, "alert=own-records, state=wrong, class=");
	assert_non_null(at);
	assert_null(strstr(at + 1, "alert="));
	refuse(surveyed("c@good.test", "e3"), "c@good.test");
	assert_int_equal(n_looks, 1); // a minute is no time
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_daemon, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_released_at_the_end),
		TEST(test_2_rolled_back),
		TEST(test_survey_and_look),
		TEST(test_never_again),
		TEST(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
