// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Reads an SMTP server's replies (RFC 5321 section 4.2) out of a stream of bytes, with built-in
// maxima.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define SMTP_REPLY_LINES 100 // lines of one reply
#define SMTP_REPLY_LINE                                                                            \
	2048 // octets of one line; RFC 5321 section 4.5.3.1.5 has 512, Postfix reads 2048
#define SMTP_REPLY_TEXT_SIZE 513 // what is kept of a line's text, and the NUL

enum smtp_read {
	SMTP_READ_MORE,   // no whole line yet
	SMTP_READ_LINE,   // a line of a reply that goes on
	SMTP_READ_REPLY,  // a reply's last line
	SMTP_READ_BROKEN, // not SMTP, or over a limit; so it stays
};

// The fields are the reader's own but for code and text, which hold the latest line.
struct smtp_reply {
	struct buf in;
	size_t lines;
	int code;
	char text[SMTP_REPLY_TEXT_SIZE]; // without the code, printable ASCII: other octets became
					 // '?'
};

// A reader at the start of a connection. smtp_reply_free() it.
struct smtp_reply smtp_reply_make(void);
void smtp_reply_free(struct smtp_reply *reply);

// Takes bytes from the server.
void smtp_reply_push(struct smtp_reply *reply, const char *data, size_t len);

// Looks at the next line. Call until it says MORE or BROKEN.
enum smtp_read smtp_reply_next(struct smtp_reply *reply) must_check;
