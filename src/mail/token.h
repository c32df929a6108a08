// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The text of a token: the keyed, expiring name of one probe, good for a local part (RFC 5321
// section 4.5.3.1.1) and for a Message-ID. Sealing and checking it takes the key: adapter/seal.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define TOKEN_MAC_SIZE 12 // octets kept of the HMAC-SHA-256: 96 bits
#define TOKEN_SIZE     24
#define TOKEN_TEXT_LEN                                                                             \
	39 // base32 of the id's 8 octets (13 letters), then of the other 16 (26 letters)
#define TOKEN_TEXT_SIZE (TOKEN_TEXT_LEN + 1)
#define TOKEN_ID_LEN                                                                               \
	13 // the name in logs: the text begins with it, so one grep finds Postfix's lines too
#define TOKEN_ID_SIZE (TOKEN_ID_LEN + 1)

struct token {
	uint64_t id;      // random, names the probe or the request in the database and in logs
	uint32_t expires; // minutes since 1970
	unsigned char mac[TOKEN_MAC_SIZE];
};

// Returns NULL and sets *ret_token, or a sentence that says what is wrong. Letter case does not
// matter. The parsed token is well formed, not yet genuine.
const char *token_parse(const char *text, size_t len, struct token *ret_token) must_check;

// The one text of the token, in lower case.
void token_text(char dst[TOKEN_TEXT_SIZE], const struct token *token);

// The id as the log names it: the first letters of every token with that id.
void token_id_text(char dst[TOKEN_ID_SIZE], uint64_t id);

// The octets that the MAC covers (id and expiry), in network order.
void token_signed_part(unsigned char dst[TOKEN_SIZE - TOKEN_MAC_SIZE], const struct token *token);
