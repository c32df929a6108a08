// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// libcrypto reads it; a chain file begins with the server's own certificate or with its key, which
// PEM_read_X509 passes over.
#include "adapter/certificate.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
