// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// intake/parse: one facts line or a reason. How the parser dies is tested on the running program
// (tests/system/intake.py).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#include "adapter/entry.h"
#include "adapter/mime.h"
#include "intake/parse.h"

static void parse_text(const char *text, struct buf *out, struct parse *parse)
{
	struct message message = {.head = buf_make(MIME_INPUT_MAX), .body_hash = "00ff"};

	buf_adds(&message.head, text);
	assert_int_equal(parse_message(&message, out, parse), 0);
	assert_string_equal(buf_string(&message.head),
			    text); // nobody else sees what the parser does to it
	message_free(&message);
}

static void test_line(void **state)
{
	struct buf out = buf_make(ENTRY_MAX);
	struct parse parse;

	(void)state;
	buf_adds(&out, "before\n");
	parse_text("Subject: hello\r\n\r\nbody\r\n", &out, &parse);
	assert_true(parse.is_done);
	assert_string_equal(parse.why, "");
	assert_true(parse.kb > 0);
	assert_memory_equal(out.data, "before\n{\"fields\":", 17);
	assert_non_null(strstr(out.data, "\"subject\":\"hello\""));
	assert_non_null(strstr(out.data, "\"body_hash\":\"00ff\""));
	assert_ptr_equal(strchr(out.data + 7, '\n'), out.data + out.len - 1);
	buf_free(&out);
}

// Control characters take six octets in JSON, so this is over the line's limit without being over
// any other.
static void test_27_says_too_much(void **state)
{
	struct buf out = buf_make(ENTRY_MAX), text = buf_make(MIME_INPUT_MAX);
	struct parse parse;

	(void)state;
	for (int i = 0; i < 60; i++) {
		buf_adds(&text, "To: ");
		for (int j = 0; j < 1900; j++)
			buf_addc(&text, '\001');
		buf_addc(&text, '\n');
	}
	parse_text(buf_string(&text), &out, &parse);
	assert_false(parse.is_done);
	assert_string_equal(parse.why, "parser gave up: status 2");
	assert_int_equal(out.len, 0);
	buf_free(&out);
	buf_free(&text);
}

// A parser that somebody took over may say anything.
static void test_babble(void **state)
{
	static const struct {
		const char *said;
		size_t len;
		bool is_line;
	} rows[] = {
		{"{}\n", 3, true},      {"{\"a\":1}\n", 8, true}, {"", 0, false},
		{"\n", 1, false},       {"{}", 2, false},         {"{}\n\n", 4, false},
		{"{}\n{}\n", 6, false}, {"{\0}\n", 4, false},     {"[]\n", 3, false},
		{"{}x\n", 4, false},    {"\n{}\n", 4, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf said = buf_make(100);

		buf_add(&said, rows[i].said, rows[i].len);
		assert_int_equal(parse_is_line(&said), rows[i].is_line);
		buf_free(&said);
	}
}

static void test_give_up(void **state)
{
	struct buf out = buf_make(ENTRY_MAX);

	(void)state;
	parse_give_up("too large", &out);
	assert_string_equal(buf_string(&out), "{\"unparsable\":\"too large\"}\n");
	buf_free(&out);
}

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void test_I5_no_descriptor_is_left(void **state)
{
	struct buf out = buf_make(ENTRY_MAX);
	size_t before = count_fds();
	struct parse parse;

	(void)state;
	parse_text("", &out, &parse);
	assert_true(parse.is_done);
	assert_int_equal(count_fds(), before);
	buf_free(&out);
}

// Inside its fence the parser opens nothing, and yet reads any character set.
static void test_charsets(void **state)
{
	static const char *const rows[][2] = {
		{"Subject: =?iso-8859-2?q?=E8?=\r\n\r\n", "\"subject\":\"č\""},
		{"Subject: =?utf-8?q?x?= =?ISO-2022-JP?b?GyRCRnxLXBsoQg==?=\r\n\r\n", "日本"},
		{"Subject: =?windows-1251?q?=EF?=\r\n\r\n", "п"},
		{"Subject: =?gb18030?q?=D6=D0?=\r\n\r\n", "中"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = buf_make(ENTRY_MAX);
		struct parse parse;

		parse_text(rows[i][0], &out, &parse);
		assert_true(parse.is_done);
		if (strstr(buf_string(&out), rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], buf_string(&out));
		buf_free(&out);
	}
}

static int set_up(void **state)
{
	(void)state;
	return parse_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_27_says_too_much),
		cmocka_unit_test(test_babble),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_I5_no_descriptor_is_left),
		cmocka_unit_test(test_charsets),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
