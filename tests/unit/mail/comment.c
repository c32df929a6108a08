// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/comment: what counts as a comment, and what is left without it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/comment.h"

static void test_strip(void **state)
{
	static const struct {
		const char *value, *left;
	} table[] = {
		{"no", "no"},
		{"  no\t", "no"},
		{"no (really)", "no"},
		{"(really) no", "no"},
		{"(a (nested (deep)) one) no", "no"},
		{"(a \\) in it) no", "no"},
		{"a(b)c", "a c"},
		{"\"a (b)\" c", "\"a (b)\" c"},
		{"\"a \\\" (b)\" (c)", "\"a \\\" (b)\""},
		{"no (never closed", "no (never closed"},
		{"no (never (closed)", "no (never (closed)"},
		{"no (closed) (never", "no   (never"},
		{"no )", "no )"},
		{"(\\", "(\\"},
		{"()", ""},
		{"", ""},
	};
	char dst[100];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(comment_strip(dst, sizeof dst, table[i].value), table[i].left);
}

static void test_keyword(void **state)
{
	static const struct {
		const char *value, *keyword;
	} table[] = {
		{"no; x=y", "no"},    {"no (a; b) ; x", "no"},
		{"no yes", "no yes"}, {"auto-replied", "auto-replied"},
		{"; x", ""},
	};
	char dst[100];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(comment_keyword(dst, sizeof dst, table[i].value),
				    table[i].keyword);
}

static void test_small_room(void **state)
{
	char dst[4];

	(void)state;
	assert_string_equal(comment_strip(dst, sizeof dst, "abcdef"), "abc");
	assert_string_equal(comment_strip(dst, sizeof dst, "\"\\\\\\\\"), "\"\\\\");
	assert_string_equal(comment_strip(dst, 1, "abc"), "");
}

// a hundred thousand of them take no time that a test would notice, whichever way they stand
static void test_many(void **state)
{
	static char src[100001];
	static char dst[100001];

	(void)state;
	memset(src, '(', sizeof src - 1);
	assert_int_equal(strlen(comment_strip(dst, sizeof dst, src)), sizeof src - 1);
	memset(src + 50000, ')', 50000);
	assert_string_equal(comment_strip(dst, sizeof dst, src), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strip),
		cmocka_unit_test(test_keyword),
		cmocka_unit_test(test_small_room),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
