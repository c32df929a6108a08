// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Two passes in one: at each place either the name itself begins, or a word of address characters
// that ends at an "@".

#include "mail/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

static bool is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.\"\\", c) != NULL);
}

// Octets of the name that stands at text by itself; 0 for none.
static size_t name_at(const char *text, char before, const char *local)
{
	size_t len = strlen(local);

	if (len == 0 || (is_alnum(before) && is_alnum(local[0])) ||
	    strncasecmp(text, local, len) != 0)
		return 0;
	return is_alnum(text[len]) && is_alnum(local[len - 1]) ? 0 : len;
}

// Octets of the local part of an address that begins at text; 0 for none.
static size_t local_at(const char *text, char before)
{
	size_t len = 0;

	if (is_atext(before))
		return 0;
	while (is_atext(text[len]))
		len++;
	return len > 0 && text[len] == '@' ? len : 0;
}

void redact(struct buf *out, const char *text, const char *local, const char *with)
{
	char before = '\0';

	while (*text != '\0') {
		size_t len = local_at(text, before);

		if (len == 0)
			len = name_at(text, before, local);
		if (len > 0)
			buf_adds(out, with);
		else
			buf_addc(out, *text);
		len = len > 0 ? len : 1;
		before = text[len - 1];
		text += len;
	}
}
