// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/addr.h on any bytes: what is taken is printable, within its limits, and is the same address
// when its text is read again. Reached: an address was taken.

#include <string.h>

#include "fuzz.h"

#include "base/text.h"
#include "mail/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[ADDR_TEXT_SIZE];
	char again_text[ADDR_TEXT_SIZE];
	char plain[ADDR_LOCAL_MAX + 1];
	struct addr addr;
	struct addr again;

	if (addr_parse((const char *)data, size, &addr) != NULL)
		return 0;
	addr_text(text, &addr);
	assert(strlen(text) <= ADDR_MAX && text_is_printable(text, strlen(text)));
	assert(memmem(data, size, text, strlen(text)) != NULL); // byte for byte
	assert(addr.utf8 == !text_is_ascii(text, strlen(text)));
	assert(addr_parse(text, strlen(text), &again) == NULL);
	assert(strcmp(addr_text(again_text, &again), text) == 0);
	assert(addr_equals(&addr, &again) && domain_is_below(&addr.domain, &again.domain));
	assert(strlen(addr_local_plain(plain, &addr)) <= strlen(addr.local));
	fuzz_reached++;
	return 0;
}
