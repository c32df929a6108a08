// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// text: what strangers wrote is shown without a byte that acts. The escaper is the only defence of
// logs and reports (RELIABILITY 9, 24), so it is held to its promise over every byte, every
// character and random strings.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

typedef char *escaper(char *dst, size_t size, const char *src, size_t len);

struct escape_row {
	const char *src;
	size_t len; // 0: strlen(src)
	const char *plain;
	const char *log;
};

static const struct escape_row escape_rows[] = {
	{"", 0, "", "-"},
	{"-", 0, "-", "-"},
	{"plain text", 0, "plain text", "plain text"},
	{"back\\slash", 0, "back\\\\slash", "back\\\\slash"},
	{"a=b, \"c\"", 0, "a=b, \"c\"", "a=b\\x2c \\x22c\\x22"},
	{"a\r\nb", 0, "a\\x0d\\x0ab", "a\\x0d\\x0ab"},
	{"nul\0nul", 7, "nul\\x00nul", "nul\\x00nul"},
	{"\0", 1, "\\x00", "\\x00"},
	{"\x1b[2J\x7f", 0, "\\x1b[2J\\x7f", "\\x1b[2J\\x7f"},
	{"žluťoučký 😀", 0, "žluťoučký 😀", "žluťoučký 😀"},
	{"\xc2\x85", 0, "\\xc2\\x85", "\\xc2\\x85"},               // U+0085, NEL
	{"\xe2\x80\xa8", 0, "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8"}, // U+2028
	{"\xe2\x80\xae", 0, "\\xe2\\x80\\xae", "\\xe2\\x80\\xae"}, // U+202E, right-to-left override
	{"\xe2\x80\x8d", 0, "\xe2\x80\x8d", "\xe2\x80\x8d"},       // U+200D, a joiner, stays
	{"\xc3", 0, "\\xc3", "\\xc3"},                             // cut short
	{"\xc3(", 0, "\\xc3(", "\\xc3("},                          // broken off
	{"\xc0\x8a", 0, "\\xc0\\x8a", "\\xc0\\x8a"},               // overlong newline
	{"\xc1\x81", 0, "\\xc1\\x81", "\\xc1\\x81"}, // overlong forms of what could be shown
	{"\xe0\x81\x81", 0, "\\xe0\\x81\\x81", "\\xe0\\x81\\x81"},
	{"\xf0\x80\x81\x81", 0, "\\xf0\\x80\\x81\\x81", "\\xf0\\x80\\x81\\x81"},
	{"\xed\xa0\x80", 0, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},               // surrogate
	{"\xf4\x90\x80\x80", 0, "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"}, // U+110000
	{"\xff\xfe", 0, "\\xff\\xfe", "\\xff\\xfe"},
};

static void test_9_escape_rows(void **state)
{
	char out[200];

	(void)state;
	for (size_t i = 0; i < LEN(escape_rows); i++) {
		const struct escape_row *row = &escape_rows[i];
		size_t len = row->len > 0 ? row->len : strlen(row->src);

		assert_string_equal(text_escape(out, sizeof(out), row->src, len), row->plain);
		assert_string_equal(text_escape_log(out, sizeof(out), row->src, len), row->log);
	}
}

static void test_9_escape_leaves_escapes(void **state)
{
	char out[40];

	(void)state;
	assert_string_equal(text_escape_rest(out, sizeof(out), "a\\.b\\000\n\"", 9),
			    "a\\.b\\000\\x0a");
	assert_string_equal(text_escape_rest(out, 8, "\\\\\\\\\\\\\\\\", 8), "\\\\\\\\...");
}

static const struct {
	size_t size;
	const char *src;
	const char *expect;
} cut_rows[] = {
	{8, "1234567", "1234567"},
	{8, "12345678", "1234..."},
	{8, "\n\n", "\\x0a..."}, // never half an escape
	{9, "12345\n", "12345..."},
	{8, "žžžž", "žž..."}, // never half a character
	{9, "žžžž", "žžžž"},
	{8, "\xff\xff\xff", "\\xff..."},
	{8, "\xe2\x80\xae", "..."}, // twelve bytes do not fit at all
	{10, "\\\\\\\\\\", "\\\\\\\\\\\\..."},
};

