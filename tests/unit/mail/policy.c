// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// policy: requests in whatever pieces, and an end for everything that is not one (RELIABILITY fault
// 16).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mail/policy.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct policy *policy;

static int make(void **state)
{
	(void)state;
	policy = policy_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	policy = policy_free(policy);
	return 0;
}

static enum policy_event push(const char *bytes, size_t len)
{
	policy_push(policy, bytes, len);
	return policy_next(policy);
}

static enum policy_event say(const char *text)
{
	return push(text, strlen(text));
}

#define REQUEST                                                                                    \
	"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=\nrecipient=test@six.test\n"     \
	"helo_name=a=b\n\n"

static void expect_request(void)
{
	assert_string_equal(policy_value(policy, "request"), "smtpd_access_policy");
	assert_string_equal(policy_value(policy, "sender"), "");
	assert_string_equal(policy_value(policy, "recipient"), "test@six.test");
	assert_string_equal(policy_value(policy, "helo_name"), "a=b");
	assert_string_equal(policy_value(policy, "helo"), "");
	assert_string_equal(policy_value(policy, "helo_name="), "");
	assert_string_equal(policy_value(policy, "nothing"), "");
	assert_int_equal(policy_pending(policy), 0);
}

static void test_a_request(void **state)
{
	(void)state;
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_string_equal(policy_value(policy, "request"), "");
	assert_int_equal(say(REQUEST), POLICY_REQUEST);
	expect_request();
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_string_equal(policy_value(policy, "recipient"), "");
	assert_int_equal(say("\n"), POLICY_REQUEST); // a request of nothing
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_null(policy_fault(policy));
}

static void test_fault_16_byte_by_byte(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(REQUEST) - 2; i++) {
			assert_int_equal(push(REQUEST + i, 1), POLICY_WAIT);
			assert_int_equal(policy_pending(policy), i + 1);
		}
		assert_int_equal(say("\n"), POLICY_REQUEST);
		expect_request();
	}
}

static void test_several_at_once(void **state)
{
	(void)state;
	assert_int_equal(say("a=1\n\n" REQUEST "a=3\n\na="), POLICY_REQUEST);
	assert_string_equal(policy_value(policy, "a"), "1");
	assert_int_equal(policy_next(policy), POLICY_REQUEST);
	expect_request();
	assert_int_equal(policy_next(policy), POLICY_REQUEST);
	assert_string_equal(policy_value(policy, "a"), "3");
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_int_equal(policy_pending(policy), 2);
	assert_int_equal(say("4\n\n"), POLICY_REQUEST);
	assert_string_equal(policy_value(policy, "a"), "4");
	// whole lines of the next one, behind one that is answered
	assert_int_equal(say("a=5\n\nsender=a\nb=6\n"), POLICY_REQUEST);
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_int_equal(say("c=7\n\n"), POLICY_REQUEST);
	assert_string_equal(policy_value(policy, "a"), "");
	assert_string_equal(policy_value(policy, "sender"), "a");
	assert_string_equal(policy_value(policy, "b"), "6");
	assert_string_equal(policy_value(policy, "c"), "7");
}

static void test_fault_16_what_is_no_request(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *fault;
	} rows[] = {
		{"nothing\n", 8, "a line is not name=value"},
		{"=value\n", 7, "a line is not name=value"},
		{" \n", 2, "a line is not name=value"},
		{"\r\n", 2, "a line is not name=value"},
		{"a\0=1\n", 5, "a line has a NUL"},
		{"a=1\0\n", 5, "a line has a NUL"},
		{"sender=a\nx=1\nsender=b\n", 22, "a name is given twice"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(push(rows[i].bytes, rows[i].len), POLICY_BROKEN);
		assert_string_equal(policy_fault(policy), rows[i].fault);
		assert_int_equal(say("\n" REQUEST), POLICY_BROKEN); // for good
		assert_string_equal(policy_value(policy, "request"), "");
		policy_free(policy);
		policy = policy_new();
	}
}

static void push_letters(size_t n)
{
	static char letters[5000];

	memset(letters, 'x', sizeof(letters));
	policy_push(policy, letters, n);
}

static void test_fault_16_a_line_at_its_limit(void **state)
{
	(void)state;
	policy_push(policy, "a=", 2);
	push_letters(POLICY_LINE_MAX - 2);
	assert_int_equal(policy_next(policy), POLICY_WAIT);
	assert_int_equal(say("\n\n"), POLICY_REQUEST);
	assert_int_equal(strlen(policy_value(policy, "a")), POLICY_LINE_MAX - 2);
	assert_int_equal(say("a="), POLICY_WAIT);
	push_letters(POLICY_LINE_MAX - 1);
	assert_int_equal(policy_next(policy), POLICY_BROKEN);
	assert_string_equal(policy_fault(policy), "a line is longer than 4096 octets");
}

