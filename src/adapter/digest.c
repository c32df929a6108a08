// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SHA-256 and HMAC-SHA-256, by GLib, which every program that needs one links already.
//
// The one thing to know: nothing here wipes keys from memory; the process that has one is the one
// that uses it.
#include "adapter/digest.h"

#include <assert.h>
#include <glib.h>

// The public struct digest is GLib's checksum under our name.
static GChecksum *checksum_of(struct digest *digest)
{
	return (GChecksum *)(void *)digest;
}

struct digest *digest_start(void)
{
	return (struct digest *)(void *)g_checksum_new(G_CHECKSUM_SHA256);
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
	if (len > 0) // GLib takes a negative length for "until NUL"; ours never is one
		g_checksum_update(checksum_of(digest), data, (gssize)len);
}

void digest_finish(struct digest *digest, unsigned char *dst)
{
	gsize size = DIGEST_SIZE;

	if (dst != NULL) {
		g_checksum_get_digest(checksum_of(digest), dst, &size);
		assert(size == DIGEST_SIZE);
	}
	g_checksum_free(checksum_of(digest));
}

void digest_sha256(unsigned char dst[DIGEST_SIZE], const void *data, size_t len)
{
	struct digest *digest = digest_start();

	digest_add(digest, data, len);
	digest_finish(digest, dst);
}

void digest_hmac(unsigned char dst[DIGEST_SIZE], const void *key, size_t key_len, const void *data,
		 size_t len)
{
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, key_len);
	gsize size = DIGEST_SIZE;

	if (len > 0)
		g_hmac_update(hmac, data, (gssize)len);
	g_hmac_get_digest(hmac, dst, &size);
	g_hmac_unref(hmac);
	assert(size == DIGEST_SIZE);
}

void digest_hex(char *dst, const unsigned char *src, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*dst++ = digits[src[i] >> 4];
		*dst++ = digits[src[i] & 15];
	}
	*dst = '\0';
}

bool digest_equals(const unsigned char *a, const unsigned char *b, size_t len)
{
	volatile unsigned char difference = 0; // volatile: no early end by an optimiser

	for (size_t i = 0; i < len; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}
