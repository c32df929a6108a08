// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The bytes of a message, read into facts. This is what a stranger's mail meets first: it runs in a
// process of its own, under limits, that has nothing to lose.
#pragma once

#include <stddef.h>

#include "mail/charsets.h"
#include "mail/facts.h"
#include "mail/header.h"

#define MIME_BODY_MAX  (256 * 1024) // octets of a body that are looked at for a report
#define MIME_INPUT_MAX (HEADER_MAX + MIME_BODY_MAX) // octets of a message worth giving to mime_read
#define MIME_TEXT_MAX  (32 * 1024)                  // octets kept of a text by mime_read_bounce
#define MIME_DEPTH_MAX 64                           // nested parts
#define MIME_PARTS_MAX 256                          // parts looked at

// Once per process, before forking the ones that read: then they inherit what the library builds on
// first use.
void mime_init(void);

// Opens the C library's tables of character sets, where it has them, for a process that will read a
// message and can open nothing by then.
void mime_open_charsets(const struct charsets *charsets);

// Reads a message, or its first MIME_INPUT_MAX octets; bytes are made canonical in place
// (header.h). Sets all facts but body_hash; every text in them is UTF-8 (scrub.h). Never fails:
// what cannot be understood is left out. Out of memory ends the process. facts_free() the result.
//
// A report is a multipart/report, or any message with a delivery-status part, however deep,
// encoded, or wrapped in other messages (RFC 6522 section 1, RFC 6533 section 4.4). Of several the
// outermost that has a delivery-status part is told, of equals the first; text and returned header
// come from the same report.
void mime_read(char *bytes, size_t len, struct facts *ret_facts);

// The same of a message that may be a bounce from anywhere: more of the text is kept, and where it
// is no report, report_text is the first text of the message itself.
void mime_read_bounce(char *bytes, size_t len, struct facts *ret_facts);
