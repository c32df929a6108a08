// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our own mail, written by GMime.
//
// What a newcomer would get wrong: nearly every value was written by a stranger. Each goes in by
// one of four doors that let no line through: text_escape (subject, template values), addr_parse
// (addresses), thread.c (ids), and clean_lines (attachments, between boundaries that nobody can
// guess; json is report_json.h's, but goes the same way). To and the ids are put in raw, because
// GMime would parse an address again, and fold or transcode what must stay byte-equal.
#include "adapter/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/digest.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "mail/addr.h"
#include "mail/encode.h"
#include "mail/thread.h"
#include "mail/wrap.h"

#define TEMPLATE_MAX (32 * 1024)
#define BODY_MAX     (64 * 1024)
#define SUBJECT_MAX  200 // octets, of ours and of the original's each
#define JSON_NAME    "report.json"
#define LINE_OCTETS  900 // octets of an attachment's line; RFC 5322 section 2.1.1 has 998

// A message of ours with everything checked and nothing encoded yet.
struct draft {
	const struct compose *compose;
	struct addr from;
	struct addr to;
	char subject[2 * SUBJECT_MAX + 16];
	struct buf text;     // the body, wrapped
	struct buf html;     // the same as HTML; "" for no such part
	struct buf json;     // cleaned; "" for no such part
	struct buf status;   // cleaned; "" for no such part
	struct buf returned; // likewise
};

static const char *or_empty(const char *string)
{
	return string != NULL ? string : "";
}

static void draft_free(struct draft *draft)
{
	buf_free(&draft->text);
	buf_free(&draft->html);
	buf_free(&draft->json);
	buf_free(&draft->status);
	buf_free(&draft->returned);
}

// Appends a stranger's text as 7-bit lines: any line end ends a line, what is not printable ASCII
// becomes '?', a line longer than max goes on as a folded one.
static void clean_lines(struct buf *out, const char *text, size_t max)
{
	size_t column = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n' || (*text == '\r' && text[1] != '\n')) {
			buf_addc(out, '\n');
			column = 0;
		} else if (*text != '\r') {
			if (column == max)
				buf_adds(out, "\n ");
			column = column == max ? 1 : column;
			buf_addc(out,
				 (*text >= ' ' && *text <= '~') || *text == '\t' ? *text : '?');
			column++;
		}
	}
	if (column > 0)
		buf_addc(out, '\n');
}

// "Auto: ours: theirs" (RFC 3834 section 3.1.5); ours alone where the original has none (RFC 5230
// section 5.3).
static void make_subject(struct draft *draft, const char *ours, size_t len)
{
	char mine[SUBJECT_MAX + 1];
	char theirs[SUBJECT_MAX + 4]; // "..." marks a cut
	const char *original = or_empty(draft->compose->re_subject);

	auto_free char *rendered = strndup(ours, len); // its values were escaped by the template

	text_cut(mine, sizeof(mine), or_empty(rendered));
	text_escape(theirs, sizeof(theirs), original, strlen(original));
	g_snprintf(draft->subject, sizeof(draft->subject), "Auto: %s%s%s", mine,
		   *theirs != '\0' ? ": " : "", theirs);
}

// Takes the rendered template apart: "Subject: …", a blank line, the body.
static int take_rendered(struct draft *draft, const struct buf *rendered)
{
	static const char field[] = "Subject: ";
	const char *text = buf_string(rendered);
	size_t len = strcspn(text, "\n");

	if (!text_starts_nocase(text, field) || strncmp(text + len, "\n\n", 2) != 0)
		return -EINVAL;
	make_subject(draft, text + sizeof(field) - 1, len - (sizeof(field) - 1));
	wrap_text(&draft->text, text + len + 2, rendered->len - len - 2);
	return 0;
}

// The file, filled. The values are at fault where the text grows too long, the file in all else.
static int render(const struct draft *draft, const char *path, enum mustache_context context,
		  struct buf *out)
{
	auto_buf struct buf file = buf_make(TEMPLATE_MAX);
	int error = file_read_at(AT_FDCWD, path, &file);
	const char *wrong;

	if (error < 0)
		return error == -EFBIG ? -EINVAL : error;
	wrong = mustache_render(buf_string(&file), context, draft->compose->words, out);
	if (buf_failed(out))
		return -EFBIG;
	return wrong != NULL ? -EINVAL : 0;
}

static int render_text(struct draft *draft)
{
	auto_buf struct buf rendered = buf_make(BODY_MAX);
	int error = render(draft, draft->compose->template, MUSTACHE_TEXT, &rendered);

	return error < 0 ? error : take_rendered(draft, &rendered);
}

static int render_html(struct draft *draft)
{
	const char *path = draft->compose->template_html;

	return path != NULL ? render(draft, path, MUSTACHE_HTML, &draft->html) : 0;
}

