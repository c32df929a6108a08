// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Encoded words, read back by a decoder of this test's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "mail/encode.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static size_t decode_q(char *dst, const char *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (src[i] == '=') {
			char hex[3] = {src[i + 1], src[i + 2], '\0'};

			dst[n++] = (char)strtol(hex, NULL, 16);
			i += 2;
		} else {
			dst[n++] = src[i] == '_' ? ' ' : src[i];
		}
	}
	return n;
}

// RFC 2047 section 6.2: decodes; blanks between two encoded words vanish. Each word must be whole
// UTF-8 by itself.
static void decode_words(char *dst, const char *src)
{
	bool after_word = false;

	while (*src != '\0') {
		size_t blank = strspn(src, " \t\r\n");

		if (strncmp(src + blank, "=?", 2) != 0) {
			size_t len = blank + strcspn(src + blank, " \t\r\n");

			for (size_t i = 0; i < len; i++)
				if (src[i] != '\r' && src[i] != '\n')
					*dst++ = src[i];
			src += len;
			after_word = false;
		} else {
			const char *coded = src + blank + strlen("=?UTF-8?Q?");
			const char *end = strstr(coded, "?=");
			size_t len = (size_t)(end - coded);

			assert_memory_equal(src + blank, "=?UTF-8?Q?", 10);
			assert_true(end + 2 - src - (long)blank <= 75);

			if (blank > 0 && !after_word)
				*dst++ = ' ';
			len = decode_q(dst, coded, len);
			assert_true(text_is_utf8(dst, len));
			dst += len;
			src = end + 2;
			after_word = true;
		}
	}
	*dst = '\0';
}

// The lines' length, and what a reader gets back.
static void check_text(const char *text, size_t column, const char *expect)
{
	struct buf out = buf_make(5000);
	char decoded[1000];
	const char *line;

	encode_text(&out, text, column);
	assert_true(text_is_ascii(buf_string(&out), out.len));
	line = strchr(buf_string(&out), '\n');
	assert_true(column + strcspn(buf_string(&out), "\n") <= 76 || line == NULL);
	for (; line != NULL; line = strchr(line + 1, '\n')) {
		assert_int_equal(line[1], ' ');
		assert_true(strcspn(line + 1, "\n") <= 76);
	}
	decode_words(decoded, buf_string(&out));
	assert_string_equal(decoded, expect);
	buf_free(&out);
}

static void test_known(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"a =b ?= c", "a =b ?= c"},
		{"\xc3\xa9", "=?UTF-8?Q?=C3=A9?="},
		{"a \xc3\xa9 b", "a\n =?UTF-8?Q?=C3=A9_b?="},
		{"a  \xc3\xa9", "a\n =?UTF-8?Q?_=C3=A9?="},
		{"x =?utf-8?q?=0D=0ABcc?= y",
		 "x\n =?UTF-8?Q?=3D=3Futf-8=3Fq=3F=3D0D=3D0ABcc=3F=3D_y?="},
		{"\xff", "=?UTF-8?Q?=FF?="},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = buf_make(500);

		encode_text(&out, rows[i].text, 9);
		assert_string_equal(buf_string(&out), rows[i].expect);
		buf_free(&out);
	}
}

// A14: lines of at most 76, no encoded word cut inside, nothing lost: every alignment of pieces of
// every width.
static void test_A14_alignments(void **state)
{
	static const char *const pieces[] = {"\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd ",
					     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
					     "\xf0\x9f\x98\x80",
					     "plain words, ",
					     "\xc3\xa9",
					     "a =? b "};
	char text[600], trimmed[600];

	(void)state;
	for (size_t i = 0; i < COUNT(pieces) * 60; i++) {
		snprintf(text, sizeof(text), "%.*s", (int)(i / COUNT(pieces)),
			 "Auto: Six Test: you receive mail over IPv6: Re: and so on and on");
		while (strlen(text) < i + 2)
			strcat(text, pieces[i % COUNT(pieces)]);
		snprintf(trimmed, sizeof(trimmed), "%s", text);
		while (text_is_ascii(text, strlen(text)) && strstr(text, "=?") == NULL &&
		       trimmed[strlen(trimmed) - 1] == ' ')
			trimmed[strlen(trimmed) - 1] = '\0'; // of plain text only
		check_text(text, 9, trimmed);
	}
}

// One long word of ASCII cannot be folded; it stays whole, and the line long.
static void test_long_ascii_word(void **state)
{
	char text[210];
	struct buf out = buf_make(500);

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "Auto: ", 6);
	encode_text(&out, text, 9);
	assert_memory_equal(out.data, "Auto:\n xxx", 10);
	assert_int_equal(out.len, sizeof(text));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_A14_alignments),
		cmocka_unit_test(test_long_ascii_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
