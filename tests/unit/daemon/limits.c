// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// limits: each row, the keys they count by, and what a restart, a rollback and a clock that jumps
// do to them (RELIABILITY A9, B2, faults 14 and 22).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store.h"
#include "daemon/limits.h"
#include "unit/daemon/house.h"

#define UP INT64_C(100000)

static struct limits *limits;
static struct store *store;

static int make(void **state)
{
	if (house_make(state) < 0 ||
	    store_open(folder_file("state/postsix.db"), &store, NULL) != NULL)
		return -1;
	house_config->requester_interval = 60;
	house_config->requester_daily = 3;
	house_config->domain_daily = 5;
	house_config->network_daily = 6;
	house_config->total_daily = 8;
	limits = limits_new(house_config);
	return 0;
}

static int end(void **state)
{
	limits = limits_free(limits);
	store = store_free(store);
	return house_remove(state);
}

static struct limits_keys keys_of(const char *requester, const char *client)
{
	struct limits_keys keys;
	struct addr addr;

	assert_null(addr_parse(requester, strlen(requester), &addr));
	limits_make_keys(&keys, &addr, client);
	return keys;
}

static void test_keys(void **state)
{
	static const struct {
		const char *requester, *client, *mailbox, *domain, *network;
	} rows[] = {
		{"A.b@Good.TEST", "192.0.2.1", "a.b@good.test", "good.test", "192.0.2.1"},
		{"a+b+c@good.test", "192.0.2.01", "a@good.test", "good.test", ""},
		{"\"a\\+b\"@good.test", "unknown", "a@good.test", "good.test", ""},
		{"\"a b\"@x.y.good.test", "", "a b@x.y.good.test", "good.test", ""},
		{"a@test", "2001:db8:1:2:3:4:5:6", "a@test", "test", "2001:db8:1:2::/64"},
		{"a@x.co.uk", "2001:DB8::1", "a@x.co.uk", "x.co.uk", "2001:db8::/64"},
		{"a@m.x.co.uk", "::ffff:192.0.2.1", "a@m.x.co.uk", "x.co.uk", "192.0.2.1"},
		{"a@co.uk", "::1", "a@co.uk", "co.uk", "::/64"},
		{"a@ibm.de", "2001:db8:0:1::", "a@ibm.de", "ibm.de", "2001:db8:0:1::/64"},
		{"a@m.ibm.de", "::fffe:0:1", "a@m.ibm.de", "ibm.de", "::/64"},
		{"a@x.com.info", "1.2.3", "a@x.com.info", "com.info", ""},
		{"a@[192.0.2.9]", "1.2.3.4", "a@[192.0.2.9]", "[192.0.2.9]", "1.2.3.4"},
		{"\xc3\x89@good.test", "x", "\xc3\x89@good.test", "good.test", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct limits_keys keys = keys_of(rows[i].requester, rows[i].client);

		print_message("%s from %s\n", rows[i].requester, rows[i].client);
		assert_string_equal(keys.mailbox, rows[i].mailbox);
		assert_string_equal(keys.domain, rows[i].domain);
		assert_string_equal(keys.network, rows[i].network);
	}
}

// The longest address there is.
static void test_D2_longest_keys(void **state)
{
	struct addr addr = {.domain.literal = false};
	struct limits_keys keys;

	(void)state;
	memset(addr.local, 'L', ADDR_LOCAL_MAX);
	memset(addr.domain.text, 'd', DOMAIN_MAX);
	limits_make_keys(&keys, &addr, "2001:1111:1111:1111:1111:1111:1111:1111");
	assert_int_equal(strlen(keys.mailbox), ADDR_LOCAL_MAX + 1 + DOMAIN_MAX);
	assert_int_equal(strlen(keys.domain), DOMAIN_MAX);
	assert_string_equal(keys.network, "2001:1111:1111:1111::/64");
}

// Asks in the session; the answer, "reason option limit wait", in a static buffer, or "yes".
static const char *permit(const char *requester, const char *client, int64_t uptime)
{
	static char answer[100];
	struct limits_keys keys = keys_of(requester, client);
	struct limits_refusal refusal = {0};

	if (limits_permit(limits, &keys, uptime, &refusal))
		return "yes";
	snprintf(answer, sizeof(answer), "%s %s %lld %lld", refusal.row->name, refusal.row->option,
		 (long long)refusal.limit, (long long)refusal.wait);
	return answer;
}

// One that is answered, with the session before it or not.
static void answer(const char *requester, const char *client, int64_t uptime)
{
	struct limits_keys keys = keys_of(requester, client);

	limits_add(limits, &keys);
	limits_commit(limits, uptime);
}

static void test_A9_in_the_session(void **state)
{
	(void)state;
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP), "yes");
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP),
			    "too-soon requester_interval 60 61");
	assert_string_equal(permit("A+tag@One.test", "192.0.2.2", UP + 59),
			    "too-soon requester_interval 60 2");
	assert_string_equal(permit("b@one.test", "192.0.2.1", UP + 59), "yes");
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 60), "yes"); // it lapsed
	answer("a@one.test", "192.0.2.1", UP + 61);
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 121),
			    "too-soon requester_interval 60 1");
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 122), "yes");
	answer("a@one.test", "192.0.2.1", UP + 122);
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 200), "yes");
	answer("a@one.test", "192.0.2.1", UP + 201);
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 300),
			    "too-many requester_daily 3 86161");
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 61 + 86399),
			    "too-many requester_daily 3 1");
	assert_string_equal(permit("a@one.test", "192.0.2.1", UP + 61 + 86400), "yes");
}

