// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The trace field's grammar: name=value items, separated by semicolons and blanks.
//
// Both directions go through one table, so that an item that can be written can be read. Values
// have no blank and no semicolon (authres_clean), so nothing is quoted and a fold changes nothing.
#include "mail/trace.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define VERSION    "1"
#define LINE_WIDTH 76
#define ITEM_MAX   AUTHRES_CLEAN_SIZE

static const char blanks[] = " \t\r\n";

// ---- writing
// --------------------------------------------------------------------------------------

struct writer {
	struct buf *out;
	size_t column;
	bool is_begun;
};

static void add_item(struct writer *writer, const char *name, const char *value)
{
	char clean[AUTHRES_CLEAN_SIZE];
	size_t len;

	authres_clean(clean, sizeof(clean), value);
	len = strlen(name) + 1 + strlen(clean) + 1;
	if (writer->is_begun) {
		buf_addc(writer->out, ';');
		buf_adds(writer->out, writer->column + 1 + len > LINE_WIDTH ? "\n\t" : " ");
		writer->column = writer->column + 1 + len > LINE_WIDTH ? 8 : writer->column + 2;
	}
	buf_addf(writer->out, "%s=%s", name, clean);
	writer->column += len;
	writer->is_begun = true;
}

static void add_if(struct writer *writer, const char *name, const char *value)
{
	if (value[0] != '\0')
		add_item(writer, name, value);
}

static void add_number(struct writer *writer, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	add_item(writer, name, text);
}

static void add_domain(struct writer *writer, const char *name, const struct trace_domain *found)
{
	char text[ITEM_MAX];

	snprintf(text, sizeof(text), "%s%s%s", auth_result_name(found->result),
		 authres_is_domain(found->domain) ? "/" : "",
		 authres_is_domain(found->domain) ? found->domain : "");
	add_item(writer, name, text);
}

void trace_write(struct buf *out, const struct trace *trace)
{
	struct writer writer = {out, sizeof(TRACE_FIELD) + 1, false}; // behind "Name: "

	add_item(&writer, "v", VERSION);
	add_item(&writer, "instance", trace->instance);
	add_if(&writer, "client", trace->client);
	add_number(&writer, "family", trace->family);
	add_item(&writer, "fcrdns", auth_result_name(trace->fcrdns));
	add_if(&writer, "ptr", authres_is_domain(trace->ptr) ? trace->ptr : "");
	add_if(&writer, "helo", trace->helo);
	add_if(&writer, "tls", trace->tls);
	add_if(&writer, "cipher", trace->cipher);
	add_number(&writer, "time", trace->time);
	add_domain(&writer, "mx", &trace->mx);
	for (size_t i = 0; i < trace->n_dkim && i < TRACE_DKIM_MAX; i++)
		add_domain(&writer, "dkim", &trace->dkim[i]);
	if (trace->n_more > 0)
		add_number(&writer, "more", (int64_t)trace->n_more);
}

// ---- reading
// --------------------------------------------------------------------------------------

// Each takes one item's value and says whether it is one.

static bool take_version(const char *value, struct trace *trace)
{
	(void)trace;
	return strcmp(value, VERSION) == 0;
}

static bool take_instance(const char *value, struct trace *trace)
{
	const size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789");

	return len > 0 && value[len] == '\0' &&
	       text_copy(trace->instance, sizeof(trace->instance), value);
}

// Only the form that inet_ntop(3) gives: the same address is the same text everywhere.
static bool take_client(const char *value, struct trace *trace)
{
	const int family = strchr(value, ':') != NULL ? AF_INET6 : AF_INET;
	unsigned char address[16];
	char again[TRACE_ADDRESS_SIZE];

	return inet_pton(family, value, address) == 1 &&
	       inet_ntop(family, address, again, sizeof(again)) != NULL &&
	       strcmp(again, value) == 0 && text_copy(trace->client, sizeof(trace->client), value);
}

static bool take_family(const char *value, struct trace *trace)
{
	trace->family = value[0] - '0';
	return strlen(value) == 1 && strchr("046", value[0]) != NULL;
}

// What a comparison of addresses comes to.
static bool is_comparison(enum auth_result result)
{
	return result != AUTH_POLICY && result != AUTH_NEUTRAL && result != AUTH_PERMERROR;
}

static bool take_fcrdns(const char *value, struct trace *trace)
{
	return auth_result_find(value, strlen(value), &trace->fcrdns) &&
	       is_comparison(trace->fcrdns);
}

static bool take_ptr(const char *value, struct trace *trace)
{
	return authres_is_domain(value) && text_copy(trace->ptr, sizeof(trace->ptr), value);
}

static bool take_helo(const char *value, struct trace *trace)
{
	return text_copy(trace->helo, sizeof(trace->helo), value);
}

static bool take_tls(const char *value, struct trace *trace)
{
	return text_copy(trace->tls, sizeof(trace->tls), value);
}

