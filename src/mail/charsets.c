// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A look for names of character sets. To open all tables that mail might want, once in the
// resident, was tried: each costs every later fork 10 µs, which doubled a message's.
#include "mail/charsets.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define WORD "charset"

static size_t name_length(const char *text, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:-";
	size_t n = 0;

	while (n < len && text[n] != '\0' && strchr(letters, text[n]) != NULL)
		n++;
	return n;
}

// Where a name begins that follows here, or 0: behind "=?", or behind "charset" with its "=" (RFC
// 2231 has "*" and digits between them), blanks and a quote.
static size_t find_start(const char *text, size_t len)
{
	const size_t word = sizeof(WORD) - 1;
	size_t at = word;

	if (len > 2 && text[0] == '=' && text[1] == '?')
		return 2;
	if (len <= word || !text_starts_nocase(text, WORD))
		return 0;
	while (at < len && text[at] != '\0' && strchr(" \t\r\n*0123456789", text[at]) != NULL)
		at++;
	if (at == len || text[at] != '=')
		return 0;
	for (at++; at < len && text[at] != '\0' && strchr(" \t\r\n\"'", text[at]) != NULL;)
		at++;
	return at;
}

// Whether it is a new one, for which a table may be wanted; it is remembered then.
static bool take_name(struct charsets *charsets, const char *text, size_t len)
{
	char *name = charsets->names[charsets->n];

	if (len == 0 || len > CHARSET_NAME_MAX)
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	text_lower(name);
	for (size_t i = 0; i < charsets->n; i++)
		if (strcmp(charsets->names[i], name) == 0)
			return false;
	if (strcmp(name, "utf-8") == 0 || strcmp(name, "us-ascii") == 0)
		return false;
	charsets->n++;
	return true;
}

void charsets_find(struct charsets *charsets, const char *text, size_t len)
{
	size_t room = CHARSETS_MAX - charsets->n;

	room = room < CHARSETS_MESSAGE_MAX ? room : CHARSETS_MESSAGE_MAX;
	for (size_t i = 0; i < len && room > 0; i++) {
		size_t start;

		if (text[i] != '=' && text[i] != 'c' && text[i] != 'C')
			continue;
		start = i + find_start(text + i, len - i);
		if (start > i &&
		    take_name(charsets, text + start, name_length(text + start, len - start)))
			room--;
	}
}
