// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsixd whole, from entries to what two instances are given, over crashes and a database that is
// busy (RELIABILITY faults 1, 4, 5, 6, 19, 20, 34, 36; invariants I1 to I3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/daemon/life.h"

// ---- the main way -------------------------------------------------------------------------------

static void test_I1_I2_request_to_processed_bounce(void **state)
{
	struct entry bounce;
	char want[600];

	(void)state;
	put_request("a@good.test");
	serve(all_sent);
	assert_int_equal(spool_count("new"), 0);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
	expect_report(&sink_dual.mails[0]);
	assert_memory_equal(sink_v6.mails[0].from, "MAIL FROM:<bounce+", 18);
	snprintf(want, sizeof(want), "> RET=HDRS ENVID=%.39s", strchr(probe_address(), '+') + 1);
	assert_non_null(strstr(sink_v6.mails[0].from, want));
	assert_non_null(
		strstr(sink_v6.mails[0].rcpt, "<a@good.test> NOTIFY=SUCCESS,FAILURE,DELAY"));
	assert_non_null(strstr(sink_v6.mails[0].text, "<human@six.test>\r\n"));
	assert_string_equal(house_ask("SELECT state, queue_id, attempts FROM message"),
			    "sent|4QSINK|1\nsent|4QSINK|1\n");
	expect_logged("started, version=");
	expect_logged("request=answered, from=<a@good.test>, to=<test@six.test>, instance=v6, ");
	expect_logged("mail=report, to=<a@good.test>, instance=dual, status=sent, queue_id=4QSINK");
	expect_logged("mail=six, to=<a@good.test>, instance=v6, status=sent, queue_id=4QSINK");
	expect_logged("stopped");

	bounce = house_bounce(probe_address(), DSN_ACTION_FAILED, "a@good.test");
	house_put(&bounce);
	serve(bounce_sent);
	expect_logged("resumed=0");
	expect_logged("dsn=used, outcome=failed, action=failed, status=5.4.4, class=no-aaaa");
	assert_int_equal(sink_dual.n_mails, 2);
	assert_int_equal(sink_v6.n_mails, 1);
	expect_report(&sink_dual.mails[1]);
	assert_non_null(strstr(sink_dual.mails[1].text, "message/delivery-status"));
	assert_int_equal(spool_count("new"), 0);
	assert_int_equal(spool_count("quarantine"), 0);
}

static bool forty_sent(void)
{
	return is("SELECT count(*) FROM message WHERE state = 'sent'", "40\n");
}

static void test_15_many(void **state)
{
	char sender[40];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(sender, sizeof(sender), "a%d@good.test", i);
		put_request(sender);
	}
	serve(forty_sent);
	assert_int_equal(sink_dual.n_mails, 20);
	assert_int_equal(sink_v6.n_mails, 20);
	assert_true(sink_dual.n_visits <= 2 && sink_v6.n_visits <= 2); // submit_sessions, reused
	assert_string_equal(house_ask("SELECT count(DISTINCT requester) FROM request"), "20\n");
}

// Refused requests and what is no notification: recorded, and not a word goes out.
static void test_19_I1_swallowed(void **state)
{
	struct entry robot = house_entry("a@good.test", "test@six.test"), human;

	(void)state;
	robot.facts.fields[2] =
		(struct facts_field){(char *)"Auto-Submitted", (char *)"auto-generated"};
	robot.facts.n_fields = 3;
	house_put(&robot);
	human = house_entry("b@good.test",
			    "bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@six.test");
	house_put(&human);
	serve(spool_empty);
	assert_int_equal(sink_dual.n_visits + sink_v6.n_visits, 0);
	assert_string_equal(house_ask("SELECT decision FROM request UNION ALL"
				      " SELECT decision FROM dsn"),
			    "auto-submitted\nforged-token\n");
	expect_logged("request=ignored, reason=auto-submitted (RFC 3834 2 and 5), detail=auto-g");
	expect_logged("NOTOKEN: dsn=ignored, reason=forged-token, from=<b@good.test>");
}

