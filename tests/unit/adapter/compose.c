// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What we write is read back by a strict little splitter of this test's own: fields, lines, parts.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "unit/adapter/splitter.h"

// A10 to A16, B4 to B6, D11: what a plain letter looks like, octet by octet.
static void test_A10_A16_whole_message(void **state)
{
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	write_template(TEMPLATE);
	compose.references = "<r1@x.test>";
	parsed = parsed_message(&compose);
	assert_string_equal(buf_string(&parsed.bytes),
			    "From: Six Test <help@dual.test>\r\n"
			    "To: jan@good.test\r\n"
			    "Subject: Auto: About value: hello\r\n"
			    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
			    "Message-ID: <abc@dual.test>\r\n"
			    "In-Reply-To: <m1@good.test>\r\n"
			    "References: <r1@x.test> <m1@good.test>\r\n"
			    "Auto-Submitted: auto-replied\r\n"
			    "MIME-Version: 1.0\r\n"
			    "Content-Type: text/plain; charset=us-ascii\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "\r\n"
			    "Body value\r\none\r\ntwo\r\n-- \r\nbye\r\n");
	assert_false(parsed.utf8);
	buf_free(&parsed.bytes);
}

static void test_B5_B6_request_without_subject_or_id(void **state)
{
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	write_template(TEMPLATE);
	compose.re_subject = "";
	compose.in_reply_to = "not an id";
	parsed = parsed_message(&compose);
	assert_string_equal(field(&parsed, "Subject"), "Auto: About value");
	assert_null(field(&parsed, "In-Reply-To"));
	assert_null(field(&parsed, "References"));
	buf_free(&parsed.bytes);
	compose.re_subject = NULL;
	compose.in_reply_to = compose.references = compose.request_in_reply_to = NULL;
	parsed = parsed_message(&compose);
	assert_string_equal(field(&parsed, "Subject"), "Auto: About value");
	buf_free(&parsed.bytes);
}

static void test_attachments(void **state)
{
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	write_template(TEMPLATE);
	compose.status_part = "Reporting-MTA: dns; mx\r\n\r\nAction: failed\rX: \x01\xc3\xa9\nlast";
	compose.returned = "Subject: x\n";
	parsed = parsed_message(&compose);
	assert_string_equal(parsed.names, FIELDS);
	assert_non_null(strstr(field(&parsed, "Content-Type"), "multipart/mixed; boundary="));
	assert_non_null(strstr(parsed.body,
			       "text/plain; charset=us-ascii\r\n"
			       "Content-Transfer-Encoding: 7bit\r\n\r\nBody value\r\n"));
	assert_non_null(strstr(
		parsed.body, "Content-Type: message/delivery-status\r\n"
			     "Content-Transfer-Encoding: 7bit\r\n\r\n"
			     "Reporting-MTA: dns; mx\r\n\r\nAction: failed\r\nX: ???\r\nlast\r\n"));
	assert_non_null(strstr(parsed.body, "Content-Type: text/rfc822-headers"));
	assert_non_null(strstr(parsed.body, "\r\n\r\nSubject: x\r\n"));
	assert_int_equal(count(parsed.body, "Content-Type:"), 3);
	buf_free(&parsed.bytes);
}

// A14: the indication, then the original, cut at about 200 octets between characters.
// (tests/unit/mail/encode.c has the encoding.)
static void test_A14_subject(void **state)
{
	struct compose compose = ordinary();
	struct buf original = buf_make(1000);
	struct parsed parsed;

	(void)state;
	write_template(TEMPLATE);
	while (original.len < 900)
		buf_adds(&original, "plain words, ");
	compose.re_subject = buf_string(&original);
	parsed = parsed_message(&compose);
	assert_null(strstr(field(&parsed, "Subject"), "=?"));
	assert_in_range(strlen(field(&parsed, "Subject")), 200, 240);
	assert_true(text_ends_nocase(field(&parsed, "Subject"), "..."));
	buf_free(&parsed.bytes);
	buf_clear(&original);
	while (original.len < 900)
		buf_adds(&original, "\xe6\x97\xa5");
	parsed = parsed_message(&compose);
	assert_true(strncmp(field(&parsed, "Subject"), "Auto: About value:\r\n =?UTF-8?Q?=E6=97=A5",
			    37) == 0);
	assert_true(count(field(&parsed, "Subject"), "=E6=97=A5") > 60);
	assert_non_null(strstr(field(&parsed, "Subject"), "=E6=97=A5=2E=2E=2E?="));
	buf_free(&parsed.bytes);
	buf_free(&original);
}

// ---- addresses, sizes, templates ---------------------------------------------------------------

