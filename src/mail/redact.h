// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes a person's name out of a text: an address, or its local part, by another.
#pragma once

#include "base/buf.h"

// Appends text to out with every occurrence of local, whatever its case, that stands by itself (no
// letter or digit beside it) replaced by with, and what is beside an "@" on its left likewise: of
// any address in it, the local part.
void redact(struct buf *out, const char *text, const char *local, const char *with);