static void test_19_I1_not_entries(void **state)
{
	char *large = calloc(1, ENTRY_MAX + 1);

	(void)state;
	folder_write("spool/new/garbage", "{}\n", 3);
	folder_write("spool/new/empty", "", 0);
	folder_write("spool/new/large", large, ENTRY_MAX + 1);
	free(large);
	assert_int_equal(mkfifo(folder_file("spool/new/0pipe"), 0666), 0);
	put_request("a@good.test");
	serve(all_sent);
	assert_int_equal(spool_count("new"), 0);
	assert_int_equal(spool_count("quarantine"), 4);
	expect_logged("entry=garbage, error=");
	expect_logged("entry=0pipe, error=it is not a regular file, quarantine=moved there");
}

static bool answered_but_one(void)
{
	return all_sent() && spool_count("new") == 2;
}

static bool is_set_aside(void)
{
	return access(folder_file("spool/quarantine/0garbage"), F_OK) == 0;
}

// What can be neither read nor set aside stays where it is, in nobody's way.
static void test_2_I1_quarantine_fails(void **state)
{
	(void)state;
	folder_write("spool/new/0garbage", "{}\n", 3);
	mkdir(folder_file("spool/quarantine/0garbage"), 0755);
	mkdir(folder_file("spool/new/0folder"), 0755);
	put_request("a@good.test");
	serve(answered_but_one);
	expect_logged("entry=0garbage, error=");
	expect_logged("quarantine=failed: Is a directory, will retry");
	expect_logged("entry=0folder, error=cannot read: Is a directory, will retry");
	rmdir(folder_file("spool/quarantine/0garbage"));
	serve(is_set_aside);
}

// ---- crashes ------------------------------------------------------------------------------------

static bool committed(void)
{
	return is("SELECT count(*) FROM request", "1\n") && spool_empty();
}

// The commit was the last thing it did: the file is there still, or again.
static void test_1_20_entry_left_behind(void **state)
{
	struct entry entry = house_entry("a@good.test", "test@six.test");

	(void)state;
	house_put(&entry);
	serve(committed);
	house_put(&entry);
	serve(settled);
	house_put(&entry);
	serve(settled);
	assert_string_equal(house_ask("SELECT count(*) FROM request"), "1\n");
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
}

static const char *id_line(const struct sink_mail *mail)
{
	static char lines[4][200];
	static unsigned next;
	char *line = lines[next++ % 4];
	const char *id = strstr(mail->text, "\r\nMessage-I");

	assert_non_null(id);
	snprintf(line, sizeof(lines[0]), "%.*s", (int)strcspn(id + 2, "\r"), id + 2);
	return line;
}

// What was being sent when the process ended is sent once more: the same, by the same name.
static void test_1_I2_sending_at_the_start(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(all_sent);
	sqlite3_close(database_hold(folder_file("state/postsix.db"),
				    "UPDATE message SET state = 'sending'"));
	house_clock += 3600;
	serve(all_sent);
	expect_logged("resumed=2");
	assert_int_equal(sink_dual.n_mails, 2);
	assert_int_equal(sink_v6.n_mails, 2);
	assert_string_equal(id_line(&sink_dual.mails[0]), id_line(&sink_dual.mails[1]));
	assert_string_equal(sink_dual.mails[0].text, sink_dual.mails[1].text);
	assert_string_equal(sink_v6.mails[0].text, sink_v6.mails[1].text);
	assert_string_equal(sink_v6.mails[0].from, sink_v6.mails[1].from);
	serve(all_sent); // and not again
	expect_logged("resumed=0");
	assert_int_equal(sink_dual.n_mails, 2);
}

static bool under_way(void)
{
	return sink_v6.n_lines > 0 && sink_dual.n_lines > 0;
}

static const char *nothing_after_mail(const char *line)
{
	return strncmp(line, "DATA", 4) == 0 ? "354-wait" : NULL; // an answer that never ends
}

static void test_1_10_11_ends_amid_submission(void **state)
{
	(void)state;
	put_request("a@good.test");
	sink_dual.temper = sink_v6.temper = nothing_after_mail;
	serve(under_way);
	assert_string_equal(states(), "report|sending|1\nsix|sending|1\n");
	sink_dual.temper = sink_v6.temper = NULL;
	serve(all_sent);
	expect_logged("resumed=2");
	assert_string_equal(states(), "report|sent|2\nsix|sent|2\n");
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
}

// ---- the database -------------------------------------------------------------------------------

static sqlite3 *holder;
static int held_ticks;

