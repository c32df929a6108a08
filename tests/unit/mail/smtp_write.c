// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our half of the wire: the parameters, and DATA against a strict reader of our own.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/smtp_write.h"

// C12 and D7: what is asked for depends on what is offered and on what is needed.
#define ALL_OFFERS                                                                                 \
	(SMTP_OFFER_PIPELINING | SMTP_OFFER_8BITMIME | SMTP_OFFER_SIZE | SMTP_OFFER_DSN |          \
	 SMTP_OFFER_SMTPUTF8)

static void test_C12_D7_parameters(void **state)
{
	static const struct {
		unsigned offers;
		const char *sender, *to, *text, *envelope_id;
		unsigned notify;
		bool utf8;
		const char *expect;
	} rows[] = {
		{0, "b@six.test", "a@x.test", "x", "id", SMTP_NOTIFY_NEVER, false,
		 "MAIL FROM:<b@six.test>\r\nRCPT TO:<a@x.test>\r\n"},
		{ALL_OFFERS, "b@six.test", "a@x.test", "x", NULL, SMTP_NOTIFY_NEVER, false,
		 "MAIL FROM:<b@six.test> SIZE=1 RET=HDRS\r\n"
		 "RCPT TO:<a@x.test> NOTIFY=NEVER ORCPT=rfc822;a@x.test\r\n"},
		{SMTP_OFFER_DSN, "", "a+b=c@x.test", "x",
		 "i+d=", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, false,
		 "MAIL FROM:<> RET=HDRS ENVID=i+2Bd+3D\r\n"
		 "RCPT TO:<a+b=c@x.test> NOTIFY=SUCCESS,FAILURE,DELAY "
		 "ORCPT=rfc822;a+2Bb+3Dc@x.test\r\n"},
		{SMTP_OFFER_DSN, "", "\"a b\"@x.test", "x", "",
		 SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, false,
		 "MAIL FROM:<> RET=HDRS\r\n"
		 "RCPT TO:<\"a b\"@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;\"a+20b\"@x.test\r\n"},
		{SMTP_OFFER_DSN, "", "a@x.test", "x", NULL, SMTP_NOTIFY_DELAY, false,
		 "MAIL FROM:<> RET=HDRS\r\nRCPT TO:<a@x.test> NOTIFY=DELAY "
		 "ORCPT=rfc822;a@x.test\r\n"},
		{ALL_OFFERS, "", "a@x.test", "\xc3\xa9", NULL, 0, false,
		 "MAIL FROM:<> SIZE=2 BODY=8BITMIME RET=HDRS\r\n"
		 "RCPT TO:<a@x.test> NOTIFY=NEVER ORCPT=rfc822;a@x.test\r\n"},
		{0, "", "a@x.test", "\xc3\xa9", NULL, 0, false,
		 "MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\n"},
		{ALL_OFFERS, "", "\xc5\xbelu\xc5\xa5@x.test", "x", NULL, 0, false,
		 "MAIL FROM:<> SIZE=1 SMTPUTF8 RET=HDRS\r\n"
		 "RCPT TO:<\xc5\xbelu\xc5\xa5@x.test> NOTIFY=NEVER "
		 "ORCPT=utf-8;\\x{17E}lu\\x{165}@x.test\r\n"},
		{ALL_OFFERS, "", "a+b@\xc3\xa9.test", "x", NULL, 0, false,
		 "MAIL FROM:<> SIZE=1 SMTPUTF8 RET=HDRS\r\n"
		 "RCPT TO:<a+b@\xc3\xa9.test> NOTIFY=NEVER ORCPT=utf-8;a\\x{2B}b@\\x{E9}.test\r\n"},
		{ALL_OFFERS, "", "a@x.test", "x", NULL, 0, true,
		 "MAIL FROM:<> SIZE=1 SMTPUTF8 RET=HDRS\r\n"
		 "RCPT TO:<a@x.test> NOTIFY=NEVER ORCPT=rfc822;a@x.test\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf wrote = buf_make(4096);
		struct smtp_message message;
		struct addr to;

		assert_null(addr_parse(rows[i].to, strlen(rows[i].to), &to));
		message = (struct smtp_message){rows[i].sender, &to,
						rows[i].notify, rows[i].envelope_id,
						rows[i].text,   strlen(rows[i].text),
						rows[i].utf8};
		smtp_write_mail(&wrote, &message, rows[i].offers);
		smtp_write_rcpt(&wrote, &message, rows[i].offers);
		assert_string_equal(buf_string(&wrote), rows[i].expect);
		buf_free(&wrote);
	}
}

// What the text means: each CRLF, bare CR and bare LF ends a line; a last line without an end has
// one.
static void canonical(struct buf *out, const char *text, size_t len)
{
	bool open = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\r' || text[i] == '\n') {
			i += text[i] == '\r' && i + 1 < len && text[i + 1] == '\n';
			buf_adds(out, "\r\n");
			open = false;
		} else {
			buf_addc(out, text[i]);
			open = true;
		}
	}
	if (open)
		buf_adds(out, "\r\n");
}

// As a strict server reads: CRLF alone ends a line, a bare CR or LF is an error, CRLF.CRLF is the
// end and must be the very end. True and the text without its stuffing, or false.
static bool read_strictly(struct buf *out, const char *wire, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t end = at;

		while (end < len && wire[end] != '\r' && wire[end] != '\n')
			end++;
		if (end + 2 > len || wire[end] != '\r' || wire[end + 1] != '\n')
			return false;
		if (end == at + 1 && wire[at] == '.')
			return end + 2 == len;
		at += wire[at] == '.';
		buf_add(out, wire + at, end + 2 - at);
		at = end + 2;
	}
	return false;
}

