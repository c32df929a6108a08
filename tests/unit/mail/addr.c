// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// addr: envelope addresses of every shape: accepted and kept byte for byte, or refused with the
// reason (RELIABILITY 30, A4, D2, D10).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/addr.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define S(text)    text, sizeof(text) - 1 // with the NULs inside
#define L8         "abcdefgh"
#define L64        L8 L8 L8 L8 L8 L8 L8 L8
#define L60        L8 L8 L8 L8 L8 L8 L8 "abcd"
#define D187       L60 "." L60 "." L60 ".test" // 60 + 61 + 61 + 5 octets

struct good_row {
	const char *text;
	const char *local;
	const char *domain;
	const char *plain;
	bool utf8;
};

static const struct good_row good_rows[] = {
	{"a@b.test", "a", "b.test", "a", false},
	{"<a@b.test>", "a", "b.test", "a", false},
	{"First.Last@Good.Test", "First.Last", "Good.Test", "First.Last", false},
	{"user+tag+more@b.test", "user+tag+more", "b.test", "user", false},
	{"+x@b.test", "+x", "b.test", "", false},
	{"!#$%&'*+-/=?^_`{|}~@b.test", "!#$%&'*+-/=?^_`{|}~", "b.test", "!#$%&'*", false},
	{"a%b.test@c.test", "a%b.test", "c.test", "a%b.test", false},
	{"a!b@c.test", "a!b", "c.test", "a!b", false},
	{"SRS0=hh=tt=a.test=u@b.test", "SRS0=hh=tt=a.test=u", "b.test", "SRS0=hh=tt=a.test=u",
	 false},
	{"\"a b\"@c.test", "\"a b\"", "c.test", "a b", false},
	{"\"a@b\"@c.test", "\"a@b\"", "c.test", "a@b", false},
	{"\"a\\\"b\\\\c\"@d.test", "\"a\\\"b\\\\c\"", "d.test", "a\"b\\c", false},
	{"\"a..b\"@c.test", "\"a..b\"", "c.test", "a..b", false},
	{"\"<>\"@c.test", "\"<>\"", "c.test", "<>", false},
	{"<\"a>\"@c.test>", "\"a>\"", "c.test", "a>", false},
	{"\" \"@c.test", "\" \"", "c.test", " ", false},
	{"\"\\a\"@c.test", "\"\\a\"", "c.test", "a", false},
	{"a@[192.0.2.1]", "a", "[192.0.2.1]", "a", false},
	{"a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", "a", false},
	{"<@r.test:a@b.test>", "a", "b.test", "a", false},
	{"@r.test,@[IPv6:2001:db8::9],@s.test:\"a b\"@b.test", "\"a b\"", "b.test", "a b", false},
	{"jiří@b.test", "jiří", "b.test", "jiří", true},
	{"\"jiří x\"@b.test", "\"jiří x\"", "b.test", "jiří x", true},
	{"a@háčky.test", "a", "háčky.test", "a", true},
	{"用户@例え.テスト", "用户", "例え.テスト", "用户", true},
	{L64 "@b.test", L64, "b.test", L64, false},
	{L64 "@" D187 ".a", L64, D187 ".a", L64, false}, // 64 + 1 + 189 = 254
};

static void test_30_accepted_and_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(good_rows); i++) {
		const struct good_row *row = &good_rows[i];
		struct addr addr;
		char plain[ADDR_LOCAL_MAX + 1];
		char text[ADDR_TEXT_SIZE];
		char expect[ADDR_TEXT_SIZE];
		const char *wrong = addr_parse(row->text, strlen(row->text), &addr);

		if (wrong != NULL)
			print_error("%s: %s\n", row->text, wrong);
		assert_null(wrong);
		assert_string_equal(addr.local, row->local);
		assert_string_equal(addr.domain.text, row->domain);
		assert_int_equal(addr.utf8, row->utf8);
		assert_string_equal(addr_local_plain(plain, &addr), row->plain);
		strcpy(expect, row->local);
		strcat(strcat(expect, "@"), row->domain);
		assert_string_equal(addr_text(text, &addr), expect);
	}
}

#define NULL_SENDER "the null sender is no mailbox"
#define NO_AT       "the address has no @"
#define NO_LOCAL    "the local part is empty"
#define WORD        "the local part has an empty word"
#define QUOTES      "the local part has a character that needs quotes"
#define UNENDED     "the local part's quotes have no end"
#define GOES_ON     "the local part goes on after its quotes"
#define UNSHOWN     "the local part is not printable UTF-8"
#define BRACKET     "the address has a bracket on one side only"
#define HOP         "the source route has a hop without @"
#define DOMAIN      "the domain has a character that no domain has"
#define ROUTE       "the source route has no end"

struct bad_row {
	const char *text;
	size_t len;
	const char *wrong;
};

