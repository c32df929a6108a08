// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check: certificates and their keys, in the files that an instance may name; postconf(1), which
// names them, is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "cli/check.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config config = {.path = (char[]){"/etc/postsix.conf"},
			       .v6 = {.config_directory = (char[]){"v6"}},
			       .dual = {.config_directory = (char[]){"dual"}}};

// Adds the key to the file, or a certificate of it that is good for a year.
static void add(const char *name, EVP_PKEY *key, bool is_key)
{
	FILE *file = fopen(folder_file(name), "a");
	X509 *certificate = X509_new();

	assert_non_null(file);
	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 365L * 86400);
	assert_true(X509_sign(certificate, key, NULL) > 0);
	if (is_key)
		PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_X509(file, certificate);
	X509_free(certificate);
	assert_int_equal(fclose(file), 0);
}

static int make(void **state)
{
	EVP_PKEY *one = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *two = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char path[500];

	if (folder_make(state) < 0)
		return -1;
	add("one.key", one, true);
	add("one.crt", one, false);
	add("one.pem", one, true);
	add("one.pem", one, false);
	add("two.key", two, true);
	add("two.crt", two, false);
	folder_write("empty", "", 0);
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder_path);
	return setenv("PATH", path, 1);
}

// Both instances name these, each for the settings that they are asked for, in their order.
static void play_postconf(const char *const files[3])
{
	char text[4000];
	int len = snprintf(text, sizeof(text),
			   "#!/bin/sh\n[ \"$4 $5 $6\" = 'smtpd_tls_chain_files smtpd_tls_key_file "
			   "smtpd_tls_cert_file' ] || exit 1\n"
			   "printf '%%s\\n' '%s' '%s' '%s' | sed 's|@|%s/|g'\n",
			   files[0], files[1], files[2], folder_path);

	folder_write("postconf", text, (size_t)len);
	chmod(folder_file("postconf"), 0755);
}

static void test_keys(void **state)
{
	static const char other[] = "it is another key than its certificate's";
	static const struct {
		const char *files[3]; // chain files, key, certificate
		size_t n_ok;
		const char *file, *says; // of the one fault; NULL: none
	} cases[] = {
		{{"", "", ""}, 1, NULL, NULL},
		{{"@one.key @one.crt", "", ""}, 1, NULL, NULL},
		{{"@one.pem", "", ""}, 1, NULL, NULL},
		{{"@one.key, @one.crt, @two.key, @two.crt", "", ""}, 2, NULL, NULL},
		{{"@one.key @one.crt @two.crt", "", ""}, 2, NULL, NULL}, // the issuer's
		{{"", "@one.key", "@one.crt"}, 1, NULL, NULL},
		{{"", "@one.pem", "@one.pem"}, 1, NULL, NULL},
		{{"@two.key @one.crt", "", ""}, 1, "two.key", other},
		{{"", "@two.key", "@one.crt"}, 1, "two.key", other},
		{{"@one.key @one.crt @one.key @two.crt", "", ""}, 2, "one.key", other},
		{{"@empty @one.crt", "", ""}, 1, "empty", "there is no key in it"},
		{{"@one.crt", "", ""}, 1, "one.crt", "there is no key in it"},
		{{"", "@one.crt", "@one.crt"}, 1, "one.crt", "there is no key in it"},
		{{"@none @one.crt", "", ""}, 1, "none", "No such file or directory"},
		{{"@one.key", "", ""}, 0, "one.key", "there is no certificate in it"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = {.config = &config, .current = "certificate"};
		const struct check_line *bad = NULL;

		play_postconf(cases[i].files);
		check_certificate(&check);
		for (size_t k = 0; k < check.n_lines; k++)
			if (check.lines[k].level == CHECK_FAIL)
				bad = &check.lines[k];
		assert_int_equal(check_count(&check, CHECK_OK), cases[i].n_ok);
		assert_int_equal(check.n_lines - cases[i].n_ok, cases[i].file != NULL);
		if (cases[i].file != NULL) {
			assert_non_null(bad);
			assert_string_equal(strrchr(bad->subject, '/') + 1, cases[i].file);
			assert_string_equal(bad->text, cases[i].says);
			assert_int_equal(bad->n_mend, 1);
		}
		check_free_lines(&check);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
