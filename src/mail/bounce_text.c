// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One line after the other: it ends the bounce, or it names a recipient, or it is said of the one
// named last. No grammar of a single mail server is in here; what they have in common is enough,
// and mail/diagnose knows their words.

#include "mail/bounce_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

#define LINE_MAX_LOOKED 1000 // octets of a line that may name somebody

// A line, NUL-terminated, without blanks around it.
struct line {
	char text[LINE_MAX_LOOKED + 1];
	size_t len;
	bool is_indented;
};

struct span {
	const char *start;
	size_t len;
};

// Is found, without letter case, somewhere in text.
static bool has(const char *text, const char *phrase)
{
	return strcasestr(text, phrase) != NULL;
}

// ---- where the returned message begins
// ------------------------------------------------------------

// "--- Below this line is a copy of the message.", "Original message follows."; but not "The
// original message was received at …", with which Sendmail begins.
static bool is_separator(const struct line *line)
{
	static const char *const names[] = {
		"original message",     "copy of the message",    "original mail",
		"copy of the original", "message header",         "returned message",
		"returned mail",        "unsent message",         "message text",
		"header of the source", "source message",         "message body suppressed",
		"old message",          "headers of the message", "original header",
		"message follows",      "below this line",        "below the next line",
	};
	const char last = line->len > 0 ? line->text[line->len - 1] : '\0';
	const bool is_drawn = line->len > 2 && strchr("-=*|_+#", line->text[0]) != NULL &&
			      line->text[1] == line->text[0];

	if (!is_drawn && last != ':' && !has(line->text, "follow"))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (has(line->text, names[i]))
			return !has(line->text, "following address") &&
			       !has(line->text, "following recipient");
	return false;
}

static bool is_header(const struct line *line)
{
	return !line->is_indented && (text_starts_nocase(line->text, "Received:") ||
				      text_starts_nocase(line->text, "Return-Path:"));
}

// ---- addresses
// ------------------------------------------------------------------------------------

static bool is_atom(char byte)
{
	return (unsigned char)byte > ' ' && byte != 0x7f && strchr("<>()[],;:\"\\@", byte) == NULL;
}

static bool is_host(char byte)
{
	return isalnum((unsigned char)byte) || (byte & 0x80) != 0 || byte == '.' || byte == '-';
}

// The address at text; length 0 for none. Dots at its end are the sentence's.
static size_t address_length(const char *text)
{
	size_t local = 0, domain = 0;

	while (is_atom(text[local]))
		local++;
	if (local == 0 || text[local] != '@')
		return 0;
	while (is_host(text[local + 1 + domain]))
		domain++;
	while (domain > 0 && strchr(".-", text[local + domain]) != NULL)
		domain--;
	return domain == 0 || local + 1 + domain > BOUNCE_TEXT_ADDRESS_MAX ? 0 : local + 1 + domain;
}

// "<a@b>", "\"a@b\"", "a@b": the address and where what follows it begins; false for none here.
static bool read_address(const char *text, struct span *ret_address, const char **ret_rest)
{
	const bool is_quoted = *text == '<' || *text == '"' || *text == '\'';

	text += is_quoted;
	ret_address->start = text;
	ret_address->len = address_length(text);
	if (ret_address->len == 0)
		return false;
	*ret_rest = text + ret_address->len;
	if (is_quoted && **ret_rest != '\0' && strchr(">\"'", **ret_rest) != NULL)
		++*ret_rest;
	return true;
}

