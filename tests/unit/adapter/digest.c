// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/digest: published test vectors (FIPS 180-4, RFC 4231).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/digest.h"

static const char *hex_of(const unsigned char *digest)
{
	static char hex[2 * DIGEST_SIZE + 1];

	digest_hex(hex, digest, DIGEST_SIZE);
	return hex;
}

static void test_sha256(void **state)
{
	unsigned char digest[DIGEST_SIZE];

	(void)state;
	digest_sha256(digest, "", 0);
	assert_string_equal(hex_of(digest),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256(digest, "abc", 3);
	assert_string_equal(hex_of(digest),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_pieces(void **state)
{
	unsigned char whole[DIGEST_SIZE], pieces[DIGEST_SIZE];
	struct digest *digest = digest_start();
	const char nul[] = "a\0b";

	(void)state;
	digest_sha256(whole, nul, 3);
	digest_add(digest, nul, 1);
	digest_add(digest, nul + 1, 0);
	digest_add(digest, nul + 1, 2);
	digest_finish(digest, pieces);
	assert_memory_equal(whole, pieces, DIGEST_SIZE);
	digest_finish(digest_start(), NULL);
}

static void test_hmac(void **state)
{
	unsigned char digest[DIGEST_SIZE], key[131];

	(void)state;
	memset(key, 0x0b, 20);
	digest_hmac(digest, key, 20, "Hi There", 8);
	assert_string_equal(hex_of(digest),
			    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac(digest, "Jefe", 4, "what do ya want for nothing?", 28);
	assert_string_equal(hex_of(digest),
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key)); // longer than a block
	digest_hmac(digest, key, sizeof(key),
		    "Test Using Larger Than Block-Size Key - Hash Key First", 54);
	assert_string_equal(hex_of(digest),
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_equals(void **state)
{
	const unsigned char a[] = {1, 2, 3}, b[] = {1, 2, 3}, last[] = {1, 2, 4},
			    first[] = {0, 2, 3};

	(void)state;
	assert_true(digest_equals(a, b, 3));
	assert_false(digest_equals(a, last, 3));
	assert_false(digest_equals(a, first, 3));
	assert_true(digest_equals(a, last, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_equals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
