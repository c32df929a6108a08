// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// libcrypto reads it; a chain file begins with the server's own certificate or with its key, which
// PEM_read_X509 passes over.
#include "adapter/certificate.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// Nobody is asked for a passphrase, on whatever terminal this is.
static int no_passphrase(char *buf, int size, int is_writing, void *arg)
{
	(void)buf, (void)size, (void)is_writing, (void)arg;
	return -1;
}

const char *certificate_fits(const char *path, const char *key_path)
{
	auto_file FILE *file = fopen(path, "re");
	auto_file FILE *key_file = NULL;
	X509 *certificate;
	EVP_PKEY *key;
	int r;

	if (file == NULL)
		return strerror(errno);
	key_file = fopen(key_path, "re");
	if (key_file == NULL)
		return strerror(errno);
	key = PEM_read_PrivateKey(key_file, NULL, no_passphrase, NULL);
	if (key == NULL)
		return CERTIFICATE_NO_KEY;
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	r = certificate == NULL ? 0 : X509_check_private_key(certificate, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return r == 1 ? NULL : "it is another key than its certificate's";
}

const char *certificate_end(const char *path, int64_t *ret_end)
{
	auto_file FILE *file = fopen(path, "re");
	X509 *certificate;
	struct tm end = {0};
	int r;

	if (file == NULL)
		return strerror(errno);
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	if (certificate == NULL)
		return CERTIFICATE_NONE;
	r = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
	X509_free(certificate);
	if (r != 1)
		return "its dates cannot be read";
	*ret_end = timegm(&end);
	return NULL;
}

bool certificate_names(const char *path, const char *name)
{
	auto_file FILE *file = fopen(path, "re");
	X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
	bool is_named = certificate == NULL ||
			X509_check_host(certificate, name, strlen(name), 0, NULL) == 1;

	X509_free(certificate);
	return is_named;
}
