// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The report for machines, by jansson.
//
// What a newcomer would get wrong: valid JSON may hold any control character, as \u001b, and who
// prints such a string has it on the terminal. So every string goes through text_escape first, also
// those of a survey that was written before; then JSON in ASCII is printable whatever it holds.
#include "adapter/report_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "mail/survey.h"

#define TEXT_MIN  32 // octets of a string that always stay
#define LINES_MAX 20 // of a diagnostic
#define DEPTH_MAX 8  // of a survey; ours has 5

static json_t *text_value_n(const char *text, size_t len, size_t max)
{
	char escaped[REPORT_JSON_TEXT + 1];

	return json_string_nocheck(text_escape(escaped, max + 1, text, len));
}

static json_t *text_value(const char *text, size_t max)
{
	return text_value_n(text != NULL ? text : "", text != NULL ? strlen(text) : 0, max);
}

static void add_text(json_t *object, const char *key, const char *text, size_t max)
{
	json_object_set_new_nocheck(object, key, text_value(text, max));
}

// RFC 3339; null beyond what the calendar knows.
static json_t *time_value(int64_t seconds)
{
	time_t clock = (time_t)seconds;
	char text[40];
	struct tm tm;

	if (gmtime_r(&clock, &tm) == NULL || tm.tm_year > 9999 - 1900 || tm.tm_year < 0 ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

static json_t *request_value(const struct report_json *report, size_t max)
{
	json_t *request = json_object();

	add_text(request, "from", report->requester, max);
	add_text(request, "to", report->recipient, max);
	json_object_set_new(request, "arrived", time_value(report->arrived));
	return request;
}

static json_t *family_value(const char *address)
{
	if (address == NULL || strpbrk(address, ":.") == NULL)
		return json_null();
	return json_integer(strchr(address, ':') != NULL ? 6 : 4);
}

static json_t *client_value(const struct report_json *report, size_t max)
{
	const struct trace *trace = report->trace;
	json_t *client = json_object();

	add_text(client, "address", report->client_address, max);
	json_object_set_new(client, "family", family_value(report->client_address));
	add_text(client, "helo", report->client_helo, max);
	add_text(client, "protocol", report->protocol, max);
	add_text(client, "name", trace != NULL ? trace->ptr : "", max);
	json_object_set_new(client, "fcrdns",
			    trace != NULL ? json_string(auth_result_name(trace->fcrdns))
					  : json_null());
	return client;
}

static json_t *tls_value(const struct trace *trace, size_t max)
{
	json_t *tls;

	if (trace == NULL)
		return json_null();
	tls = json_object();
	json_object_set_new(tls, "used", json_boolean(trace->tls[0] != '\0'));
	add_text(tls, "version", trace->tls, max);
	add_text(tls, "cipher", trace->cipher, max);
	return tls;
}

static json_t *dkim_value(const struct trace *trace, size_t max)
{
	json_t *list;

	if (trace == NULL)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < trace->n_dkim; i++) {
		json_t *one = json_object();

		add_text(one, "domain", trace->dkim[i].domain, max);
		add_text(one, "result", auth_result_name(trace->dkim[i].result), max);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *abilities_value(const struct verdict_found *found)
{
	json_t *abilities;

	if (found == NULL)
		return json_null();
	abilities = json_object();
	for (enum ability i = 0; i < ABILITIES; i++)
		json_object_set_new(abilities, ability_name(i),
				    json_pack("{ssss}", "verdict", verdict_name(found[i].verdict),
					      "evidence", evidence_name(found[i].evidence)));
	return abilities;
}

// One string a line, so that none has a line end in it; of a long text the beginning.
static json_t *lines_value(const char *text, size_t max)
{
	const char *start = text;
	json_t *lines = json_array();

	while (text != NULL && *text != '\0' && json_array_size(lines) < LINES_MAX &&
	       (size_t)(text - start) <= max) {
		size_t len = strcspn(text, "\n");
		bool crlf = text[len] == '\n' && len > 0 && text[len - 1] == '\r';

		json_array_append_new(lines, text_value_n(text, len - crlf, max));
		text += len + (text[len] == '\n');
	}
	return lines;
}

static json_t *bounce_value(const struct report_json *report, size_t max)
{
	json_t *bounce;

	if (report->class == NULL || report->class[0] == '\0')
		return json_null();
	bounce = json_object();
	add_text(bounce, "class", report->class, max);
	add_text(bounce, "phase", report->phase, max);
	add_text(bounce, "action", report->action, max);
	add_text(bounce, "status", report->status, max);
	add_text(bounce, "remote_mta", report->remote_mta, max);
	json_object_set_new(bounce, "diagnostic", lines_value(report->diagnostic, max));
	return bounce;
}

// ---- the survey --------------------------------------------------------------------------------

static json_t *cleaned(const json_t *value, unsigned depth);

static json_t *cleaned_object(const json_t *object, unsigned depth)
{
	json_t *clean = json_object();

	for (void *at = json_object_iter((json_t *)object); at != NULL;
	     at = json_object_iter_next((json_t *)object, at)) {
		const char *key = json_object_iter_key(at);

		if (text_is_printable(key, strlen(key)) && strlen(key) <= TEXT_MIN)
			json_object_set_new_nocheck(clean, key,
						    cleaned(json_object_iter_value(at), depth - 1));
	}
	return clean;
}

static json_t *cleaned_array(const json_t *array, unsigned depth)
{
	json_t *clean = json_array();

	for (size_t i = 0; i < json_array_size(array); i++)
		json_array_append_new(clean, cleaned(json_array_get(array, i), depth - 1));
	return clean;
}

// A copy without what is hidden, too long or too deep. What is printable was escaped before, and is
// not escaped again.
static json_t *cleaned(const json_t *value, unsigned depth)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (depth == 0)
		return json_null();
	if (json_is_object(value))
		return cleaned_object(value, depth);
	if (json_is_array(value))
		return cleaned_array(value, depth);
	if (text != NULL && (!text_is_printable(text, len) || len > REPORT_JSON_TEXT))
		return text_value_n(text, len, REPORT_JSON_TEXT);
	return json_deep_copy(value);
}

// Null where there is none or it is malformed: a report without it is better than none.
static json_t *survey_value(const char *text)
{
	json_t *survey = text != NULL ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
	json_t *clean = json_is_object(survey) ? cleaned(survey, DEPTH_MAX) : json_null();

	json_decref(survey);
	return clean;
}

// Drops the last host, or where none is left the survey; false where there is nothing to drop.
static bool survey_shorten(json_t *root)
{
	json_t *survey = json_object_get(root, "survey");
	json_t *hosts = json_object_get(survey, "hosts");
	size_t n = json_array_size(hosts);

	if (!json_is_object(survey))
		return false;
	if (n == 0)
		json_object_set_new(root, "survey", json_null());
	else
		json_array_remove(hosts, --n);
	while (n > SURVEY_HOSTS_MAX) // more than a survey has
		json_array_remove(hosts, --n);
	return true;
}

// ---- the whole ---------------------------------------------------------------------------------

// max: octets of a string.
static json_t *report_value(const struct report_json *report, size_t max)
{
	json_t *root = json_object();

	json_object_set_new(root, "v", json_integer(REPORT_JSON_VERSION));
	add_text(root, "kind", report->kind, max);
	add_text(root, "id", report->id, max);
	json_object_set_new(root, "cut", json_boolean(max < REPORT_JSON_TEXT));
	json_object_set_new(root, "request", request_value(report, max));
	json_object_set_new(root, "client", client_value(report, max));
	json_object_set_new(root, "tls", tls_value(report->trace, max));
	json_object_set_new(root, "dkim", dkim_value(report->trace, max));
	json_object_set_new(root, "abilities", abilities_value(report->found));
	json_object_set_new(root, "bounce", bounce_value(report, max));
	json_object_set_new(root, "survey",
			    max == REPORT_JSON_TEXT ? survey_value(report->survey) : json_null());
	return root;
}

static char *dump(const json_t *root)
{
	return json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII);
}

// The object where it fits; NULL where it does not though the survey has gone.
static char *dump_bounded(json_t *root, size_t max)
{
	char *text = dump(root);

	while (text != NULL && strlen(text) + 1 > max) {
		free(text);
		text = NULL;
		json_object_set_new(root, "cut", json_true());
		if (survey_shorten(root))
			text = dump(root);
	}
	return text;
}

int report_json_write(const struct report_json *report, size_t max, struct buf *out)
{
	auto_free char *text = NULL;

	for (size_t each = REPORT_JSON_TEXT; text == NULL && each >= TEXT_MIN; each /= 2) {
		json_t *root = report_value(report, each);

		text = dump_bounded(root, max);
		json_decref(root);
	}
	if (text == NULL)
		return -EFBIG;
	buf_adds(out, text);
	buf_addc(out, '\n');
	return 0;
}
