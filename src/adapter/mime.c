// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The bytes of a message, read into facts. Header fields and multipart bodies are taken apart by
// our own bounded code (mail/header, mail/multipart); GMime knows parameters (RFC 2231),
// encoded-words, transfer encodings and charsets.
//
// GMime's own parser is not used, because its costs are the sender's choice: it recurses over
// nested address groups until the stack ends (3.2.13), and keeps objects of 60 times their size for
// every empty part. Here nothing is kept per part, an address is never parsed, and recursion ends
// at MIME_DEPTH_MAX.
#include "adapter/mime.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "mail/multipart.h"

#define PARAMETERS_MAX 2000 // octets of a Content-Type worth reading

enum part_kind {
	PART_OTHER,
	PART_MULTIPART,
	PART_REPORT,  // multipart/report
	PART_TEXT,    // text/plain, or nothing said
	PART_STATUS,  // the machine-readable part of a DSN
	PART_MESSAGE, // a message in the message
	PART_HEADERS, // only the header of one
};

static const struct {
	const char *type;
	const char *subtype;
	enum part_kind kind;
} kinds[] = {
	{"multipart", "report", PART_REPORT},
	{"multipart", "*", PART_MULTIPART},
	{"text", "plain", PART_TEXT},
	{"message", "delivery-status", PART_STATUS},
	{"message", "global-delivery-status", PART_STATUS},
	{"message", "rfc822", PART_MESSAGE},
	{"message", "global", PART_MESSAGE},
	{"message", "global-headers", PART_HEADERS},
	{"message", "rfc822-headers", PART_HEADERS}, // no such type, but it is sent
	{"text", "rfc822-headers", PART_HEADERS},
};

struct part {
	enum part_kind kind;
	char *boundary; // of a multipart; "" for none
	char *charset;
	GMimeContentEncoding encoding;
	const char *body; // borrowed
	size_t len;
};

// What one report says. Its parts come one by one; the first of each counts.
struct report {
	unsigned depth;
	bool is_report; // multipart/report, or it has a delivery-status part
	struct dsn dsn;
	char *text;
	char *status;
	char *returned;
	char *returned_id;
};

struct walk {
	size_t text_max; // octets kept of a text
	bool wants_text; // also of a message that is no report
	char *own_text;  // the first text of the outermost message
	unsigned n_parts;
	bool is_report;
	struct report best;
};

// ---- texts
// ----------------------------------------------------------------------------------------

// A NUL-terminated UTF-8 copy of at most max octets, cut behind one of the ends that lies in its
// last quarter, if any.
static char *keep(const char *bytes, size_t len, size_t max, const char *ends)
{
	char *text;

	if (len > max) {
		len = text_utf8_cut(bytes, len, max);
		for (size_t n = len; n > len - len / 4; n--)
			if (strchr(ends, bytes[n - 1]) != NULL) {
				len = n - 1;
				break;
			}
	}
	text = mem_strndup(bytes, len);
	scrub_utf8(text, len);
	return text;
}

// The text as UTF-8: converted where its charset is known and agrees with it, else as it stands.
static char *keep_text(const char *bytes, size_t len, const char *charset, size_t max)
{
	char *converted = NULL, *text;
	iconv_t cd = (iconv_t)-1;

	if (len > 4 * max)
		len = text_utf8_cut(bytes, len, 4 * max);
	if (*charset != '\0' && !text_is_utf8(bytes, len))
		cd = g_mime_iconv_open("UTF-8", charset);
	else if (*charset != '\0' && text_starts_nocase(charset, "iso-2022-"))
		cd = g_mime_iconv_open("UTF-8", charset); // 7-bit, yet not ASCII
	if (cd != (iconv_t)-1) {
		converted = g_mime_iconv_strndup(cd, bytes, len);
		g_mime_iconv_close(cd);
	}
	text = converted != NULL ? keep(converted, strlen(converted), max, "\n")
				 : keep(bytes, len, max, "\n");
	g_free(converted);
	return text;
}

