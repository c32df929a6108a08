// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What an SMTP client writes for one message: its commands and its text, as the server's offers
// allow.
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "mail/smtp.h"

// What the server said it can do, as bits.
enum smtp_offer {
	SMTP_OFFER_PIPELINING = 1, // RFC 2920
	SMTP_OFFER_8BITMIME = 2,   // RFC 6152
	SMTP_OFFER_SIZE = 4,       // RFC 1870
	SMTP_OFFER_DSN = 8,        // RFC 3461
	SMTP_OFFER_SMTPUTF8 = 16,  // RFC 6531
};

// The bit for one line of an EHLO reply, without its code; 0 for what we do not use.
unsigned smtp_offer_parse(const char *line);

// "MAIL FROM:<…> …" CRLF and "RCPT TO:<…> …" CRLF, with the parameters that were offered and are
// needed.
void smtp_write_mail(struct buf *out, const struct smtp_message *message, unsigned offers);
void smtp_write_rcpt(struct buf *out, const struct smtp_message *message, unsigned offers);

// The text as DATA wants it (RFC 5321 sections 2.3.8 and 4.5.2): CRLF, bare CR and bare LF each end
// a line and go out as CRLF; a dot at a line's start is doubled; the last line is ended; then the
// lone dot. NUL and octets beyond ASCII go out as they are. At most 2 * len + 5 octets.
void smtp_write_text(struct buf *out, const char *text, size_t len);

// True where the message cannot do without SMTPUTF8.
bool smtp_needs_utf8(const struct smtp_message *message);
