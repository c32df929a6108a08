// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Which names of character sets are found in a message.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/charsets.h"

static char found[CHARSETS_MAX * (CHARSET_NAME_MAX + 1) + 1];

// In a copy without anything behind it, so that ASan sees a look past the end.
static void look(const char *text, size_t len)
{
	char *copy = malloc(len == 0 ? 1 : len);
	struct charsets charsets = {.n = 0};

	memcpy(copy, text, len);
	found[0] = '\0';
	charsets_find(&charsets, copy, len);
	for (size_t i = 0; i < charsets.n; i++)
		strcat(strcat(found, charsets.names[i]), " ");
	free(copy);
}

static void test_names(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"charset", ""},
		{"charset=", ""},
		{"=?", ""},
		{"=?x", "x "},
		{"charset=KOI8-R", "koi8-r "},
		{"Content-Type: text/plain;\n\tcharset = \"iso-8859-2\"", "iso-8859-2 "},
		{"CHARSET*0='cp1250'", "cp1250 "},
		{"=?ISO-2022-JP?B?xx?= =?iso-2022-jp?b?yy?=", "iso-2022-jp "},
		{"=?utf-8?q?a?= charset=US-ASCII; =?big5?q?=A4?=", "big5 "},
		{"charset=../../etc/x", ".. "},
		{"charset=\"/etc/x\"", ""},
		{"charset UTF-16", ""},
		{"a charsetcharset=x", "x "},
		{"charset=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
		{"=?a =?b =?c =?d =?e =?f =?g =?h =?i", "a b c d e f g h "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		look(rows[i][0], strlen(rows[i][0]));
		assert_string_equal(found, rows[i][1]);
	}
	look("charset=\0x =?y\0z", 17);
	assert_string_equal(found, "y ");
}

// What was found before is not told again, and there is an end.
static void test_several(void **state)
{
	struct charsets charsets = {.n = 0};
	char text[20];

	(void)state;
	charsets_find(&charsets, "=?a =?b", 7);
	charsets_find(&charsets, "=?B =?c", 7);
	assert_int_equal(charsets.n, 3);
	assert_string_equal(charsets.names[2], "c");
	for (int i = 0; i < 2 * CHARSETS_MAX; i++) {
		int len = snprintf(text, sizeof(text), "=?x-%d", i);

		charsets_find(&charsets, text, (size_t)len);
	}
	assert_int_equal(charsets.n, CHARSETS_MAX);
	assert_string_equal(charsets.names[CHARSETS_MAX - 1], "x-60");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