// Fault 22: one name after another at one domain, at domains below it, from one network, from many.
static void test_22_joe_job(void **state)
{
	char who[40], where[40];

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(who, sizeof(who), "v%d@s%d.victim.test", i, i);
		snprintf(where, sizeof(where), "2001:db8:%x::1", i);
		assert_string_equal(permit(who, where, UP), "yes");
		answer(who, where, UP + 1);
	}
	assert_string_equal(permit("w@victim.test", "2001:db8:99::1", UP + 2),
			    "domain-limit domain_daily 5 86399");
	assert_string_equal(permit("w@other.test", "2001:db8:99::1", UP + 2), "yes");
	answer("w@other.test", "2001:db8:99::1", UP + 2);
	assert_string_equal(permit("x@another.test", "2001:db8:99::1", UP + 2), "yes");
	answer("x@another.test", "2001:db8:99::1", UP + 2);
	assert_string_equal(permit("y@third.test", "2001:db8:98::1", UP + 2), "yes");
	assert_string_equal(permit("z@fourth.test", "2001:db8:97::1", UP + 2),
			    "total-limit total_daily 8 60"); // a reservation that may lapse
	answer("y@third.test", "2001:db8:98::1", UP + 4);
	assert_string_equal(permit("z@fourth.test", "2001:db8:97::1", UP + 4),
			    "total-limit total_daily 8 86397");
}

static void test_22_one_network(void **state)
{
	char who[40], where[60];

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(who, sizeof(who), "a@d%d.test", i);
		snprintf(where, sizeof(where), "2001:db8:0:7:%x::1", i);
		assert_string_equal(permit(who, where, UP), "yes");
	}
	assert_string_equal(permit("a@d6.test", "2001:db8:0:7:ffff::", UP),
			    "network-limit network_daily 6 60");
	assert_string_equal(permit("a@d6.test", "2001:db8:0:8::1", UP), "yes");
	assert_string_equal(permit("a@d7.test", "nonsense", UP),
			    "yes"); // no network, no limit of it
}

// A thousand sessions at once pass no limit together.
static void test_22_parallel_sessions(void **state)
{
	char who[40];
	int permitted = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(who, sizeof(who), "a%d@d%d.test", i, i % 100);
		permitted += strcmp(permit(who, "", UP), "yes") == 0;
	}
	assert_int_equal(permitted, 8);
}

static void record(uint64_t id, const char *requester, const char *client, int64_t arrived)
{
	struct limits_keys keys = keys_of(requester, client);
	char entry[20];
	struct store_request row = {.id = id << 4,
				    .entry = entry,
				    .arrived = arrived,
				    .decision = "answer",
				    .mailbox = keys.mailbox,
				    .domain = keys.domain,
				    .network = keys.network};

	snprintf(entry, sizeof(entry), "e%llu", (unsigned long long)id);
	assert_int_equal(store_add_request(store, &row), 0);
}

static int64_t asked_at = UP;

static const char *last_word(const char *requester, const char *client, int64_t arrived)
{
	struct limits_keys keys = keys_of(requester, client);
	const struct limits_row *row = NULL;

	assert_int_equal(limits_ask(limits, store, &keys, arrived, asked_at, &row), 0);
	return row == NULL ? "yes" : row->name;
}

static void restart(int64_t uptime, int64_t now)
{
	limits = limits_free(limits);
	limits = limits_new(house_config);
	assert_int_equal(limits_load(limits, store, uptime, now), 0);
}