static bool let_go_then_sent(void)
{
	if (holder != NULL && ticks == held_ticks) {
		assert_int_equal(spool_count("new"), 1); // it waits where it is safe
		sqlite3_close(holder);
		holder = NULL;
	}
	return holder == NULL && all_sent();
}

static bool lock_after_start(void)
{
	if (ticks == 0) {
		holder = database_hold(folder_file("state/postsix.db"), "BEGIN IMMEDIATE");
		put_request("a@good.test");
		daemon_want_turn(house);
	}
	return let_go_then_sent();
}

static void test_4_database_locked_for_a_while(void **state)
{
	(void)state;
	held_ticks = 100;
	serve(lock_after_start);
	expect_logged("error=Resource temporarily unavailable, will retry");
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
	assert_int_equal(spool_count("new"), 0);
	assert_null(strstr(strstr(log_text, "request=answered") + 1, "request=answered"));
}

// Locked just when the fates are to be recorded: they wait, and nothing is sent twice.
static bool lock_when_taken(void)
{
	if (holder == NULL && held_ticks == 0 && sink_dual.n_lines > 0) {
		holder = database_hold(folder_file("state/postsix.db"), "BEGIN IMMEDIATE");
		held_ticks = ticks + 60;
	}
	if (holder != NULL && ticks >= held_ticks) {
		sqlite3_close(holder);
		holder = NULL;
	}
	return holder == NULL && all_sent();
}

static const char *lock_now(const char *line)
{
	if (strcmp(line, ".") == 0 && holder == NULL && held_ticks == 0) {
		holder = database_hold(folder_file("state/postsix.db"), "BEGIN IMMEDIATE");
		held_ticks = ticks + 60;
	}
	return NULL;
}

static void test_4_locked_before_the_fate(void **state)
{
	(void)state;
	held_ticks = 0;
	sink_dual.temper = lock_now;
	put_request("a@good.test");
	serve(lock_when_taken);
	expect_logged("will retry");
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
	assert_string_equal(states(), "report|sent|1\nsix|sent|1\n");
}

static bool drop_trigger_then_sent(void)
{
	if (ticks == 100) { // more turns than a batch has entries
		assert_string_equal(house_ask("SELECT count(*) FROM message WHERE state = 'sent'"),
				    "0\n");
		sqlite3_close(database_hold(folder_file("state/postsix.db"), "DROP TRIGGER no"));
	}
	daemon_want_turn(house);
	return ticks > 100 && all_sent();
}

// It refuses in the middle of a turn: all of the turn is undone, and done again once, later.
static void test_2_I2_turn_fails_half_way(void **state)
{
	static const char *const triggers[] = {
		"CREATE TRIGGER no BEFORE INSERT ON message WHEN new.kind = 'six'",
		"CREATE TRIGGER no BEFORE UPDATE ON message WHEN new.kind = 'six'"
		" AND new.state = 'sending'",
		"CREATE TRIGGER no BEFORE UPDATE ON message WHEN new.kind = 'six'"
		" AND new.state = 'sent'",
	};

	for (size_t i = 0; i < COUNT(triggers); i++) {
		char sql[200];
		const char *line;

		snprintf(sql, sizeof(sql), "%s BEGIN SELECT raise(ABORT, 'no'); END", triggers[i]);
		serve(spool_empty); // makes the database
		sqlite3_close(database_hold(folder_file("state/postsix.db"), sql));
		put_request("a@good.test");
		serve(drop_trigger_then_sent);
		expect_logged("will retry");
		assert_int_equal(spool_count("new"), 0);
		assert_int_equal(sink_dual.n_mails, 1);
		assert_int_equal(sink_v6.n_mails, 1);
		assert_string_equal(states(), "report|sent|1\nsix|sent|1\n");
		line = strstr(log_text, "request=answered");
		assert_non_null(line);
		assert_null(strstr(line + 1, "request=answered"));
		house_remove(state);
		make(state);
	}
}

// ---- starting and stopping ----------------------------------------------------------------------

static bool never(void)
{
	return false;
}

static void test_6_two_daemons(void **state)
{
	int status = -1;

	house = daemon_new(house_config, stderr, &status);
	assert_non_null(house);
	{
		struct daemon *first = house;

		assert_int_equal(serve_with(never, ""), EX_TEMPFAIL);
		house = first;
	}
	expect_logged("/state: another postsixd serves it\n");
	house = daemon_free(house);
	assert_int_equal(serve_with(spool_empty, ""), EX_OK);
	(void)state;
}