static bool take_cipher(const char *value, struct trace *trace)
{
	return text_copy(trace->cipher, sizeof(trace->cipher), value);
}

// Digits that begin with no zero, as many as no clock and no message goes beyond.
static bool take_number(const char *value, int64_t *ret_number)
{
	const size_t len = strlen(value);

	*ret_number = strtoll(value, NULL, 10);
	return len > 0 && len <= 12 && strspn(value, "0123456789") == len &&
	       (value[0] != '0' || len == 1);
}

static bool take_time(const char *value, struct trace *trace)
{
	return take_number(value, &trace->time);
}

static bool take_domain(const char *value, struct trace_domain *found)
{
	const size_t len = strcspn(value, "/");

	return auth_result_find(value, len, &found->result) &&
	       (value[len] == '\0' ||
		(authres_is_domain(value + len + 1) &&
		 text_copy(found->domain, sizeof(found->domain), value + len + 1)));
}

static bool take_mx(const char *value, struct trace *trace)
{
	return take_domain(value, &trace->mx) && is_comparison(trace->mx.result);
}

static bool take_dkim(const char *value, struct trace *trace)
{
	return trace->n_dkim < TRACE_DKIM_MAX && take_domain(value, &trace->dkim[trace->n_dkim++]);
}

static bool take_more(const char *value, struct trace *trace)
{
	int64_t number = 0;
	const bool is_number = take_number(value, &number);

	trace->n_more = (size_t)number;
	return is_number && number > 0;
}

// In the order in which they are written, which is the order they must come in.
static const struct item {
	const char *name;
	bool (*take)(const char *value, struct trace *trace);
	bool required;
	bool repeats;
} items[] = {
	{"v", take_version, true, false},      {"instance", take_instance, true, false},
	{"client", take_client, false, false}, {"family", take_family, true, false},
	{"fcrdns", take_fcrdns, true, false},  {"ptr", take_ptr, false, false},
	{"helo", take_helo, false, false},     {"tls", take_tls, false, false},
	{"cipher", take_cipher, false, false}, {"time", take_time, true, false},
	{"mx", take_mx, false, false},         {"dkim", take_dkim, false, true},
	{"more", take_more, false, false},
};

#define N_ITEMS (sizeof(items) / sizeof(items[0]))

// The row of that name from `first` on, past rows that may be missing; N_ITEMS for none.
static size_t find_item(const char *name, size_t first)
{
	for (size_t i = first; i < N_ITEMS; i++) {
		if (strcmp(items[i].name, name) == 0)
			return i;
		if (items[i].required)
			break;
	}
	return N_ITEMS;
}

// One "name=value" with nothing around it; *next is the row that may come next, and moves on.
static const char *take_item(const char *text, size_t *next, struct trace *trace)
{
	char name[16], clean[ITEM_MAX];
	const size_t len = strcspn(text, "=");
	size_t row;

	if (text[len] == '\0' || len >= sizeof(name))
		return "the trace has an item that is not name=value";
	memcpy(name, text, len);
	name[len] = '\0';
	row = find_item(name, *next);
	if (row == N_ITEMS)
		return "the trace has an item that is unknown or out of its order";
	text += len + 1;
	if (text[0] == '\0' || (strcmp(authres_clean(clean, sizeof(clean), text), text) != 0))
		return "the trace has a value that is empty, too long or not clean";
	if (!items[row].take(text, trace))
		return "the trace has a value that its name does not allow";
	*next = items[row].repeats ? row : row + 1;
	return NULL;
}

// A family without an address, or of another one, is a contradiction.
static bool is_whole(size_t next, const struct trace *trace)
{
	const int family = trace->client[0] == '\0'             ? 0
			   : strchr(trace->client, ':') != NULL ? 6
								: 4;

	while (next < N_ITEMS && !items[next].required)
		next++;
	return next == N_ITEMS && trace->family == family;
}

const char *trace_parse(const char *value, size_t len, struct trace *ret_trace)
{
	struct trace trace = {0};
	const char *wrong = NULL, *end = value + len;
	size_t next = 0;

	if (len > TRACE_TEXT_MAX)
		return "the trace is too long";
	while (wrong == NULL && value <= end) {
		char text[ITEM_MAX + 16];
		size_t n = 0;

		while (value < end && memchr(blanks, *value, sizeof(blanks) - 1) != NULL)
			value++;
		while (value < end && *value != ';' && n + 1 < sizeof(text))
			text[n++] = *value++;
		text[n] = '\0';
		if ((value < end && *value != ';') || strlen(text) != n)
			return "the trace has an item that is too long, or a NUL";
		value++; // the semicolon, or beyond the end
		wrong = take_item(text, &next, &trace);
	}
	if (wrong == NULL && !is_whole(next, &trace))
		wrong = "the trace lacks an item, or contradicts itself";
	if (wrong == NULL)
		*ret_trace = trace;
	return wrong;
}
