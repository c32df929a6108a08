// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The private keys that sign our mail: read from a file, checked, made, and what the DNS says of
// them. Nothing is signed here: see adapter/dkim_sign.h.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define KEY_FILE_MAX     (16 * 1024)
#define KEY_RECORD_MAX   1024 // octets of a record: an RSA key of 4096 bits takes 750
#define KEY_RSA_BITS     2048 // of a key we make
#define KEY_RSA_BITS_MIN 2048
#define KEY_RSA_BITS_MAX 4096 // what every verifier must take (RFC 8301 section 3.2)

#define KEY_ED25519_BASE64_SIZE 89 // of a signature, with its NUL

enum key_type {
	KEY_RSA,
	KEY_ED25519, // RFC 8463
};

struct key;

// Reads a private key, PEM without a password, from the file at path, or from its credential
// (credential_place). Others must not be able to read it, nor group and others to write it. NULL on
// success; else a sentence that says what is wrong with the file.
const char *key_open(const char *path, enum key_type type, struct key **ret_key) must_check;

// A new one.
struct key *key_make(enum key_type type);
struct key *key_free(struct key *key);

// From now on, a copy of this RSA key that any library in this process has read signs by way of
// this one, until this one is freed. OpenSSL prepares a key at its first operation (Montgomery
// forms, a blinding), which takes longer than the operation, and libopendkim reads its key anew for
// every message. One thread at a time.
void key_keep(struct key *key);

// Writes it into a new file of mode 0600, durably; owner and group become those of the file at
// owner_path where we are root and there is one. 0 or a negative errno: -EEXIST where there is a
// file already, which is left as it is.
int key_store(const struct key *key, const char *path, const char *owner_path) must_check;

// What it was opened or made as.
enum key_type key_type(const struct key *key);

// Octets of a signature made with it.
size_t key_signature_size(const struct key *key);

// Signs by an Ed25519 key; base64.
void key_sign_ed25519(const struct key *key, const void *data, size_t len,
		      char dst[KEY_ED25519_BASE64_SIZE]);

// The private key as PEM. Borrowed.
const char *key_pem(const struct key *key);

// Appends the text of its DNS record: "v=DKIM1; k=…; p=…" (RFC 6376 section 3.6.1, RFC 8463
// section 4).
void key_record(const struct key *key, struct buf *out);
