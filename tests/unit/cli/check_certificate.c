// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check: the secret, and certificates, their names and their keys, in the files that an instance
// may name; postconf(1), which names them, is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config config = {
	.path = (char[]){"/etc/postsix.conf"},
	.v6 = {.config_directory = (char[]){"v6"}, .hostname = (char[]){"mx.six.test"}},
	.dual = {.config_directory = (char[]){"dual"}, .hostname = (char[]){"MX.dual.test"}}};

// Adds a certificate of the key to the file that is good for a year, for these names.
static void add_certificate(const char *name, EVP_PKEY *key, const char *names)
{
	FILE *file = fopen(folder_file(name), "a");
	X509 *certificate = X509_new();
	X509_EXTENSION *alternatives = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	assert_non_null(file);
	assert_non_null(alternatives);
	X509_set_version(certificate, X509_VERSION_3);
	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 365L * 86400);
	X509_add_ext(certificate, alternatives, -1);
	assert_true(X509_sign(certificate, key, NULL) > 0);
	PEM_write_X509(file, certificate);
	X509_EXTENSION_free(alternatives);
	X509_free(certificate);
	assert_int_equal(fclose(file), 0);
}

// Adds the key to the file, or a certificate of it.
static void add(const char *name, EVP_PKEY *key, bool is_key)
{
	FILE *file;

	if (!is_key) {
		add_certificate(name, key, "DNS:mx.six.test,DNS:mx.dual.test");
		return;
	}
	file = fopen(folder_file(name), "a");
	assert_non_null(file);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
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
	add_certificate("six.crt", one, "DNS:mx.six.test");
	add_certificate("other.crt", one, "DNS:six.test,DNS:*.elsewhere.test");
	add_certificate("star.crt", one, "DNS:*.six.test,DNS:*.dual.test");
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

static void test_names(void **state)
{
	static const struct {
		const char *file;
		size_t n_warn;
		const char *says; // the last of them
	} cases[] = {
		{"one.crt", 0, NULL},
		{"star.crt", 0, NULL},
		{"six.crt", 1, "it is not for the name MX.dual.test"},
		{"other.crt", 2, "it is not for the name MX.dual.test"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = {.config = &config, .current = "certificate"};
		char chain[100];

		snprintf(chain, sizeof(chain), "@one.key @%s @two.crt", cases[i].file);
		play_postconf((const char *const[]){chain, "", ""});
		check_certificate(&check);
		assert_int_equal(check_count(&check, CHECK_FAIL), 0);
		assert_int_equal(check_count(&check, CHECK_WARN), cases[i].n_warn);
		if (cases[i].says != NULL) {
			assert_string_equal(check.lines[check.n_lines - 1].text, cases[i].says);
			assert_int_equal(check.lines[check.n_lines - 1].n_mend, 1);
		}
		check_free_lines(&check);
	}
}

static void test_secret(void **state)
{
	static const struct {
		const char *file, *content;
		enum check_level level;
		const char *says;
		size_t n_mend;
	} cases[] = {
		{"token.secret", "0123456789abcdef\n", CHECK_OK, "1 secret", 0},
		{"token.secret", "0123456789abcdef\nfedcba9876543210\n", CHECK_OK, "2 secrets", 0},
		{"token.secret", "short\n", CHECK_FAIL,
		 "each line wants a secret of 16 octets or more, and there is a shorter one, or "
		 "none; postsix setup makes a file that is missing",
		 1},
		{"nowhere", NULL, CHECK_FAIL, "there is no such file; postsix setup makes it", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = {.config = &config, .current = "secret"};

		if (cases[i].content != NULL)
			folder_write(cases[i].file, cases[i].content, strlen(cases[i].content));
		config.token_secret_file = strdup(folder_file(cases[i].file));
		check_secret(&check);
		assert_int_equal(check.n_lines, 1);
		assert_int_equal(check.lines[0].level, cases[i].level);
		assert_string_equal(check.lines[0].text, cases[i].says);
		assert_int_equal(check.lines[0].n_mend, cases[i].n_mend);
		check_free_lines(&check);
		free(config.token_secret_file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, make, folder_remove),
		cmocka_unit_test_setup_teardown(test_names, make, folder_remove),
		cmocka_unit_test_setup_teardown(test_secret, make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
