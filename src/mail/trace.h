// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our trace field: what postsix-milter saw of the session in which a message came, written by it
// and read by whoever acts on the message. The milter deletes every other such field, so the
// topmost one is ours; where the milter is off there may be a stranger's.
//
//	X-Postsix-Trace: v=1; instance=v6; client=2001:db8:100::10; family=6; fcrdns=pass;
//		ptr=mx.good.test; helo=mx.good.test; tls=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384;
//		time=1790000000; mx=pass/good.test; dkim=pass/good.test
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/authres.h"
#include "mail/domain.h"

#define TRACE_FIELD         "X-Postsix-Trace"
#define TRACE_INSTANCE_SIZE 17 // a word of lower-case letters and digits, and the NUL
#define TRACE_ADDRESS_SIZE  46 // an IPv6 address and the NUL
#define TRACE_NAME_SIZE     (DOMAIN_MAX + 1)
#define TRACE_WORD_SIZE     65
#define TRACE_DKIM_MAX      5
#define TRACE_TEXT_MAX      4096 // a longer value is none of ours

// What was found out of a domain that the message names.
struct trace_domain {
	enum auth_result result;
	char domain[TRACE_NAME_SIZE]; // "" where it is no domain
};

// Strings are "" where there is nothing. Names are strangers' words, but without blanks, controls
// and markup (authres_clean).
struct trace {
	char instance[TRACE_INSTANCE_SIZE];
	char client[TRACE_ADDRESS_SIZE]; // in inet_ntop(3)'s form, or "" for none (a local socket)
	int family;                      // 4 or 6; 0 without an address
	enum auth_result
		fcrdns; // pass, fail or temperror of forward confirmation; none: no reverse name
	char ptr[TRACE_NAME_SIZE]; // the reverse name: the confirmed one, else the first; a domain
	char helo[TRACE_NAME_SIZE];
	char tls[TRACE_WORD_SIZE]; // the protocol's version, "" for a session in the clear
	char cipher[TRACE_WORD_SIZE];
	int64_t time; // UTC, seconds since 1970
	// The envelope sender's domain, and whether the client is one of the hosts that take its
	// mail: pass, fail or temperror; none: nothing to compare with.
	struct trace_domain mx;
	size_t n_dkim;
	struct trace_domain dkim[TRACE_DKIM_MAX]; // d=, in the order of the message's fields
	size_t n_more;                            // signatures that were not looked at
};

// Appends the field's value, folded within 78 columns where its words allow it; line ends are LF,
// continuations begin with a tab. With instance, client, family, time and the results as they are
// described above, trace_parse takes the result, whatever the other strings hold.
void trace_write(struct buf *out, const struct trace *trace);

// Reads the value of a field, folded or not. Strict: every item known, none twice, all that
// trace_write never omits present, nothing between and after; but mx may be missing, as it once
// was, and is then none. Returns NULL and sets *ret_trace, or a sentence that says what is wrong
// (*ret_trace untouched). Safe on any bytes.
const char *trace_parse(const char *value, size_t len, struct trace *ret_trace) must_check;
