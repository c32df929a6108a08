// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our own mail: a template of the site's language, filled, written as MIME by GMime.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "mail/template.h"

#define COMPOSE_MAX        (8 * 1024)  // octets of any message of ours, RFC 3834 section 2 ("a few kilobytes")
#define COMPOSE_REPORT_MAX (12 * 1024) // of the report

struct compose {
	const char *template; // file of the template: its first lines are "Subject: …", then a blank line, then the body
	const struct template_values *values;
	const char *from_name;
	const char *from;        // local@domain
	const char *to;          // the requester, local@domain
	const char *message_id;  // without brackets
	const char *in_reply_to; // the request's Message-ID as it wrote it, or ""
	const char *references;  // the request's References as it wrote them, or ""
	const char *re_subject;  // the request's subject, or ""
	int64_t date;            // seconds since 1970
	const char *status_part; // attached as message/delivery-status, or NULL
	const char *returned;    // attached as text/rfc822-headers, or NULL
	size_t max;              // octets: attachments are cut to fit
};

// Appends the message with CRLF line ends to out. Header lines of at most 998 octets, folded at 76; text bodies in lines of at most 76
// columns; UTF-8 as quoted-printable, so the wire is 7-bit unless an address needs SMTPUTF8 (*ret_utf8).
// No value can add a header field or a MIME part. 0, or -ENOENT for a template that is not there, -EINVAL for a
// malformed one, -EFBIG where even without attachments it passes max.
int compose_message(const struct compose *compose, struct buf *out, bool *ret_utf8) must_check;
