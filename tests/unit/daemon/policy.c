// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// policy: who is told what in the SMTP session, and at what cost (RELIABILITY faults 14, 17, 18,
// 22, 30; A4, A5).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "daemon/diary.h"
#include "daemon/limits.h"
#include "daemon/policy.h"
#include "daemon/request.h"
#include "daemon/spent.h"
#include "unit/daemon/house.h"

#define LIFETIME INT64_C(604800)

static int64_t uptime = 100000;

// In place of the C library's: the clock that does not jump is the test's, too.
int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, ret_time);
	*ret_time = (struct timespec){.tv_sec = uptime};
	return 0;
}

static struct policy_answer ask(const char *sender, const char *recipient)
{
	struct policy_question question = {sender, recipient, "2001:db8:100::25"};
	struct policy_answer answer;

	policy_decide(house, &question, &answer);
	return answer;
}

static void expect(const char *sender, const char *recipient, const char *reason)
{
	struct policy_answer answer = ask(sender, recipient);

	print_message("<%s> to <%s>: %s\n", sender, recipient, answer.action);
	assert_string_equal(answer.reason == NULL ? "yes" : answer.reason, reason);
	if (answer.reason == NULL)
		assert_string_equal(answer.action, "DUNNO");
	else // what Postfix takes for a reply, with an enhanced status of the same class
		assert_true((strncmp(answer.action, "550 5.", 6) == 0 ||
			     strncmp(answer.action, "450 4.", 6) == 0) &&
			    strlen(answer.action) < 300);
}