static void test_5_34_does_not_start(void **state)
{
	(void)state;
	folder_write("state/postsix.db", "This is no database at all, but long enough for one.",
		     52);
	assert_int_equal(serve_with(never, ""), EX_DATAERR);
	expect_logged("/state/postsix.db: it is not a database, or it is damaged");
	unlink(folder_file("state/postsix.db"));
	chmod(folder_file("secret"), 0666);
	assert_int_equal(serve_with(never, ""), EX_CONFIG);
	expect_logged("/secret: group or others may write it\n");
	folder_write("secret", "short", 5);
	chmod(folder_file("secret"), 0600);
	assert_int_equal(serve_with(never, ""), EX_CONFIG);
	expect_logged("/secret: each line wants a secret of 16 octets or more");
	folder_write("secret", "0123456789abcdef", 16);
	rmdir(folder_file("spool/quarantine"));
	assert_int_equal(serve_with(never, ""), EX_CONFIG);
	expect_logged("/spool: No such file or directory\n");
	mkdir(folder_file("spool/quarantine"), 0755);
	assert_int_equal(serve_with(spool_empty, ""), EX_OK);
}

// What ends by itself is tried again by the service manager: not status 65.
static void test_4_locked_at_the_start(void **state)
{
	sqlite3 *other;

	(void)state;
	assert_int_equal(serve_with(spool_empty, ""), EX_OK);
	other = database_hold(folder_file("state/postsix.db"),
			      "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
			      "UPDATE message SET due = 1");
	assert_int_equal(serve_with(never, ""), EX_TEMPFAIL);
	expect_logged("/state/postsix.db: database is locked\n");
	sqlite3_close(other);
	assert_int_equal(serve_with(spool_empty, ""), EX_OK);
}

static bool stop_amid(void)
{
	if (ticks == 10)
		raise(SIGTERM);
	return false;
}

// Idle, it stops at once.
static void test_36_sigterm(void **state)
{
	(void)state;
	assert_int_equal(serve_with(stop_amid, "d6"), EX_OK);
	assert_true(ticks < 100);
	expect_logged("stopped");
}

static const char *stop_at_the_dot(const char *line)
{
	if (strcmp(line, ".") == 0)
		raise(SIGTERM);
	return NULL;
}

// What is under way is finished and recorded; what is not begun is left for the next start.
static void test_36_sigterm_under_way(void **state)
{
	(void)state;
	put_request("a@good.test");
	sink_dual.temper = stop_at_the_dot;
	assert_int_equal(serve_with(never, "d6"), EX_OK);
	assert_true(ticks < PATIENCE);
	assert_string_equal(house_ask("SELECT state FROM message WHERE kind = 'report'"), "sent\n");
	sink_dual.temper = NULL;
	serve(all_sent);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
}

// More than the sessions can carry at once: the rest is not begun.
static void test_36_sigterm_with_a_queue(void **state)
{
	char sender[40];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(sender, sizeof(sender), "a%d@good.test", i);
		put_request(sender);
	}
	sink_dual.temper = sink_v6.temper = stop_at_the_dot;
	assert_int_equal(serve_with(never, "d6"), EX_OK);
	assert_string_equal(house_ask("SELECT sum(state = 'sending'), sum(state = 'queued') > 10"
				      " FROM message"),
			    "0|1\n");
	sink_dual.temper = sink_v6.temper = NULL;
	serve(settled);
	assert_int_equal(sink_dual.n_mails, 10);
	assert_int_equal(sink_v6.n_mails, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_I1_I2_request_to_processed_bounce),
		TEST(test_15_many),
		TEST(test_19_I1_swallowed),
		TEST(test_19_I1_not_entries),
		TEST(test_2_I1_quarantine_fails),
		TEST(test_1_20_entry_left_behind),
		TEST(test_1_I2_sending_at_the_start),
		TEST(test_1_10_11_ends_amid_submission),
		TEST(test_4_database_locked_for_a_while),
		TEST(test_4_locked_before_the_fate),
		TEST(test_2_I2_turn_fails_half_way),
		TEST(test_6_two_daemons),
		TEST(test_5_34_does_not_start),
		TEST(test_4_locked_at_the_start),
		TEST(test_36_sigterm),
		TEST(test_36_sigterm_under_way),
		TEST(test_36_sigterm_with_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