static int draft_make(struct draft *draft)
{
	const struct compose *compose = draft->compose;
	int error;

	if (addr_parse(compose->from, strlen(compose->from), &draft->from) != NULL ||
	    addr_parse(compose->to, strlen(compose->to), &draft->to) != NULL ||
	    !thread_id_fits(compose->message_id))
		return -EINVAL;
	clean_lines(&draft->json, or_empty(compose->json), SIZE_MAX); // a string has no folds
	clean_lines(&draft->status, or_empty(compose->status_part), LINE_OCTETS);
	clean_lines(&draft->returned, or_empty(compose->returned), LINE_OCTETS);
	error = render_text(draft);
	return error < 0 ? error : render_html(draft);
}

// Writes the field as it is, past GMime's parser and folding; value must be safe already.
static void set_raw(GMimeMessage *message, const char *name, const char *value)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
	auto_free char *line = NULL;

	if (asprintf(&line, " %s\n", value) < 0)
		abort();
	g_mime_header_list_append(list, name, "", NULL);
	g_mime_header_set_raw_value(g_mime_header_list_get_header(list, name), line);
}

static void set_field(GMimeMessage *message, const char *name, const char *value)
{
	if (*value != '\0')
		g_mime_object_append_header(GMIME_OBJECT(message), name, value, "utf-8");
}

static void set_ids(GMimeMessage *message, const struct compose *compose)
{
	auto_buf struct buf id = buf_make(THREAD_ID_MAX + 2);
	auto_buf struct buf parent = buf_make(THREAD_ID_MAX);
	auto_buf struct buf references = buf_make(THREAD_REFERENCES_MAX + 2 * THREAD_ID_MAX);

	buf_addf(&id, "<%s>", compose->message_id);
	thread_in_reply_to(&parent, or_empty(compose->in_reply_to));
	thread_references(&references, or_empty(compose->in_reply_to),
			  or_empty(compose->references), or_empty(compose->request_in_reply_to));
	set_raw(message, "Message-ID", buf_string(&id));
	if (parent.len > 0)
		set_raw(message, "In-Reply-To", buf_string(&parent));
	set_field(message, "References", buf_string(&references));
}

static void set_date(GMimeMessage *message, int64_t seconds)
{
	GDateTime *date = g_date_time_new_from_unix_utc(seconds);

	if (date == NULL) // beyond the year 9999
		date = g_date_time_new_from_unix_utc(0);
	g_mime_message_set_date(message, date);
	g_date_time_unref(date);
}

// GMime quotes a plain name; any other is encoded by us.
static void set_from(GMimeMessage *message, const char *name, const char *address)
{
	auto_buf struct buf from = buf_make(4 * SUBJECT_MAX + ADDR_TEXT_SIZE);

	if (text_is_ascii(name, strlen(name)) && strstr(name, "=?") == NULL) {
		g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_FROM, name, address);
		return;
	}
	encode_words(&from, name, strlen(name), strlen("From: "));
	buf_addf(&from, "\n <%s>", address);
	set_raw(message, "From", buf_string(&from));
}

static void set_subject(GMimeMessage *message, const char *text)
{
	static const char before[] = "Subject: ";
	auto_buf struct buf subject = buf_make(5 * sizeof(((struct draft *)NULL)->subject));

	encode_text(&subject, text, sizeof(before) - 1);
	set_raw(message, "Subject", buf_string(&subject));
}

static GMimeMessage *make_header(const struct draft *draft)
{
	const struct compose *compose = draft->compose;
	GMimeMessage *message = g_mime_message_new(false);
	char name[SUBJECT_MAX];
	char address[ADDR_TEXT_SIZE];

	text_escape(name, sizeof(name), compose->from_name, strlen(compose->from_name));
	set_from(message, name, addr_text(address, &draft->from));
	set_raw(message, "To", addr_text(address, &draft->to));
	set_subject(message, draft->subject);
	set_date(message, compose->date);
	set_ids(message, compose);
	set_field(message, "Auto-Submitted", "auto-replied");
	set_field(message, "MIME-Version", "1.0");
	return message;
}

static bool has_long_line(const char *text)
{
	size_t len = strcspn(text, "\n");

	while (text[len] != '\0' && len <= LINE_OCTETS) {
		text += len + 1;
		len = strcspn(text, "\n");
	}
	return len > LINE_OCTETS;
}

// Every part in 7 bits: quoted-printable where its characters or its lines ask for it.
static GMimeObject *make_part(const char *type, const char *subtype, const struct buf *text)
{
	bool ascii = text_is_ascii(buf_string(text), text->len);
	bool plain = ascii && strcmp(subtype, "html") != 0 && !has_long_line(buf_string(text));
	GMimePart *part = g_mime_part_new_with_type(type, subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(buf_string(text), text->len);
	GMimeDataWrapper *content =
		g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, plain ? GMIME_CONTENT_ENCODING_7BIT
						     : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	if (strcmp(type, "text") == 0)
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset",
							 plain ? "us-ascii" : "utf-8");
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}

static void add_object(GMimeMultipart *multipart, GMimeObject *object)
{
	g_mime_multipart_add(multipart, object);
	g_object_unref(object);
}