// Length of the character at text if it is a control or a line or paragraph separator, else 0.
static size_t control_length(const char *text)
{
	const unsigned char *u = (const unsigned char *)text;

	if (u[0] < 0x20 || u[0] == 0x7f)
		return 1;
	if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] <= 0x9f)
		return 2;
	return u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9) ? 3 : 0;
}

// The subject, decoded (RFC 2047), without controls.
static char *keep_subject(const char *raw)
{
	char *decoded = g_mime_utils_header_decode_text(NULL, raw);
	char *subject = mem_strdup(decoded);
	size_t used = 0, len = strlen(subject);

	g_free(decoded);
	scrub_utf8(subject, len);
	for (size_t i = 0; i < len;) {
		size_t skip = control_length(subject + i);

		if (skip == 0)
			subject[used++] = subject[i++];
		i += skip;
	}
	used = text_utf8_cut(subject, used, FACTS_VALUE_MAX);
	subject[used] = '\0';
	return subject;
}

// ---- one part
// -------------------------------------------------------------------------------------

static enum part_kind kind_of(GMimeContentType *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (g_mime_content_type_is_type(type, kinds[i].type, kinds[i].subtype))
			return kinds[i].kind;
	return PART_OTHER;
}

static char *parameter(GMimeContentType *type, const char *name)
{
	const char *value = g_mime_content_type_get_parameter(type, name);

	return mem_strdup(value != NULL ? value : "");
}

static void part_set_type(struct part *part, struct buf *value)
{
	GMimeContentType *type;

	if (value->len > PARAMETERS_MAX)
		value->data[PARAMETERS_MAX] = '\0';
	type = g_mime_content_type_parse(NULL, buf_string(value));
	free(part->boundary);
	free(part->charset);
	part->kind = kind_of(type);
	part->boundary = parameter(type, "boundary");
	part->charset = parameter(type, "charset");
	g_object_unref(type);
}

// Reads the header of a part: the first Content-Type and Content-Transfer-Encoding count.
static void part_read(struct part *part, const char *bytes, size_t len)
{
	struct header header;
	bool has_type = false, has_encoding = false;

	*part = (struct part){
		.kind = PART_TEXT, .boundary = mem_strdup(""), .charset = mem_strdup("")};
	header_start(&header, bytes, len);
	while (header_next(&header)) {
		if (!has_type && text_equals_nocase(header.name, "Content-Type")) {
			part_set_type(part, &header.value);
			has_type = true;
		} else if (!has_encoding &&
			   text_equals_nocase(header.name, "Content-Transfer-Encoding")) {
			part->encoding =
				g_mime_content_encoding_from_string(buf_string(&header.value));
			has_encoding = true;
		}
	}
	part->body = header_body(&header);
	part->len = (size_t)(bytes + len - part->body);
	header_free(&header);
}

static void part_free(struct part *part)
{
	free(part->boundary);
	free(part->charset);
}

