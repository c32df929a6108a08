// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Delivery status notifications: blocks of header fields with blank lines between (RFC 3464
// section 2.1).
//
// A field is known by its name, not by the block it stands in: reporters forget the per-message
// block, repeat blank lines, or put both kinds into one. A block with any per-recipient field is a
// recipient's. Of a field that comes twice in a block the first counts. Everything here is a
// stranger's word; what it proves is decided elsewhere.

#include "mail/dsn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/comment.h"

struct field {
	const char *name;
	bool of_recipient; // offset counts in struct dsn_recipient, not in struct dsn
	size_t offset;
};

static const struct field fields[] = {
	{"Original-Envelope-Id", false, offsetof(struct dsn, original_envelope_id)},
	{"Reporting-MTA", false, offsetof(struct dsn, reporting_mta)},
	{"Received-From-MTA", false, offsetof(struct dsn, received_from_mta)},
	{"Arrival-Date", false, offsetof(struct dsn, arrival_date)},
	{"Original-Recipient", true, offsetof(struct dsn_recipient, original_recipient)},
	{"Final-Recipient", true, offsetof(struct dsn_recipient, final_recipient)},
	{"Action", true, offsetof(struct dsn_recipient, action_text)},
	{"Status", true, offsetof(struct dsn_recipient, status_text)},
	{"Remote-MTA", true, offsetof(struct dsn_recipient, remote_mta)},
	{"Diagnostic-Code", true, offsetof(struct dsn_recipient, diagnostic_code)},
	{"Last-Attempt-Date", true, offsetof(struct dsn_recipient, last_attempt_date)},
	{"Will-Retry-Until", true, offsetof(struct dsn_recipient, will_retry_until)},
};

#define HEX_DIGITS "0123456789abcdefABCDEF"
#define N_FIELDS   (sizeof fields / sizeof *fields)

// Where the parser stands. `value` is the field that continuation lines belong to, NULL for one
// nobody wants.
struct parser {
	const char *next;
	const char *end;
	struct dsn *dsn;
	bool in_recipient; // this block has had a per-recipient field
	bool beyond_limit; // and is one too many
	char *value;
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

// The next line without its end: LF, CR LF (or more CRs before the LF, as broken gateways write),
// or a lone CR.
static bool line_next(struct parser *parser, const char **ret_line, size_t *ret_len)
{
	const char *at = parser->next;
	const char *after;

	if (at == parser->end)
		return false;
	while (at < parser->end && *at != '\n' && *at != '\r')
		at++;
	after = at;
	while (after < parser->end && *after == '\r')
		after++;
	if (after == parser->end || *after != '\n')
		after = at;
	if (after < parser->end)
		after++;
	*ret_line = parser->next;
	*ret_len = (size_t)(at - parser->next);
	parser->next = after;
	return true;
}

// Adds to a field's value, without blanks at its start and with "?" for a NUL.
static void value_add(char *value, const char *bytes, size_t len)
{
	size_t n = strlen(value);

	for (; len > 0 && n < DSN_FIELD_MAX; bytes++, len--) {
		if (n == 0 && is_blank(*bytes))
			continue;
		value[n++] = *bytes != '\0' ? *bytes : '?';
	}
	value[n] = '\0';
}

// A fold becomes one blank, however deep the reporter indents, so that phrases are found across it.
static void value_continue(char *value, const char *bytes, size_t len)
{
	while (len > 0 && is_blank(*bytes))
		bytes++, len--;
	if (len > 0)
		value_add(value, " ", 1);
	value_add(value, bytes, len);
}

static void value_trim(char *value)
{
	size_t len = strlen(value);

	while (len > 0 && is_blank(value[len - 1]))
		len--;
	value[len] = '\0';
}

static void recipient_begin(struct parser *parser)
{
	struct dsn *dsn = parser->dsn;

	parser->in_recipient = true;
	parser->beyond_limit = dsn->n_recipients == DSN_RECIPIENTS_MAX;
	if (parser->beyond_limit) {
		dsn->n_ignored++;
		return;
	}
	dsn->recipients = mem_grow(dsn->recipients, dsn->n_recipients + 1, sizeof *dsn->recipients);
	memset(&dsn->recipients[dsn->n_recipients++], 0, sizeof *dsn->recipients);
}

static const struct field *field_find(const char *name, size_t len)
{
	while (len > 0 && is_blank(name[len - 1])) // "Status : 5.0.0", RFC 7103 section 7
		len--;
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strlen(fields[i].name) == len && strncasecmp(fields[i].name, name, len) == 0)
			return &fields[i];
	return NULL;
}

// Where the value of a field that begins now is kept; NULL where it is not.
static char *field_place(struct parser *parser, const struct field *field)
{
	struct dsn *dsn = parser->dsn;
	char *place;

	if (field->of_recipient && !parser->in_recipient)
		recipient_begin(parser);
	if (field->of_recipient && parser->beyond_limit)
		return NULL;
	place = field->of_recipient ? (char *)&dsn->recipients[dsn->n_recipients - 1] : (char *)dsn;
	place += field->offset;
	return *place == '\0' ? place : NULL;
}

static void line_take(struct parser *parser, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const struct field *field;

	if (len == 0) {
		parser->in_recipient = false;
		parser->value = NULL;
	} else if (is_blank(*line)) {
		if (parser->value != NULL)
			value_continue(parser->value, line, len);
	} else {
		field = colon != NULL ? field_find(line, (size_t)(colon - line)) : NULL;
		parser->value = field != NULL ? field_place(parser, field) : NULL;
		if (parser->value != NULL)
			value_add(parser->value, colon + 1, len - (size_t)(colon + 1 - line));
	}
}

