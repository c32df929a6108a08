// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The report and the processed bounce: text, HTML and JSON in one message, of a bounded size.
// (tests/consistency/letters.py has hostile strings, read back by parsers that are not ours.)
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/adapter/splitter.h"

static char html_path[] = "/tmp/compose.XXXXXX";
static struct mustache_value words[] = {{.name = "word", .text = "value"}};
static const struct mustache_values word_list = {words, COUNT(words)};

static void write_html(const char *text)
{
	FILE *file = fopen(html_path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct compose full(void)
{
	struct compose compose = ordinary();

	write_template("Subject: About {{word}}\n\nBody {{word}}\n");
	write_html("<p>Body = {{word}}</p>\n");
	words[0].text = "value";
	compose.words = &word_list;
	compose.template_html = html_path;
	compose.json = "{\n\"v\": 1\n}";
	compose.status_part = "Action: failed\n";
	compose.returned = "Subject: x\n";
	compose.max = COMPOSE_REPORT_MAX;
	return compose;
}

static void test_whole_body(void **state)
{
	struct compose compose = full();
	struct parsed parsed;

	(void)state;
	parsed = parsed_message(&compose);
	assert_string_equal(parsed.names, FIELDS);
	assert_string_equal(field(&parsed, "Content-Type"),
			    "multipart/mixed; boundary=\"=-64e0eb1c7a6ca2a09229a56ea84e0339\"");
	assert_string_equal(parsed.body,
			    "--=-64e0eb1c7a6ca2a09229a56ea84e0339\r\n"
			    "Content-Type: multipart/alternative;\r\n"
			    "\tboundary=\"=-6df80502ac059fa314c9f17a76bb0f2c\"\r\n"
			    "\r\n"
			    "--=-6df80502ac059fa314c9f17a76bb0f2c\r\n"
			    "Content-Type: text/plain; charset=us-ascii\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "\r\n"
			    "Body value\r\n"
			    "\r\n"
			    "--=-6df80502ac059fa314c9f17a76bb0f2c\r\n"
			    "Content-Type: text/html; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: quoted-printable\r\n"
			    "\r\n"
			    "<p>Body =3D value</p>\r\n"
			    "\r\n"
			    "--=-6df80502ac059fa314c9f17a76bb0f2c--\r\n"
			    "\r\n"
			    "--=-64e0eb1c7a6ca2a09229a56ea84e0339\r\n"
			    "Content-Type: application/json; charset=utf-8; name=report.json\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "Content-Disposition: attachment; filename=report.json\r\n"
			    "\r\n"
			    "{\r\n"
			    "\"v\": 1\r\n"
			    "}\r\n"
			    "\r\n"
			    "--=-64e0eb1c7a6ca2a09229a56ea84e0339\r\n"
			    "Content-Type: message/delivery-status\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "\r\n"
			    "Action: failed\r\n"
			    "\r\n"
			    "--=-64e0eb1c7a6ca2a09229a56ea84e0339\r\n"
			    "Content-Type: text/rfc822-headers; charset=us-ascii\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "\r\n"
			    "Subject: x\r\n"
			    "\r\n"
			    "--=-64e0eb1c7a6ca2a09229a56ea84e0339--\r\n");
	buf_free(&parsed.bytes);
}

// No multipart around a single thing.
static void test_only_what_is_needed(void **state)
{
	struct compose compose = full();
	struct parsed parsed;

	(void)state;
	compose.json = compose.status_part = compose.returned = NULL;
	parsed = parsed_message(&compose);
	assert_non_null(strstr(field(&parsed, "Content-Type"), "multipart/alternative;"));
	assert_int_equal(count(parsed.body, "Content-Type:"), 2);
	buf_free(&parsed.bytes);
	compose.template_html = NULL;
	parsed = parsed_message(&compose);
	assert_string_equal(field(&parsed, "Content-Type"), "text/plain; charset=us-ascii");
	assert_string_equal(parsed.body, "Body value\r\n");
	buf_free(&parsed.bytes);
	compose.json = "{}";
	parsed = parsed_message(&compose);
	assert_non_null(strstr(field(&parsed, "Content-Type"), "multipart/mixed; boundary="));
	assert_int_equal(count(parsed.body, "Content-Type:"), 2);
	buf_free(&parsed.bytes);
}

// A line of JSON is never folded: it goes as quoted-printable.
static void test_long_json_line(void **state)
{
	struct compose compose = full();
	struct buf json = buf_make(5000);
	struct parsed parsed;

	(void)state;
	while (json.len < 3000)
		buf_adds(&json, "\"long\" ");
	compose.json = buf_string(&json);
	parsed = parsed_message(&compose);
	assert_int_equal(count(parsed.body, "Encoding: quoted-printable\r\n"), 2);
	assert_in_range(count(parsed.body, "=\r\n"), 30, 60); // soft breaks, and no others
	assert_int_equal(count(parsed.body, "\r\n "), count(parsed.body, "=\r\n "));
	buf_free(&parsed.bytes);
	buf_free(&json);
}

// The report keeps within 24 kB: the returned header gives way, then the delivery status, then the
// caller is asked for shorter values; HTML and JSON stay whole.
static void test_A7_size_of_all_parts(void **state)
{
	static const struct {
		size_t max;
		bool status, returned;
		int error;
	} rows[] = {
		{COMPOSE_REPORT_MAX, true, true, 0},
		{11000, true, false, 0},
		{5000, true, false, 0},
		{1500, false, false, 0},
		{1000, false, false, -EFBIG},
	};
	struct compose compose = full();
	struct buf status = buf_make(20000), returned = buf_make(40000);
	struct parsed parsed;

	(void)state;
	while (status.len < 9000)
		buf_adds(&status, "Status: 5.1.1\n");
	while (returned.len < 30000)
		buf_adds(&returned, "Received: from x by y\n");
	compose.status_part = buf_string(&status);
	compose.returned = buf_string(&returned);
	for (size_t i = 0; i < COUNT(rows); i++) {
		compose.max = rows[i].max;
		assert_int_equal(write_message(&compose, &parsed), rows[i].error);
		assert_true(parsed.bytes.len <= rows[i].max);
		if (rows[i].error == 0) {
			assert_non_null(strstr(parsed.body, "<p>Body =3D value</p>\r\n"));
			assert_non_null(strstr(parsed.body, "\r\n}\r\n"));
			assert_int_equal(strstr(parsed.body, "message/delivery-status") != NULL,
					 rows[i].status);
			assert_int_equal(strstr(parsed.body, "text/rfc822-headers") != NULL,
					 rows[i].returned);
		}
		buf_free(&parsed.bytes);
	}
	buf_free(&status);
	buf_free(&returned);
}

// Values that fill any buffer are the values' fault, not the template's: the caller cuts them.
static void test_A7_values_too_long(void **state)
{
	struct compose compose = full();
	struct buf value = buf_make(300000);
	struct parsed parsed;

	(void)state;
	while (value.len < 250000)
		buf_adds(&value, "\x1b words ");
	words[0].text = buf_string(&value);
	assert_int_equal(write_message(&compose, &parsed), -EFBIG);
	write_template("Subject: x\n\nBody\n"); // in the HTML alone
	assert_int_equal(write_message(&compose, &parsed), -EFBIG);
	buf_free(&value);
}

static void test_bad_html_templates(void **state)
{
	struct compose compose = full();
	struct parsed parsed;

	(void)state;
	write_html("<p>{{unknown}}</p>");
	assert_int_equal(write_message(&compose, &parsed), -EINVAL);
	write_html("<a href=\"{{word}}\">");
	assert_int_equal(write_message(&compose, &parsed), -EINVAL);
	compose.template_html = "/nonexistent/report.html";
	assert_int_equal(write_message(&compose, &parsed), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_body),
		cmocka_unit_test(test_only_what_is_needed),
		cmocka_unit_test(test_long_json_line),
		cmocka_unit_test(test_A7_size_of_all_parts),
		cmocka_unit_test(test_A7_values_too_long),
		cmocka_unit_test(test_bad_html_templates),
	};
	int fds[] = {mkstemp(template_path), mkstemp(html_path)};
	int failed;

	if (fds[0] < 0 || fds[1] < 0)
		return 1;
	close(fds[0]);
	close(fds[1]);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(template_path);
	unlink(html_path);
	return failed;
}
