// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// outbox: instances that are away, busy, or refuse (RELIABILITY faults 10 and 11); each message's
// fate is recorded, and who must be told of it is told (invariants I1 to I3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "unit/daemon/life.h"

static int64_t jumped; // seconds that somebody set the wall clock ahead

// In place of the C library's: the clock that nobody sets goes with the test's, but for the jumps.
int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, ret_time);
	*ret_time = (struct timespec){.tv_sec = 100000 + house_clock - NOW - jumped};
	return 0;
}

static void jump(int64_t seconds)
{
	house_clock += seconds;
	jumped += seconds;
}

// ---- instances of every temper ------------------------------------------------------------------

// Moves the clock on whenever everything waits, until all is sent.
static bool all_sent_in_time(void)
{
	if (ticks % 20 == 19) {
		house_clock += 20;
		daemon_want_turn(house);
	}
	return all_sent();
}

static const char *busy_until_later(const char *line)
{
	return strncmp(line, "RCPT", 4) == 0 && house_clock < NOW + 40 ? "451 4.3.0 later" : NULL;
}

static void test_11_try_again(void **state)
{
	(void)state;
	put_request("a@good.test");
	sink_v6.temper = busy_until_later;
	serve(all_sent_in_time);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
	assert_string_equal(house_ask("SELECT attempts > 1, outcome FROM message"
				      " WHERE kind = 'six'"),
			    "1|pending\n");
	assert_string_equal(house_ask("SELECT attempts FROM message WHERE kind = 'report'"), "1\n");
	expect_logged("mail=six, to=<a@good.test>, instance=v6, status=deferred, command=RCPT, "
		      "code=451, reply=");
}

static bool v6_comes_back(void)
{
	if (house_clock >= NOW + 60 && sink_v6.fd < 0)
		sink_open(&sink_v6);
	return all_sent_in_time();
}

static void test_11_v6_is_away(void **state)
{
	(void)state;
	put_request("a@good.test");
	assert_int_equal(serve_with(v6_comes_back, "d"), EX_OK);
	assert_true(came);
	expect_logged(
		"instance=v6, status=deferred, command=connect, code=0, reply=cannot connect");
	assert_int_equal(sink_v6.n_mails, 1);
	assert_int_equal(sink_dual.n_mails, 1);
}

static bool was_lost;

static const char *loses_first_250(const char *line)
{
	if (strcmp(line, ".") != 0 || was_lost)
		return NULL;
	was_lost = true;
	return "";
}

// Taken, and its 250 is never heard: it goes out once more, the same.
static void test_I2_250_not_heard(void **state)
{
	(void)state;
	was_lost = false;
	put_request("a@good.test");
	sink_dual.temper = loses_first_250;
	serve(all_sent_in_time);
	assert_int_equal(sink_dual.n_mails, 2);
	assert_int_equal(sink_v6.n_mails, 1);
	assert_string_equal(sink_dual.mails[0].text, sink_dual.mails[1].text);
}

static bool given_up_and_told(void)
{
	if (ticks % 20 == 19) {
		house_clock += 600;
		daemon_want_turn(house);
	}
	return bounce_sent();
}

static const char *refuses_rcpt(const char *line)
{
	return strncmp(line, "RCPT", 4) == 0 ? "550 5.1.1 no" : NULL;
}

static void expect_told_it_is_ours(void)
{
	assert_string_equal(house_ask("SELECT kind, state, outcome FROM message ORDER BY id"),
			    "report|sent|NULL\nsix|given-up|unknown\nbounce|sent|NULL\n");
	assert_int_equal(sink_dual.n_mails, 2);
	assert_non_null(strstr(sink_dual.mails[1].text, "\r\n\r\nOURS"));
	expect_report(&sink_dual.mails[1]);
	expect_logged("mail=six, instance=v6, status=given-up, reply=");
}

static void test_11_refused_for_good(void **state)
{
	(void)state;
	put_request("a@good.test");
	sink_v6.temper = refuses_rcpt;
	serve(given_up_and_told);
	expect_told_it_is_ours();
}

static void test_11_patience_ends(void **state)
{
	(void)state;
	put_request("a@good.test");
	assert_int_equal(serve_with(given_up_and_told, "d"), EX_OK);
	assert_true(came);
	expect_told_it_is_ours();
	expect_logged("reply=the instance could not be reached in time");
	assert_true(house_clock - NOW >= house_config->probe_patience);
}

static bool report_given_up(void)
{
	return is("SELECT state FROM message WHERE kind = 'report'", "given-up\n");
}

// Nobody can be told of a report that was refused: it is the operator's.
static void test_I3_report_refused(void **state)
{
	(void)state;
	put_request("a@good.test");
	sink_dual.temper = refuses_rcpt;
	serve(report_given_up);
	assert_string_equal(house_ask("SELECT count(*) FROM message WHERE kind = 'bounce'"), "0\n");
	expect_logged("mail=report, instance=dual, status=given-up, reply=");
}

static bool deferred(void)
{
	return is("SELECT reply <> '' FROM message WHERE kind = 'six'", "1\n");
}

