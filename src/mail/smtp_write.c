// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The client's half of the wire. smtp_write_text is the line of defence against SMTP smuggling:
// servers disagree about what a bare CR or LF means, so none may leave us, and since every CR and
// every LF ends a line here, every dot that any server could take for the first of a line is
// doubled.
#include "mail/smtp_write.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "mail/dsn.h"

static const struct {
	const char *keyword;
	unsigned offer;
} keywords[] = {
	{"PIPELINING", SMTP_OFFER_PIPELINING},
	{"8BITMIME", SMTP_OFFER_8BITMIME},
	{"SIZE", SMTP_OFFER_SIZE},
	{"DSN", SMTP_OFFER_DSN},
	{"SMTPUTF8", SMTP_OFFER_SMTPUTF8},
};

unsigned smtp_offer_parse(const char *line)
{
	char word[16];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " "), line);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (text_equals_nocase(word, keywords[i].keyword))
			return keywords[i].offer;
	}
	return 0;
}

bool smtp_needs_utf8(const struct smtp_message *message)
{
	return message->utf8 || message->recipient->utf8 ||
	       !text_is_ascii(message->sender, strlen(message->sender));
}

void smtp_write_mail(struct buf *out, const struct smtp_message *message, unsigned offers)
{
	char id[3 * 100 + 1];

	buf_addf(out, "MAIL FROM:<%s>", message->sender);
	if (offers & SMTP_OFFER_SIZE)
		buf_addf(out, " SIZE=%zu", message->text_len);
	if ((offers & SMTP_OFFER_8BITMIME) && !text_is_ascii(message->text, message->text_len))
		buf_adds(out, " BODY=8BITMIME");
	if (smtp_needs_utf8(message)) // smtp_send saw to it that it is offered
		buf_adds(out, " SMTPUTF8");
	if (offers & SMTP_OFFER_DSN) {
		buf_adds(out, " RET=HDRS");
		if (message->envelope_id != NULL && *message->envelope_id != '\0') {
			dsn_xtext(id, sizeof(id), message->envelope_id);
			buf_addf(out, " ENVID=%s", id);
		}
	}
	buf_adds(out, "\r\n");
}

static void write_notify(struct buf *out, unsigned notify)
{
	const char *comma = "";

	buf_adds(out, " NOTIFY=");
	if (notify == SMTP_NOTIFY_NEVER)
		buf_adds(out, "NEVER");
	if (notify & SMTP_NOTIFY_SUCCESS) {
		buf_adds(out, "SUCCESS");
		comma = ",";
	}
	if (notify & SMTP_NOTIFY_FAILURE) {
		buf_addf(out, "%sFAILURE", comma);
		comma = ",";
	}
	if (notify & SMTP_NOTIFY_DELAY)
		buf_addf(out, "%sDELAY", comma);
}

// Decodes one character of UTF-8 that is known to be well formed.
static unsigned utf8_char(const unsigned char **p)
{
	unsigned char first = *(*p)++;
	unsigned value = first >= 0xf0 ? first & 0x07 : first >= 0xe0 ? first & 0x0f : first & 0x1f;

	if (first < 0x80)
		return first;
	while ((**p & 0xc0) == 0x80)
		value = value << 6 | (*(*p)++ & 0x3f);
	return value;
}

// RFC 6533 section 3, utf-8-addr-xtext: what is not a QCHAR stands as \x{HEX}. The ASCII form, as
// it is right with and without SMTPUTF8 further on.
static void write_utf8_xtext(struct buf *out, const char *address)
{
	const unsigned char *p = (const unsigned char *)address;

	while (*p != '\0') {
		unsigned c = utf8_char(&p);

		if (c > ' ' && c <= '~' && c != '+' && c != '=' && c != '\\')
			buf_addc(out, (char)c);
		else
			buf_addf(out, "\\x{%02X}", c);
	}
}

static void write_orcpt(struct buf *out, const struct addr *recipient, const char *address)
{
	char xtext[3 * ADDR_TEXT_SIZE];

	buf_adds(out, " ORCPT=");
	if (recipient->utf8) {
		buf_adds(out, "utf-8;");
		write_utf8_xtext(out, address);
	} else {
		dsn_xtext(xtext, sizeof(xtext), address);
		buf_addf(out, "rfc822;%s", xtext);
	}
}

void smtp_write_rcpt(struct buf *out, const struct smtp_message *message, unsigned offers)
{
	char address[ADDR_TEXT_SIZE];

	addr_text(address, message->recipient);
	buf_addf(out, "RCPT TO:<%s>", address);
	if (offers & SMTP_OFFER_DSN) {
		write_notify(out, message->notify);
		write_orcpt(out, message->recipient, address);
	}
	buf_adds(out, "\r\n");
}

void smtp_write_text(struct buf *out, const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t end = at;

		while (end < len && text[end] != '\r' && text[end] != '\n')
			end++;
		if (text[at] == '.')
			buf_addc(out, '.');
		buf_add(out, text + at, end - at);
		buf_adds(out, "\r\n");
		at = end + (end + 1 < len && text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1);
	}
	buf_adds(out, ".\r\n");
}
