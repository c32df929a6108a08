// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A mailbox address out of an envelope (RFC 5321 section 4.1.2, RFC 6531 section 3.3), checked once
// and then trusted.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/domain.h"

#define ADDR_LOCAL_MAX 64  // octets, RFC 5321 section 4.5.3.1.1
#define ADDR_MAX       254 // a path of 256 octets (4.5.3.1.3) less its brackets
#define ADDR_TEXT_SIZE (ADDR_LOCAL_MAX + DOMAIN_MAX + 2) // room for local@domain and the NUL

// Comes only from addr_parse.
struct addr {
	char local[ADDR_LOCAL_MAX + 1]; // as written, quotes and backslashes included
	struct domain domain;
	bool utf8; // needs SMTPUTF8: a local part or a domain beyond ASCII
};

// Takes an address as MAIL FROM has it, without or with angle brackets; a source route in front
// (@a,@b:user@c) is dropped, as RFC 5321 appendix C asks. Dot-string or quoted-string local parts;
// never the null sender, never a bare local part. Narrower than the grammar: an empty quoted-string
// ("") names nobody, and what cannot be printed (text_is_printable) is refused. Returns NULL and
// sets *ret_addr, or a sentence that says what is wrong (*ret_addr untouched). Safe on any bytes,
// NUL included.
const char *addr_parse(const char *bytes, size_t len, struct addr *ret_addr) must_check;

// local@domain, byte for byte as parsed. dst holds ADDR_TEXT_SIZE bytes. Returns dst.
char *addr_text(char *dst, const struct addr *addr);

// The same mailbox: local parts octet by octet after removing needless quoting (RFC 5321
// section 4.1.2), domains without case.
bool addr_equals(const struct addr *a, const struct addr *b);

// The local part without quotes and backslashes, up to its first '+'; may be empty ("+x"). dst
// holds ADDR_LOCAL_MAX + 1 bytes. Returns dst.
char *addr_local_plain(char *dst, const struct addr *addr);
