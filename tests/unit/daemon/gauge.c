// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// gauge: the line that `systemctl status postsixd` shows, as the service manager gets it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/gauge.h"
#include "unit/daemon/house.h"

static int manager = -1;

static int make(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (house_make_daemon(state) < 0)
		return -1;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", folder_file("notify"));
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return bind(manager, (struct sockaddr *)&address, sizeof(address));
}

static int end(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	close(manager);
	return house_remove(state);
}

// What it was told since the last time, "" for nothing.
static const char *told(void)
{
	static char text[600];
	ssize_t n;

	gauge_tell(house->gauge);
	n = recv(manager, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void let_tell(void)
{
	gauge_set_refused(house->gauge, false); // else once a second
}

static void expect(const char *want)
{
	char line[600];

	snprintf(line, sizeof(line), "STATUS=%s", want);
	assert_string_equal(told(), line);
}

static void add(uint64_t id, const char *state, const char *outcome)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO request (id, entry, arrived, decision, site, requester, instance,"
		 " queue_id, recipient, client_address, client_hostname, client_helo,"
		 " client_protocol, size, message_id, \"references\", in_reply_to, subject, date,"
		 " first_received, hops, trace, authenticated, fingerprint) VALUES (%d, 'e%d', 0,"
		 " 'answer', '', '', '', '', '', '', '', '', '', 0, '', '', '', '', 0, 0, 0, '',"
		 " '', '');",
		 (int)id, (int)id);
	assert_string_equal(house_ask(sql), "");
	snprintf(sql, sizeof(sql),
		 "INSERT INTO message (id, request, kind, instance, state, created, due, outcome)"
		 " VALUES (%d, %d, 'six', 'v6', '%s', 0, 0, '%s')",
		 (int)id + 2, (int)id, state, outcome);
	assert_string_equal(house_ask(sql), "");
}

static void test_nothing_waits(void **state)
{
	(void)state;
	expect("Requests since the start: 0 answered, 0 ignored. Entries in the spool: 0. Mail "
	       "waiting: 0; under way: 0 to dual, 0 to v6. Probes pending: 0. Surveys: 0.");
}

static void test_what_waits(void **state)
{
	struct entry one = house_entry("a@good.test", "test@six.test"), two;

	(void)state;
	house_put(&one);
	two = house_entry("b@good.test", "test@six.test");
	house_put(&two);
	folder_write("spool/new/.half", "", 0); // of a writer at work
	add(16, "queued", "pending");           // waits for v6, and nothing can be heard of it
	add(32, "sent", "pending");
	add(48, "sent", "delayed");
	add(64, "sent", "failed");
	add(80, "sent", "accepted");
	add(96, "given-up", "unknown");
	gauge_count(house->gauge, true);
	gauge_count(house->gauge, false);
	gauge_count(house->gauge, false);
	gauge_commit(house->gauge);
	gauge_count(house->gauge, true);
	gauge_roll_back(house->gauge);
	expect("Requests since the start: 1 answered, 2 ignored. Entries in the spool: 2. Mail "
	       "waiting: 1; under way: 0 to dual, 0 to v6. Probes pending: 2. Surveys: 0.");
}

// A flood is a line a second; a line that says nothing new is none.
static void test_not_every_turn(void **state)
{
	(void)state;
	assert_string_not_equal(told(), "");
	gauge_count(house->gauge, true);
	gauge_commit(house->gauge);
	assert_string_equal(told(), "");
	let_tell();
	assert_non_null(strstr(told(), "1 answered"));
	let_tell();
	assert_string_equal(told(), "");
}

static void test_34_refused_reload(void **state)
{
	(void)state;
	gauge_set_refused(house->gauge, true);
	assert_non_null(strstr(told(), "STATUS=Reload refused, see the log. Requests since"));
	gauge_set_refused(house->gauge, false);
	assert_non_null(strstr(told(), "STATUS=Requests since"));
}

// At once, whatever was told a moment ago; what was counted before stays.
static void test_4_trouble(void **state)
{
	(void)state;
	add(32, "sent", "pending");
	assert_non_null(strstr(told(), "Probes pending: 1."));
	add(48, "sent", "pending");
	gauge_set_trouble(house->gauge, "No space left on device");
	assert_string_equal(told(),
			    "STATUS=The database: No space left on device, will retry. Requests "
			    "since the start: 0 answered, 0 ignored. Entries in the spool: 0. Mail "
			    "waiting: 0; under way: 0 to dual, 0 to v6. Probes pending: 1. "
			    "Surveys: 0.");
	gauge_set_trouble(house->gauge, "No space left on device");
	assert_string_equal(told(), "");
	gauge_set_trouble(house->gauge, NULL);
	expect("Requests since the start: 0 answered, 0 ignored. Entries in the spool: 0. Mail "
	       "waiting: 0; under way: 0 to dual, 0 to v6. Probes pending: 2. Surveys: 0.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_waits),     TEST(test_what_waits), TEST(test_not_every_turn),
		TEST(test_34_refused_reload), TEST(test_4_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
