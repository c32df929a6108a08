// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Postfix's policy delegation protocol (SMTPD_POLICY_README), the server's side: a request is lines
// of name=value, ended by an empty one; the answer is one such line and an empty one.
//
// A push/next machine: bytes are pushed as they come, and policy_next() says what they made. What
// passes a maximum breaks the connection for good: there is no way to find the next request's
// beginning.
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "mail/addr.h"

#define POLICY_LINE_MAX       4096 // octets, without the newline
#define POLICY_ATTRIBUTES_MAX 100
#define POLICY_REQUEST_MAX    16384 // octets, newlines included
#define POLICY_ACTION_MAX     480   // with Postfix's own words a reply line (RFC 5321 4.5.3.1.5)

enum policy_event {
	POLICY_WAIT,    // push more
	POLICY_REQUEST, // policy_value() tells of it until the next policy_next()
	POLICY_BROKEN,  // policy_fault() says why; nothing else will ever come
};

struct policy;

// Never NULL. Little memory until something is pushed.
struct policy *policy_new(void);
struct policy *policy_free(struct policy *policy);

// Takes any bytes, in any pieces; call policy_next() until it says wait before pushing more (a
// push invalidates the values of the request in hand). What is pushed to a broken one is dropped.
void policy_push(struct policy *policy, const void *bytes, size_t len);

// What came of what was pushed; drops the request that it told of before.
enum policy_event policy_next(struct policy *policy) must_check;

// The value of the request's attribute of that name, "" where it has none. Borrowed.
const char *policy_value(const struct policy *policy, const char *name);

// The address that a sender or recipient attribute means. Postfix gives it without the quotes of
// RFC 5321; they are put back where they are needed. As addr_parse otherwise.
const char *policy_address(const char *value, struct addr *ret_addr) must_check;

// What was wrong, as a sentence; NULL while nothing is.
const char *policy_fault(const struct policy *policy);

// Bytes of a request that is not whole yet: somebody owes us its end.
size_t policy_pending(const struct policy *policy);

// Appends the answer. An action is one line: what is not printable becomes '?', what is longer than
// POLICY_ACTION_MAX is cut.
void policy_write_action(struct buf *out, const char *action);
