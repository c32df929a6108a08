// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// certificate: when the first one in a file ends, in every file that may stand there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "adapter/certificate.h"
#include "unit/folder.h"

static EVP_PKEY *key;

static int make(void **state)
{
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return folder_make(state);
}

static int drop(void **state)
{
	EVP_PKEY_free(key);
	return folder_remove(state);
}

// Adds to the file a certificate that ends then (ASN.1 GeneralizedTime); NULL: the key.
static void add(const char *name, const char *end)
{
	FILE *file = fopen(folder_file(name), "a");
	X509 *certificate = X509_new();

	assert_non_null(file);
	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	if (end == NULL) {
		PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	} else {
		assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(certificate), end), 1);
		assert_true(X509_sign(certificate, key, NULL) > 0);
		PEM_write_X509(file, certificate);
	}
	X509_free(certificate);
	assert_int_equal(fclose(file), 0);
}

static void test_ends(void **state)
{
	static const struct {
		const char *end;
		int64_t time;
	} cases[] = {
		{"20270115080000Z", 1800000000},
		{"270115080000Z", 1800000000}, // UTCTime
		{"19700101000000Z", 0},
		{"19000101000000Z", INT64_C(-2208988800)},
		{"20380119031408Z", INT64_C(2147483648)},
		{"99991231235959Z", INT64_C(253402300799)}, // none (RFC 5280 section 4.1.2.5)
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t end = 7;

		unlink(folder_file("c"));
		add("c", cases[i].end);
		assert_null(certificate_end(folder_file("c"), &end));
		assert_true(end == cases[i].time);
	}
}

static void test_chains(void **state)
{
	int64_t end = 0;

	(void)state;
	add("chain", NULL); // smtpd_tls_chain_files has the key first
	assert_string_equal(certificate_end(folder_file("chain"), &end), CERTIFICATE_NONE);
	add("chain", "20270115080000Z");
	add("chain", "20300115080000Z"); // the issuer's
	assert_null(certificate_end(folder_file("chain"), &end));
	assert_int_equal(end, 1800000000);
}

static void test_keys(void **state)
{
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
				     "-----END ENCRYPTED PRIVATE KEY-----\n";
	EVP_PKEY *kept = key;

	(void)state;
	add("key", NULL);
	add("c", "20270115080000Z");
	add("both", NULL);
	add("both", "20270115080000Z");
	add("after", "20270115080000Z");
	add("after", NULL);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	add("other", NULL);
	EVP_PKEY_free(key);
	key = kept;
	folder_write("locked", locked, sizeof(locked) - 1);
	assert_null(certificate_fits(folder_file("c"), folder_file("key")));
	assert_null(certificate_fits(folder_file("both"), folder_file("both")));
	assert_null(certificate_fits(folder_file("after"), folder_file("after")));
	assert_string_equal(certificate_fits(folder_file("c"), folder_file("other")),
			    "it is another key than its certificate's");
	assert_string_equal(certificate_fits(folder_file("c"), folder_file("c")),
			    CERTIFICATE_NO_KEY);
	assert_string_equal(certificate_fits(folder_file("c"), folder_file("locked")),
			    CERTIFICATE_NO_KEY);
	assert_string_equal(certificate_fits(folder_file("c"), folder_file("none")),
			    "No such file or directory");
}

static void test_faults(void **state)
{
	static const char *const texts[] = {
		"",
		"no certificate",
		"-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n\x1b[2J\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	};
	int64_t end = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		folder_write("c", texts[i], strlen(texts[i]));
		assert_string_equal(certificate_end(folder_file("c"), &end), CERTIFICATE_NONE);
	}
	assert_string_equal(certificate_end(folder_file("none"), &end),
			    "No such file or directory");
	assert_string_equal(certificate_end(folder_path, &end), CERTIFICATE_NONE);
	assert_int_equal(end, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_ends), TEST(test_chains), TEST(test_keys),
					   TEST(test_faults)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
