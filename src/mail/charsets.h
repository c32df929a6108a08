// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Which character sets a message names: the C library's tables for them are opened before the
// parser goes inside its fence, where nothing can be opened.
#pragma once

#include <stddef.h>

#define CHARSETS_MESSAGE_MAX 8  // tables that are opened for a message
#define CHARSETS_MAX         64 // and for several
#define CHARSET_NAME_MAX     40 // octets

struct charsets {
	char names[CHARSETS_MAX][CHARSET_NAME_MAX + 1]; // different ones, in small letters
	size_t n;
};

// Adds up to CHARSETS_MESSAGE_MAX names that the text has and charsets has not, in order, while
// there is room: what follows "charset" and "=", or "=?" (RFC 2045 section 5.1, RFC 2047 section
// 2); UTF-8 and ASCII want no table. A name has letters, digits and . _ : - alone, so it is no
// path. The text is looked through, not parsed.
void charsets_find(struct charsets *charsets, const char *text, size_t len);
