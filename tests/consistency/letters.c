// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What mustache.py and letters.py drive: a line of JSON in, a line of JSON out. Strings are octets,
// one to a character (Latin-1), so that any may be given; a NUL ends one, as it does everywhere.
//
//	{"do": "mustache", "html": BOOL, "template": TEXT, "values": {NAME: TEXT or [{…}, …], …}}
//	{"do": "letter", "template": PATH, "html": PATH, "values": …, "fields": {…}, "max": N}
//	{"do": "parts", "message": TEXT}: what GMime sees in it
//
// Memory is given back at the end.
#include <gmime/gmime.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/compose.h"
#include "adapter/report_json.h"
#include "base/mem.h"
#include "base/text.h"

#define OUT_MAX (1 << 22)

static char *octets(const json_t *string)
{
	const unsigned char *from = (const unsigned char *)json_string_value(string);
	size_t len = json_string_length(string), n = 0;
	char *out = mem_new(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		if (from[i] < 0x80) {
			out[n++] = (char)from[i];
		} else {
			out[n++] = (char)((from[i] & 3) << 6 | (from[i + 1] & 0x3f));
			i++;
		}
	return out;
}

static json_t *latin1(const char *bytes, size_t len)
{
	auto_buf struct buf out = buf_make(2 * OUT_MAX);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c >= 0x80)
			buf_addc(&out, (char)(0xc0 | c >> 6));
		buf_addc(&out, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
	}
	return json_stringn(buf_string(&out), out.len);
}

// The string of that key, or NULL.
static char *get(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? octets(value) : NULL;
}

static struct mustache_values tree(json_t *object)
{
	struct mustache_value *list = mem_new(json_object_size(object) + 1, sizeof(*list));
	struct mustache_values values = {list, 0};
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		struct mustache_value *one = &list[values.n++];

		one->name = mem_strdup(name);
		if (json_is_string(value)) {
			one->text = octets(value);
			one->is_rendered = text_ends_nocase(name, "_rendered");
		} else {
			struct mustache_values *items =
				mem_new(json_array_size(value) + 1, sizeof(*items));

			one->n_items = json_array_size(value);
			one->items = items;
			for (size_t i = 0; i < one->n_items; i++)
				items[i] = tree(json_array_get(value, i));
		}
	}
	return values;
}

static json_t *do_mustache(const json_t *job)
{
	struct mustache_values values = tree(json_object_get(job, "values"));
	auto_buf struct buf out = buf_make(OUT_MAX);
	const char *wrong = mustache_render(
		get(job, "template"),
		json_is_true(json_object_get(job, "html")) ? MUSTACHE_HTML : MUSTACHE_TEXT, &values,
		&out);

	return json_pack("{s:s?, s:o}", "wrong", wrong, "out", latin1(buf_string(&out), out.len));
}

static void fill_trace(struct trace *trace, const json_t *fields)
{
	auto_free char *ptr = get(fields, "ptr"), *tls = get(fields, "tls"),
		       *dkim = get(fields, "dkim");

	*trace = (struct trace){.fcrdns = AUTH_FAIL, .n_dkim = 1, .dkim = {{.result = AUTH_PASS}}};
	text_cut(trace->ptr, sizeof(trace->ptr), ptr);
	text_cut(trace->tls, sizeof(trace->tls), tls);
	text_cut(trace->cipher, sizeof(trace->cipher), tls);
	text_cut(trace->dkim[0].domain, sizeof(trace->dkim[0].domain), dkim);
}

static int write_json(const json_t *fields, struct buf *out)
{
	static const struct verdict_found found[ABILITIES];
	struct trace trace;
	struct report_json report = {
		.kind = "bounce",
		.id = get(fields, "id"),
		.requester = get(fields, "requester"),
		.recipient = get(fields, "recipient"),
		.arrived = 1700000000,
		.client_address = get(fields, "client_address"),
		.client_helo = get(fields, "helo"),
		.protocol = get(fields, "protocol"),
		.trace = &trace,
		.found = found,
		.survey = get(fields, "survey"),
		.class = get(fields, "class"),
		.phase = get(fields, "phase"),
		.action = get(fields, "action"),
		.status = get(fields, "status"),
		.remote_mta = get(fields, "remote_mta"),
		.diagnostic = get(fields, "diagnostic"),
	};

	fill_trace(&trace, fields);
	return report_json_write(&report, REPORT_JSON_MAX, out);
}

static json_t *do_letter(const json_t *job)
{
	const json_t *fields = json_object_get(job, "fields");
	struct mustache_values values = tree(json_object_get(job, "values"));
	auto_buf struct buf json = buf_make(OUT_MAX), out = buf_make(OUT_MAX);
	int json_error = write_json(fields, &json);
	struct compose compose = {
		.template = get(job, "template"),
		.template_html = get(job, "html"),
		.words = &values,
		.json = buf_string(&json),
		.from_name = get(fields, "from_name"),
		.from = "help@dual.test",
		.to = get(fields, "to"),
		.message_id = "abc@dual.test",
		.in_reply_to = get(fields, "in_reply_to"),
		.references = get(fields, "references"),
		.request_in_reply_to = get(fields, "request_in_reply_to"),
		.re_subject = get(fields, "re_subject"),
		.date = 1700000000,
		.status_part = get(fields, "status_part"),
		.returned = get(fields, "returned"),
		.max = (size_t)json_integer_value(json_object_get(job, "max")),
	};
	bool utf8;
	int error = json_error != 0 ? json_error : compose_message(&compose, &out, &utf8);

	return json_pack("{s:i, s:o, s:o}", "error", error, "out",
			 latin1(buf_string(&out), out.len), "json",
			 latin1(buf_string(&json), json.len));
}

static void add_fields(json_t *list, GMimeObject *object)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);

	for (int i = 0; i < g_mime_header_list_get_count(headers); i++)
		json_array_append_new(list, json_string(g_mime_header_get_name(
						    g_mime_header_list_get_header_at(headers, i))));
}

static void on_part(GMimeObject *parent, GMimeObject *part, void *list)
{
	json_t *fields = json_array();

	(void)parent;
	add_fields(fields, part);
	json_array_append_new(list, json_pack("{s:o, s:o}", "type",
					      json_string(g_mime_content_type_get_mime_type(
						      g_mime_object_get_content_type(part))),
					      "fields", fields));
}

static json_t *do_parts(const json_t *job)
{
	char *text = get(job, "message");
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, strlen(text));
	GMimeMessage *message =
		g_mime_parser_construct_message(g_mime_parser_new_with_stream(stream), NULL);
	InternetAddressList *to = g_mime_message_get_to(message);
	json_t *fields = json_array(), *parts = json_array();

	add_fields(fields, GMIME_OBJECT(message));
	on_part(NULL, g_mime_message_get_mime_part(message), parts);
	g_mime_message_foreach(message, on_part, parts);
	return json_pack("{s:o, s:o, s:i}", "fields", fields, "parts", parts, "to",
			 internet_address_list_length(to));
}

static json_t *answer(const json_t *job)
{
	const char *what = json_string_value(json_object_get(job, "do"));

	if (strcmp(what, "mustache") == 0)
		return do_mustache(job);
	return strcmp(what, "letter") == 0 ? do_letter(job) : do_parts(job);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	g_mime_init();
	while (getline(&line, &size, stdin) > 0) {
		json_t *job = json_loads(line, JSON_ALLOW_NUL, NULL);

		puts(json_dumps(answer(job), JSON_COMPACT | JSON_ENSURE_ASCII));
		fflush(stdout);
	}
	free(line);
	return 0;
}
