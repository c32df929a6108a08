// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Comments in structured header values (RFC 5322 section 3.2.2), which may stand nearly anywhere
// and mean nothing.
#pragma once

#include <stddef.h>

// Copies src without its comments (nested ones, quoted pairs in them, all but those inside a quoted
// string) and without outer blanks. A comment that is never closed is none: it stays, and so does
// all after it. dst of size bytes; what does not fit is cut. Returns dst.
char *comment_strip(char *dst, size_t size, const char *src);

// The value's keyword: without comments, up to the first semicolon, trimmed ("no (really); x=y" is
// "no").
char *comment_keyword(char *dst, size_t size, const char *src);
