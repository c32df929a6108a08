// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The header of a message or of a MIME part, field by field, out of memory and within bounds (RFC
// 5322 section 2.2).
//
// Malformed headers have one fixed interpretation each (RFC 7103 section 7): blanks before the
// colon are dropped; a line that is neither a field nor a continuation is skipped with its
// continuations (an mbox "From " line too); only an empty line ends the header; a repeated field is
// told as often as it stands there.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HEADER_MAX        (128 * 1024) // octets of one header; the rest of it is not looked at
#define HEADER_FIELDS_MAX 1000
#define HEADER_FIELD_MAX                                                                           \
	(16 * 1024)          // octets kept of one unfolded value; Postfix's header_size_limit here
#define HEADER_LINE_MAX 2000 // octets kept of one line: twice what RFC 5322 section 2.1.1 allows
#define HEADER_NAME_MAX 100  // a longer name is no field

struct header {
	// the field that header_next() found
	char name[HEADER_NAME_MAX + 1]; // as written
	struct buf value; // unfolded (section 2.2.3), trimmed; may hold any byte but a line feed
	bool cut;         // something was over a limit

	const char *start, *at, *end;
	size_t n_fields;
};

// Makes the bytes canonical in place, as all functions here want them: every CRLF, CR or LF ends a
// line and becomes LF (RFC 7103 section 6), repeated CRs before an LF count as one, NULs vanish.
// Returns the new length.
size_t header_canonicalise(char *bytes, size_t len);

// The length of the header with the empty line that ends it, in bytes that were not made canonical:
// where the body begins. len where no empty line comes.
size_t header_length(const char *bytes, size_t len);

// Begins at the first octet of a header in canonical bytes, which stay the caller's. header_free()
// it.
void header_start(struct header *header, const char *bytes, size_t len);

// Moves to the next field; false at the end of the header or past a limit.
bool header_next(struct header *header);

// Where the body begins in the canonical bytes given to header_start; the end of them where no
// empty line comes.
const char *header_body(const struct header *header);

void header_free(struct header *header);
