// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Records as lines of a zone file.
#pragma once

#include "base/buf.h"
#include "mail/records.h"

// Appends "name. IN TYPE value", without a newline at its end; nothing for a record that is not to
// be there. A TXT of more than 255 octets is several strings (RFC 1035 section 3.3), a line each.
void zone_text_add(struct buf *out, const struct record *record);