static void add_part(GMimeMultipart *multipart, const char *type, const char *subtype,
		     const struct buf *text)
{
	if (text->len > 0)
		add_object(multipart, make_part(type, subtype, text));
}

// RFC 8259 section 11 knows no charset of JSON's; who shows attachments as text looks for one.
static void add_json(GMimeMultipart *multipart, const struct buf *text)
{
	GMimeObject *part;

	if (text->len == 0)
		return;
	part = make_part("application", "json", text);
	g_mime_object_set_content_type_parameter(part, "charset", "utf-8");
	g_mime_object_set_disposition(part, GMIME_DISPOSITION_ATTACHMENT);
	g_mime_part_set_filename(GMIME_PART(part), JSON_NAME);
	add_object(multipart, part);
}

// From the Message-ID, so that the same message is the same text whenever it is written; and as
// hard to guess as that is. Each multipart has its own half of the digest.
static void set_boundary(GMimeMultipart *multipart, const char *message_id, size_t half)
{
	unsigned char digest[DIGEST_SIZE];
	char boundary[2 * DIGEST_SIZE + 3] = "=-";

	digest_sha256(digest, message_id, strlen(message_id));
	digest_hex(boundary + 2, digest + half * DIGEST_SIZE / 2, DIGEST_SIZE / 2);
	g_mime_multipart_set_boundary(multipart, boundary);
}

static GMimeMultipart *make_multipart(const struct draft *draft, const char *subtype, size_t half)
{
	GMimeMultipart *multipart = g_mime_multipart_new_with_subtype(subtype);

	set_boundary(multipart, draft->compose->message_id, half);
	return multipart;
}

// What is to be read: the best that a reader can show comes last (RFC 2046 section 5.1.4).
static GMimeObject *make_words(const struct draft *draft)
{
	GMimeMultipart *multipart;

	if (draft->html.len == 0)
		return make_part("text", "plain", &draft->text);
	multipart = make_multipart(draft, "alternative", 1);
	add_part(multipart, "text", "plain", &draft->text);
	add_part(multipart, "text", "html", &draft->html);
	return GMIME_OBJECT(multipart);
}

static GMimeObject *make_body(const struct draft *draft)
{
	GMimeMultipart *multipart;

	if (draft->json.len == 0 && draft->status.len == 0 && draft->returned.len == 0)
		return make_words(draft);
	multipart = make_multipart(draft, "mixed", 0);
	add_object(multipart, make_words(draft));
	add_json(multipart, &draft->json);
	add_part(multipart, "message", "delivery-status", &draft->status);
	add_part(multipart, "text", "rfc822-headers", &draft->returned);
	return GMIME_OBJECT(multipart);
}

// The whole message with CRLF line ends; g_byte_array_unref() it.
static GByteArray *write_out(const struct draft *draft)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GByteArray *bytes = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	GMimeMessage *message = make_header(draft);
	GMimeObject *body = make_body(draft);

	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_message_set_mime_part(message, body);
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), false);
	g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream);
	g_object_unref(body);
	g_object_unref(message);
	g_object_unref(stream);
	g_mime_format_options_free(format);
	return bytes;
}

// Takes excess octets off the text's end, and what then is left of a line with them. A text as good
// as gone goes.
static void shorten(struct buf *text, size_t excess)
{
	size_t len = text->len > excess ? text->len - excess : 0;

	while (len > 0 && text->data[len - 1] != '\n')
		len--;
	text->len = len;
	if (text->data != NULL)
		text->data[len] = '\0';
}

// Cuts the attachments, the least useful first. False where there is nothing to cut any more.
static bool draft_shorten(struct draft *draft, size_t excess)
{
	if (draft->returned.len > 0)
		shorten(&draft->returned, excess);
	else if (draft->status.len > 0)
		shorten(&draft->status, excess);
	else
		return false;
	return true;
}

static int write_bounded(struct draft *draft, struct buf *out)
{
	GByteArray *bytes = write_out(draft);
	size_t max = draft->compose->max;
	int error;

	while (bytes->len > max && draft_shorten(draft, bytes->len - max)) {
		g_byte_array_unref(bytes);
		bytes = write_out(draft);
	}
	error = bytes->len > max ? -EFBIG : 0;
	if (error == 0)
		buf_add(out, bytes->data, bytes->len);
	g_byte_array_unref(bytes);
	return error;
}

static void init_once(void)
{
	static bool done;

	if (!done)
		g_mime_init();
	done = true;
}

int compose_message(const struct compose *compose, struct buf *out, bool *ret_utf8)
{
	struct draft draft = {.compose = compose,
			      .text = buf_make(2 * BODY_MAX),
			      .html = buf_make(BODY_MAX),
			      .json = buf_make(BODY_MAX),
			      .status = buf_make(BODY_MAX),
			      .returned = buf_make(BODY_MAX)};
	int error = draft_make(&draft);

	init_once();
	if (error == 0)
		error = write_bounded(&draft, out);
	if (error == 0)
		*ret_utf8 = draft.to.utf8;
	draft_free(&draft);
	return error;
}
