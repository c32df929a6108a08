// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix explain: from a message to classes, and what is printed of them. The messages are in the
// manner of the servers named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/diagnose_file.h"
#include "adapter/mime.h"
#include "cli/explain_judge.h"
#include "cli/explain_print.h"
#include "cli/explain_worker.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define REPORT                                                                                     \
	"From: MAILER-DAEMON@dual.test\nContent-Type: multipart/report; boundary=b\n\n"            \
	"--b\n\n"
#define STATUS    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; dual.test\n\n"
#define RECIPIENT "Final-Recipient: rfc822; "
#define PLAIN     "From: MAILER-DAEMON@x.test\nSubject: failure notice\n\n"

static struct diagnose_table *table;
static struct phrases *phrases;

static int set_up(void **state)
{
	(void)state;
	mime_init();
	table = diagnose_file_read("templates/diagnose.tab", "", stderr);
	phrases = phrases_read("templates", "en", stderr);
	return table == NULL || phrases == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	phrases_free(phrases);
	diagnose_table_free(table);
	return 0;
}

static void judge(const char *message, struct explained *ret_explained)
{
	char *bytes = strdup(message);

	explain_judge(table, bytes, strlen(bytes), ret_explained);
	free(bytes);
}

// "no mail", "no bounce", or "address=class/phase;" of each recipient.
static const char *tell(const char *message)
{
	static char told[1000];
	struct explained explained;

	judge(message, &explained);
	told[0] = '\0';
	if (!explained.is_mail || !explained.is_bounce)
		strcpy(told, explained.is_mail ? "no bounce" : "no mail");
	else
		for (size_t i = 0; i < explained.n_recipients; i++) {
			const struct explained_recipient *to = &explained.recipients[i];

			snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%s/%s;",
				 to->address,
				 to->is_classed ? class_name(to->diagnosis.class)
						: dsn_action_name(to->action),
				 phase_name(to->diagnosis.phase));
		}
	explained_free(&explained);
	return told;
}

