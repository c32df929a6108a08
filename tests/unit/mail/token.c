// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// token: one text per token, whatever happens to its case on the way (RELIABILITY D2, 18).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "mail/token.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct token sample = {
	.id = 0x0123456789abcdef,
	.expires = 0x01c9c380,
	.mac = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff},
};

// By Python: base64.b32encode of the octets, id and the rest apart.
static const char sample_text[] = "aerukz4jvpg66ahe4hah7aebagbafaydqqcik74";

static void assert_token_equal(const struct token *a, const struct token *b)
{
	assert_true(a->id == b->id);
	assert_int_equal(a->expires, b->expires);
	assert_memory_equal(a->mac, b->mac, TOKEN_MAC_SIZE);
}

static void test_known_text(void **state)
{
	char text[TOKEN_TEXT_SIZE];
	char id[TOKEN_ID_SIZE];
	struct token back = {0};

	(void)state;
	token_text(text, &sample);
	assert_string_equal(text, sample_text);
	token_id_text(id, sample.id);
	assert_int_equal(strlen(id), TOKEN_ID_LEN);
	assert_memory_equal(text, id, TOKEN_ID_LEN); // one grep finds both
	assert_null(token_parse(text, strlen(text), &back));
	assert_token_equal(&back, &sample);
}

static void test_round_trip_at_the_ends(void **state)
{
	static const struct token rows[] = {
		{0, 0, {0}},
		{UINT64_MAX,
		 UINT32_MAX,
		 {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
		{1, 0, {0}},
		{1ull << 63, 1u << 31, {128}},
		{0, 1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[TOKEN_TEXT_SIZE];
		struct token back = {.id = 99};

		token_text(text, &rows[i]);
		assert_int_equal(strlen(text), TOKEN_TEXT_LEN);
		assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz234567"), TOKEN_TEXT_LEN);
		assert_null(token_parse(text, TOKEN_TEXT_LEN, &back));
		assert_token_equal(&back, &rows[i]);
	}
}

static void test_D2_survives_case_folding(void **state)
{
	char text[TOKEN_TEXT_SIZE];
	struct token back = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 3 ? toupper(sample_text[i]) : sample_text[i]);
	assert_null(token_parse(text, TOKEN_TEXT_LEN, &back));
	assert_token_equal(&back, &sample);
	assert_true(strlen("bounce+") + TOKEN_TEXT_LEN <= 64);
}

// Any one character changed gives another token or none: no second spelling, nothing ignored.
static void test_18_one_text_per_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[TOKEN_TEXT_SIZE];
			char again[TOKEN_TEXT_SIZE];
			struct token token;

			memcpy(text, sample_text, sizeof(text));
			text[i] = (char)byte;
			if (token_parse(text, TOKEN_TEXT_LEN, &token) != NULL)
				continue;
			token_text(again, &token);
			text[i] = (char)(byte < 128 ? tolower(byte) : byte);
			assert_memory_equal(again, text, TOKEN_TEXT_LEN);
		}
	}
}

static void test_18_refuses(void **state)
{
	struct token token = sample;
	char text[TOKEN_TEXT_LEN + 10] = {0};

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, 'a', sizeof(text));
		if (len != TOKEN_TEXT_LEN)
			assert_string_equal(token_parse(text, len, &token),
					    "a token has 39 letters");
	}
	memcpy(text, sample_text, sizeof(sample_text));
	text[TOKEN_ID_LEN - 1] = '7'; // the id's unused bit
	assert_string_equal(token_parse(text, TOKEN_TEXT_LEN, &token),
			    "a token is base32, and this is not");
	memcpy(text, sample_text, sizeof(sample_text));
	text[TOKEN_TEXT_LEN - 1] = 'z'; // the rest's two
	assert_non_null(token_parse(text, TOKEN_TEXT_LEN, &token));
	memcpy(text, sample_text, sizeof(sample_text));
	text[20] = '\0';
	assert_non_null(token_parse(text, TOKEN_TEXT_LEN, &token));
	assert_token_equal(&token, &sample); // untouched
}

static void test_signed_part(void **state)
{
	static const unsigned char expect[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
					       0xcd, 0xef, 0x01, 0xc9, 0xc3, 0x80};
	unsigned char part[TOKEN_SIZE - TOKEN_MAC_SIZE];

	(void)state;
	token_signed_part(part, &sample);
	assert_int_equal(sizeof(part), sizeof(expect));
	assert_memory_equal(part, expect, sizeof(expect));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_text),
		cmocka_unit_test(test_round_trip_at_the_ends),
		cmocka_unit_test(test_D2_survives_case_folding),
		cmocka_unit_test(test_18_one_text_per_token),
		cmocka_unit_test(test_18_refuses),
		cmocka_unit_test(test_signed_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