// D7 and fault 30: a quoted local part stays octet by octet; UTF-8 goes raw and asks for SMTPUTF8;
// all else is 7-bit.
static void test_fault30_to(void **state)
{
	static const struct {
		const char *to;
		bool utf8;
	} rows[] = {
		{"\"a b\"@good.test", false},
		{"\"a,b\\\"c\"@good.test", false},
		{"a+b=c%d@[192.0.2.1]", false},
		{"jan@xn--hek-ela.test", false},
		{"\xc5\xbelu\xc5\xa5@good.test", true},
		{"jan@h\xc3\xa1\xc4\x8d"
		 "ek.test",
		 true},
	};

	(void)state;
	write_template("Subject: \xc3\xa9\n\n\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd {{word}}\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct compose compose = ordinary();
		struct parsed parsed;

		compose.to = rows[i].to;
		compose.from_name = "T\xc3\xa9st, \"Six\"";
		parsed = parsed_message(&compose);
		assert_string_equal(field(&parsed, "To"), rows[i].to);
		assert_int_equal(parsed.utf8, rows[i].utf8);
		assert_int_equal(text_is_ascii(parsed.bytes.data, parsed.bytes.len), !rows[i].utf8);
		assert_string_equal(field(&parsed, "Content-Transfer-Encoding"),
				    "quoted-printable");
		assert_true(text_is_ascii(parsed.body, parsed.body_len));
		buf_free(&parsed.bytes);
	}
}

// A7: attachments give way, the returned header first, and the text never does.
static void test_A7_size(void **state)
{
	static const struct {
		size_t max;
		bool status, returned;
		int error;
	} rows[] = {
		{30000, true, true, 0},    {12288, true, true, 0}, {8192, true, false, 0},
		{2000, true, false, 0},    {600, false, false, 0}, {300, false, false, -EFBIG},
		{0, false, false, -EFBIG},
	};
	struct buf status = buf_make(20000), returned = buf_make(20000);
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	write_template(TEMPLATE);
	while (status.len < 9000)
		buf_adds(&status, "Status: 5.1.1\n");
	while (returned.len < 9000)
		buf_adds(&returned, "Received: from x by y\n");
	compose.status_part = buf_string(&status);
	compose.returned = buf_string(&returned);
	for (size_t i = 0; i < COUNT(rows); i++) {
		compose.max = rows[i].max;
		assert_int_equal(write_message(&compose, &parsed), rows[i].error);
		assert_true(parsed.bytes.len <= rows[i].max);
		if (rows[i].error == 0) {
			assert_non_null(strstr(parsed.bytes.data,
					       "Body value\r\none\r\ntwo\r\n-- \r\nbye\r\n"));
			assert_int_equal(strstr(parsed.bytes.data, "message/delivery-status") !=
						 NULL,
					 rows[i].status);
			assert_int_equal(strstr(parsed.bytes.data, "text/rfc822-headers") != NULL,
					 rows[i].returned);
		}
		buf_free(&parsed.bytes);
	}
	buf_free(&status);
	buf_free(&returned);
}

static void test_long_lines(void **state)
{
	struct buf line = buf_make(5000);
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	write_template("Subject: s\n\nDiagnostic-Code: {{word}}\n");
	while (line.len < 4000)
		buf_adds(&line, line.len % 300 < 8 ? "word " : "verylongword");
	values[0].text = buf_string(&line);
	parsed = parsed_message(&compose);
	for (const char *p = parsed.body; p != NULL && *p != '\0'; p = strstr(p, "\r\n")) {
		p += *p == '\r' ? 2 : 0;
		assert_true(strcspn(p, "\r") <= 76);
	}
	buf_free(&parsed.bytes);
	values[0].text = "value";
	compose.status_part = buf_string(&line); // 998 is the splitter's
	parsed = parsed_message(&compose);
	buf_free(&parsed.bytes);
	buf_free(&line);
}

static void test_bad_templates(void **state)
{
	static const char *const rows[] = {
		"",
		"Body\n",
		"Subject: x\nBody\n",
		"Subject: x",
		"subject x\n\nBody\n",
		"Subject: {{word_lines}}\n\nBody\n",
		"Subject: x\n\n{{unknown}}\n",
		"Subject: x\n\n{{#word}}\n",
	};
	struct compose compose = ordinary();
	struct parsed parsed;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_template(rows[i]);
		assert_int_equal(write_message(&compose, &parsed), -EINVAL);
	}
	compose.template = "/nonexistent/report.txt";
	assert_int_equal(write_message(&compose, &parsed), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A10_A16_whole_message),
		cmocka_unit_test(test_B5_B6_request_without_subject_or_id),
		cmocka_unit_test(test_attachments),
		cmocka_unit_test(test_A14_subject),
		cmocka_unit_test(test_fault30_to),
		cmocka_unit_test(test_A7_size),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_bad_templates),
	};
	int fd = mkstemp(template_path);
	int failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(template_path);
	return failed;
}