static void test_9_escape_cuts_between_characters(void **state)
{
	char out[16];

	(void)state;
	for (size_t i = 0; i < LEN(cut_rows); i++) {
		memset(out, 'X', sizeof(out));
		text_escape(out, cut_rows[i].size, cut_rows[i].src, strlen(cut_rows[i].src));
		assert_string_equal(out, cut_rows[i].expect);
		assert_int_equal(out[cut_rows[i].size], 'X');
	}
}

// Puts the code point's UTF-8 form into dst; surrogates and overlong forms are not asked for.
static size_t encode(char dst[4], uint32_t code)
{
	if (code < 0x80) {
		dst[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		dst[0] = (char)(0xc0 | code >> 6);
		dst[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		dst[0] = (char)(0xe0 | code >> 12);
		dst[1] = (char)(0x80 | (code >> 6 & 63));
		dst[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	dst[0] = (char)(0xf0 | code >> 18);
	dst[1] = (char)(0x80 | (code >> 12 & 63));
	dst[2] = (char)(0x80 | (code >> 6 & 63));
	dst[3] = (char)(0x80 | (code & 63));
	return 4;
}

// Written down apart from the code's own table: what a reader must never be shown.
static bool must_hide(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool may_hide(uint32_t c)
{
	return must_hide(c) || c == '\\' || c == 0x200b || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void test_24_every_character(void **state)
{
	char src[4];
	char out[32];

	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		size_t len = encode(src, code);
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		bool shown;

		text_escape(out, sizeof(out), src, len);
		shown = strlen(out) == len && memcmp(out, src, len) == 0;
		assert_int_equal(text_is_utf8(src, len), !surrogate);
		assert_int_equal(text_is_printable(src, len), shown || code == '\\');
		if (surrogate || must_hide(code))
			assert_false(shown);
		if (!surrogate && !may_hide(code))
			assert_true(shown);
	}
}

// Where the text needed no cut, what was escaped can be told from the result: the way back.
static size_t unescape(char *dst, const char *src)
{
	size_t n = 0;
	unsigned byte;

	while (*src != '\0') {
		if (sscanf(src, "\\x%2x", &byte) == 1) {
			dst[n++] = (char)byte;
			src += 4;
		} else {
			src += *src == '\\';
			dst[n++] = *src++;
		}
	}
	return n;
}

static void check_promise(escaper *escape, const char *src, size_t len, size_t size)
{
	char *out = malloc(size); // of this very size: the sanitizer sees a write beyond it
	char whole[512];
	char back[512];
	const char *end;

	assert_ptr_equal(escape(out, size, src, len), out);
	end = memchr(out, '\0', size);
	assert_non_null(end);
	assert_true(text_is_printable(out, strlen(out)));
	escape(whole, sizeof(whole), src, len);
	if (strlen(whole) < size) {
		assert_string_equal(out, whole);
	} else {
		assert_true(strlen(out) >= 3 && strcmp(end - 3, "...") == 0);
		assert_memory_equal(out, whole, strlen(out) - 3);
	}
	if (len > 0) {
		assert_int_equal(unescape(back, whole), len);
		assert_memory_equal(back, src, len);
	}
	free(out);
}

static void test_24_promise_over_random_strings(void **state)
{
	// biased to what is interesting: leads, continuations, controls, the escapers' own
	// characters
	static const char pool[] =
		"\\x,=\"ab\n\r\t\x1b\x7f\xc2\x85\x9f\xe2\x80\xa8\xae\xf0\x9f\x98\x80\xff";
	char src[100];

	(void)state;
	srand(6);
	for (int round = 0; round < 30000; round++) {
		size_t len = (size_t)rand() % sizeof(src);

		for (size_t i = 0; i < len; i++)
			src[i] = (char)(round % 2 ? rand() : pool[(size_t)rand() % sizeof(pool)]);
		check_promise(text_escape, src, len, 8 + (size_t)rand() % 200);
		check_promise(text_escape_log, src, len, 8 + (size_t)rand() % 200);
	}
}

static void test_log_value_cannot_forge(void **state)
{
	char src[2] = {0};
	char out[16];

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		src[0] = (char)byte;
		text_escape_log(out, sizeof(out), src, 1);
		assert_null(strpbrk(out, ",\"\n\r"));
	}
}

static void test_utf8_cut(void **state)
{
	static const struct {
		const char *bytes;
		size_t max, expect;
	} rows[] = {
		{"abc", 5, 3},
		{"abc", 3, 3},
		{"abc", 2, 2},
		{"abc", 0, 0},
		{"", 0, 0},
		{"ž", 1, 0},
		{"až", 2, 1},
		{"až", 3, 3},
		{"😀", 3, 0},
		{"x😀", 2, 1},
		{"\x80\x80\x80\x80\x80\x80", 4, 4},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_int_equal(text_utf8_cut(rows[i].bytes, strlen(rows[i].bytes), rows[i].max),
				 rows[i].expect);
}

static void test_nocase(void **state)
{
	char word[] = "List-ID \xc3\x89 [Z]";

	(void)state;
	assert_true(text_equals_nocase("List-ID", "lIST-id"));
	assert_false(text_equals_nocase("List-ID", "List-I"));
	assert_false(text_equals_nocase("List-I", "List-ID"));
	assert_false(text_equals_nocase("@", "`")); // differ in the case bit alone
	assert_false(text_equals_nocase("\xc3\x89", "\xc3\xa9"));
	assert_true(text_starts_nocase("List-ID", "LIST-"));
	assert_true(text_starts_nocase("x", ""));
	assert_false(text_starts_nocase("List", "List-"));
	assert_true(text_ends_nocase("dev-REQUEST", "-request"));
	assert_false(text_ends_nocase("request", "-request"));
	text_lower(word);
	assert_string_equal(word, "list-id \xc3\x89 [z]");
	assert_true(text_is_ascii("abc", 3));
	assert_false(text_is_ascii("ab\x80", 3));
}

static void test_copy_and_cut(void **state)
{
	char dst[5] = "old";

	(void)state;
	assert_true(text_copy(dst, sizeof(dst), "four"));
	assert_string_equal(dst, "four");
	assert_false(text_copy(dst, sizeof(dst), "fiver"));
	assert_string_equal(dst, "");
	text_cut(dst, sizeof(dst), "fiver");
	assert_string_equal(dst, "five");
	text_cut(dst, sizeof(dst), "abcž");
	assert_string_equal(dst, "abc");
}

static void test_base32_rfc4648(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "my"},
		{"fo", "mzxq"},
		{"foo", "mzxw6"},
		{"foob", "mzxw6yq"},
		{"fooba", "mzxw6ytb"},
		{"foobar", "mzxw6ytboi"},
	};
	char text[20];
	unsigned char back[10];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		size_t len = strlen(rows[i][0]);

		text_base32(text, (const unsigned char *)rows[i][0], len);
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(text_unbase32(back, len, text, strlen(text)), len);
		assert_memory_equal(back, rows[i][0], len);
	}
	assert_int_equal(text_unbase32(back, 6, "MZXW6yTBOI", 10), 6);
	assert_memory_equal(back, "foobar", 6);
}

static void test_unbase32_refuses(void **state)
{
	static const char *const rows[] = {
		"m", "mzx", "mzxw6y", "mzxw6ytbm", "a", "aaa", "aaaaaa", // lengths that no
									 // encoding has
		"m1", "m0", "m8", "m=", "m ", "m-", "m\x80", "mz", "mzxr",
		"mzxw6yr", // bits left over that are not zero
	};
	unsigned char back[10];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_int_equal(text_unbase32(back, sizeof(back), rows[i], strlen(rows[i])), -1);
	assert_int_equal(text_unbase32(back, 5, "mzxw6ytboi", 10), -1);
	assert_int_equal(text_unbase32(back, sizeof(back), "m\0", 2), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_9_escape_rows),
		cmocka_unit_test(test_9_escape_leaves_escapes),
		cmocka_unit_test(test_9_escape_cuts_between_characters),
		cmocka_unit_test(test_24_every_character),
		cmocka_unit_test(test_24_promise_over_random_strings),
		cmocka_unit_test(test_log_value_cannot_forge),
		cmocka_unit_test(test_utf8_cut),
		cmocka_unit_test(test_nocase),
		cmocka_unit_test(test_copy_and_cut),
		cmocka_unit_test(test_base32_rfc4648),
		cmocka_unit_test(test_unbase32_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
