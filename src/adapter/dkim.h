// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// DKIM signatures verified (RFC 6376, RFC 8301, RFC 8463), by libopendkim. Names begin with verify,
// as the library has taken dkim.
//
// A message is fed as it arrives and kept no further than its header. Keys come from the caller,
// who learns after the header which ones will be wanted.
#pragma once

#include <stddef.h>

#include "base/cleanup.h"
#include "mail/authres.h"
#include "mail/domain.h"

#define VERIFY_SIGNATURES_MAX 5 // the topmost ones; the others are counted
#define VERIFY_HEADER_MAX                                                                          \
	(256 * 1024) // octets of a header with signatures; a longer one is not verified
#define VERIFY_FIELDS_MAX    1000
#define VERIFY_SIGNATURE_MAX (8 * 1024) // octets of one signature's field
#define VERIFY_RECORD_SIZE   1025       // a key record and the NUL: what the library has room for
#define VERIFY_NAME_SIZE     (2 * DOMAIN_MAX + sizeof("._domainkey."))

// The library with its settings: one for the process, for all threads.
struct verifier;

// One message. Belongs to one thread.
struct verify;

// What became of a key's look-up.
enum verify_key {
	VERIFY_KEY_FOUND,
	VERIFY_KEY_MISSING,  // no such name or record
	VERIFY_KEY_SEVERAL,  // more than one record: RFC 6376 section 3.6.2.2 leaves open which
	VERIFY_KEY_TOO_LONG, // it does not fit into VERIFY_RECORD_SIZE
	VERIFY_KEY_TEMPERROR,
};

struct verify_signature {
	enum auth_result result;
	char domain[DOMAIN_MAX + 1]; // d= and s=, or "" where it is no domain in ASCII
	char selector[DOMAIN_MAX + 1];
	char start[AUTHRES_B_LEN + 1]; // of b=
	const char *reason;            // a few words of ours, "" for none
};

struct verify_result {
	size_t n;      // signatures here: the first ones, in the order of the message's fields
	size_t n_more; // and those beyond them, which nobody looked at
	struct verify_signature signature[VERIFY_SIGNATURES_MAX];
};

// NULL where the library cannot be set up, or was built without what we need (SHA-256, Ed25519).
struct verifier *verifier_new(void);
struct verifier *verifier_free(struct verifier *verifier);

// NULL where there is no memory.
struct verify *verify_new(const struct verifier *verifier);

// A field as the milter protocol tells it: the value from behind the colon on, its leading blank
// included, lines of a folded one ended by LF or CRLF.
void verify_header(struct verify *verify, const char *name, const char *value);

// After the last field.
void verify_end_of_header(struct verify *verify);

// The next octets of the body, with CRLF line ends.
void verify_body(struct verify *verify, const void *bytes, size_t len);

// The names whose TXT records verify_finish() will ask for, each once; borrowed. Known after
// verify_end_of_header(). Returns how many there are.
size_t verify_wants(const struct verify *verify, const char *ret_names[VERIFY_SIGNATURES_MAX]);

// After the last of the body. on_key is called for wanted names only, and fills record where it
// returns VERIFY_KEY_FOUND. 0, or -ENOMEM where the library gave up for want of memory: the message
// was not verified.
int verify_finish(struct verify *verify,
		  enum verify_key (*on_key)(void *arg, const char *name,
					    char record[VERIFY_RECORD_SIZE]),
		  void *arg, struct verify_result *ret_result) must_check;

struct verify *verify_free(struct verify *verify);