// As the laxest server might: any mix of CR, LF and NUL around a dot that we sent first in its line
// and did not double. None may be found before the end.
static bool has_lax_end(const char *wire, size_t len)
{
	for (size_t i = 0; i + 3 < len; i++) {
		bool starts = i == 0 || wire[i - 1] == '\n' || wire[i - 1] == '\r';

		if (starts && wire[i] == '.' && (wire[i + 1] == '\r' || wire[i + 1] == '\n'))
			return true;
	}
	return false;
}

static void check_text(const char *text, size_t len)
{
	struct buf wire = buf_make(2 * len + 5);
	struct buf expect = buf_make(2 * len + 5);
	struct buf got = buf_make(2 * len + 5);

	smtp_write_text(&wire, text, len);
	assert_false(buf_failed(&wire)); // the promised bound
	canonical(&expect, text, len);
	assert_true(read_strictly(&got, wire.data, wire.len));
	assert_int_equal(got.len, expect.len);
	if (got.len > 0)
		assert_memory_equal(got.data, expect.data, got.len);
	assert_false(has_lax_end(wire.data, wire.len));
	buf_free(&wire);
	buf_free(&expect);
	buf_free(&got);
}

// Every text of up to seven octets out of the five that matter.
static void test_wire_of_all_short_texts(void **state)
{
	static const char octets[] = {'\r', '\n', '.', '\0', 'x'};
	char text[7];

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		size_t n = 1;

		for (size_t i = 0; i < len; i++)
			n *= sizeof(octets);
		for (size_t i = 0; i < n; i++) {
			for (size_t j = 0, rest = i; j < len; j++, rest /= sizeof(octets))
				text[j] = octets[rest % sizeof(octets)];
			check_text(text, len);
		}
	}
}

static void test_wire_of_random_texts(void **state)
{
	static const char octets[] = "\r\r\n\n..\0a\xff";
	uint32_t random = 12345;
	char text[300];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)i % sizeof(text);

		for (size_t j = 0; j < len; j++) {
			random = random * 1664525 + 1013904223;
			text[j] = octets[(random >> 16) % (sizeof(octets) - 1)];
		}
		check_text(text, len);
	}
}

// Fault 31. Our own list: what has been taken for an end of DATA by some server or other.
static void test_fault31_smuggling(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} ends[] = {
#define END(text) {text, sizeof(text) - 1}
		END("\n.\n"),       END("\r.\r"),         END("\r.\n"),       END("\n.\r"),
		END("\n.\r\n"),     END("\r.\r\n"),       END("\r\n.\n"),     END("\r\n.\r"),
		END("\r\n.\r\n"),   END("\r\n\0.\r\n"),   END("\r\n.\0\r\n"), END("\r\n.\r\r\n"),
		END("\r\r\n.\r\n"), END("\r\r\n.\r\r\n"), END("\0\n.\n\0"),   END("\n\r.\n\r"),
		END("\x85.\x85"),   END("\r\n..\r\n"),    END("."),           END(".\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		char text[100];
		size_t len = (size_t)snprintf(text, sizeof(text), "one");

		memcpy(text + len, ends[i].bytes, ends[i].len);
		len += ends[i].len;
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"MAIL FROM:<smuggled@x.test>\r\n");
		check_text(text, len);
		check_text(ends[i].bytes, ends[i].len);
	}
}

// Undoes the corpus's C escapes; returns the length.
static size_t unescape(char *dst, const char *src)
{
	size_t n = 0;

	while (*src != '\0') {
		if (src[0] != '\\') {
			dst[n++] = *src++;
		} else if (src[1] == 'x') {
			char hex[3] = {src[2], src[3], '\0'};

			dst[n++] = (char)strtol(hex, NULL, 16);
			src += 4;
		} else {
			dst[n++] = src[1] == 'r' ? '\r' : '\n';
			src += 2;
		}
	}
	return n;
}

static void test_fault31_corpus(void **state)
{
	FILE *file = fopen("../shared/corpora/smtp-smuggling/end-of-data.tsv", "r");
	char line[200], bytes[100];
	size_t rows = 0;

	(void)state;
	if (file == NULL) {
		print_message("# skipped: no ../shared/corpora/smtp-smuggling\n");
		skip();
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		char *tab = strchr(line, '\t');

		if (line[0] == '#' || tab == NULL || strncmp(line, "name\t", 5) == 0)
			continue;
		tab[1 + strcspn(tab + 1, "\t\n")] = '\0';
		check_text(bytes, unescape(bytes, tab + 1));
		rows++;
	}
	fclose(file);
	assert_int_equal(rows, 12);
}

static void test_offers(void **state)
{
	static const struct {
		const char *line;
		unsigned offer;
	} rows[] = {
		{"PIPELINING", SMTP_OFFER_PIPELINING},
		{"pipelining", SMTP_OFFER_PIPELINING},
		{"SIZE 10240000", SMTP_OFFER_SIZE},
		{"SIZE", SMTP_OFFER_SIZE},
		{"8BITMIME", SMTP_OFFER_8BITMIME},
		{"DSN", SMTP_OFFER_DSN},
		{"SMTPUTF8", SMTP_OFFER_SMTPUTF8},
		{"SMTPUTF", 0},
		{"DSNX", 0},
		{"", 0},
		{"CHUNKING", 0},
		{"a-word-that-is-longer-than-any-of-ours DSN", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(smtp_offer_parse(rows[i].line), rows[i].offer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_C12_D7_parameters),
		cmocka_unit_test(test_wire_of_all_short_texts),
		cmocka_unit_test(test_wire_of_random_texts),
		cmocka_unit_test(test_fault31_smuggling),
		cmocka_unit_test(test_fault31_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