// It ends at its fifth kilobyte, not when memory does.
static void test_fault_16_a_megabyte_without_newline(void **state)
{
	size_t pushed = 0;

	(void)state;
	for (; pushed < 1 << 20; pushed += 1000) {
		push_letters(1000);
		if (policy_next(policy) == POLICY_BROKEN)
			break;
	}
	assert_int_equal(pushed, 4000);
}

static void test_fault_16_attributes(void **state)
{
	char line[40];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "name%d=%d\n", i, i);
		assert_int_equal(say(line), POLICY_WAIT);
	}
	assert_int_equal(say("\n"), POLICY_REQUEST);
	assert_string_equal(policy_value(policy, "name99"), "99");
	assert_string_equal(policy_value(policy, "name9"), "9");
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "name%d=%d\n", i, i);
		assert_int_equal(say(line), POLICY_WAIT);
	}
	assert_int_equal(say("one=more\n"), POLICY_BROKEN);
	assert_string_equal(policy_fault(policy), "it has more than 100 attributes");
}

// 16384 octets with the last newline are a request, one more is none.
static void test_fault_16_a_request_at_its_limit(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		enum policy_event event;

		for (char name = 'a'; name < 'e'; name++) {
			char start[] = {name, '=', '\0'};

			policy_push(policy, start, 2);
			push_letters(4093 - (name == 'd' ? 1 - more : 0));
			policy_push(policy, "\n", 1);
		}
		event = say("\n");
		assert_int_equal(event, more == 0 ? POLICY_REQUEST : POLICY_BROKEN);
	}
	assert_string_equal(policy_fault(policy), "it is longer than 16384 octets");
}

static void test_answer(void **state)
{
	char letters[1000];
	struct buf out = buf_make(4096);

	(void)state;
	policy_write_action(&out, "DUNNO");
	assert_string_equal(buf_string(&out), "action=DUNNO\n\n");
	buf_clear(&out);
	policy_write_action(&out, "550 5.7.1 a\r\n\naction=OK \x7f\xc3\xa9");
	assert_string_equal(buf_string(&out), "action=550 5.7.1 a???action=OK ???\n\n");
	buf_clear(&out);
	memset(letters, 'x', sizeof(letters) - 1);
	letters[sizeof(letters) - 1] = '\0';
	policy_write_action(&out, letters);
	assert_int_equal(out.len, POLICY_ACTION_MAX + sizeof("action=\n\n") - 1);
	buf_free(&out);
}

// Fault 30: as Postfix gives addresses, without quotes, and as they come out of pipe(8), with them.
static void test_30_addresses(void **state)
{
	static const struct {
		const char *value, *text; // NULL: it is none
	} rows[] = {
		{"a@good.test", "a@good.test"},
		{"a b@good.test", "\"a b\"@good.test"},
		{"a\"b\\@good.test", "\"a\\\"b\\\\\"@good.test"},
		{"a@b@good.test", "\"a@b\"@good.test"},
		{"@b@good.test", "\"@b\"@good.test"},
		{"@a,@b:c@good.test", "\"@a,@b:c\"@good.test"},
		{"\"a\"@good.test", "\"\\\"a\\\"\"@good.test"},
		{"<a@good.test>", NULL},
		{"<a>@good.test", "\"<a>\"@good.test"},
		{".a..b.@good.test", "\".a..b.\"@good.test"},
		{"j\xc3\xbcrgen@good.test", "j\xc3\xbcrgen@good.test"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]"},
		{"", NULL},
		{"a", NULL},
		{"@good.test", NULL},
		{"a@", NULL},
		{"a\tb@good.test", NULL},
		{"a@good..test", NULL},
	};
	char text[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *wrong = policy_address(rows[i].value, &addr);

		print_message("%s: %s\n", rows[i].value, wrong == NULL ? "fine" : wrong);
		assert_int_equal(wrong == NULL, rows[i].text != NULL);
		if (rows[i].text != NULL)
			assert_string_equal(addr_text(text, &addr), rows[i].text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_request),
		TEST(test_fault_16_byte_by_byte),
		TEST(test_several_at_once),
		TEST(test_fault_16_what_is_no_request),
		TEST(test_fault_16_a_line_at_its_limit),
		TEST(test_fault_16_a_megabyte_without_newline),
		TEST(test_fault_16_attributes),
		TEST(test_fault_16_a_request_at_its_limit),
		TEST(test_answer),
		TEST(test_30_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
