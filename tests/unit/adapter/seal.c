// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// RELIABILITY fault 18: what is not exactly our token, for that use and that domain, is forged.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/seal.h"

#define SECRET  "0123456789abcdef0123456789abcdef"
#define EXPIRES 1800000000 // a whole minute
#define ID      0x0123456789abcdefULL

// A file of that content and mode; the caller unlinks path.
static void secret_file(char path[32], const char *content, size_t len, mode_t mode)
{
	int fd;

	strcpy(path, "/tmp/seal.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int open_content(const char *content, size_t len, mode_t mode, struct seal **ret_seal)
{
	char path[32];
	int error;

	secret_file(path, content, len, mode);
	error = seal_open(path, ret_seal);
	unlink(path);
	return error;
}

static struct seal *make_seal(const char *secret)
{
	struct seal *seal = NULL;

	assert_int_equal(open_content(secret, strlen(secret), 0600, &seal), 0);
	return seal;
}

static void test_secret_file(void **state)
{
	static const struct {
		size_t len;
		mode_t mode;
		int expect;
	} rows[] = {
		{15, 0600, -ENODATA}, {16, 0600, 0},       {1024, 0600, 0}, {1025, 0600, -EFBIG},
		{5000, 0600, -EFBIG}, {0, 0600, -ENODATA}, {32, 0640, 0},   {32, 0444, 0},
		{32, 0620, -EPERM},   {32, 0602, -EPERM},
	};
	char content[5001];

	(void)state;
	memset(content, 'k', sizeof(content));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct seal *seal = NULL;

		assert_int_equal(open_content(content, rows[i].len, rows[i].mode, &seal),
				 rows[i].expect);
		assert_true((seal != NULL) == (rows[i].expect == 0));
		seal_free(seal);
	}
}

static void test_secret_file_that_is_not_there(void **state)
{
	struct seal *seal = NULL;

	(void)state;
	assert_int_equal(seal_open("/nonexistent/secret", &seal), -ENOENT);
	assert_null(seal);
}

static enum seal_verdict check(const struct seal *seal, const struct token *token)
{
	return seal_check(seal, "bounce", "six.test", token, EXPIRES - 60);
}

// Newlines at the end are the editor's, not the secret's.
static void test_faults_are_told(void **state)
{
	(void)state;
	assert_string_equal(seal_fault(-ENOENT), "there is no such file; postsix setup makes it");
	assert_non_null(strstr(seal_fault(-ENODATA), "16 octets"));
	assert_non_null(strstr(seal_fault(-EFBIG), "1024 octets"));
	assert_non_null(strstr(seal_fault(-E2BIG), "more than four"));
	assert_non_null(strstr(seal_fault(-EPERM), "may write"));
	assert_string_equal(seal_fault(-EACCES), strerror(EACCES));
}

static void test_trailing_newline(void **state)
{
	struct seal *bare = make_seal(SECRET);
	struct seal *line = make_seal(SECRET "\n");
	struct seal *lines = make_seal(SECRET "\n\n");
	struct token token;

	(void)state;
	seal_mint(bare, "bounce", "six.test", ID, EXPIRES, &token);
	assert_int_equal(check(line, &token), SEAL_VALID);
	assert_int_equal(check(lines, &token), SEAL_VALID);
	seal_free(bare);
	seal_free(line);
	seal_free(lines);
}

// The first secret mints, all of them are honoured, and one that was taken out is not.
static void test_rotation(void **state)
{
	struct seal *old = make_seal(SECRET);
	struct seal *both = make_seal("fedcba9876543210\n" SECRET "\n");
	struct seal *new = make_seal("fedcba9876543210\n");
	struct token token;

	(void)state;
	assert_int_equal(seal_count(old), 1);
	assert_int_equal(seal_count(both), 2);
	seal_mint(old, "bounce", "six.test", ID, EXPIRES, &token);
	assert_int_equal(check(both, &token), SEAL_VALID);
	assert_int_equal(check(new, &token), SEAL_FORGED);
	seal_mint(both, "bounce", "six.test", ID, EXPIRES, &token);
	assert_int_equal(check(both, &token), SEAL_VALID);
	assert_int_equal(check(new, &token), SEAL_VALID);
	assert_int_equal(check(old, &token), SEAL_FORGED);
	assert_int_equal(seal_check(both, "bounce", "six.test", &token, EXPIRES + 2 * SEAL_GRACE),
			 SEAL_EXPIRED);
	seal_free(old);
	seal_free(both);
	seal_free(new);
}

static void test_several_secrets(void **state)
{
	static const struct {
		const char *content;
		int expect;
	} rows[] = {
		{SECRET "\nshort\n", -ENODATA},
		{"\n\n", -ENODATA},
		{"\n" SECRET, 0},
		{SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n", 0},
		{SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET, -E2BIG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct seal *seal = NULL;

		assert_int_equal(
			open_content(rows[i].content, strlen(rows[i].content), 0600, &seal),
			rows[i].expect);
		seal_free(seal);
	}
}

// Computed apart from our code: what is minted today must be good tomorrow.
static void test_known_answer(void **state)
{
	static const unsigned char expect[TOKEN_MAC_SIZE] = {0x01, 0x7e, 0xc5, 0x4a, 0x28, 0x9b,
							     0xea, 0x47, 0xb2, 0x08, 0xf9, 0x69};
	struct seal *seal = make_seal(SECRET);
	struct token token;

	(void)state;
	seal_mint(seal, "bounce", "Six.Test", ID, EXPIRES, &token);
	assert_true(token.id == ID);
	assert_int_equal(token.expires, EXPIRES / 60);
	assert_memory_equal(token.mac, expect, sizeof(expect));
	seal_free(seal);
}

static void test_fault18_every_flipped_bit(void **state)
{
	struct seal *seal = make_seal(SECRET);
	struct token token, forged;

	(void)state;
	seal_mint(seal, "bounce", "six.test", ID, EXPIRES, &token);
	assert_int_equal(check(seal, &token), SEAL_VALID);
	for (int bit = 0; bit < 64 + 32 + TOKEN_MAC_SIZE * 8; bit++) {
		forged = token;
		if (bit < 64)
			forged.id ^= 1ULL << bit;
		else if (bit < 96)
			forged.expires ^= 1U << (bit - 64);
		else
			forged.mac[(bit - 96) / 8] ^= (unsigned char)(1 << (bit - 96) % 8);
		assert_int_equal(check(seal, &forged), SEAL_FORGED);
	}
	seal_free(seal);
}

// A server on the way may fold a local part's case.
static void test_fault18_upper_cased_is_valid(void **state)
{
	struct seal *seal = make_seal(SECRET);
	struct token token, parsed;
	char text[TOKEN_TEXT_SIZE];

	(void)state;
	seal_mint(seal, "bounce", "six.test", ID, EXPIRES, &token);
	token_text(text, &token);
	for (char *p = text; *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
	assert_null(token_parse(text, strlen(text), &parsed));
	assert_int_equal(check(seal, &parsed), SEAL_VALID);
	seal_free(seal);
}

static void test_fault18_other_domain_purpose_secret(void **state)
{
	static const struct {
		const char *purpose, *domain;
		enum seal_verdict expect;
	} rows[] = {
		{"bounce", "six.test", SEAL_VALID},
		{"bounce", "SIX.TEST", SEAL_VALID},
		{"bounce", "seis.test", SEAL_FORGED},
		{"bounce", "", SEAL_FORGED},
		{"bounce", "six.test.", SEAL_FORGED},
		{"message-id", "six.test", SEAL_FORGED},
		{"Bounce", "six.test", SEAL_FORGED},
		{"bounces", "ix.test", SEAL_FORGED}, // the NUL between them counts
	};
	struct seal *seal = make_seal(SECRET);
	struct seal *other = make_seal(SECRET "!");
	struct token token;

	(void)state;
	seal_mint(seal, "bounce", "six.test", ID, EXPIRES, &token);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(seal_check(seal, rows[i].purpose, rows[i].domain, &token, EXPIRES),
				 rows[i].expect);
	assert_int_equal(check(other, &token), SEAL_FORGED);
	seal_free(seal);
	seal_free(other);
}

static void test_fault18_expired(void **state)
{
	static const struct {
		int64_t now;
		enum seal_verdict expect;
	} rows[] = {
		{EXPIRES, SEAL_VALID},
		{EXPIRES + SEAL_GRACE, SEAL_VALID}, // fault 14: a clock a day ahead
		{EXPIRES + SEAL_GRACE + 1, SEAL_EXPIRED},
		{EXPIRES + 10LL * 365 * 86400, SEAL_EXPIRED},
		{EXPIRES - 10LL * 365 * 86400, SEAL_VALID},
		{0, SEAL_VALID},
		{-86400, SEAL_VALID},
	};
	struct seal *seal = make_seal(SECRET);
	struct token token;

	(void)state;
	seal_mint(seal, "bounce", "six.test", ID, EXPIRES, &token);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(seal_check(seal, "bounce", "six.test", &token, rows[i].now),
				 rows[i].expect);
	token.mac[0] ^= 1; // forged goes before expired
	assert_int_equal(seal_check(seal, "bounce", "six.test", &token, EXPIRES + 10 * SEAL_GRACE),
			 SEAL_FORGED);
	seal_free(seal);
}

static void test_expiry_at_the_edges(void **state)
{
	static const struct {
		int64_t expires;
		uint32_t minutes;
	} rows[] = {
		{-5, 0},
		{0, 0},
		{1, 1},
		{60, 1},
		{61, 2},
		{2147483647, 35791395}, // 2038
		{INT64_MAX, UINT32_MAX},
	};
	struct seal *seal = make_seal(SECRET);
	struct token token;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		seal_mint(seal, "bounce", "six.test", ID, rows[i].expires, &token);
		assert_int_equal(token.expires, rows[i].minutes);
	}
	seal_free(seal);
}

static void test_random_ids(void **state)
{
	uint64_t all = 0, last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t id = seal_random_id();

		assert_true(id != 0 && id <= INT64_MAX && id != last);
		all |= id;
		last = id;
	}
	assert_true(all == INT64_MAX); // every bit is used
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_secret_file_that_is_not_there),
		cmocka_unit_test(test_faults_are_told),
		cmocka_unit_test(test_trailing_newline),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_several_secrets),
		cmocka_unit_test(test_known_answer),
		cmocka_unit_test(test_fault18_every_flipped_bit),
		cmocka_unit_test(test_fault18_upper_cased_is_valid),
		cmocka_unit_test(test_fault18_other_domain_purpose_secret),
		cmocka_unit_test(test_fault18_expired),
		cmocka_unit_test(test_expiry_at_the_edges),
		cmocka_unit_test(test_random_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
