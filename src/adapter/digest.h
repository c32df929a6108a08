// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SHA-256 and HMAC-SHA-256, by GLib.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 32

// SHA-256 of the whole data.
void digest_sha256(unsigned char dst[DIGEST_SIZE], const void *data, size_t len);

// SHA-256 of what comes piece by piece. digest_finish() frees it, with dst NULL without a result.
struct digest;
struct digest *digest_start(void);
void digest_add(struct digest *digest, const void *data, size_t len);
void digest_finish(struct digest *digest, unsigned char *dst);

// HMAC (RFC 2104) with SHA-256, for a key of any length.
void digest_hmac(unsigned char dst[DIGEST_SIZE], const void *key, size_t key_len, const void *data,
		 size_t len);

// Lower-case hex; dst holds 2 * len + 1 bytes.
void digest_hex(char *dst, const unsigned char *src, size_t len);

// Compares in a time that depends on len alone.
bool digest_equals(const unsigned char *a, const unsigned char *b, size_t len);