static void test_messages(void **state)
{
	static const struct {
		const char *told, *message;
	} rows[] = {
		{"a@x.test=no-such-user/rcpt;", REPORT
		 "<a@x.test>: host mx.x.test[2001:db8::1] said: 550 5.1.1 no (in reply to RCPT "
		 "TO\n    command)\n" STATUS RECIPIENT
		 "a@x.test\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.x.test\n"
		 "Diagnostic-Code: smtp; 550 5.1.1 no\n--b--\n"},
		// each by what is said of it alone
		{"a@x.test=other/mail;b@y.test=mailbox-full/rcpt;", REPORT
		 "<a@x.test>: host mx said: 550 5.7.1 Client host blocked (in reply to MAIL "
		 "FROM command)\n\n<b@y.test>: host mx said: 552 5.2.2 no (in reply to RCPT TO "
		 "command)\n" STATUS RECIPIENT
		 "a@x.test\nAction: failed\nStatus: 5.7.1\nRemote-MTA: dns; mx\n"
		 "Diagnostic-Code: smtp; 550 5.7.1 Client host blocked\n\n" RECIPIENT
		 "b@y.test\nAction: failed\nStatus: 5.2.2\nRemote-MTA: dns; mx\n"
		 "Diagnostic-Code: smtp; 552 5.2.2 no\n--b--\n"},
		{"a@x.test=relayed/unknown;", REPORT
		 "sent\n" STATUS RECIPIENT "a@x.test\nAction: relayed\nStatus: 2.1.9\n--b--\n"},
		{"a@x.test=no-such-user/rcpt;", PLAIN
		 "Hi. This is the qmail-send program.\n\n<a@x.test>:\n192.0.2.1 does not like "
		 "recipient.\nRemote host said: 550 5.1.1 no such user\n\n"
		 "--- Below this line is a copy of the message.\n\nTo: b@y.test\n\nover quota\n"},
		// the reason stands before the addresses
		{"a@x.test=timeout/unknown;b@x.test=timeout/unknown;", PLAIN
		 "Host x.test is not responding.\n\nThese did not receive it:\n\n <a@x.test>\n\n"
		 " <b@x.test>\n"},
		{"c@z.test=mailbox-full/unknown;",
		 "From: a@x.test\nX-Failed-Recipients: c@z.test\n\nThe mailbox is full.\n"},
		{"=other/unknown;", PLAIN "Something went wrong.\n"},
		// a boundary that is never found: the body as it stands
		{"a@x.test=no-such-user/unknown;",
		 "From: MAILER-DAEMON@x.test\nContent-Type: multipart/report; boundary=b\n\n--c\n\n"
		 "<a@x.test>: user unknown\n--c--\n"},
		{"a@x.test=no-such-user/unknown;", "From: x\n\n<a@x.test>: no such user\n"},
		{"no bounce", "From: a@x.test\nSubject: hello\n\nSee you at b@y.test\n"},
		{"no bounce", "Return-Path: <>\nFrom: a@x.test\n\nI am on holiday; ask b@y.test\n"},
		{"no bounce", "From: a@x.test\nContent-Type: multipart/report; report-type="
			      "feedback-report; boundary=b\n\n--b\n\nspam\n--b--\n"},
		{"no mail", "a story: of one line\n\nand its end\n"},
		{"no mail", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(tell(rows[i].message), rows[i].told);
}

// An IPv6 address counts only where it is the server's, and the way to it is what failed.
static void test_host_address(void **state)
{
	static const struct {
		const char *message, *host_address;
		bool is_v6;
	} rows[] = {
		{REPORT "x\n" STATUS RECIPIENT "a@x.test\nAction: failed\nStatus: 4.4.1\n"
			"Diagnostic-Code: X-Postfix; connect to mx.x.test[2001:db8::1]:25: "
			"Connection timed out\n--b--\n",
		 "2001:db8::1", true},
		{REPORT "x\n" STATUS RECIPIENT "a@x.test\nAction: failed\nStatus: 4.4.1\n"
			"Diagnostic-Code: X-Postfix; connect to mx.x.test[192.0.2.1]:25: "
			"Connection refused\n--b--\n",
		 "192.0.2.1", false},
		{PLAIN "<a@x.test>:\nhost mx.x.test [x] [IPv6:2001:db8::2]: No route to host\n",
		 "2001:db8::2", true},
		// the sender's, before anything is said of a recipient, or in a field
		{PLAIN "The message was received from mx.y.test [IPv6:2001:db8::3]\n\n<a@x.test>:\n"
		       "Connection refused\n",
		 "", false},
		{PLAIN "<a@x.test>:\nConnection refused\nReceived-From-MTA: dns; [2001:db8::3]\n",
		 "", false},
		// a server spoke; and what nobody says
		{PLAIN "<a@x.test>:\nRemote host said: 550 5.1.1 [2001:db8::1] no such user\n", "",
		 false},
		{REPORT "x\n" STATUS RECIPIENT "a@x.test\nAction: failed\nStatus: 4.4.7\n"
			"Diagnostic-Code: x-y; Reason: Maximum-Time-Expired\n--b--\n",
		 "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct explained explained;

		judge(rows[i].message, &explained);
		assert_int_equal(explained.n_recipients, 1);
		assert_string_equal(explained.recipients[0].host_address, rows[i].host_address);
		assert_int_equal(explained.recipients[0].is_v6, rows[i].is_v6);
		explained_free(&explained);
	}
}

// ---- what is printed
// ------------------------------------------------------------------------------

#define HOSTILE                                                                                    \
	"\\\" \x1b[2J\x7f\x01 <b>x</b> \xe2\x80\xae \xc2\x85 \xe2\x80\xa8 \xff \xf0\x9f\x90\x88 "  \
	"{{x}}"

static const char hostile_report[] =
	REPORT "text\n" STATUS RECIPIENT "a" HOSTILE "@x.test\nAction: failed\nStatus: 5.1.1\n"
	       "Remote-MTA: dns; mx" HOSTILE ".test\nDiagnostic-Code: smtp; 550 5.1.1 " HOSTILE
	       "\n--b--\n";

static void assert_harmless(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_true((unsigned char)text[i] >= ' ' || text[i] == '\n');
		assert_int_not_equal(text[i], 0x7f);
	}
	assert_null(memmem(text, len, "\xe2\x80\xae", 3)); // bidirectional control
	assert_null(memmem(text, len, "\xc2\x85", 2));     // C1
	assert_null(memmem(text, len, "\xe2\x80\xa8", 3)); // line separator
}

static void test_23_24_text(void **state)
{
	const struct explain_source source = {HOSTILE, 2};
	auto_buf struct buf out = buf_make(100000);
	struct explained explained;
	const char *eol;

	(void)state;
	judge(hostile_report, &explained);
	explain_print_text(&source, &explained, phrases, &out);
	assert_harmless(out.data, out.len);
	assert_non_null(strstr(out.data, "What happened: "));
	assert_non_null(strstr(out.data, "no-such-user"));
	for (const char *at = strchr(out.data, '\n') + 1; *at != '\0'; at = eol + 1) {
		eol = strchr(at, '\n'); // (the first line has the file's name)
		assert_true(eol - at <= 76 * 4);
	}
	explained_free(&explained);
}

static void test_9_json(void **state)
{
	const struct explain_source source = {HOSTILE, 1};
	auto_buf struct buf out = buf_make(100000);
	struct explained explained;

	(void)state;
	judge(hostile_report, &explained);
	explain_print_json(&source, &explained, phrases, &out);
	for (size_t i = 0; i + 1 < out.len; i++)
		assert_true(out.data[i] >= ' ' && out.data[i] < 0x7f); // ASCII, one line
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_memory_equal(out.data, "{\"v\":1,\"file\":\"", 15);
	assert_non_null(strstr(out.data, "\\\\\\\" \\u001b[2J\\u007f\\u0001 <b>x</b> \\u202e "
					 "\\u0085 \\u2028 \\ufffd \\ud83d\\udc08 {{x}}"));
	assert_non_null(strstr(out.data, "\"class\":\"no-such-user\""));
	assert_non_null(strstr(out.data, "\"advice\":{\"happened\":\""));
	explained_free(&explained);
}

static void test_json_as_a_whole(void **state)
{
	static const struct {
		const char *message, *json;
	} rows[] = {
		{PLAIN "<a@x.test>:\nRemote host said: 552 5.2.2 full\n",
		 "{\"v\":1,\"file\":\"f\",\"message\":3,\"kind\":\"bounce\",\"recipient\":\"a@x."
		 "test\","
		 "\"action\":\"unknown\",\"status\":\"5.2.2\",\"class\":\"mailbox-full\",\"phase\":"
		 "\"unknown\","
		 "\"remote_spoke\":true,\"code\":552,\"row\":"},
		{"From: a@x.test\n\nhello\n",
		 "{\"v\":1,\"file\":\"f\",\"message\":3,\"kind\":\"no bounce\"}\n"},
		{"hello\n", "{\"v\":1,\"file\":\"f\",\"message\":3,\"kind\":\"no mail\"}\n"},
	};
	const struct explain_source source = {"f", 3};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf struct buf out = buf_make(100000);
		struct explained explained;

		judge(rows[i].message, &explained);
		explain_print_json(&source, &explained, NULL, &out);
		assert_true(out.len >= strlen(rows[i].json));
		assert_memory_equal(out.data, rows[i].json, strlen(rows[i].json));
		explained_free(&explained);
	}
}

// ---- the process
// ---------------------------------------------------------------------------------

static enum explain_verdict ask(struct explain_worker *worker, const char *message, struct buf *out)
{
	enum explain_verdict verdict = EXPLAIN_DIED;

	buf_clear(out);
	assert_int_equal(
		explain_worker_ask(worker, "f", 1, message, strlen(message), out, &verdict), 0);
	return verdict;
}

static struct explain_worker *new_worker(const struct explain_setting *setting)
{
	struct explain_worker *worker = NULL;

	assert_int_equal(explain_worker_new(setting, &worker), 0);
	return worker;
}

static void test_worker(void **state)
{
	const struct explain_setting setting = {table, NULL, true};
	struct explain_worker *worker = new_worker(&setting);
	auto_buf struct buf out = buf_make(100000);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(worker, PLAIN "<a@x.test>: user unknown\n", &out),
				 EXPLAIN_CLASSED);
		assert_non_null(strstr(buf_string(&out), "\"class\":\"no-such-user\""));
		assert_int_equal(ask(worker, "hello", &out), EXPLAIN_NO_MAIL);
	}
	explain_worker_free(worker);
	assert_null(explain_worker_free(NULL));
}

