// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table has one line for one thing, and says in words what is unusual; what is as it should be
// takes no words. Names come from the DNS and banners from mail servers: both are strangers'.
// A name has the DNS's own escapes and passes text_escape_rest(), which adds none to these.
#include "cli/rows.h"

#include <string.h>

#include "base/text.h"

#define NAME_WIDTH   60 // of a name on a line that has more to say
#define BANNER_WIDTH 70

// ---- for people ---------------------------------------------------------------------------------

static const char *domain_words(const struct survey *survey)
{
	switch (survey->mx) {
	case SURVEY_MX_LISTED:
		return "";
	case SURVEY_MX_IMPLICIT:
		return "no MX record: its own address stands";
	case SURVEY_MX_NULL:
		return "takes no mail (null MX)";
	case SURVEY_MX_NONE:
		return "neither an MX record nor an address";
	case SURVEY_MX_NO_DOMAIN:
		return "no such domain";
	default:
		return "the DNS did not answer";
	}
}

static void add_domain(const struct survey *survey, struct buf *out)
{
	char name[NAME_WIDTH];
	const char *words = domain_words(survey);

	text_escape(name, sizeof(name), survey->domain, strlen(survey->domain));
	buf_addf(out, "%s%s%s\n", name, *words != '\0' ? "\n  " : "", words);
	if (survey->n_hosts > 0 && survey->n_hosts_all > survey->n_hosts)
		buf_addf(out, "  %zu MX records; the best %zu were looked at\n",
			 survey->n_hosts_all, survey->n_hosts);
	if (!survey->is_complete)
		buf_adds(out, "  not complete: cut short by the deadline\n");
}

static void add_host(const struct survey_host *host, bool v4, bool v6, struct buf *out)
{
	char name[NAME_WIDTH];

	text_escape_rest(name, sizeof(name), host->name, strlen(host->name));
	buf_addf(out, "  %5d %s\n", (int)host->preference, name);
	if (host->is_cname)
		buf_adds(out, "        is a CNAME, which RFC 5321 forbids\n");
	if (host->is_literal)
		buf_adds(out, "        is an address in place of a name\n");
	if (v4 && host->has_v4 == SURVEY_NO)
		buf_adds(out, "        no IPv4 address\n");
	if (v6 && host->has_v6 == SURVEY_NO)
		buf_adds(out, "        no IPv6 address\n");
	if (v6 && host->ns_v6 == SURVEY_NO)
		buf_adds(out, "        none of its name servers has an IPv6 address\n");
}

// At most 18 columns.
static void add_outcome(const struct survey_address *address, bool tried, struct buf *out)
{
	const char *how = survey_reach_name(address->reach);

	if (address->step == SURVEY_STEP_NONE)
		buf_adds(out, tried ? "not tried" : "");
	else if (address->reach == SURVEY_REACH_ACCEPTS)
		buf_addf(out, "%s%s", how, address->starttls == SURVEY_YES ? ", STARTTLS" : "");
	else if (address->code >= 400)
		buf_addf(out, "%s %d", how, (int)address->code);
	else if (address->reach == SURVEY_REACH_REFUSED ||
		 address->reach == SURVEY_REACH_UNREACHABLE)
		buf_adds(out, how);
	else
		buf_addf(out, "%s (%s)", how, survey_step_name(address->step));
}

static void add_address(const struct survey_address *address, bool tried, struct buf *out)
{
	char banner[BANNER_WIDTH];

	buf_addf(out, "        %-38s %-13s ", address->text, survey_kind_name(address->kind));
	add_outcome(address, tried, out);
	while (out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	buf_addc(out, '\n');
	if (address->banner[0] == '\0' || address->reach == SURVEY_REACH_ACCEPTS)
		return;
	// escaped already; here it is only cut
	text_cut(banner, sizeof(banner), address->banner);
	buf_addf(out, "          %s\n", banner);
}

void rows_table(const struct survey *survey, bool v4, bool v6, struct buf *out)
{
	add_domain(survey, out);
	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		add_host(host, v4, v6, out);
		for (size_t k = 0; v4 && k < host->n_v4; k++)
			add_address(&host->v4[k], survey->tried_reach, out);
		for (size_t k = 0; v6 && k < host->n_v6; k++)
			add_address(&host->v6[k], survey->tried_reach, out);
	}
	buf_addc(out, '\n');
}

// ---- CSV ----------------------------------------------------------------------------------------

static void add_quoted(const char *text, struct buf *out)
{
	buf_adds(out, strchr("=+-@", text[0]) != NULL && text[0] != '\0' ? "\"'" : "\"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"')
			buf_addc(out, '"');
		buf_addc(out, *c);
	}
	buf_addc(out, '"');
}

// A field and the comma after it.
static void add_name(const char *text, struct buf *out)
{
	char clean[DOMAIN_MAX * 4 + 8];

	add_quoted(text_escape_rest(clean, sizeof(clean), text, strlen(text)), out);
	buf_addc(out, ',');
}

// The same; nothing where it is less than least.
static void add_number(int32_t number, int32_t least, struct buf *out)
{
	if (number >= least)
		buf_addf(out, "%d", (int)number);
	buf_addc(out, ',');
}

static void add_start(const struct survey *survey, struct buf *out)
{
	add_name(survey->domain, out);
	buf_addf(out, "%s,%s,", survey_mx_name(survey->mx), survey->is_complete ? "yes" : "no");
}

static void add_csv_host(const struct survey *survey, const struct survey_host *host,
			 struct buf *out)
{
	add_start(survey, out);
	buf_addf(out, "%d,", (int)host->preference);
	add_name(host->name, out);
	buf_addf(out, "%s,%s,%s,", host->is_cname ? "yes" : "no", host->is_literal ? "yes" : "no",
		 survey_answer_name(host->ns_v6));
}

static void add_csv_address(const struct survey_address *address, struct buf *out)
{
	bool is_tried = address->step != SURVEY_STEP_NONE;

	buf_addf(out, "%d,%s,%s,", address->kind == SURVEY_KIND_IPV4 ? 4 : 6, address->text,
		 survey_kind_name(address->kind));
	buf_addf(out, "%s,%s,", is_tried ? survey_reach_name(address->reach) : "",
		 is_tried ? survey_step_name(address->step) : "");
	add_number(address->code, 1, out);
	buf_addf(out, "%s,", is_tried ? survey_answer_name(address->starttls) : "");
	for (int step = SURVEY_STEP_CONNECT; step < SURVEY_STEPS; step++)
		add_number(is_tried ? address->step_ms[step] : -1, 0, out);
	add_quoted(address->banner, out); // escaped already
	buf_adds(out, "\r\n");
}

static void add_addresses(const struct survey *survey, const struct survey_host *host,
			  const struct survey_address *addresses, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		add_csv_host(survey, host, out);
		add_csv_address(&addresses[i], out);
	}
}

void rows_csv(const struct survey *survey, bool v4, bool v6, struct buf *out)
{
	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		if ((v4 ? host->n_v4 : 0) + (v6 ? host->n_v6 : 0) == 0) {
			add_csv_host(survey, host, out);
			buf_adds(out, ",,,,,,,,,,\r\n");
		}
		add_addresses(survey, host, host->v4, v4 ? host->n_v4 : 0, out);
		add_addresses(survey, host, host->v6, v6 ? host->n_v6 : 0, out);
	}
	if (survey->n_hosts == 0) {
		add_start(survey, out);
		buf_adds(out, ",,,,,,,,,,,,,,,\r\n");
	}
}