// The one who is asked for help is not the one who failed.
static bool is_staff(const struct span *address)
{
	static const char *const names[] = {"postmaster@", "mailer-daemon@", "abuse@", "support@",
					    "hostmaster@"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncasecmp(address->start, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

// Length of the bullets, or the reply's code and status, in front of an address.
static size_t skip_front(const char *text)
{
	size_t len = strspn(text, "*>-|+ \t");

	if (strspn(text + len, "0123456789") == 3 && strchr(" -", text[len + 3]) != NULL) {
		len += 4;
		len += strspn(text + len, "0123456789. ");
	}
	return len;
}

// "To: a@b" is the returned message's header, told again.
static bool is_label(const char *text, size_t len)
{
	static const char *const wanted[] = {"recipient", "address",       "user",
					     "deliver",   "failed",        "mailbox",
					     "rcpt to",   "undeliverable", "error-for"};
	char label[81];

	if (len == 0 || len > sizeof(label) - 1)
		return false;
	memcpy(label, text, len);
	label[len] = '\0';
	if (has(label, "from") || has(label, "sender"))
		return false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (has(label, wanted[i]))
			return true;
	return false;
}

// An address behind words that say it failed: "Unknown user: a@b", "delivering your mail to <a@b>."
static bool read_labelled(const struct line *line, struct span *ret_address, const char **ret_rest)
{
	const char *at = strpbrk(line->text, "@");
	const char *start;
	const char *rest;

	if (at == NULL)
		return false;
	for (start = at; start > line->text && is_atom(start[-1]);)
		start--;
	if (start > line->text && strchr("<\"'", start[-1]) != NULL)
		start--;
	if (!is_label(line->text, (size_t)(start - line->text)) ||
	    !read_address(start, ret_address, &rest))
		return false;
	*ret_rest = rest;
	return start[0] == '<' || rest[strspn(rest, ".:;, ")] == '\0';
}

static bool names_recipient(const struct line *line, const struct line *before,
			    struct span *ret_address, const char **ret_rest)
{
	const char *front = line->text + skip_front(line->text);

	if (before->len > 5 && text_ends_nocase(before->text, "FROM:"))
		return false;
	if (!read_address(front, ret_address, ret_rest) &&
	    !read_labelled(line, ret_address, ret_rest))
		return false;
	return !is_staff(ret_address);
}

// ---- the whole
// ------------------------------------------------------------------------------------

static struct bounce_text_recipient *find(const struct bounce_text *bounce, const char *address)
{
	for (size_t i = 0; i < bounce->n_recipients; i++)
		if (strcasecmp(bounce->recipients[i].address, address) == 0)
			return &bounce->recipients[i];
	return NULL;
}

const struct bounce_text_recipient *bounce_text_find(const struct bounce_text *bounce,
						     const char *address)
{
	return find(bounce, address);
}

// The recipient of that address, new where there is none; NULL where there are too many.
static struct bounce_text_recipient *get(struct bounce_text *bounce, const struct span *address)
{
	char text[BOUNCE_TEXT_ADDRESS_MAX + 1];
	struct bounce_text_recipient *recipient;

	memcpy(text, address->start, address->len);
	text[address->len] = '\0';
	recipient = find(bounce, text);
	if (recipient != NULL || bounce->n_recipients == BOUNCE_TEXT_RECIPIENTS_MAX)
		return recipient;
	bounce->recipients =
		mem_grow(bounce->recipients, bounce->n_recipients + 1, sizeof(*recipient));
	recipient = &bounce->recipients[bounce->n_recipients++];
	*recipient = (struct bounce_text_recipient){.words = buf_make(BOUNCE_TEXT_WORDS_MAX)};
	memcpy(recipient->address, text, address->len + 1);
	return recipient;
}

static void set_line(struct line *line, const char *start, size_t len)
{
	line->is_indented = len > 0 && (*start == ' ' || *start == '\t');
	while (len > 0 && strchr(" \t\r", *start) != NULL && *start != '\0')
		start++, len--;
	while (len > 0 && strchr(" \t\r", start[len - 1]) != NULL && start[len - 1] != '\0')
		len--;
	line->len = len < LINE_MAX_LOOKED ? len : LINE_MAX_LOOKED;
	memcpy(line->text, start, line->len);
	line->text[line->len] = '\0';
}

static bool says_something(const char *text)
{
	return text[strcspn(text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] !=
	       '\0';
}

static void add_words(struct bounce_text_recipient *recipient, const char *words)
{
	if (recipient == NULL || !says_something(words))
		return;
	words += strspn(words, " \t");
	if (recipient->words.len > 0)
		buf_addc(&recipient->words, '\n');
	buf_adds(&recipient->words, words);
}

// The line that names a recipient is said of it, where it says more than the address.
static void add_naming(struct bounce_text_recipient *recipient, const struct line *line,
		       const struct span *address, const char *rest)
{
	char front[LINE_MAX_LOOKED + 1];
	const size_t len = (size_t)(address->start - line->text);

	memcpy(front, line->text, len);
	front[len] = '\0';
	add_words(recipient, says_something(front) ? line->text : rest);
	if (recipient != NULL && says_something(rest))
		recipient->has_more = true;
}

void bounce_text_read(const char *text, size_t len, struct bounce_text *ret_bounce)
{
	struct line lines[2] = {0}, *line = &lines[0], *before = &lines[1];
	struct bounce_text_recipient *recipient = NULL;
	const char *const end = text + (len < BOUNCE_TEXT_MAX ? len : BOUNCE_TEXT_MAX), *eol;
	struct span address;
	const char *rest;

	*ret_bounce = (struct bounce_text){0};
	for (const char *at = text; at < end; at = eol + (eol < end)) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (eol == NULL)
			eol = end;
		set_line(line, at, (size_t)(eol - at));
		if (is_header(line) || is_separator(line))
			break;
		ret_bounce->len = (size_t)(eol - text);
		if (names_recipient(line, before, &address, &rest)) {
			if (ret_bounce->n_recipients == 0)
				ret_bounce->preamble = (size_t)(at - text);
			recipient = get(ret_bounce, &address);
			add_naming(recipient, line, &address, rest);
		} else {
			add_words(recipient, line->text);
			if (recipient != NULL && says_something(line->text))
				recipient->has_more = true;
		}
		if (line->len > 0) {
			struct line *swap = line;

			line = before;
			before = swap;
		}
	}
}

void bounce_text_free(struct bounce_text *bounce)
{
	for (size_t i = 0; i < bounce->n_recipients; i++)
		buf_free(&bounce->recipients[i].words);
	free(bounce->recipients);
	*bounce = (struct bounce_text){0};
}
