// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Makes any bytes well-formed UTF-8. One byte for one byte, so nothing that was measured before has
// to be measured again.
#include "base/scrub.h"

#include "base/text.h"

#define SUB 0x1a

// The length of the character at bytes, 0 where there is none.
static size_t character_length(const char *bytes, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (text_is_utf8(bytes, n))
			return n;
	return 0;
}

void scrub_utf8(char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = bytes[i] == '\0' ? 0 : character_length(bytes + i, len - i);

		if (n == 0)
			bytes[i] = SUB;
		i += n == 0 ? 1 : n;
	}
}
