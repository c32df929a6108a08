// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Comments in structured header values. Shared by the two places where strangers' keywords decide
// something: Auto-Submitted (RFC 3834 section 5) and the fields of a DSN (RFC 3464 section 2.1.1).
//
// An unclosed comment ends the search: every later "(" lies inside it, so looking again from each
// of them would find nothing and cost the square of the length.

#include "mail/comment.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

// The first byte after the comment that starts at src, or NULL where it is never closed.
static const char *comment_end(const char *src)
{
	size_t depth = 0;

	for (; *src != '\0'; src++) {
		if (*src == '\\' && src[1] != '\0')
			src++;
		else if (*src == '(')
			depth++;
		else if (*src == ')' && --depth == 0)
			return src + 1;
	}
	return NULL;
}

static char *trim(char *text)
{
	size_t lead = 0;
	size_t len;

	while (is_blank(text[lead]))
		lead++;
	len = strlen(text + lead);
	while (len > 0 && is_blank(text[lead + len - 1]))
		len--;
	memmove(text, text + lead, len);
	text[len] = '\0';
	return text;
}

char *comment_strip(char *dst, size_t size, const char *src)
{
	const char *end;
	bool quoted = false;
	bool open = false; // an unclosed comment was seen: the rest is taken as it is
	size_t n = 0;

	while (is_blank(*src))
		src++;
	while (*src != '\0' && n + 1 < size) {
		end = *src == '(' && !quoted && !open ? comment_end(src) : NULL;
		if (end != NULL) {
			dst[n++] = ' '; // it separates words as a blank does
			src = end;
			continue;
		}
		open = open || (*src == '(' && !quoted);
		if (*src == '"')
			quoted = !quoted;
		if (*src == '\\' && quoted && src[1] != '\0' && n + 2 < size)
			dst[n++] = *src++;
		dst[n++] = *src++;
	}
	dst[n] = '\0';
	return trim(dst);
}

char *comment_keyword(char *dst, size_t size, const char *src)
{
	comment_strip(dst, size, src);
	dst[strcspn(dst, ";")] = '\0';
	return trim(dst);
}
