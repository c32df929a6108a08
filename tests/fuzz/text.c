// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// base/text.h on any bytes: what is escaped is clean UTF-8 that fits, and base32 that is taken
// comes back the same. Reached: base32 of at least one octet was decoded.

#include <string.h>

#include "fuzz.h"

#include "base/text.h"

static void check_escaped(const char *text, size_t size)
{
	assert(strlen(text) < size);
	assert(text_is_utf8(text, strlen(text)));
	for (const char *p = text; *p != '\0'; p++)
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void check_base32(const char *text, size_t len)
{
	unsigned char octets[64];
	char again[sizeof(octets) * 8 / 5 + 2];
	long n = text_unbase32(octets, sizeof(octets), text, len);

	if (n <= 0)
		return;
	text_base32(again, octets, (size_t)n);
	assert(strlen(again) == len && strncasecmp(again, text, len) == 0);
	fuzz_reached++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t room = 8 + (size > 0 ? data[0] : 0), cut = text_utf8_cut(text, size, room);
	char dst[8 + 255];

	check_escaped(text_escape(dst, room, text, size), room);
	check_escaped(text_escape_log(dst, room, text, size), room);
	assert(cut <= room && cut <= size);
	assert(!text_is_utf8(text, size) || text_is_utf8(text, cut));
	check_base32(text, size);
	return 0;
}
