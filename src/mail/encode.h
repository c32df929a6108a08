// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Text beyond ASCII in a header: encoded words (RFC 2047), Q-encoded UTF-8.
#pragma once

#include <stddef.h>

#include "base/buf.h"

// Appends text (UTF-8 without controls) as encoded words of at most 75 octets, none cut inside a
// character, a fold between each two; column, at most 40: the octets that the first line already
// has. Fit for a phrase too (RFC 2047 section 5 (3)).
void encode_words(struct buf *out, const char *text, size_t len, size_t column);

// Appends text as the value of an unstructured field whose line already has column octets, folded
// (LF, blank) so that no line passes 76 octets where a blank allows it. Plain as far as it is
// ASCII; from the first word on that is not, or that would be taken for an encoded word ("=?"), all
// of it is encoded.
void encode_text(struct buf *out, const char *text, size_t column);