static void recipient_finish(struct dsn_recipient *recipient)
{
	dsn_field status;

	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].of_recipient)
			value_trim((char *)recipient + fields[i].offset);
	recipient->action = dsn_action_parse(recipient->action_text);
	comment_strip(status, sizeof status, recipient->status_text);
	if (!status_parse(status, &recipient->status))
		recipient->status = (struct status){0};
}

void dsn_parse(const char *text, size_t len, struct dsn *ret_dsn)
{
	struct parser parser = {.next = text, .end = text + len, .dsn = ret_dsn};
	const char *line;
	size_t line_len;

	*ret_dsn = (struct dsn){0};
	while (line_next(&parser, &line, &line_len))
		line_take(&parser, line, line_len);
	for (size_t i = 0; i < N_FIELDS; i++)
		if (!fields[i].of_recipient)
			value_trim((char *)ret_dsn + fields[i].offset);
	for (size_t i = 0; i < ret_dsn->n_recipients; i++)
		recipient_finish(&ret_dsn->recipients[i]);
}

void dsn_free(struct dsn *dsn)
{
	free(dsn->recipients);
	*dsn = (struct dsn){0};
}

static const char *const action_names[] = {
	[DSN_ACTION_UNKNOWN] = "unknown", [DSN_ACTION_FAILED] = "failed",
	[DSN_ACTION_DELAYED] = "delayed", [DSN_ACTION_DELIVERED] = "delivered",
	[DSN_ACTION_RELAYED] = "relayed", [DSN_ACTION_EXPANDED] = "expanded",
};

enum dsn_action dsn_action_parse(const char *word)
{
	dsn_field keyword;

	comment_keyword(keyword, sizeof keyword, word);
	for (size_t i = DSN_ACTION_FAILED; i < sizeof action_names / sizeof *action_names; i++)
		if (text_equals_nocase(keyword, action_names[i]))
			return (enum dsn_action)i;
	return DSN_ACTION_UNKNOWN;
}

const char *dsn_action_name(enum dsn_action action)
{
	return action_names[action];
}

// Writes code as UTF-8; the number of bytes.
static size_t utf8_put(char dst[4], uint32_t code)
{
	const unsigned char lead = code < 0x800 ? 0xc0 : code < 0x10000 ? 0xe0 : 0xf0;
	const size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (len == 1) {
		dst[0] = (char)code;
		return 1;
	}
	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		dst[i] = (char)(0x80 | (code & 0x3f));
	dst[0] = (char)(lead | code);
	return len;
}

// Reads a \x{HEX} at src: its length, or 0 where there is none that counts. Control characters do
// not (RFC 6533 section 3 already keeps CR and LF out), nor do surrogates or what is beyond
// Unicode.
static size_t escape_read(const char *src, uint32_t *ret_code)
{
	const size_t digits = strncmp(src, "\\x{", 3) == 0 ? strspn(src + 3, HEX_DIGITS) : 0;
	unsigned long code;

	if (digits == 0 || digits > 6 || src[3 + digits] != '}')
		return 0;
	code = strtoul(src + 3, NULL, 16);
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) ||
	    code > 0x10ffff)
		return 0;
	*ret_code = (uint32_t)code;
	return 3 + digits + 1;
}

// Decodes in place: an escape is never shorter than its character.
static void utf8_address_decode(char *text)
{
	char *dst = text;
	uint32_t code = 0;
	size_t len;

	while (*text != '\0') {
		len = escape_read(text, &code);
		if (len > 0)
			dst += utf8_put(dst, code);
		else
			*dst++ = *text;
		text += len > 0 ? len : 1;
	}
	*dst = '\0';
}

char *dsn_address(char *dst, size_t size, const char *field)
{
	dsn_field value;
	char *address = value;
	bool utf8 = false;
	size_t len;

	comment_strip(value, sizeof value, field);
	if (strchr(value, ';') != NULL) {
		address = strchr(value, ';');
		*address++ = '\0';
		value_trim(value);
		utf8 = text_equals_nocase(value, "utf-8");
	}
	address += strspn(address, " \t");
	len = strlen(address);
	if (*address == '<' && address[len - 1] == '>') {
		address[len - 1] = '\0';
		address++;
	}
	if (utf8)
		utf8_address_decode(address);
	if (!text_copy(dst, size, address))
		*dst = '\0';
	return dst;
}

bool dsn_is_by_other(const char *reporting_mta, const char *own_name)
{
	dsn_field reporter;

	dsn_address(reporter, sizeof(reporter), reporting_mta);
	return reporter[0] != '\0' && !text_equals_nocase(reporter, own_name);
}

void dsn_xtext(char *dst, size_t size, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte;
	size_t n = 0;

	for (; *text != '\0'; text++) {
		byte = (unsigned char)*text;
		if (byte > ' ' && byte < 0x7f && byte != '+' && byte != '=') {
			if (n + 1 >= size)
				break;
			dst[n++] = *text;
		} else {
			if (n + 3 >= size)
				break;
			dst[n++] = '+';
			dst[n++] = digits[byte >> 4];
			dst[n++] = digits[byte & 0xf];
		}
	}
	dst[n] = '\0';
}
