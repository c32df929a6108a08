// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our own mail: a template of the site's language, filled, written as MIME by GMime.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/mustache.h"

// Octets of a message of ours that is text alone, and of one in text, HTML and JSON (the report and
// the processed bounce): RFC 3834 section 2 has "a few kilobytes".
#define COMPOSE_MAX        (8 * 1024)
#define COMPOSE_REPORT_MAX (24 * 1024)

struct compose {
	// File of the template: its first line is "Subject: …", then a blank line, then the body.
	const char *template;
	const char *template_html;           // file of the same as HTML, a whole document; or NULL
	const struct mustache_values *words; // what the templates name
	const char *json;                    // attached as report.json, or NULL
	const char *from_name;
	const char *from;       // local@domain
	const char *to;         // the requester, local@domain
	const char *message_id; // without brackets
	// The request's fields Message-ID, References and In-Reply-To as it wrote them, or "".
	const char *in_reply_to;
	const char *references;
	const char *request_in_reply_to;
	const char *re_subject;  // the request's subject, decoded, or ""
	int64_t date;            // seconds since 1970
	const char *status_part; // attached as message/delivery-status, or NULL
	const char *returned;    // attached as text/rfc822-headers, or NULL
	size_t max;              // octets: attachments are cut to fit
};

// Appends the message with CRLF line ends to out: text alone, or
//
//	multipart/mixed
//		multipart/alternative: text/plain, text/html
//		application/json; message/delivery-status; text/rfc822-headers
//
// with no multipart around a single thing. The Subject is "Auto: ", the template's, and the
// request's, each of the two at most 200 octets. Header lines of at most 998 octets, folded at 76
// where they can be; text bodies in lines of at most 76 columns (mail/wrap.h); UTF-8 and HTML as
// quoted-printable, so the wire is 7-bit unless the requester's address needs SMTPUTF8 (*ret_utf8).
// No value can add a header field or a MIME part. 0, or a negative errno: -ENOENT for a template
// that is not there, -EINVAL for a malformed one, an address or a message_id that is none, -EFBIG
// where it passes max though of the attachments only json is left: then the values are too long.
int compose_message(const struct compose *compose, struct buf *out, bool *ret_utf8) must_check;
