// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/token.h on any bytes: a token has one text, letter case aside, and it begins with the id's.
// Reached: a token was taken.

#include <string.h>

#include "fuzz.h"

#include "mail/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TOKEN_TEXT_SIZE];
	char id[TOKEN_ID_SIZE];
	struct token token;

	if (token_parse((const char *)data, size, &token) != NULL)
		return 0;
	token_text(text, &token);
	assert(strlen(text) == size && strncasecmp(text, (const char *)data, size) == 0);
	token_id_text(id, token.id);
	assert(strncmp(text, id, TOKEN_ID_LEN) == 0);
	fuzz_reached++;
	return 0;
}