// A template's fault is somebody's to mend: the mail waits for that.
static void test_template_is_broken(void **state)
{
	(void)state;
	house_write_template("six.txt", "Subject: six\n\n{{oops}}\n");
	put_request("a@good.test");
	serve(deferred);
	assert_int_equal(sink_v6.n_visits, 0);
	expect_logged("status=deferred, command=none, code=451, reply=template malformed");
	house_write_template("six.txt", "Subject: six\n\nmended\n");
	house_clock += 400;
	serve(all_sent);
	assert_non_null(strstr(sink_v6.mails[0].text, "\r\n\r\nmended\r\n"));
}

static int64_t step;

// So much time goes by while the daemon looks on.
static bool step_seen(void)
{
	if (ticks == 20)
		house_clock += step;
	daemon_want_turn(house);
	return ticks > 30;
}

// Ten years ahead, and back to ten years behind: what is there seems to be from the future then.
static const int64_t jumps[] = {86400, -86400, INT64_C(315360000), INT64_C(-630720000)};

// Nobody's probe is silent because the clock was set, however far, or because nobody looked.
static void test_14_silent_probe(void **state)
{
	static const char ask[] = "SELECT outcome FROM message WHERE kind = 'six'";

	(void)state;
	put_request("a@good.test");
	serve(all_sent);
	step = house_config->v6.give_up_after + 3600;
	for (size_t i = 0; i < COUNT(jumps); i++) {
		jump(jumps[i]);
		serve(step_seen);
		assert_string_equal(house_ask(ask), "pending\n");
	}
	step++;
	serve(step_seen);
	assert_string_equal(house_ask(ask), "unknown\n");
	expect_logged("outcome=unknown, reason=no notification");
}

static int64_t jump_by;

// The clock is set while mail waits, and then it waits for as long as it may.
static bool jump_and_step_seen(void)
{
	if (ticks == 20)
		house_clock += 600;
	if (ticks == 40)
		jump(jump_by);
	if (ticks == 60)
		house_clock += house_config->probe_patience;
	daemon_want_turn(house);
	return ticks > 80;
}

static void test_14_patience(void **state)
{
	static const char ask[] = "SELECT state FROM message WHERE kind = 'six'";

	(void)state;
	put_request("a@good.test");
	for (size_t i = 0; i < COUNT(jumps); i++) {
		jump_by = jumps[i];
		serve_with(jump_and_step_seen, "d");
		assert_string_equal(house_ask(ask), "queued\n");
	}
	step = house_config->probe_patience + 1;
	serve_with(step_seen, "d");
	assert_string_equal(house_ask(ask), "given-up\n");
	expect_logged("reply=the instance could not be reached in time");
}

static bool sent_once_the_clock_is_right(void)
{
	if (is("SELECT count(*) FROM message WHERE state = 'queued' AND attempts = 1", "1\n")) {
		house_clock = NOW;
		daemon_want_turn(house);
	}
	return all_sent();
}

static const char *defers_first(const char *line)
{
	if (strcmp(line, ".") != 0 || was_lost)
		return NULL;
	was_lost = true;
	return "451 4.3.0 later";
}

// What was put off while the clock was ten years ahead does not wait for as long.
static void test_14_clock_is_set_right(void **state)
{
	(void)state;
	was_lost = false;
	house_clock = NOW + INT64_C(315360000);
	put_request("a@good.test");
	sink_dual.temper = defers_first;
	serve(sent_once_the_clock_is_right);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(house_clock < NOW + 3600, true);
}

static bool given_up(void)
{
	return is("SELECT state FROM message WHERE kind = 'six'", "given-up\n");
}

// A repeat after a crash that is refused says nothing new of a probe whose fate is known.
static void test_I2_repeat_refused(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(all_sent);
	sqlite3_close(database_hold(folder_file("state/postsix.db"),
				    "UPDATE message SET state = 'sending', outcome = 'accepted'"
				    " WHERE kind = 'six'"));
	sink_v6.temper = refuses_rcpt;
	serve(given_up);
	assert_string_equal(house_ask("SELECT kind, outcome FROM message"),
			    "report|NULL\nsix|accepted\n");
}

static int calm_ticks;

static bool away_and_calm(void)
{
	daemon_want_turn(house);
	calm_ticks += is("SELECT count(*) FROM message WHERE reply <> ''", "2\n");
	return calm_ticks > 40 && is("SELECT count(*) FROM message WHERE state = 'sent'", "3\n");
}

// Two sessions find v6 away: that is one pause of a second, and until it is over nobody tries.
static void test_10_11_pause(void **state)
{
	(void)state;
	put_request("a@good.test");
	put_request("b@good.test");
	put_request("c@good.test");
	calm_ticks = 0;
	assert_int_equal(serve_with(away_and_calm, "d"), EX_OK);
	assert_true(came);
	assert_string_equal(house_ask("SELECT attempts, due FROM message WHERE kind = 'six'"
				      " ORDER BY attempts"),
			    "0|1800000000\n1|1800000001\n1|1800000001\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_11_try_again),       TEST(test_11_v6_is_away),
		TEST(test_I2_250_not_heard),   TEST(test_I2_repeat_refused),
		TEST(test_10_11_pause),        TEST(test_11_refused_for_good),
		TEST(test_11_patience_ends),   TEST(test_I3_report_refused),
		TEST(test_template_is_broken), TEST(test_14_silent_probe),
		TEST(test_14_patience),        TEST(test_14_clock_is_set_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
