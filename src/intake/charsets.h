// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Which character sets a message names: the C library's tables for them are opened before the
// parser goes inside its fence, where nothing can be opened.
#pragma once

#include <stddef.h>

#define CHARSETS_MAX     8  // tables that are opened for a message
#define CHARSET_NAME_MAX 40 // octets

// Calls on_name for up to CHARSETS_MAX different names in the text, in order, in small letters:
// what follows "charset" and "=", or "=?" (RFC 2045 section 5.1, RFC 2047 section 2); UTF-8 and
// ASCII want no table. A name has letters, digits and . _ : - alone, so it is no path. The text is
// looked through, not parsed.
void charsets_each(const char *text, size_t len, void (*on_name)(const char *name));
