// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Mints and checks tokens: HMAC-SHA-256 over a purpose, a domain, the id and the expiry.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mail/token.h"

#define SEAL_SECRET_MIN 16 // octets
#define SEAL_SECRET_MAX 1024
#define SEAL_SECRETS    4 // in a file
#define SEAL_GRACE                                                                                 \
	86400 // seconds a token stays good past its expiry: clocks jump by a day (RELIABILITY 14)

enum seal_verdict {
	SEAL_VALID,
	SEAL_EXPIRED, // genuine, but past its time and SEAL_GRACE
	SEAL_FORGED,
};

struct seal;

// Reads the secrets from the file at path, or from its credential (credential_place): a line each,
// of SEAL_SECRET_MIN to SEAL_SECRET_MAX octets; empty lines do not count. The first one mints;
// tokens of all of them are genuine, so that a new secret can be put in front and the old one stays
// until its tokens are spent. Group or others must not be able to write it. 0, or a negative errno:
// -ENODATA too short, or none; -EFBIG too long, -E2BIG too many, -EPERM writable by others.
int seal_open(const char *path, struct seal **ret_seal) must_check;

// What an error of seal_open means: a sentence, static or strerror(3)'s.
const char *seal_fault(int error);

// How many secrets it has.
size_t seal_count(const struct seal *seal);
struct seal *seal_free(struct seal *seal);

// purpose keeps a token for one use from serving another: "bounce", "message-id" (at most 32
// octets). domain is compared without case.
void seal_mint(const struct seal *seal, const char *purpose, const char *domain, uint64_t id,
	       int64_t expires, struct token *ret_token);

// now and expires: seconds since 1970. The expiry is kept in whole minutes, rounded up. A token
// expires SEAL_GRACE late, so a clock that jumps ahead by a day makes none expire early.
enum seal_verdict seal_check(const struct seal *seal, const char *purpose, const char *domain,
			     const struct token *token, int64_t now);

// 63 random bits, never 0, from the kernel.
uint64_t seal_random_id(void);
