// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Tokens are genuine where their MAC is: HMAC-SHA-256 over the purpose, NUL, the lower-cased
// domain, NUL, id and expiry, cut to 96 bits. (RFC 2104 section 5 recommends 128, against those who
// test guesses at leisure; here each guess costs an SMTP session, and RELIABILITY 18 asks for 80.)
// The purpose and the domain are in the MAC so that a token of one site or use is worth nothing in
// another. A secret never leaves this file; one that is read anew is another seal.
#include "adapter/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "adapter/credential.h"
#include "adapter/digest.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/domain.h"

#define PURPOSE_MAX 32
#define SIGNED_SIZE (TOKEN_SIZE - TOKEN_MAC_SIZE)

struct secret {
	unsigned char octets[SEAL_SECRET_MAX];
	size_t len;
};

struct seal {
	struct secret secrets[SEAL_SECRETS];
	size_t n;
};

static int take_secret(struct seal *seal, const char *line, size_t len)
{
	struct secret *secret = &seal->secrets[seal->n];

	if (len == 0)
		return 0;
	if (len < SEAL_SECRET_MIN)
		return -ENODATA;
	if (len > SEAL_SECRET_MAX)
		return -EFBIG;
	if (seal->n == SEAL_SECRETS)
		return -E2BIG;
	memcpy(secret->octets, line, len);
	secret->len = len;
	seal->n++;
	return 0;
}

static int take_secrets(struct seal *seal, const struct buf *file)
{
	int error = 0;

	for (size_t start = 0; start < file->len && error == 0;) {
		const char *line = file->data + start;
		const char *end = memchr(line, '\n', file->len - start);
		size_t len = end == NULL ? file->len - start : (size_t)(end - line);

		error = take_secret(seal, line, len);
		start += len + 1;
	}
	return error == 0 && seal->n == 0 ? -ENODATA : error;
}

static int read_secrets(struct seal *seal, const char *path)
{
	struct buf file = buf_make(SEAL_SECRETS * (SEAL_SECRET_MAX + 2));
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	int error;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	error = file_read_fd(fd, &file);
	if (error == 0)
		error = take_secrets(seal, &file);
	if (file.data != NULL)
		explicit_bzero(file.data, file.room);
	buf_free(&file);
	return error;
}

int seal_open(const char *path, struct seal **ret_seal)
{
	struct seal *seal = mem_new(1, sizeof(*seal));
	char credential[PATH_MAX];
	int error = read_secrets(seal, credential_place(path, credential));

	if (error < 0) {
		seal_free(seal);
		return error;
	}
	*ret_seal = seal;
	return 0;
}

const char *seal_fault(int error)
{
	static const struct {
		int error;
		const char *says;
	} faults[] = {
		{-ENOENT, "there is no such file; postsix setup makes it"},
		{-ENODATA, "each line wants a secret of 16 octets or more, and there is a shorter "
			   "one, or none; postsix setup makes a file that is missing"},
		{-EFBIG, "a line has more than 1024 octets"},
		{-E2BIG, "there are more than four secrets"},
		{-EPERM, "group or others may write it"},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].error == error)
			return faults[i].says;
	return strerror(-error);
}

struct seal *seal_free(struct seal *seal)
{
	if (seal == NULL)
		return NULL;
	explicit_bzero(seal, sizeof(*seal));
	free(seal);
	return NULL;
}

size_t seal_count(const struct seal *seal)
{
	return seal->n;
}

static void make_mac(const struct secret *secret, const char *purpose, const char *domain,
		     const struct token *token, unsigned char dst[DIGEST_SIZE])
{
	unsigned char text[PURPOSE_MAX + 1 + DOMAIN_MAX + 1 + SIGNED_SIZE];
	size_t purpose_size = strlen(purpose) + 1;
	size_t domain_size = strlen(domain) + 1;

	assert(purpose_size <= PURPOSE_MAX + 1 && domain_size <= DOMAIN_MAX + 1);
	memcpy(text, purpose, purpose_size);
	memcpy(text + purpose_size, domain, domain_size);
	text_lower((char *)text + purpose_size);
	token_signed_part(text + purpose_size + domain_size, token);
	digest_hmac(dst, secret->octets, secret->len, text,
		    purpose_size + domain_size + SIGNED_SIZE);
}

// Rounded up, so that no token lives shorter than was asked; bounded, so that no clock makes it
// wrap.
static uint32_t expiry_minutes(int64_t seconds)
{
	if (seconds <= 0)
		return 0;
	if (seconds / 60 >= UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)((seconds + 59) / 60);
}

void seal_mint(const struct seal *seal, const char *purpose, const char *domain, uint64_t id,
	       int64_t expires, struct token *ret_token)
{
	struct token token = {.id = id, .expires = expiry_minutes(expires)};
	unsigned char mac[DIGEST_SIZE];

	make_mac(&seal->secrets[0], purpose, domain, &token, mac);
	memcpy(token.mac, mac, sizeof(token.mac));
	*ret_token = token;
}

enum seal_verdict seal_check(const struct seal *seal, const char *purpose, const char *domain,
			     const struct token *token, int64_t now)
{
	unsigned char mac[DIGEST_SIZE];
	bool is_genuine = false;

	for (size_t i = 0; i < seal->n; i++) {
		make_mac(&seal->secrets[i], purpose, domain, token, mac);
		is_genuine |= digest_equals(mac, token->mac, sizeof(token->mac));
	}
	if (!is_genuine)
		return SEAL_FORGED;
	if (now - SEAL_GRACE > (int64_t)token->expires * 60)
		return SEAL_EXPIRED;
	return SEAL_VALID;
}

uint64_t seal_random_id(void)
{
	uint64_t id = 0;

	// At most 256 octets come whole, once the kernel's generator is seeded (getrandom(2)); only
	// a signal interrupts the wait for that.
	while (id == 0) {
		if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
			if (errno != EINTR)
				abort();
			id = 0;
		}
		id &= INT64_MAX;
	}
	return id;
}