static void test_restart(void **state)
{
	(void)state;
	record(1, "a@good.test", "192.0.2.1", NOW - 86400);
	record(2, "a@good.test", "192.0.2.1", NOW - 86399);
	record(3, "a@good.test", "192.0.2.1", NOW - 100);
	record(4, "a@good.test", "192.0.2.1", NOW - 30);
	restart(50, NOW); // the machine has run for less than that
	assert_string_equal(permit("a@good.test", "", 50), "too-soon requester_interval 60 31");
	assert_string_equal(permit("a@good.test", "", 81), "yes");
	record(5, "b@good.test", "192.0.2.1", NOW - 20);
	record(6, "c@good.test", "192.0.2.1", NOW - 20);
	restart(50, NOW);
	assert_string_equal(permit("d@good.test", "", 50), "domain-limit domain_daily 5 1");
	asked_at = 50;
	assert_string_equal(last_word("d@good.test", "", NOW), "domain-limit");
	asked_at = UP;
}

// Fault 14. The clock was years ahead, or is set back by years: nobody is shut out for long.
static void test_fault_14_clock_at_restart(void **state)
{
	static const int64_t years = INT64_C(10) * 365 * 86400;
	static const struct {
		int64_t arrived, now; // relative to NOW
		const char *session, *last;
	} rows[] = {
		{0, 10, "too-soon requester_interval 60 51", "too-soon"},
		{0, -10, "too-soon requester_interval 60 61", "too-soon"},
		{0, -3600, "too-soon requester_interval 60 61", "too-soon"},
		{0, -86400, "too-soon requester_interval 60 61", "too-soon"},
		{0, -86401, "yes", "yes"},
		{0, 86399, "yes", "yes"},
		{0, 86401, "yes", "yes"},
		{0, years, "yes", "yes"},
		{0, -years, "yes", "yes"},
		{years, 0, "yes", "yes"},
		{INT64_C(2147483648) - NOW, INT64_C(2147483650) - NOW,
		 "too-soon requester_interval 60 59", "too-soon"},
		{INT64_C(4294967296) - NOW, INT64_C(4294967300) - NOW,
		 "too-soon requester_interval 60 57", "too-soon"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char who[40];

		print_message("arrived %lld, now %lld\n", (long long)rows[i].arrived,
			      (long long)rows[i].now);
		house_config->domain_daily = house_config->network_daily = 0;
		house_config->total_daily = 0;
		snprintf(who, sizeof(who), "a%zu@good.test", i);
		record(i + 1, who, "", NOW + rows[i].arrived);
		assert_string_equal(last_word(who, "", NOW + rows[i].now), rows[i].last);
		restart(UP, NOW + rows[i].now);
		assert_string_equal(permit(who, "", UP), rows[i].session);
	}
}

static void test_last_word(void **state)
{
	struct limits_keys keys = keys_of("a@good.test", "192.0.2.1");

	(void)state;
	assert_string_equal(last_word("a@good.test", "192.0.2.1", NOW), "yes");
	for (int i = 0; i < 5; i++)
		limits_add(limits, &keys); // in this very transaction
	assert_string_equal(last_word("b@good.test", "192.0.2.9", NOW), "domain-limit");
	limits_roll_back(limits);
	assert_string_equal(last_word("b@good.test", "192.0.2.9", NOW), "yes");
	for (int i = 0; i < 6; i++)
		limits_add(limits, &keys);
	limits_commit(limits, UP);
	assert_string_equal(last_word("b@other.test", "192.0.2.1", NOW), "network-limit");
	limits_add(limits, &keys);
	limits_add(limits, &keys);
	assert_string_equal(last_word("b@other.test", "192.0.2.7", NOW), "total-limit");
	limits_roll_back(limits);
	assert_string_equal(last_word("b@other.test", "192.0.2.7", NOW), "yes");
}

static void test_off(void **state)
{
	(void)state;
	house_config->requester_interval = house_config->requester_daily = 0;
	house_config->domain_daily = house_config->network_daily = house_config->total_daily = 0;
	for (int i = 0; i < 1000; i++) {
		assert_string_equal(permit("a@good.test", "192.0.2.1", UP), "yes");
		answer("a@good.test", "192.0.2.1", UP);
	}
	assert_string_equal(last_word("a@good.test", "192.0.2.1", NOW), "yes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_D2_longest_keys),
		TEST(test_A9_in_the_session),
		TEST(test_22_joe_job),
		TEST(test_22_one_network),
		TEST(test_22_parallel_sessions),
		TEST(test_restart),
		TEST(test_fault_14_clock_at_restart),
		TEST(test_last_word),
		TEST(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
