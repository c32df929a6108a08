// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// maillog: Postfix's lines as three writers write them, and lines that try to say something else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mail/maillog.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      INT64_C(1795460400) // 2026-11-23T19:00:00Z

static const char *const kinds[] = {"none", "from", "attempt"};

// All of it as one text.
static const char *told(const struct maillog *log)
{
	static char text[2000];

	snprintf(text, sizeof(text), "%s %lld %s [%s] [%s] %s %s [%s]", kinds[log->kind],
		 (long long)log->at, log->queue_id, log->sender, log->relay, log->status,
		 log->result, log->reason);
	return text;
}

#define P    "Nov 23 18:54:39 mx postfix-v6/"
#define TO   P "smtp[10805]: 4jYFVR0dzszmsCm: to=<me@full.test>, "
#define REST "delay=0.01, delays=0.01/0/0/0, dsn=4.2.2, status=deferred (452 full)"

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		const char *want; // NULL: nothing
	} lines[] = {
		{TO "relay=mx.full.test[2001:db8::1]:25, " REST,
		 "attempt 1795460079 4jYFVR0dzszmsCm [] [mx.full.test[2001:db8::1]:25] 4.2.2 "
		 "deferred [452 full]"},
		{"2026-11-23T18:54:39.123456+00:00 mx postfix-v6/smtp[1]: 4jY: to=<a@b>, "
		 "relay=none, " REST,
		 "attempt 1795460079 4jY [] [] 4.2.2 deferred [452 full]"},
		{"2026-11-23T20:54:39+02:00 mx postfix-v6/error[1]: 4jY: to=<a@b>, "
		 "relay=none, " REST,
		 "attempt 1795460079 4jY [] [] 4.2.2 deferred [452 full]"},
		{"2026-11-23T18:54:39Z mx postfix-v6/smtp[1]: 4jY: to=<a@b>, relay=none, " REST,
		 "attempt 1795460079 4jY [] [] 4.2.2 deferred [452 full]"},
		{TO "orig_to=<x@y>, relay=r, conn_use=2, " REST,
		 "attempt 1795460079 4jYFVR0dzszmsCm [] [r] 4.2.2 deferred [452 full]"},
		{P "qmgr[1]: 4jY: from=<bounce+abc@six.test>, size=1, nrcpt=1 (queue active)",
		 "from 1795460079 4jY [bounce+abc@six.test] []   []"},
		{"Dec 31 23:59:59 mx postfix-v6/smtp[1]: 4jY: to=<a@b>, relay=none, " REST,
		 "attempt 1767225599 4jY [] [] 4.2.2 deferred [452 full]"}, // of the year before
		{TO "relay=r, delay=1, dsn=2.0.0, status=sent (250 ok (queued) as 1)",
		 "attempt 1795460079 4jYFVR0dzszmsCm [] [r] 2.0.0 sent [250 ok (queued) as 1]"},
		// what a server says is not looked at, and escaped
		{TO "relay=r, dsn=4.0.0, status=deferred (450 \x1b[2J, status=sent (x)",
		 "attempt 1795460079 4jYFVR0dzszmsCm [] [r] 4.0.0 deferred [450 \\x1b[2J, "
		 "status=sent (x]"},
		// other programs, instances and lines
		{"Nov 23 18:54:39 mx postfix-dual/smtp[1]: 4jY: to=<a@b>, relay=none, " REST, NULL},
		{"Nov 23 18:54:39 mx postfix-v6x/smtp[1]: 4jY: to=<a@b>, relay=none, " REST, NULL},
		{P "smtpd[1]: 4jY: to=<a@b>, relay=none, " REST, NULL},
		{P "inject/smtpd[1]: 4jY: client=localhost[127.0.0.1]", NULL},
		{P "qmgr[1]: 4jY: removed", NULL},
		{P "smtp[1]: warning: to=<a@b>, relay=none, " REST, NULL},
		{P "smtp[1]: 4 jY: to=<a@b>, relay=none, " REST, NULL},
		{TO "relay=r, dsn=4.0.0, status=expired (x)", NULL},
		{TO "relay=r, status=deferred (x)", NULL},
		{TO, NULL},
		{"Nov 23 18:54:39", NULL},
		{"Foo 23 18:54:39 mx postfix-v6/smtp[1]: 4jY: to=<a@b>, relay=none, " REST, NULL},
		{"", NULL},
		{" ", NULL},
	};
	struct maillog log;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		maillog_read(lines[i].line, strlen(lines[i].line), "postfix-v6", NOW, 0, &log);
		if (lines[i].want == NULL)
			assert_int_equal(log.kind, MAILLOG_NONE);
		else
			assert_string_equal(told(&log), lines[i].want);
	}
}