static const struct bad_row bad_rows[] = {
	{S(""), NULL_SENDER},
	{S("<>"), NULL_SENDER},
	{S("<"), BRACKET},
	{S(">"), QUOTES},
	{S("<a@b.test"), BRACKET},
	{S("<a@b.test> "), BRACKET},
	{S("a@b.test>"), DOMAIN},
	{S("<<a@b.test>>"), QUOTES},
	{S("somebody"), NO_AT},
	{S("MAILER-DAEMON"), NO_AT},
	{S("\"a b\""), NO_AT},
	{S("#@[]"), "the address literal holds no IP address"},
	{S("@"), "the domain is empty"}, // a source route so far
	{S("@b.test"), ROUTE},
	{S("a@"), "the domain is empty"},
	{S("a@b.test."), "the domain has an empty label"},
	{S("a@b..test"), "the domain has an empty label"},
	{S("a@b@c.test"), DOMAIN},
	{S(".a@b.test"), WORD},
	{S("a.@b.test"), WORD},
	{S("a..b@c.test"), WORD},
	{S(".@b.test"), WORD},
	{S("a b@c.test"), QUOTES},
	{S(" a@b.test"), QUOTES},
	{S("a@b.test "), DOMAIN},
	{S("a,b@c.test"), QUOTES},
	{S("a(c)@b.test"), QUOTES},
	{S("a\\b@c.test"), QUOTES},
	{S("a\"b@c.test"), QUOTES},
	{S("a:b@c.test"), QUOTES},
	{S("g:a@b.test;"), QUOTES},
	{S("Jo <a@b.test>"), QUOTES},
	{S("a\tb@c.test"), QUOTES},
	{S("a\0b@c.test"), QUOTES},
	{S("a@c.test\0"), DOMAIN},
	{S("a@b.test\r\nRCPT TO:<x@y.test>"), DOMAIN},
	{S("a\r\n@b.test"), QUOTES},
	{S("\"\"@b.test"), NO_LOCAL},
	{S("\"a@b.test"), UNENDED},
	{S("\"a\\\"@b.test"), UNENDED},
	{S("\"a\\"), UNENDED},
	{S("\""), UNENDED},
	{S("\"a\"b@c.test"), GOES_ON},
	{S("\"a\".b@c.test"), GOES_ON},
	{S("\"a\nb\"@c.test"), UNSHOWN},
	{S("\"a\\\nb\"@c.test"), UNSHOWN},
	{S("\"a\tb\"@c.test"), UNSHOWN},
	{S("\"a\0b\"@c.test"), UNSHOWN},
	{S("\"a\x7f\"@c.test"), UNSHOWN},
	{S("\"\\ř\"@c.test"),
	 "the local part has a backslash before a character that is not ASCII"},
	{S("a\x7f@b.test"), QUOTES},
	{S("a\xff@b.test"), UNSHOWN},
	{S("a\xc3@b.test"), UNSHOWN},
	{S("\xed\xa0\x80@b.test"), UNSHOWN},
	{S("a\xc2\x85@b.test"), UNSHOWN},
	{S("a\xc2\x9b@b.test"), UNSHOWN},
	{S("a\xe2\x80\xa8@b.test"), UNSHOWN},
	{S("a\xe2\x80\xae@b.test"), UNSHOWN},
	{S(L64 "a@b.test"), "the local part is longer than 64 octets"},
	{S("\"" L60 "abc\"@b.test"), "the local part is longer than 64 octets"},
	{S(L64 "@" D187 ".ab"), "the address is longer than 254 octets"},
	{S("a@[192.0.2.1"), "the address literal has no end"},
	{S("a@[2001:db8::1]"), "the address literal holds no IP address"},
	{S("@r.test:"), NO_AT},
	{S("@r.test,a@b.test"), HOP},
	{S("@r.test,:a@b.test"), HOP},
	{S("@r.test,"), HOP},
	{S("@:a@b.test"), "the domain is empty"},
	{S("@-r.test:a@b.test"), "the domain has a hyphen at a label's end"},
	{S("@[IPv6:2001:db8::1:a@b.test"), "the address literal has no end"},
	{S("@r.test:@s.test:a@b.test"), NO_LOCAL},
};

static void test_A4_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bad_rows); i++) {
		const struct bad_row *row = &bad_rows[i];
		size_t len = row->len;
		char *bytes =
			malloc(len + !len); // not terminated: the sanitizer sees a read beyond it
		struct addr addr = {.local = "untouched"};
		const char *wrong;

		memcpy(bytes, row->text, len);
		wrong = addr_parse(bytes, len, &addr);
		free(bytes);
		if (wrong == NULL)
			print_error("accepted: %s\n", row->text);
		assert_non_null(wrong);
		assert_string_equal(wrong, row->wrong);
		assert_string_equal(addr.local, "untouched");
	}
}

static struct addr made(const char *text)
{
	struct addr addr;

	assert_null(addr_parse(text, strlen(text), &addr));
	return addr;
}

static void test_30_same_mailbox(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"a@b.test", "a@B.Test", true},
		{"a@b.test", "A@b.test", false}, // local parts have case (RFC 5321 section 2.4)
		{"a@b.test", "a@c.test", false},
		{"\"a\"@b.test", "a@b.test", true},
		{"\"\\a\"@b.test", "\"a\"@b.test", true},
		{"\"a b\"@c.test", "\"a\\ b\"@c.test", true},
		{"\"a\\\\\"@c.test", "\"a\\\"\"@c.test", false},
		{"\"a\\\"b\"@c.test", "\"a\\\"c\"@c.test", false},
		{"ab@c.test", "a@c.test", false},
		{"@r.test:a@b.test", "a@b.test", true},
		{"jiří@b.test", "jiří@b.test", true},
		{"jiří@b.test", "jiři@b.test", false},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct addr a = made(rows[i].a);
		const struct addr b = made(rows[i].b);

		assert_int_equal(addr_equals(&a, &b), rows[i].equal);
		assert_int_equal(addr_equals(&b, &a), rows[i].equal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_30_accepted_and_kept),
		cmocka_unit_test(test_A4_refused_with_the_reason),
		cmocka_unit_test(test_30_same_mailbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
