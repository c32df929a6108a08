// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Fault 23: every value that a stranger wrote, with everything that might start a field, a part or
// a line.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "unit/adapter/splitter.h"

static const char *const attacks[] = {
	"x\rBcc: v@x.test",
	"x\nBcc: v@x.test",
	"x\r\nBcc: v@x.test",
	"x\r\n\r\nBcc: v@x.test",
	"x\r\n Bcc: v@x.test",
	"x\n\tBcc: v@x.test",
	"x\xc2\x85"
	"Bcc: v@x.test",
	"x\xe2\x80\xa8"
	"Bcc: v@x.test",
	"x\xe2\x80\xa9"
	"Bcc: v@x.test",
	"x\x0b"
	"Bcc: v@x.test\x0c",
	"x\x1b[2J\x7f",
	"=?utf-8?q?x=0D=0ABcc:_v=40x.test?=",
	"=?utf-8?b?eA0KQmNjOiB2QHgudGVzdA==?=",
	"=?utf-8?q?x?= =?utf-8?q?=0ABcc:?=",
	"\xff\xfe\x80",
	"\xd0\xb6\r\nBcc: v@x.test",
	"<x@y>\r\nBcc: <v@x.test>",
	"\"\r\nBcc: v@x.test",
	"x, v@x.test",
	"--=-\r\nContent-Type: text/html\r\n\r\n<b>",
	".\r\n.\r\nMAIL FROM:<>\r\n",
};

// Nothing of ours lets the attack through, whatever door it takes.
static void check_unharmed(const struct compose *compose)
{
	struct parsed parsed;
	const char *subject;
	bool attached = compose->status_part != NULL;

	assert_int_equal(write_message(compose, &parsed), 0);
	assert_string_equal(parsed.names, attached ? FIELDS : FIELDS_PLAIN);
	assert_string_equal(field(&parsed, "To"), "jan@good.test");
	assert_true(text_is_ascii(parsed.bytes.data, parsed.bytes.len));
	assert_null(strstr(parsed.bytes.data, "\r\nBcc")); // also not as a line of the text part
	assert_int_equal(count(parsed.body, "\r\nContent-Type:"), attached ? 3 : 0);
	subject = field(&parsed, "Subject"); // an encoded word is GMime's, around what is not ASCII
	assert_null(strstr(subject, "=?utf-8?q?x=0D"));
	assert_null(strstr(subject, "=?utf-8?b?eA0K"));
	assert_null(strstr(field(&parsed, "From"), "Bcc: v@x.test\r"));
	for (const char *p = parsed.bytes.data; *p != '\0'; p++)
		assert_true((*p >= ' ' && *p <= '~') || *p == '\r' || *p == '\n' || *p == '\t');
	buf_free(&parsed.bytes);
}

static void test_fault23_values(void **state)
{
	(void)state;
	write_template(TEMPLATE);
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct compose rows[5];

		for (size_t j = 0; j < COUNT(rows); j++)
			rows[j] = ordinary();
		rows[0].re_subject = attacks[i];
		rows[1].in_reply_to = "<m1@good.test>";
		rows[1].references = attacks[i];
		rows[2].request_in_reply_to = attacks[i];
		rows[3].from_name = attacks[i];
		values[0].text = attacks[i]; // in the Subject and in the text
		check_unharmed(&rows[4]);
		values[0].text = "value";
		for (size_t j = 0; j < 4; j++)
			check_unharmed(&rows[j]);
	}
}

static void test_fault23_message_ids(void **state)
{
	(void)state;
	write_template(TEMPLATE);
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct compose compose = ordinary();
		struct parsed parsed;

		compose.in_reply_to = attacks[i];
		parsed = parsed_message(&compose);
		assert_null(strstr(parsed.bytes.data, "\r\nBcc"));
		assert_true(text_is_ascii(parsed.bytes.data, parsed.bytes.len));
		buf_free(&parsed.bytes);
	}
}

static void test_fault23_attachments(void **state)
{
	(void)state;
	write_template("Subject: s\n\nBody\n");
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct compose compose = ordinary();
		struct parsed parsed;

		compose.status_part = compose.returned = attacks[i];
		parsed = parsed_message(&compose);
		assert_string_equal(parsed.names, FIELDS);
		assert_true(text_is_ascii(parsed.bytes.data, parsed.bytes.len));
		assert_null(strstr(parsed.bytes.data, "quoted-printable"));
		for (const char *p = parsed.bytes.data; *p != '\0'; p++)
			assert_true(*p >= ' ' || *p == '\r' || *p == '\n' || *p == '\t');
		buf_free(&parsed.bytes);
	}
}

// What must be an address or an id of ours is one, or there is no message.
static void test_fault23_addresses(void **state)
{
	(void)state;
	write_template(TEMPLATE);
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct compose rows[] = {ordinary(), ordinary(), ordinary()};
		struct parsed parsed;

		rows[0].to = rows[1].from = rows[2].message_id = attacks[i];
		for (size_t j = 0; j < COUNT(rows); j++) {
			assert_int_equal(write_message(&rows[j], &parsed), -EINVAL);
			assert_int_equal(parsed.bytes.len, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault23_values),
		cmocka_unit_test(test_fault23_message_ids),
		cmocka_unit_test(test_fault23_attachments),
		cmocka_unit_test(test_fault23_addresses),
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
