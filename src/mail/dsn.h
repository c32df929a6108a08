// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Delivery status notifications: the machine-readable part (RFC 3464 section 2, RFC 6533 section
// 3), read as strangers write it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/status.h"

#define DSN_FIELD_MAX      1000 // octets kept of one field's value; the rest is cut
#define DSN_RECIPIENTS_MAX 64   // blocks kept; later ones are counted and ignored

// What happened to one recipient (RFC 3464 section 2.3.3). Words outside the RFC's five are
// DSN_ACTION_UNKNOWN.
enum dsn_action {
	DSN_ACTION_UNKNOWN,
	DSN_ACTION_FAILED,
	DSN_ACTION_DELAYED,
	DSN_ACTION_DELIVERED,
	DSN_ACTION_RELAYED,
	DSN_ACTION_EXPANDED,
};

// A field's value: unfolded (a fold is one blank), outer blanks trimmed, otherwise as written (a
// comment is kept). "" for none.
typedef char dsn_field[DSN_FIELD_MAX + 1];

struct dsn_recipient {
	dsn_field original_recipient; // "rfc822;user@example"
	dsn_field final_recipient;
	dsn_field action_text;
	enum dsn_action action;
	dsn_field status_text;
	struct status status; // class 0 where status_text holds no code
	dsn_field remote_mta; // present: the diagnostic is the remote server's; absent: the
			      // reporter's (section 2.3.5)
	dsn_field diagnostic_code;
	dsn_field last_attempt_date;
	dsn_field will_retry_until;
};

struct dsn {
	dsn_field original_envelope_id; // case-sensitive (section 2.2.1)
	dsn_field reporting_mta;
	dsn_field received_from_mta;
	dsn_field arrival_date;
	size_t n_recipients; // at most DSN_RECIPIENTS_MAX
	size_t n_ignored;    // blocks beyond that
	struct dsn_recipient *recipients;
};

// Reads the body of a message/delivery-status or message/global-delivery-status part, any line
// ends, any bytes (a NUL in a value becomes "?"). Never fails: what makes no sense is left out.
// dsn_free() the result.
void dsn_parse(const char *text, size_t len, struct dsn *ret_dsn);
void dsn_free(struct dsn *dsn);

// Without case and comments: "Failed (bad mailbox)" is DSN_ACTION_FAILED.
enum dsn_action dsn_action_parse(const char *word);
const char *dsn_action_name(enum dsn_action action); // "failed"; "unknown" for DSN_ACTION_UNKNOWN

// The address of a "type; address" field, decoded: for utf-8 the \x{HEX} forms of RFC 6533 section
// 3 (malformed ones kept as they are), for rfc822 as it stands (xtext too is already decoded by the
// reporter, section 2.3.1). Comments and brackets around it are dropped; a field without a type is
// all address. Never decodes to a control character. dst of size bytes; returns dst, "" where the
// field has no address or a longer one.
char *dsn_address(char *dst, size_t size, const char *field);

// Whether another host than ours reports, by its Reporting-MTA field ("" is nobody): then ours had
// handed the message over.
bool dsn_is_by_other(const char *reporting_mta, const char *own_name);

// xtext (RFC 3461 section 4): "+" and "=" and what is not printable ASCII as +HH. What does not fit
// is cut, never inside a +HH.
void dsn_xtext(char *dst, size_t size, const char *text);