// A process that dies of a message is not the end: the next one gets another.
static void test_worker_dies(void **state)
{
	struct explain_setting setting = {NULL, NULL, true}; // nobody can ask this table
	struct explain_worker *worker = new_worker(&setting);
	auto_buf struct buf out = buf_make(100000);

	(void)state;
	assert_int_equal(ask(worker, PLAIN "x\n", &out), EXPLAIN_DIED);
	assert_int_equal(out.len, 0);
	setting.table = table;
	assert_int_equal(ask(worker, PLAIN "x\n", &out), EXPLAIN_CLASSED);
	explain_worker_free(worker);
}

// Behind its fence it opens nothing, and yet reads any character set, whichever came before.
static void test_worker_charsets(void **state)
{
	static const char *const rows[][2] = {
		{"iso-8859-2", "\\u010d"}, // č
		{"windows-1251", "\\u0438"},
		{"iso-8859-2", "\\u010d"},
	};
	const struct explain_setting setting = {table, NULL, true};
	struct explain_worker *worker = new_worker(&setting);
	auto_buf struct buf out = buf_make(100000);
	char message[300];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(message, sizeof(message),
			 "From: MAILER-DAEMON@x.test\nContent-Type: text/plain; charset=%s\n\n"
			 "<a@x.test>: user unknown: \xe8\n",
			 rows[i][0]);
		assert_int_equal(ask(worker, message, &out), EXPLAIN_CLASSED);
		if (strstr(buf_string(&out), rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], buf_string(&out));
	}
	explain_worker_free(worker);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),     cmocka_unit_test(test_23_24_text),
		cmocka_unit_test(test_9_json),       cmocka_unit_test(test_json_as_a_whole),
		cmocka_unit_test(test_worker),       cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_host_address), cmocka_unit_test(test_worker_charsets),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
