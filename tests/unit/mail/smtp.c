// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Dialogues, as tables: what the server says and what we write to it; then the wire of DATA against
// a strict reader.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/smtp.h"

#define TEXT "Subject: x\r\n\r\nhello\r\n"
#define WIRE TEXT ".\r\n"

#define OFFERS                                                                                     \
	"250-mx\r\n250-PIPELINING\r\n250-SIZE 10240\r\n250-8BITMIME\r\n250-DSN\r\n250 "            \
	"SMTPUTF8\r\n"

static struct addr parse(const char *text)
{
	struct addr addr;

	assert_null(addr_parse(text, strlen(text), &addr));
	return addr;
}

static struct smtp_message message_to(const struct addr *recipient)
{
	return (struct smtp_message){
		.sender = "",
		.recipient = recipient,
		.text = TEXT,
		.text_len = strlen(TEXT),
	};
}

// Everything there is to write, taken.
static void expect_out(struct smtp *smtp, const char *expect)
{
	struct buf *out = smtp_out(smtp);

	assert_string_equal(buf_string(out), expect);
	buf_clear(out);
}

static enum smtp_event say(struct smtp *smtp, const char *text)
{
	return smtp_push(smtp, text, strlen(text));
}

static struct smtp *ready(const char *offers)
{
	struct smtp *smtp = smtp_new("me.test");

	assert_int_equal(say(smtp, "220 mx ESMTP\r\n"), SMTP_WAIT);
	expect_out(smtp, "EHLO me.test\r\n");
	assert_int_equal(say(smtp, offers), SMTP_READY);
	return smtp;
}

// One message: pairs of what the server says ("" closes) and what we then write.
struct dialogue {
	const char *name;
	const char *offers;
	const char *starts; // what smtp_send writes
	const char *turns[12];
	enum smtp_fate fate;
	int code;
	const char *status;
	const char *command;
	bool usable;
};

#define LINES "250-mx\r\n250 DSN\r\n"
#define PIPED "250-mx\r\n250 PIPELINING\r\n"
#define MAIL  "MAIL FROM:<>\r\n"
#define RCPT  "RCPT TO:<a@good.test>\r\n"
#define DATA  "DATA\r\n"
#define ALL   MAIL RCPT DATA
#define PLAIN "250 mx\r\n"

