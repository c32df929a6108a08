// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// authres: what we print of strangers' signatures, and whom a field claims to be of (RELIABILITY
// D5, D6, 23).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mail/authres.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void test_D6_words(void **state)
{
	static const char *const words[] = {"none",    "pass",      "fail",     "policy",
					    "neutral", "temperror", "permerror"};
	enum auth_result result = AUTH_PASS;

	(void)state;
	for (size_t i = 0; i < LEN(words); i++) {
		assert_true(auth_result_find(words[i], strlen(words[i]), &result));
		assert_string_equal(auth_result_name(result), words[i]);
		assert_int_equal(result, i);
	}
	assert_false(auth_result_find("Pass", 4, &result));
	assert_false(auth_result_find("passed", 6, &result));
	assert_false(auth_result_find("pas", 3, &result));
	assert_false(auth_result_find("", 0, &result));
}

static void assert_written(const struct authres *authres, const char *want)
{
	auto_buf struct buf out = buf_make(10000);

	authres_write(&out, authres);
	assert_string_equal(buf_string(&out), want);
}

static void test_writes(void **state)
{
	static const struct authres_dkim dkim[] = {
		{AUTH_PASS, "good.test", "sel.one", "abcd/fgh+more", ""},
		{AUTH_POLICY, "a_b.test", "s", "abcdefghi", "key below 1024 bits"},
		{AUTH_NEUTRAL, "", "", "", "malformed signature"},
	};

	(void)state;
	assert_written(&(struct authres){.id = "mx.six.test", .address = ""},
		       "mx.six.test;\n\tdkim=none");
	assert_written(
		&(struct authres){.id = "mx.six.test", .address = "192.0.2.1", .iprev = AUTH_FAIL},
		"mx.six.test;\n\tdkim=none;\n\tiprev=fail policy.iprev=192.0.2.1");
	assert_written(&(struct authres){"mx.six.test", "2001:db8::1", AUTH_PASS, LEN(dkim), dkim},
		       "mx.six.test;\n\tdkim=pass header.d=good.test header.s=sel.one "
		       "header.b=\"abcd/fgh\";\n"
		       "\tdkim=policy reason=\"key below 1024 bits\" header.d=a_b.test header.s=s "
		       "header.b=abcdefgh;\n"
		       "\tdkim=neutral reason=\"malformed signature\";\n"
		       "\tiprev=pass policy.iprev=\"2001:db8::1\"");
}

// CVE-2020-12272: what is no domain is not printed.
static void test_D5_only_valid_properties(void **state)
{
	static const char *const bad[] = {
		"good.test(.evil.test",
		"good.test;dkim=pass",
		"good.test\r\nX: y",
		"a b.test",
		"\"good.test\"",
		"good.test\\",
		"[192.0.2.1]",
		"gr\xc3\xbc"
		"n.test",
		"-a.test",
		"a..test",
		"good.test.",
		"",
	};

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		const struct authres_dkim dkim = {AUTH_FAIL, bad[i], bad[i], bad[i], ""};

		assert_false(authres_is_domain(bad[i]));
		assert_written(&(struct authres){"mx.six.test", "", AUTH_PASS, 1, &dkim},
			       "mx.six.test;\n\tdkim=fail");
	}
	assert_true(authres_is_domain("xn--grn-hoa.test"));
}

static void test_fault_23_filter(void **state)
{
	static const struct {
		const char *src, *want;
	} rows[] = {
		{"mx.good.test", "mx.good.test"},
		{"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
		{"a b;c\"d\\e\r\nf(g)", "a?b?c?d?e??f?g?"},
		{"\xc3\xa9\x7f\x01", "????"},
		{"", ""},
	};
	char dst[AUTHRES_CLEAN_SIZE], small[4];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_string_equal(authres_clean(dst, sizeof(dst), rows[i].src), rows[i].want);
	assert_string_equal(authres_clean(small, sizeof(small), "abcdef"), "abc");
}

static void test_D5_ours(void **state)
{
	static const char *const rows[] = {
		"mx.six.test; dkim=pass",
		" mx.six.test; dkim=pass",
		"MX.Six.TEST; none",
		"mx.six.test;dkim=pass",
		"mx.six.test 1; dkim=pass",
		"mx.six.test/1; dkim=pass",
		"mx.six.test\t(comment) 1 ; dkim=pass",
		"(comment) mx.six.test; dkim=pass",
		"((nested) \\) a;b) mx.six.test (c); dkim=pass",
		"\"mx.six.test\"; dkim=pass",
		"\"mx.six.test\" 1; dkim=pass",
		"\"mx\\.six.test\"; dkim=pass",
		"\n\tmx.six.test;\n\tdkim=pass",
		"mx.\n six.test; dkim=pass",
		"mx . six . test; dkim=pass",
		"mx.six.test.; dkim=pass",
		"mx.six.test",
		"mx.six.test=x; dkim=pass",
		"mx.six.test:25; dkim=pass",
		"mx.six.test, other.test; dkim=pass",
		"(never closed mx.six.test; dkim=pass) mx.six.test; dkim=pass",
		"(mx.six.test; dkim=pass",
		"mx.six.test(; dkim=pass",
		"\x01mx.six\x7f.test\xc2\xa0; dkim=pass",
		"mx.(x)six.test; dkim=pass",
		"'mx.six.test'; dkim=pass",
		"mx.six.test (never closed; dkim=pass",
		"mx.six.test word; dkim=pass",
		"(mx.six.test) other.test; dkim=pass", // rather one too many
		"mx.six.test .evil.test; dkim=pass",
		"\"mx.six.test\"word; dkim=pass",
		"mx.six.test\xc2\xa0word; dkim=pass",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (!authres_claims(rows[i], "mx.six.test"))
			fail_msg("not seen: %s", rows[i]);
	}
	assert_true(authres_claims("mx.six.test; none", "MX.six.Test"));
}

static void test_D5_others(void **state)
{
	static const char *const rows[] = {
		"",
		"; mx.six.test",
		"other.test; dkim=pass (mx.six.test)",
		"other.test mx.six.test; dkim=pass",
		"mx.six.test.evil.test; dkim=pass",
		"mx.six.tester; dkim=pass",
		"mx.six.test-a; dkim=pass",
		"mx.six.test_a; dkim=pass",
		"mx.six.test1.evil.test; dkim=pass",
		"amx.six.test; dkim=pass",
		"six.test; dkim=pass",
		"mx.six.tes",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (authres_claims(rows[i], "mx.six.test"))
			fail_msg("taken for ours: %s", rows[i]);
	}
	assert_false(authres_claims("; dkim=pass", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D6_words),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_D5_only_valid_properties),
		cmocka_unit_test(test_fault_23_filter),
		cmocka_unit_test(test_D5_ours),
		cmocka_unit_test(test_D5_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
