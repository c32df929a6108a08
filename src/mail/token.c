// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The text of a token. Two runs of base32 follow each other: the id's 8 octets, then expiry and
// MAC. So the first 13 letters are the id alone, the name that our log lines carry, and one grep
// over the mail log finds Postfix's lines (which show the whole address) and ours.
//
// A token has one text only, letter case aside: unused bits must be zero, else a spent token could
// come back under another spelling.
#include "mail/token.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

#define ID_SIZE   8
#define REST_SIZE (TOKEN_SIZE - ID_SIZE)
#define REST_LEN  (TOKEN_TEXT_LEN - TOKEN_ID_LEN)

static void put_octets(unsigned char *dst, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = (unsigned char)(value >> (8 * (n - 1 - i)));
}

static uint64_t get_octets(const unsigned char *src, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | src[i];
	return value;
}

const char *token_parse(const char *text, size_t len, struct token *ret_token)
{
	unsigned char id[ID_SIZE];
	unsigned char rest[REST_SIZE];

	if (len != TOKEN_TEXT_LEN)
		return "a token has 39 letters";
	if (text_unbase32(id, sizeof(id), text, TOKEN_ID_LEN) != ID_SIZE ||
	    text_unbase32(rest, sizeof(rest), text + TOKEN_ID_LEN, REST_LEN) != REST_SIZE)
		return "a token is base32, and this is not";
	ret_token->id = get_octets(id, sizeof(id));
	ret_token->expires = (uint32_t)get_octets(rest, 4);
	memcpy(ret_token->mac, rest + 4, TOKEN_MAC_SIZE);
	return NULL;
}

void token_text(char dst[TOKEN_TEXT_SIZE], const struct token *token)
{
	unsigned char rest[REST_SIZE];

	static_assert(REST_SIZE == 4 + TOKEN_MAC_SIZE, "expiry and MAC fill the second run");
	token_id_text(dst, token->id);
	put_octets(rest, 4, token->expires);
	memcpy(rest + 4, token->mac, TOKEN_MAC_SIZE);
	text_base32(dst + TOKEN_ID_LEN, rest, sizeof(rest));
}

void token_id_text(char dst[TOKEN_ID_SIZE], uint64_t id)
{
	unsigned char octets[ID_SIZE];

	put_octets(octets, sizeof(octets), id);
	text_base32(dst, octets, sizeof(octets));
}

void token_signed_part(unsigned char dst[TOKEN_SIZE - TOKEN_MAC_SIZE], const struct token *token)
{
	put_octets(dst, ID_SIZE, token->id);
	put_octets(dst + ID_SIZE, 4, token->expires);
}