// Undoes the transfer encoding; the body is then memory of its own, also returned, to be freed.
// NULL: it needs none. Not for multiparts, which may have none (RFC 2045 section 6.4): theirs is
// ignored.
static char *part_decode(struct part *part)
{
	GMimeEncoding state;
	char *decoded;

	if (part->encoding != GMIME_CONTENT_ENCODING_BASE64 &&
	    part->encoding != GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
		return NULL;
	g_mime_encoding_init_decode(&state, part->encoding);
	decoded = mem_new(1, g_mime_encoding_outlen(&state, part->len) + 1);
	part->len = g_mime_encoding_flush(&state, part->body, part->len, decoded);
	part->len = header_canonicalise(decoded, part->len);
	part->body = decoded;
	return decoded;
}

// ---- the walk
// -------------------------------------------------------------------------------------

static void report_free(struct report *report)
{
	dsn_free(&report->dsn);
	free(report->text);
	free(report->status);
	free(report->returned);
	free(report->returned_id);
}

static bool report_beats(const struct report *report, const struct report *best)
{
	if (!report->is_report || !best->is_report)
		return report->is_report;
	if ((report->status != NULL) != (best->status != NULL))
		return report->status != NULL;
	return report->depth < best->depth;
}

// Keeps the report if it is the best so far; else frees it.
static void walk_adopt(struct walk *walk, struct report *report)
{
	struct report loser = *report;

	walk->is_report |= report->is_report;
	if (report_beats(report, &walk->best)) {
		loser = walk->best;
		walk->best = *report;
	}
	report_free(&loser);
}

static void take_status(struct report *report, const struct part *part)
{
	report->is_report = true;
	if (report->status != NULL)
		return;
	report->status = keep(part->body, part->len, FACTS_TEXT_MAX, "\n");
	dsn_parse(part->body, part->len, &report->dsn);
}

// Keeps the header that the part's content begins with, and the Message-ID in it.
static void take_returned(struct report *report, const struct part *part)
{
	struct header header;

	if (report->returned != NULL)
		return;
	report->returned_id = NULL;
	header_start(&header, part->body, part->len);
	while (report->returned_id == NULL && header_next(&header))
		if (text_equals_nocase(header.name, "Message-ID"))
			report->returned_id = keep(buf_string(&header.value), header.value.len,
						   FACTS_VALUE_MAX, "");
	report->returned =
		keep(part->body, (size_t)(header_body(&header) - part->body), FACTS_TEXT_MAX, "\n");
	header_free(&header);
}

static void walk_part(struct walk *walk, const char *bytes, size_t len, unsigned depth,
		      struct report *report);

static void walk_multipart(struct walk *walk, const struct part *part, unsigned depth,
			   struct report *report)
{
	struct multipart multipart;
	const char *child;
	size_t len;

	multipart_start(&multipart, part->body, part->len, part->boundary);
	while (multipart_next(&multipart, &child, &len))
		walk_part(walk, child, len, depth + 1, report);
}

static void walk_report(struct walk *walk, const struct part *part, unsigned depth)
{
	struct report report = {.depth = depth, .is_report = true};

	walk_multipart(walk, part, depth, &report);
	walk_adopt(walk, &report);
}

static void walk_message(struct walk *walk, const char *bytes, size_t len, unsigned depth)
{
	struct report report = {.depth = depth};

	walk_part(walk, bytes, len, depth, &report);
	if (walk->wants_text && depth == 0 && report.text != NULL)
		walk->own_text = mem_strdup(report.text);
	walk_adopt(walk, &report);
}

static void walk_leaf(struct walk *walk, struct part *part, unsigned depth, struct report *report)
{
	char *decoded = part_decode(part);

	if (part->kind == PART_TEXT && report->text == NULL)
		report->text = keep_text(part->body, part->len, part->charset, walk->text_max);
	else if (part->kind == PART_STATUS)
		take_status(report, part);
	else if (part->kind == PART_MESSAGE || part->kind == PART_HEADERS)
		take_returned(report, part);
	if (part->kind == PART_MESSAGE)
		walk_message(walk, part->body, part->len, depth + 1);
	free(decoded);
}

// Looks at one part; what it tells goes into the report that it is a part of.
static void walk_part(struct walk *walk, const char *bytes, size_t len, unsigned depth,
		      struct report *report)
{
	struct part part;

	if (depth > MIME_DEPTH_MAX || walk->n_parts >= MIME_PARTS_MAX)
		return;
	walk->n_parts++;
	part_read(&part, bytes, len);
	if (part.kind == PART_REPORT)
		walk_report(walk, &part, depth);
	else if (part.kind == PART_MULTIPART)
		walk_multipart(walk, &part, depth, report);
	else if (part.kind != PART_OTHER &&
		 (part.kind != PART_TEXT || depth > 0 || walk->wants_text))
		walk_leaf(walk, &part, depth,
			  report); // a plain message's own text is nobody's business
	part_free(&part);
}

// ---- the facts
// ------------------------------------------------------------------------------------

static void facts_add(struct facts *facts, const struct header *header)
{
	struct facts_field *field;

	if (facts->n_fields == FACTS_FIELDS_MAX) {
		facts->header_cut = true;
		return;
	}
	facts->fields = mem_grow(facts->fields, facts->n_fields + 1, sizeof(*facts->fields));
	field = &facts->fields[facts->n_fields++];
	field->name = mem_strdup(header->name);
	field->value = keep(buf_string(&header->value), header->value.len, FACTS_VALUE_MAX, " \t");
}

// The time that a date says (RFC 5322 section 3.3), in seconds since 1970; 0 for none.
static int64_t read_date(const char *text)
{
	GDateTime *date = g_mime_utils_header_decode_date(text);
	int64_t seconds = date != NULL ? g_date_time_to_unix(date) : 0;

	if (date != NULL)
		g_date_time_unref(date);
	return seconds > 0 ? seconds : 0;
}

// A Received field: counted, and its time kept, since the last one in the header is the first
// one's.
static void read_received(struct facts *facts, const char *value)
{
	const char *semicolon = strrchr(value, ';');

	facts->n_received++;
	if (semicolon != NULL)
		facts->first_received = read_date(semicolon + 1);
}

static void read_header(struct facts *facts, const char *bytes, size_t len, size_t *ret_length)
{
	struct header header;

	header_start(&header, bytes, len);
	while (header_next(&header)) {
		if (text_equals_nocase(header.name, "Received"))
			read_received(facts, buf_string(&header.value));
		if (facts->date == 0 && text_equals_nocase(header.name, "Date"))
			facts->date = read_date(buf_string(&header.value));
		if (facts->subject == NULL && text_equals_nocase(header.name, "Subject"))
			facts->subject = keep_subject(buf_string(&header.value));
		if (facts_wants(header.name))
			facts_add(facts, &header);
	}
	facts->header_cut |= header.cut;
	*ret_length = (size_t)(header_body(&header) - bytes);
	header_free(&header);
}

static char *or_empty(char *text)
{
	return text != NULL ? text : mem_strdup("");
}

// Where no part says anything, a wrong boundary perhaps, the body as it stands may.
static void read_report(struct facts *facts, const char *bytes, size_t len, const char *body,
			bool wants_text)
{
	struct walk walk = {.text_max = wants_text ? MIME_TEXT_MAX : FACTS_TEXT_MAX,
			    .wants_text = wants_text};

	walk_message(&walk, bytes, len, 0);
	if (walk.best.text == NULL) {
		walk.best.text = walk.own_text;
		walk.own_text = NULL;
	}
	free(walk.own_text);
	if (wants_text && walk.best.text == NULL && walk.best.status == NULL)
		walk.best.text = keep_text(body, (size_t)(bytes + len - body), "", MIME_TEXT_MAX);
	facts->is_report = walk.is_report;
	facts->has_dsn = walk.best.status != NULL;
	facts->dsn = walk.best.dsn;
	facts->report_text = or_empty(walk.best.text);
	facts->status_part = or_empty(walk.best.status);
	facts->returned = or_empty(walk.best.returned);
	facts->returned_id = or_empty(walk.best.returned_id);
}

static void read_message(char *bytes, size_t len, bool wants_text, struct facts *ret_facts)
{
	size_t length;

	*ret_facts = (struct facts){0};
	len = header_canonicalise(bytes, len);
	read_header(ret_facts, bytes, len, &length);
	ret_facts->subject = or_empty(ret_facts->subject);
	read_report(ret_facts, bytes, len - length > MIME_BODY_MAX ? length + MIME_BODY_MAX : len,
		    bytes + length, wants_text);
}

void mime_read(char *bytes, size_t len, struct facts *ret_facts)
{
	read_message(bytes, len, false, ret_facts);
}

void mime_read_bounce(char *bytes, size_t len, struct facts *ret_facts)
{
	read_message(bytes, len, true, ret_facts);
}

void mime_init(void)
{
	char sample[] = "Subject: =?utf-8?q?=C3=A9?=\n"
			"Content-Type: multipart/report; boundary=b\n\n"
			"--b\nContent-Type: text/plain; charset=iso-8859-1\n"
			"Content-Transfer-Encoding: quoted-printable\n\n=E9\n--b--\n";
	struct facts facts;

	g_mime_init();
	mime_read(sample, sizeof(sample) - 1, &facts);
	facts_free(&facts);
}

void mime_open_charsets(const struct charsets *charsets)
{
	for (size_t i = 0; i < charsets->n; i++)
		(void)g_mime_iconv_open("UTF-8", charsets->names[i]); // stays open
}
