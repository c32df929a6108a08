// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Encoded words. GMime has an encoder, but it cuts at blanks only, and a subject in Chinese has
// none: its words pass the 75 octets of RFC 2047 section 2 by far. Q, not B: most of what we encode
// is Latin with accents, and an operator can read it in a log.
#include "mail/encode.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LINE_MAX_OCTETS 76
#define WORD_START      "=?UTF-8?Q?"
#define WORD_END        "?="
#define PAYLOAD_MAX     (75 - (sizeof(WORD_START) - 1) - (sizeof(WORD_END) - 1))

// Octets of the character that text begins with; a stray octet counts as one.
static size_t char_size(const char *text, size_t len)
{
	size_t size = 1;

	while (size < len && size < 4 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size++;
	return size;
}

static bool is_plain_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!*+-/", c) != NULL);
}

// One character Q-encoded into dst (13 octets); returns how long it came out.
static size_t encode_char(char dst[13], const char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == ' ')
			dst[n++] = '_';
		else if (is_plain_octet(text[i]))
			dst[n++] = text[i];
		else
			n += (size_t)snprintf(dst + n, 4, "=%02X", (unsigned char)text[i]);
	}
	return n;
}

void encode_words(struct buf *out, const char *text, size_t len, size_t column)
{
	size_t room =
		PAYLOAD_MAX + 1 - (column > 0 ? column : 1); // a line is one longer than a word

	buf_adds(out, WORD_START);
	while (len > 0) {
		size_t size = char_size(text, len);
		char encoded[13];
		size_t n = encode_char(encoded, text, size);

		if (n > room) {
			buf_adds(out, WORD_END "\n " WORD_START);
			room = PAYLOAD_MAX;
		}
		buf_add(out, encoded, n);
		room -= n;
		text += size;
		len -= size;
	}
	buf_adds(out, WORD_END);
}

// Octets of the leading words that may stay as they are; ends where a word begins.
static size_t plain_size(const char *text)
{
	size_t at = 0;

	while (text[at] != '\0') {
		size_t blank = strspn(text + at, " ");
		size_t word = strcspn(text + at + blank, " ");

		if (!text_is_ascii(text + at + blank, word) ||
		    strncmp(text + at + blank, "=?", 2) == 0)
			return at + blank;
		at += blank + word;
	}
	return at;
}

// Folds at a word's blanks where the word would pass the line. Blanks that no word follows are
// dropped.
static void add_plain(struct buf *out, const char *text, size_t len, size_t column)
{
	while (len > 0) {
		size_t blank = strspn(text, " ");
		size_t word = strcspn(text + blank, " ");

		if (blank >= len)
			break;
		if (blank > 0 && word > 0 && column + blank + word > LINE_MAX_OCTETS) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_add(out, text, blank + word);
		column += blank + word;
		text += blank + word;
		len -= blank + word;
	}
}

void encode_text(struct buf *out, const char *text, size_t column)
{
	size_t plain = plain_size(text);
	size_t blank = 0;

	if (text[plain] == '\0') {
		add_plain(out, text, plain, column);
		return;
	}
	while (blank < plain && text[plain - blank - 1] == ' ')
		blank++;
	// The blank before the first encoded word is the fold's; more of them are encoded.
	add_plain(out, text, plain - blank, column);
	if (plain > 0) {
		buf_adds(out, "\n ");
		blank = blank > 0 ? blank - 1 : 0;
	}
	encode_words(out, text + plain - blank, strlen(text + plain - blank),
		     plain > 0 ? 1 : column);
}
