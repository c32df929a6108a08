// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Signed messages for tests: keys made here, served from a table, and signatures made by
// libopendkim, in ways that a good signer would not use. Include it in the test program's one file.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <dkim.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "adapter/dkim.h"
#include "base/buf.h"
#include "base/mem.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const char fields[] __attribute__((unused)) =
	"From: a@good.test\r\nTo: test@six.test\r\nSubject: a\r\n b\r\n";
static const char body[] __attribute__((unused)) = "Hello.\r\n\r\n";

// ---- keys, as the test serves them
// ---------------------------------------------------------------------

struct served {
	const char *name;
	enum verify_key state;
	const char *record;
};

struct server {
	const struct served *keys;
	size_t n, n_asked;
};

static inline enum verify_key on_key(void *arg, const char *name, char record[VERIFY_RECORD_SIZE])
{
	struct server *server = arg;

	server->n_asked++;
	for (size_t i = 0; i < server->n; i++) {
		if (strcmp(server->keys[i].name, name) != 0)
			continue;
		if (server->keys[i].state == VERIFY_KEY_FOUND)
			strcpy(record, server->keys[i].record);
		return server->keys[i].state;
	}
	return VERIFY_KEY_MISSING;
}

static inline EVP_PKEY *make_key(int bits)
{
	return bits > 0 ? EVP_RSA_gen((unsigned)bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

// The public half, as in DNS.
static inline const char *record_of(EVP_PKEY *key, char *record)
{
	unsigned char raw[32], *der = NULL;
	size_t len = sizeof(raw);

	if (EVP_PKEY_is_a(key, "ED25519")) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
		strcpy(record, "v=DKIM1; k=ed25519; p=");
		EVP_EncodeBlock((unsigned char *)record + strlen(record), raw, (int)len);
	} else {
		const int der_len = i2d_PUBKEY(key, &der);

		strcpy(record, "v=DKIM1; k=rsa; p=");
		EVP_EncodeBlock((unsigned char *)record + strlen(record), der, der_len);
		OPENSSL_free(der);
	}
	return record;
}

// ---- signatures
// ----------------------------------------------------------------------------------------

struct how {
	EVP_PKEY *key;
	const char *selector; // or "s"
	dkim_alg_t algorithm; // 0: by the key
	ssize_t length;       // of the body that is signed; 0: all
	uint64_t ttl, time;
	const char *fields, *body;
};

static inline void secret_of(EVP_PKEY *key, char *secret, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	int len;

	assert_int_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_read(out, secret, (int)size - 1);
	assert_true(len > 0);
	secret[len] = '\0';
	BIO_free(out);
}

static inline void feed_signer(DKIM *dkim, const char *header, const char *text)
{
	for (const char *at = header; *at != '\0';) {
		const char *end = at;

		do
			end = strstr(end, "\r\n") + 2;
		while (*end == ' ' || *end == '\t');
		assert_int_equal(dkim_header(dkim, (u_char *)at, (size_t)(end - at - 2)),
				 DKIM_STAT_OK);
		at = end;
	}
	assert_int_equal(dkim_eoh(dkim), DKIM_STAT_OK);
	assert_int_equal(dkim_body(dkim, (u_char *)text, strlen(text)), DKIM_STAT_OK);
	assert_int_equal(dkim_eom(dkim, NULL), DKIM_STAT_OK);
}

// libopendkim never frees an Ed25519 key that it signed with; what we look for are leaks of
// verifying.
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

// A signature's value for d=good.test, with a blank in front, as the milter protocol has it.
static inline char *sign(struct how how)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	char secret[8192], value[4000] = " ";
	dkim_alg_t algorithm = how.algorithm;
	u_int bits = 512, flags = how.length != 0 ? DKIM_LIBFLAGS_SIGNLEN : 0;
	const char *twice[] = {"From", NULL};
	DKIM_STAT status;
	DKIM *dkim;

	if (algorithm == 0)
		algorithm = EVP_PKEY_is_a(how.key, "RSA") ? DKIM_SIGN_RSASHA256
							  : DKIM_SIGN_ED25519SHA256;
	secret_of(how.key, secret, sizeof(secret));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof(bits));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, twice, sizeof(char **));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNATURETTL, &how.ttl, sizeof(how.ttl));
	if (how.time != 0)
		dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &how.time, sizeof(how.time));
	dkim = dkim_sign(lib, (u_char *)"test", NULL, (dkim_sigkey_t)secret,
			 (u_char *)(how.selector != NULL ? how.selector : "s"),
			 (u_char *)"good.test", DKIM_CANON_RELAXED, DKIM_CANON_SIMPLE, algorithm,
			 how.length != 0 ? how.length : -1, &status);
	assert_non_null(dkim);
	__lsan_disable();
	feed_signer(dkim, how.fields != NULL ? how.fields : fields,
		    how.body != NULL ? how.body : body);
	assert_int_equal(dkim_getsighdr(dkim, (u_char *)value + 1, sizeof(value) - 1, 16),
			 DKIM_STAT_OK);
	dkim_free(dkim);
	dkim_close(lib);
	__lsan_enable();
	return mem_strdup(value);
}

// ---- and messages with them
// ------------------------------------------------------------------------------

static inline void feed_fields(struct verify *verify, const char *header)
{
	auto_free char *copy = mem_strdup(header);

	for (char *at = copy; *at != '\0';) {
		char *end = at, *colon = strchr(at, ':');

		do
			end = strstr(end, "\r\n") + 2;
		while (*end == ' ' || *end == '\t');
		end[-2] = '\0';
		*colon = '\0';
		verify_header(verify, at, colon + 1);
		at = end;
	}
}