static void test_recipients(void **state)
{
	static const struct {
		const char *sender, *recipient, *reason;
	} rows[] = {
		{"a@good.test", "test@six.test", "yes"},
		{"b@good.test", "TEST@Dual.Test", "yes"},
		{"c@good.test", "test+a b@doble.test", "yes"},
		{"a@good.test", "tester@six.test", "no-such-recipient"},
		{"a@good.test", "test@other.test", "no-such-recipient"},
		{"a@good.test", "test@mx.six.test", "no-such-recipient"},
		{"a@good.test", "test", "no-such-recipient"},
		{"a@good.test", "", "no-such-recipient"},
		{"a@good.test", "@", "no-such-recipient"},
		{"a@good.test", "test@", "no-such-recipient"},
		{"a@good.test", "info@six.test", "no-such-recipient"},
		{"a@good.test", "postmaster", "yes"},
		{"a@good.test", "PostMaster@six.test", "yes"},
		{"a@good.test", "postmaster@mx.dual.test", "yes"},
		{"a@good.test", "human@six.test", "yes"},
		{"a@good.test", "human@mx.six.test", "no-such-recipient"},
		{"a@good.test", "human@seis.test", "no-such-recipient"}, // site two's is postmaster
		{"a@good.test", "abuse@six.test", "yes"},
		{"a@good.test", "hostmaster@six.test", "yes"},
		{"a@good.test", "noc@dual.test", "yes"},
		{"a@good.test", "security@mx.six.test", "yes"},
		{"a@good.test", "Webmaster@six.test", "yes"},
		{"a@six.test", "abuse@six.test", "yes"}, // a human decides what to make of it
		{"", "postmaster@six.test", "yes"},
		{"", "postmaster", "yes"},
		{"", "human@six.test", "yes"},
		{"", "abuse@six.test", "null-sender"},
		{"", "noc@mx.six.test", "null-sender"},
		{"", "test@six.test", "null-sender"},
		{"nobody", "test@six.test", "bad-sender"},
		{"<>", "test@six.test", "bad-sender"},
		{"a@x@six.test", "test@six.test", "own-domain"},
		{"a@six.test", "test@six.test", "own-domain"},
		{"root@mx.DUAL.test", "test@six.test", "own-domain"},
		{"MAILER-DAEMON@good.test", "test@six.test", "system-sender"},
		{"owner-list@good.test", "test@six.test", "system-sender"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(rows[i].sender, rows[i].recipient, rows[i].reason);
}

static void test_words(void **state)
{
	(void)state;
	house_config->requester_daily = 2;
	assert_string_equal(ask("a@good.test", "nobody@six.test").action,
			    "550 5.1.1 nobody has this address; to test, write to test@six.test; a "
			    "person reads human@six.test");
	assert_string_equal(ask("", "test@six.test").action,
			    "550 5.7.1 there is nobody to answer: the sender is <>; to test, write "
			    "from your own address; a person reads human@six.test");
	expect("a@good.test", "test@seis.test", "yes");
	assert_string_equal(ask("a@good.test", "test@seis.test").action,
			    "450 4.7.1 tests from one address are answered 60 seconds apart; the "
			    "next can be answered at 2027-01-15 08:01:01 UTC; a person reads "
			    "postmaster@seis.test");
	assert_string_equal(ask("a@good.test", "test@seis.test").option, "requester_interval");
	uptime += 59, house_clock += 59;
	expect("a@good.test", "test@six.test", "too-soon");
	uptime += 1, house_clock += 1;
	expect("a@good.test", "test@six.test", "yes");
}

// Answers one request as a turn does.
static void take_request(const char *sender)
{
	struct entry entry = house_entry(sender, "test@six.test");

	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(request_record(house, entry.envelope.queue_id, &entry), 0);
	assert_int_equal(store_commit(house->store), 0);
	limits_commit(house->limits, uptime);
	diary_forget(house->diary);
}

static void pass(int64_t seconds)
{
	uptime += seconds;
	house_clock += seconds;
}

static void restart(void)
{
	int status;

	daemon_free(house);
	house = daemon_new(house_config, stderr, &status);
	assert_non_null(house);
}

// What will pass within the hour is 450: the sending server waits for it. What will not is 550.
static void test_A9_soon_or_late(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		expect("a@good.test", "test@six.test", "yes");
		take_request("a@good.test");
		pass(100);
	}
	assert_string_equal(ask("A+x@good.test", "test@six.test").action,
			    "550 5.7.1 3 tests from one address are answered in 24 hours; the next "
			    "can be answered at 2027-01-16 08:00:00 UTC; a person reads "
			    "human@six.test");
	restart();
	expect("a@good.test", "test@six.test", "too-many");
	expect("b@good.test", "test@six.test", "yes");
	pass(86400 - 300 - 3600);
	assert_memory_equal(ask("a@good.test", "test@six.test").action, "450 4.7.1 3", 11);
	pass(3600);
	expect("a@good.test", "test@six.test", "yes");
}

// The wall clock jumps while we run: nobody is shut out, and nobody let in, by that.
static void test_fault_14_clock_jumps(void **state)
{
	static const int64_t jumps[] = {86400, -86400, INT64_C(315360000),  -INT64_C(315360000),
					3600,  -3600,  INT64_C(4294967296), -INT64_C(1800000000)};

	(void)state;
	house_config->requester_daily = 1;
	for (size_t i = 0; i < COUNT(jumps); i++) {
		char who[40];

		snprintf(who, sizeof(who), "a%zu@good.test", i);
		house_clock = NOW;
		expect(who, "test@six.test", "yes");
		take_request(who);
		house_clock += jumps[i];
		uptime += 61;
		expect(who, "test@six.test", "too-many");
		uptime += 86400 - 61;
		expect(who, "test@six.test", "yes");
	}
}

// ---- tokens -------------------------------------------------------------------------------------

static const char *token_address(uint64_t id, const char *domain)
{
	return house_token_address(house->seal, BOUNCE_PURPOSE, id, domain, house_clock + LIFETIME);
}

static void test_18_tokens(void **state)
{
	const char *address = token_address(0x1002, "six.test");
	char other[200];

	(void)state;
	expect("", address, "yes");
	expect("a@good.test", address, "yes"); // swallowed, as a person's auto-reply may be
	assert_int_equal(ask("", address).id, 0x1002);
	for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
		struct policy_answer answer;

		strcpy(other, address);
		other[strlen(BOUNCE_PREFIX) + i] =
			other[strlen(BOUNCE_PREFIX) + i] == 'a' ? 'b' : 'a';
		answer = ask("", other);
		assert_true(strcmp(answer.reason, "forged-token") == 0 ||
			    strcmp(answer.reason, "bad-token") == 0);
		assert_int_equal(answer.id, 0);
	}
	strcpy(other, address);
	for (char *c = other; *c != '\0'; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	expect("", other, "yes");
	strcpy(strchr(other, '@'), "@seis.test");
	expect("", other, "forged-token");
	expect("", "bounce+@six.test", "bad-token");
	expect("", "bounce+x@six.test", "bad-token");
	expect("", "bounce@six.test", "no-such-recipient");
	expect("", house_token_address(house->seal, "message-id", 0x1002, "six.test", NOW + 9),
	       "forged-token");
	assert_string_equal(ask("", "bounce+x@six.test").action,
			    "550 5.7.1 this address takes delivery notifications for one test, and "
			    "that is over; a person reads human@six.test");
}

static void test_14_18_expired(void **state)
{
	char address[200];

	(void)state;
	strcpy(address, token_address(0x1002, "six.test"));
	house_clock += LIFETIME + 86400;
	expect("", address, "yes");
	house_clock += 61; // whole minutes
	expect("", address, "expired-token");
	house_clock = NOW - INT64_C(315360000);
	expect("", address, "yes");
}

static void test_18_spent(void **state)
{
	char address[200], other[200];
	struct store_request row = {
		.id = 0x1000, .entry = "r", .decision = "answer", .requester = "a@good.test"};
	struct entry entry;

	(void)state;
	strcpy(address, token_address(0x1002, "six.test"));
	strcpy(other, token_address(0x2002, "six.test"));
	assert_int_equal(store_add_request(house->store, &row), 0);
	assert_int_equal(store_add_mail(house->store, 0x1000, KIND_SIX, NOW, NOW, 0), 0);
	expect("", address, "yes");
	entry = house_bounce(address, DSN_ACTION_DELAYED, "a@good.test");
	assert_int_equal(bounce_record(house, "d1", &entry), 0);
	expect("", address, "yes");
	entry = house_bounce(address, DSN_ACTION_FAILED, "a@good.test");
	assert_int_equal(bounce_record(house, "d2", &entry), 0);
	expect("", address, "spent-token");
	expect("", other, "yes");
	restart();
	expect("", address, "spent-token");
	expect("", other, "yes");
}

static void test_spent_is_bounded(void **state)
{
	struct spent *spent = spent_new();

	(void)state;
	assert_false(spent_has(spent, 0));
	for (uint64_t i = 1; i <= 20; i++) // all of one place
		spent_add(spent, i << 30);
	spent_add(spent, UINT64_C(20) << 30);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(spent_has(spent, i << 30), i > 12);
	spent_free(spent);
}

// Fault 17: ten thousand to one genuine token.
static void test_17_one_token(void **state)
{
	const char *address = token_address(0x1002, "six.test");
	int taken = 0;

	(void)state;
	for (int i = 0; i < 10000; i++)
		taken += ask("", address).reason == NULL;
	assert_int_equal(taken, 20);
	assert_string_equal(ask("", address).reason, "busy-token");
	pass(86400);
	expect("", address, "yes");
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Fault 17: what a bad token costs is printed; RELIABILITY.md wants 50 µs of CPU at most.
static void test_17_cost(void **state)
{
	static const int rounds = 20000;
	char forged[200], valid[200];
	double start, each;

	(void)state;
	strcpy(forged, token_address(0x1002, "six.test"));
	forged[40] = forged[40] == 'a' ? 'b' : 'a';
	start = cpu_seconds();
	for (int i = 0; i < rounds; i++)
		assert_string_equal(ask("", forged).reason, "forged-token");
	each = (cpu_seconds() - start) / rounds * 1e6;
	print_message("forged token: %.1f us\n", each);
	strcpy(valid, token_address(0x2002, "six.test"));
	spent_add(house->spent, 0x2002);
	start = cpu_seconds();
	for (int i = 0; i < rounds; i++)
		assert_string_equal(ask("", valid).reason, "spent-token");
	each = (cpu_seconds() - start) / rounds * 1e6;
	print_message("spent token: %.1f us\n", each);
	start = cpu_seconds();
	for (int i = 0; i < rounds; i++)
		ask("a@good.test", "test@six.test");
	print_message("limit reached: %.1f us\n", (cpu_seconds() - start) / rounds * 1e6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_make_daemon, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recipients),      TEST(test_words),
		TEST(test_A9_soon_or_late), TEST(test_fault_14_clock_jumps),
		TEST(test_18_tokens),       TEST(test_14_18_expired),
		TEST(test_18_spent),        TEST(test_spent_is_bounded),
		TEST(test_17_one_token),    TEST(test_17_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
