// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The Authentication-Results field (RFC 8601): ours is written here, forged ones are recognised.
// What others found is never interpreted (RFC 8601 section 5).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define AUTHRES_FIELD       "Authentication-Results"
#define AUTHRES_B_LEN       8   // characters of b= that name a signature (RFC 6008 section 4)
#define AUTHRES_CLEAN_SIZE  300 // room for a domain and what may stand before it
#define AUTHRES_REPLACEMENT '?'

// Result words (RFC 8601 sections 2.7.1 and 2.7.3). iprev has no none, policy and neutral.
enum auth_result {
	AUTH_NONE,
	AUTH_PASS,
	AUTH_FAIL,
	AUTH_POLICY,
	AUTH_NEUTRAL,
	AUTH_TEMPERROR,
	AUTH_PERMERROR,
};

// The word for a result.
const char *auth_result_name(enum auth_result result);

// The result of that word, exactly as auth_result_name gives it; false for any other.
bool auth_result_find(const char *word, size_t len, enum auth_result *ret_result);

struct authres_dkim {
	enum auth_result result;
	const char *domain;   // d=, "" for none; printed only where it is a domain name in ASCII
	const char *selector; // s=, the same
	const char
		*signature; // b=, of which the first characters are printed, where they are base64
	const char *reason; // our own words, without quotes and backslashes; "" for none
};

struct authres {
	const char *id;      // our authserv-id
	const char *address; // the client's, or "" for a client without one: no iprev then
	enum auth_result iprev;
	size_t n_dkim; // none: dkim=none
	const struct authres_dkim *dkim;
};

// The one filter through which every value goes that becomes part of a field of ours: letters,
// digits and .:_/+@-[]= stay, every other byte becomes a question mark, what is longer than size
// allows is cut. The result has no blank, quote, semicolon, comment or line end. Returns dst.
char *authres_clean(char *dst, size_t size, const char *src);

// True where the text is a domain name that may be printed (CVE-2020-12272): a domain by
// domain_parse, in ASCII, no address literal.
bool authres_is_domain(const char *text);

// Appends the field's value, folded: a line for each result, its lines ended by LF and begun by a
// tab, as the milter protocol wants them.
void authres_write(struct buf *out, const struct authres *authres);

// True where the value of an Authentication-Results field claims to be of that authserv-id (RFC
// 8601 section 5), or might by some reader be taken to: letter case, folding, comments (closed or
// not), quoting, blanks and a version number make no difference. Rather one too many: who
// names us is deleted.
bool authres_claims(const char *value, const char *id);
