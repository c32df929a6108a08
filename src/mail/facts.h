// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What one message says of itself: the bounded extract that leaves intake's parser. Values only;
// every string here was written by a stranger.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/dsn.h"

#define FACTS_FIELDS_MAX 200  // header fields kept of those that are kept at all
#define FACTS_VALUE_MAX  2000 // octets kept of one
#define FACTS_TEXT_MAX   4000 // octets kept of each of a report's texts
#define FACTS_HASH_SIZE  65   // SHA-256 in hex and the NUL

// One header field: name as written, value unfolded and trimmed, otherwise raw (encoded-words not
// decoded).
struct facts_field {
	char *name;
	char *value;
};

struct facts {
	char *unparsable; // why the message could not be read, or NULL; then nothing else is set
	size_t n_fields;  // the fields that facts_wants() names, in order
	struct facts_field *fields;
	size_t n_received; // Received fields in all (RFC 5321 section 6.3)
	// When it says it was written, and when the first server says to have had it: seconds since
	// 1970, 0 where it does not say.
	int64_t date;
	int64_t first_received;
	bool header_cut; // a header field or the header itself was over a limit
	char *subject;   // decoded to UTF-8, controls removed; "" for none
	char body_hash[FACTS_HASH_SIZE];
	bool is_report; // multipart/report or a delivery-status part anywhere (RFC 6522 section 1)
	bool has_dsn;   // dsn is set
	struct dsn dsn;
	char *report_text; // a report's human-readable part, as UTF-8, cut; "" for none
	char *status_part; // its delivery-status part as written, cut
	char *returned;    // the returned message's header as written, cut
	char *returned_id; // its Message-ID, "" for none
};

// True for the header fields that later steps look at; the others never leave the parser.
bool facts_wants(const char *name);

// The n-th value (from 0) of the named field, or NULL. Names compare without case.
const char *facts_field(const struct facts *facts, const char *name, size_t n);

void facts_free(struct facts *facts);