// clang-format off
static const struct dialogue dialogues[] = {{"sent, step by step", PLAIN, MAIL,
	 {"250 2.1.0 Ok\r\n", RCPT, "250 2.1.5 Ok\r\n", DATA, "354 go\r\n", WIRE, "250 2.0.0 Ok: queued as 4XyZ\r\n", ""},
	 SMTP_SENT, 250, "2.0.0", ".", true},
	{"sent, pipelined, replies together", PIPED, ALL,
	 {"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n", WIRE, "250 2.0.0 Ok\r\n", ""},
	 SMTP_SENT, 250, "2.0.0", ".", true},
	{"sent, no enhanced status", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "250 fine\r\n", ""},
	 SMTP_SENT, 250, "2.0.0", ".", true},
	{"MAIL refused", PLAIN, MAIL,
	 {"550 5.7.1 no\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 550, "5.7.1", "MAIL", true},
	{"MAIL later", PLAIN, MAIL,
	 {"452 4.3.1 full\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_TRY_AGAIN, 452, "4.3.1", "MAIL", true},
	{"MAIL refused, pipelined", PIPED, ALL,
	 {"550 5.7.1 no\r\n503 5.5.1 what\r\n503 5.5.1 what\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 550, "5.7.1", "MAIL", true},
	{"RCPT refused", PLAIN, MAIL,
	 {"250 Ok\r\n", RCPT, "550 5.1.1 unknown\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 550, "5.1.1", "RCPT", true},
	{"RCPT refused, pipelined", PIPED, ALL,
	 {"250 Ok\r\n550 5.1.1 unknown\r\n554 5.5.1 no valid recipients\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 550, "5.1.1", "RCPT", true},
	{"RCPT refused, pipelined, but DATA taken: a lone dot", PIPED, ALL,
	 {"250 Ok\r\n450 4.2.0 later\r\n354 go\r\n", ".\r\n", "554 5.5.1 no valid recipients\r\n", ""},
	 SMTP_TRY_AGAIN, 450, "4.2.0", "RCPT", true},
	{"the same, and the lone dot is called fine", PIPED, ALL,
	 {"250 Ok\r\n550 no\r\n354 go\r\n", ".\r\n", "250 Ok: queued as LIE\r\n", ""},
	 SMTP_REFUSED, 550, "5.0.0", "RCPT", true},
	{"MAIL refused, RCPT taken: hang up", PIPED, ALL,
	 {"451 4.3.0 no\r\n250 Ok\r\n354 go\r\n", ""},
	 SMTP_TRY_AGAIN, 451, "4.3.0", "MAIL", false},
	{"DATA refused", PLAIN, MAIL,
	 {"250 Ok\r\n", RCPT, "250 Ok\r\n", DATA, "451 4.3.0 no\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_TRY_AGAIN, 451, "4.3.0", "DATA", true},
	{"DATA refused, pipelined", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n554 5.3.4 no\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 554, "5.3.4", "DATA", true},
	{"the dot refused", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "552 5.2.2 full\r\n", ""},
	 SMTP_REFUSED, 552, "5.2.2", ".", true},
	{"the dot, later", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "451 no\r\n", ""},
	 SMTP_TRY_AGAIN, 451, "4.0.0", ".", true},
	{"RSET refused", PLAIN, MAIL,
	 {"550 5.7.1 no\r\n", "RSET\r\n", "500 what\r\n", ""},
	 SMTP_REFUSED, 550, "5.7.1", "MAIL", false},
	{"closed after MAIL", PLAIN, MAIL,
	 {"", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "MAIL", false},
	{"closed after the dot", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", ".", false},
	{"closed inside the dot's reply", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "250 O", "", "", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", ".", false},
	{"closed after a refusal", PLAIN, MAIL,
	 {"550 5.7.1 no\r\n", "RSET\r\n", "", ""},
	 SMTP_REFUSED, 550, "5.7.1", "MAIL", false},
	{"421 to MAIL", PIPED, ALL,
	 {"421 4.3.2 shutting down\r\n", ""},
	 SMTP_TRY_AGAIN, 421, "4.3.2", "MAIL", false},
	{"421 to the dot", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n354 go\r\n", WIRE, "421 4.3.0 gone\r\n", ""},
	 SMTP_TRY_AGAIN, 421, "4.3.0", ".", false},
	{"a code that does not fit", PLAIN, MAIL,
	 {"354 go\r\n", "RSET\r\n"},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "MAIL", false},
	{"250 to DATA", PIPED, ALL,
	 {"250 Ok\r\n250 Ok\r\n250 Ok\r\n", "RSET\r\n"},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "DATA", false},
	{"not SMTP", PLAIN, MAIL,
	 {"hello\r\n", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "MAIL", false},
	{"a code of two digits", PLAIN, MAIL,
	 {"25 Ok\r\n", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "MAIL", false},
	{"codes that differ in one reply", PLAIN, MAIL,
	 {"250-Ok\r\n550 no\r\n", ""},
	 SMTP_TRY_AGAIN, 0, "4.0.0", "MAIL", false},
	{"many lines: the last one's words", PLAIN, MAIL,
	 {"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.2 three\r\n", "RSET\r\n", "250 Ok\r\n", ""},
	 SMTP_REFUSED, 550, "5.7.2", "MAIL", true},
};

// clang-format on

static void run_dialogue(const struct dialogue *row, size_t chunk)
{
	struct addr to = parse("a@good.test");
	struct smtp_message message = message_to(&to);
	struct smtp *smtp = ready(row->offers);
	const struct smtp_result *result = smtp_result(smtp);
	enum smtp_event event = smtp_send(smtp, &message);
	char status[STATUS_TEXT_SIZE];

	expect_out(smtp, row->starts);
	for (size_t i = 0; row->turns[i] != NULL; i += 2) {
		const char *text = row->turns[i];
		size_t len = strlen(text);

		assert_int_equal(event, SMTP_WAIT);
		for (size_t at = 0; event == SMTP_WAIT && (at < len || len == 0); at += chunk) {
			event = smtp_push(smtp, text + at, len - at < chunk ? len - at : chunk);
			if (len == 0)
				break;
		}
		expect_out(smtp, row->turns[i + 1]);
	}
	assert_int_equal(event, SMTP_DONE);
	assert_int_equal(result->fate, row->fate);
	assert_int_equal(result->code, row->code);
	assert_string_equal(status_text(status, result->status), row->status);
	assert_string_equal(result->command, row->command);
	assert_int_equal(result->usable, row->usable);
	assert_int_equal(smtp_push(smtp, NULL, 0), row->usable ? SMTP_WAIT : SMTP_CLOSED);
	smtp_free(smtp);
}

static void test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(*dialogues); i++) {
		print_message("# %s\n", dialogues[i].name);
		run_dialogue(&dialogues[i], 4096);
		run_dialogue(&dialogues[i], 1); // octet by octet
	}
}

static void test_queue_id(void **state)
{
	struct addr to = parse("a@good.test");
	struct smtp_message message = message_to(&to);
	struct smtp *smtp = ready(PIPED);

	(void)state;
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	assert_int_equal(say(smtp, "250 Ok\r\n250 Ok\r\n354 go\r\n"), SMTP_WAIT);
	assert_int_equal(say(smtp, "250 2.0.0 Ok: queued as 4XyZ12abc\r\n"), SMTP_DONE);
	assert_string_equal(smtp_result(smtp)->queue_id, "4XyZ12abc");
	buf_clear(smtp_out(smtp));
	// and the session carries another one, with nothing left of the first
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	expect_out(smtp, ALL);
	assert_int_equal(say(smtp, "250 Ok\r\n250 Ok\r\n354 go\r\n"), SMTP_WAIT);
	assert_int_equal(say(smtp, "250 2.0.0 Ok\r\n"), SMTP_DONE);
	assert_string_equal(smtp_result(smtp)->queue_id, "");
	smtp_free(smtp);
}

static void test_session_that_never_gets_ready(void **state)
{
	static const struct {
		const char *says[3];
		int code;
		const char *command;
	} rows[] = {
		{{""}, 0, "greeting"},
		{{"421 4.3.2 busy\r\n"}, 421, "greeting"},
		{{"554 5.3.2 no service\r\n"}, 554, "greeting"},
		{{"220 mx\r\n", "502 what\r\n"}, 502, "EHLO"},
		{{"220 mx\r\n", "421 4.3.2 busy\r\n"}, 421, "EHLO"},
		{{"220 mx\r\n", ""}, 0, "EHLO"},
		{{"SSH-2.0\r\n"}, 0, "greeting"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct smtp *smtp = smtp_new("me.test");
		enum smtp_event event = SMTP_WAIT;

		for (size_t j = 0; rows[i].says[j] != NULL; j++) {
			assert_int_equal(event, SMTP_WAIT);
			event = say(smtp, rows[i].says[j]);
		}
		assert_int_equal(event, SMTP_CLOSED);
		assert_int_equal(smtp_result(smtp)->fate, SMTP_TRY_AGAIN);
		assert_int_equal(smtp_result(smtp)->code, rows[i].code);
		assert_string_equal(smtp_result(smtp)->command, rows[i].command);
		smtp_free(smtp);
	}
}

static void test_idle_session(void **state)
{
	struct smtp *smtp = ready(PLAIN);

	(void)state;
	assert_int_equal(say(smtp, "421 4.4.2 timeout\r\n"), SMTP_CLOSED);
	smtp_free(smtp);
	smtp = ready(PLAIN);
	assert_int_equal(say(smtp, ""), SMTP_CLOSED);
	smtp_free(smtp);
	smtp = ready(PLAIN);
	smtp_quit(smtp);
	expect_out(smtp, "QUIT\r\n");
	assert_int_equal(say(smtp, "221 bye\r\n"), SMTP_CLOSED);
	smtp_free(smtp);
}

static void test_give_up(void **state)
{
	struct addr to = parse("a@good.test");
	struct smtp_message message = message_to(&to);
	struct smtp *smtp = ready(PLAIN);

	(void)state;
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	assert_int_equal(smtp_give_up(smtp, "silent"), SMTP_DONE);
	assert_int_equal(smtp_result(smtp)->fate, SMTP_TRY_AGAIN);
	assert_int_equal(smtp_result(smtp)->code, 0);
	assert_string_equal(smtp_result(smtp)->reply, "silent");
	assert_false(smtp_result(smtp)->usable);
	smtp_free(smtp);
}

static void test_refused_without_a_word(void **state)
{
	static char large[SMTP_TEXT_MAX + 1];
	struct addr ascii = parse("a@x.test"), utf8 = parse("\xc3\xa9@x.test");
	struct smtp_message rows[] = {message_to(&utf8), message_to(&ascii), message_to(&ascii),
				      message_to(&ascii), message_to(&ascii)};
	const char *statuses[] = {"5.6.7", "5.6.7", "5.3.4", "5.1.7", "5.1.7"};
	struct smtp *smtp = ready("250-mx\r\n250 DSN\r\n");
	char status[STATUS_TEXT_SIZE];

	(void)state;
	rows[1].utf8 = true;
	rows[2].text = large;
	rows[2].text_len = sizeof(large);
	rows[3].sender = "a@b>\r\nRCPT TO:<c@d.test";
	rows[4].sender = "a b@c.test";
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(smtp_send(smtp, &rows[i]), SMTP_DONE);
		assert_int_equal(smtp_result(smtp)->fate, SMTP_REFUSED);
		assert_string_equal(status_text(status, smtp_result(smtp)->status), statuses[i]);
		assert_true(smtp_result(smtp)->usable);
		expect_out(smtp, "");
	}
	smtp_free(smtp);
}

// Fault 9: a hostile server's words are bounded and printable.
static void test_fault9_hostile_replies(void **state)
{
	struct addr to = parse("a@good.test");
	struct smtp_message message = message_to(&to);
	struct buf text = buf_make(1 << 20);
	struct smtp *smtp = ready(PLAIN);
	const char *reply;

	(void)state;
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	buf_adds(&text, "550 5.7.1 \x1b[31m\xc3\xa9\xff\t");
	buf_add(&text, "\0\r", 2);
	while (text.len < 2000)
		buf_addc(&text, 'x');
	buf_adds(&text, "\r\n");
	assert_int_equal(smtp_push(smtp, text.data, text.len), SMTP_WAIT);
	reply = smtp_result(smtp)->reply;
	assert_int_equal(strlen(reply), 512);
	assert_memory_equal(reply, "5.7.1 ?[31m??????x", 18);
	smtp_free(smtp);

	smtp = ready(PLAIN); // a line without end
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	buf_clear(&text);
	while (text.len < 2049)
		buf_addc(&text, '2');
	assert_int_equal(smtp_push(smtp, text.data, text.len), SMTP_DONE);
	assert_int_equal(smtp_result(smtp)->code, 0);
	smtp_free(smtp);

	smtp = ready(PLAIN); // a reply without end
	assert_int_equal(smtp_send(smtp, &message), SMTP_WAIT);
	for (int i = 0; i < 100; i++)
		assert_int_equal(say(smtp, "250-x\r\n"), SMTP_WAIT);
	assert_int_equal(say(smtp, "250-x\r\n"), SMTP_DONE);
	assert_int_equal(smtp_result(smtp)->fate, SMTP_TRY_AGAIN);
	smtp_free(smtp);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_queue_id),
		cmocka_unit_test(test_session_that_never_gets_ready),
		cmocka_unit_test(test_idle_session),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_refused_without_a_word),
		cmocka_unit_test(test_fault9_hostile_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
