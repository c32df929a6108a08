// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// domain: names and literals as RFC 5321 section 4.1.2 and RFC 6531 section 3.3 have them
// (RELIABILITY 30, D7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/domain.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define S(text)    text, sizeof(text) - 1 // with the NULs inside
#define L10        "abcdefghij"
#define L60        L10 L10 L10 L10 L10 L10
#define L63        L60 "klm"

#define NO_LABEL  "the domain has an empty label"
#define LONG      "the domain has a label of more than 63 octets"
#define HYPHEN    "the domain has a hyphen at a label's end"
#define CHARACTER "the domain has a character that no domain has"
#define UNSHOWN   "the domain is not printable UTF-8"
#define OPEN      "the address literal has no end"
#define NO_IP     "the address literal holds no IP address"

static const struct {
	const char *text;
	bool literal, utf8;
} good_rows[] = {
	{"six.test", false, false},
	{"SIX.Test", false, false},
	{"localhost", false, false},
	{"a", false, false},
	{"xn--hky-xza.test", false, false},
	{"3com.test", false, false},
	{"a-b--c.test", false, false},
	{"_dmarc.six.test", false, false},
	{"mail_1.six.test", false, false},
	{L63 ".test", false, false},
	{L63 "." L63 "." L63 "." L63, false, false}, // 255
	{"háčky.test", false, true},
	{"例え.テスト", false, true},
	{"[192.0.2.1]", true, false},
	{"[IPv6:2001:db8::1]", true, false},
	{"[ipv6:2001:DB8::1]", true, false},
	{"[IPv6:::ffff:192.0.2.1]", true, false},
};

static void test_30_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(good_rows); i++) {
		struct domain domain;
		const char *wrong =
			domain_parse(good_rows[i].text, strlen(good_rows[i].text), &domain);

		if (wrong != NULL)
			print_error("%s: %s\n", good_rows[i].text, wrong);
		assert_null(wrong);
		assert_string_equal(domain.text, good_rows[i].text);
		assert_int_equal(domain.literal, good_rows[i].literal);
		assert_int_equal(domain.utf8, good_rows[i].utf8);
	}
}

static const struct {
	const char *text;
	size_t len;
	const char *wrong;
} bad_rows[] = {
	{S(""), "the domain is empty"},
	{S(L63 "." L63 "." L63 "." L63 "a"), "the domain is longer than 255 octets"},
	{S(L63 "n.test"), LONG},
	{S("."), NO_LABEL},
	{S(".test"), NO_LABEL},
	{S("six..test"), NO_LABEL},
	{S("six.test."), NO_LABEL},
	{S("-six.test"), HYPHEN},
	{S("six-.test"), HYPHEN},
	{S("six.-"), HYPHEN},
	{S("six test"), CHARACTER},
	{S("six.test "), CHARACTER},
	{S("six\ttest"), CHARACTER},
	{S("six.test\r\nRCPT"), CHARACTER},
	{S("six@test"), CHARACTER},
	{S("six.test>"), CHARACTER},
	{S("six/test"), CHARACTER},
	{S("six\0test"), CHARACTER},
	{S("six\x7f.test"), CHARACTER},
	{S("192.0.2.1]"), CHARACTER},
	{S("six\xc3.test"), UNSHOWN},
	{S("six\xff.test"), UNSHOWN},
	{S("six\xc2\x85.test"), UNSHOWN},
	{S("six\xe2\x80\xa8.test"), UNSHOWN},
	{S("six\xe2\x80\xae.test"), UNSHOWN},
	{S("\xed\xa0\x80.test"), UNSHOWN},
	{S("\xc0\xae.test"), UNSHOWN}, // an overlong dot
	{S("["), OPEN},
	{S("[]"), NO_IP},
	{S("[192.0.2.1"), OPEN},
	{S("[192.0.2.1].test"), OPEN},
	{S("[192.0.2.1\0]"), OPEN},
	{S("[192.0.2]"), NO_IP},
	{S("[192.0.2.256]"), NO_IP},
	{S("[192.0.2.1 ]"), NO_IP},
	{S("[2001:db8::1]"), NO_IP}, // without its tag
	{S("[IPv6:192.0.2.1]"), NO_IP},
	{S("[IPv6:2001:db8::1::2]"), NO_IP},
	{S("[IPv6:fe80::1%lo]"), NO_IP},
	{S("[IPv6:]"), NO_IP},
	{S("[six.test]"), NO_IP},
	{S("[[192.0.2.1]]"), NO_IP},
};

static void test_30_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bad_rows); i++) {
		size_t len = bad_rows[i].len;
		char *bytes =
			malloc(len + !len); // not terminated: the sanitizer sees a read beyond it
		struct domain domain = {.text = "untouched"};
		const char *wrong;

		memcpy(bytes, bad_rows[i].text, len);
		wrong = domain_parse(bytes, len, &domain);
		free(bytes);
		if (wrong == NULL)
			print_error("accepted: %s\n", bad_rows[i].text);
		assert_non_null(wrong);
		assert_string_equal(wrong, bad_rows[i].wrong);
		assert_string_equal(domain.text, "untouched");
	}
}

// One label of every byte: only those pass that the header names.
static void test_30_every_byte(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		const char text[] = {'a', (char)byte, 'b'};
		bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			    (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
			    byte == '.';
		struct domain domain;

		assert_int_equal(domain_parse(text, sizeof(text), &domain) == NULL, good);
	}
}

static struct domain made(const char *text)
{
	struct domain domain;

	assert_null(domain_parse(text, strlen(text), &domain));
	return domain;
}

static void test_D7_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal, below;
	} compared[] = {
		{"six.test", "six.test", true, true},
		{"SIX.test", "six.TEST", true, true},
		{"mail.six.test", "Six.Test", false, true},
		{"a.b.six.test", "six.test", false, true},
		{"six.test", "mail.six.test", false, false},
		{"notsix.test", "six.test", false, false},
		{"six.test", "test", false, true},
		{"six.test.org", "six.test", false, false},
		{"háčky.test", "háčky.test", true, true},
		{"háčky.test", "hÁčky.test", false, false}, // beyond ASCII: octet by octet
		{"[192.0.2.1]", "[192.0.2.1]", true, true},
		{"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]", true, true},
		{"[192.0.2.1]", "[192.0.2.2]", false, false},
	};

	(void)state;
	for (size_t i = 0; i < LEN(compared); i++) {
		const struct domain a = made(compared[i].a);
		const struct domain b = made(compared[i].b);

		assert_int_equal(domain_equals(&a, &b), compared[i].equal);
		assert_int_equal(domain_equals(&b, &a), compared[i].equal);
		assert_int_equal(domain_is_below(&a, &b), compared[i].below);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_30_accepted),
		cmocka_unit_test(test_30_refused_with_the_reason),
		cmocka_unit_test(test_30_every_byte),
		cmocka_unit_test(test_D7_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
