// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Makes any bytes well-formed UTF-8 without making them longer.
#pragma once

#include <stddef.h>

// Replaces, in place, each byte that is not part of well-formed UTF-8, and each NUL, by ASCII's own
// character for that, SUB (0x1a). Never U+FFFD: a made-up printable character could turn a broken
// address into a valid one, while a control character makes it invalid for every parser and shows
// up escaped in every log.
void scrub_utf8(char *bytes, size_t len);
