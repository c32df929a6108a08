// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Bounces in plain words: qmail, Exim, Sendmail, Exchange, Notes, Google and the others who write
// for people. There is no format, so there are habits: a recipient's address begins a line or ends
// a label, what is said of it follows, and a line of dashes or a header tells that the returned
// message begins.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define BOUNCE_TEXT_MAX            (64 * 1024) // octets looked at
#define BOUNCE_TEXT_RECIPIENTS_MAX 64          // later ones are ignored
#define BOUNCE_TEXT_WORDS_MAX      4000        // octets kept of what is said of one
#define BOUNCE_TEXT_ADDRESS_MAX    320

struct bounce_text_recipient {
	char address[BOUNCE_TEXT_ADDRESS_MAX + 1];
	struct buf words; // what is said of it alone; empty where nothing is
	bool has_more;    // more than its name and a label
};

struct bounce_text {
	size_t len;      // of the text up to the returned message
	size_t preamble; // of the text before the first recipient: said of all
	size_t n_recipients;
	struct bounce_text_recipient *recipients;
};

// Reads a bounce's text: any bytes but NUL, lines that end in LF. Never fails. One pass over the
// lines. bounce_text_free() the result.
void bounce_text_read(const char *text, size_t len, struct bounce_text *ret_bounce);
void bounce_text_free(struct bounce_text *bounce);

// The recipient of that address, without letter case; NULL for none.
const struct bounce_text_recipient *bounce_text_find(const struct bounce_text *bounce,
						     const char *address);
