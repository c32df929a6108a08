// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a DKIM signature is made over: "relaxed" canonicalisation of header fields (RFC 6376
// section 3.4.2), and the fields that an h= tag names (section 5.4.2).
#pragma once

#include <stddef.h>

#include "base/buf.h"

// Appends one field, given without its last line end, in relaxed form and without a line end.
void canon_field(struct buf *out, const char *field, size_t len);

// Appends the fields of message that names, "From:To:…", asks for, each with CRLF: of several with
// one name the last that is not taken yet, and nothing where there is none left. message has CRLF
// line ends and a header that ends in a blank line.
void canon_header(struct buf *out, const char *message, const char *names, size_t names_len);

// The field at start without its last line end: its length, over its folds. 0 at the header's end.
size_t canon_field_len(const char *start);