static void test_local_time(void **state)
{
	static const char line[] = TO "relay=none, " REST;
	struct maillog log;

	(void)state;
	maillog_read(line, strlen(line), "postfix-v6", NOW, 3600, &log);
	assert_int_equal(log.at, 1795460079 - 3600);
}

static void test_journal_text(void **state)
{
	static const char text[] = "4jY: to=<a@b>, relay=none, " REST;
	struct maillog log;

	(void)state;
	maillog_read_text(text, strlen(text), "postfix-v6/smtp", "postfix-v6", 77, &log);
	assert_string_equal(told(&log), "attempt 77 4jY [] [] 4.2.2 deferred [452 full]");
	maillog_read_text(text, strlen(text), "postfix/smtp", "postfix-v6", 77, &log);
	assert_int_equal(log.kind, MAILLOG_NONE);
}

// RFC 5321 section 4.1.2: between quotes a local part may have anything, so also what looks like
// the rest of a line. Its end is its last quote.
static void test_quoted_address(void **state)
{
	static const struct {
		const char *address;
		const char *want; // NULL: no attempt
	} cases[] = {
		{"to=<\"x>, relay=evil, delay=1, dsn=2.0.0, status=sent (\"@full.test>, ", "real"},
		{"to=<\"\\\">, relay=evil, dsn=2.0.0, status=sent (\"@full.test>, ", "real"},
		{"to=<\"\\\\\"@full.test>, ", "real"},
		{"to=<\"a b\"@full.test>, orig_to=<\">, relay=evil, dsn=2.0.0, status=sent "
		 "(\"@a.test>, ",
		 "real"},
		{"to=<\"\">, ", "real"},
		{"to=<\"never closed>, ", NULL},
		{"to=<\"ends in a backslash\\", NULL},
		{"to=<\"", NULL},
	};
	struct maillog log;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[500];

		snprintf(text, sizeof(text), "4jY: %srelay=real, " REST, cases[i].address);
		maillog_read_text(text, strlen(text), "postfix-v6/smtp", "postfix-v6", 77, &log);
		if (cases[i].want == NULL) {
			assert_int_equal(log.kind, MAILLOG_NONE);
		} else {
			assert_string_equal(told(&log),
					    "attempt 77 4jY [] [real] 4.2.2 deferred [452 full]");
		}
	}
}

// Times that are none, and where a year begins.
static void test_times(void **state)
{
	static const struct {
		const char *time;
		int64_t at; // 0: no line
	} cases[] = {
		{"1969-12-31T23:59:59+00:00", -1},
		{"9999-12-31T23:59:59.999999-14:00", INT64_C(253402300799) + 14 * 3600},
		{"2026-13-01T00:00:00+00:00", 1798761600}, // timegm(3) goes on to the next year
		{"2026-11-23T18:54", 0},
		{"2026-11-23 18:54:39", 0},
		{"99999999999999999999", 0},
		{"Nov 25 18:54:39", 1795632879}, // in two days, as clocks differ
		{"Nov 26 18:54:39", 1795719279 - 365 * 86400},
		{"nov 23 18:54:39", 0},
		{"ovD 23 18:54:39", 0},
		{"Nov 23 18:54", 0},
	};
	struct maillog log;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[300];

		snprintf(line, sizeof(line),
			 "%s mx postfix-v6/smtp[1]: 4jY: to=<a@b>, relay=none, " REST,
			 cases[i].time);
		maillog_read(line, strlen(line), "postfix-v6", NOW, 0, &log);
		assert_int_equal(log.kind, cases[i].at == 0 ? MAILLOG_NONE : MAILLOG_ATTEMPT);
		if (cases[i].at != 0)
			assert_int_equal(log.at, cases[i].at);
	}
}

// Any prefix of a line, and any octet anywhere, is read without harm; each text ends in its place.
static void test_broken_lines(void **state)
{
	static const char line[] = TO "relay=mx.full.test[2001:db8::1]:25, " REST;
	char copy[sizeof(line)];
	static char longest[100000];
	struct maillog log;

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		maillog_read(line, len, "postfix-v6", NOW, 0, &log);
		memcpy(copy, line, sizeof(line));
		copy[len] = (char)(len % 3 == 0 ? 0 : len % 3 == 1 ? 0xff : '\n');
		maillog_read(copy, sizeof(copy) - 1, "postfix-v6", NOW, 0, &log);
		assert_true(strlen(log.reason) <= MAILLOG_REASON_MAX);
	}
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, line, sizeof(line) - 2);
	maillog_read(longest, sizeof(longest), "postfix-v6", NOW, 0, &log);
	assert_int_equal(log.kind, MAILLOG_ATTEMPT);
	assert_int_equal(strlen(log.reason), MAILLOG_REASON_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),        cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_journal_text), cmocka_unit_test(test_quoted_address),
		cmocka_unit_test(test_times),        cmocka_unit_test(test_broken_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
