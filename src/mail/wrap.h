// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Long lines of a text body, folded for people's eyes.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define WRAP_WIDTH 76 // columns: RFC 5322 section 2.1.1 has 78, less room to be quoted once

// Appends text, UTF-8 with LF line ends, with no line longer than WRAP_WIDTH characters. A long
// line is broken at blanks, inside a word only where the word alone is too long. What follows a
// break is indented as its line was; in a line that begins with "Name:" by two columns more, as a
// header field is folded. The text ends in a line end.
void wrap_text(struct buf *out, const char *text, size_t len);
