// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A domain name as mail uses it (RFC 5321 section 4.1.2, RFC 6531 section 3.3), checked once and
// then trusted.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define DOMAIN_MAX 255 // octets, RFC 5321 section 4.5.3.1.2

// Comes only from domain_parse or addr_parse. Compared without case; stored as written.
struct domain {
	char text[DOMAIN_MAX + 1];
	bool literal; // an address literal, brackets included: [192.0.2.1], [IPv6:2001:db8::1]
	bool utf8;    // has a U-label
};

// Takes len bytes: letters, digits, hyphens (not at a label's ends), UTF-8 beyond ASCII, labels of
// 1 to 63 octets, at most 255 in all, no trailing dot; or an address literal whose address is well
// formed. Underscores pass, against the grammar: real mail hosts and subdomains have them, Postfix
// lets them through, and a sender we cannot name is one we cannot help. Returns NULL and sets
// *ret_domain, or a sentence that says what is wrong (*ret_domain untouched).
const char *domain_parse(const char *bytes, size_t len, struct domain *ret_domain) must_check;

// Equal as names: ASCII letters without case, all else octet by octet. (No U-label/A-label
// equivalence: RFC-NOTES.)
bool domain_equals(const struct domain *a, const struct domain *b);

// True where a is b or lies below it.
bool domain_is_below(const struct domain *a, const struct domain *b);
