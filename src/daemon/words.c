// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The words of our letters, from a row of the database and what was found out beside it. A name
// that is added here is known to every template at once, and belongs into postsix-templates(7);
// what templates name is tried at start with words_sample().

#include "daemon/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "daemon/words_tree.h"
#include "mail/diagnose.h"
#include "mail/dsn.h"
#include "mail/token.h"
#include "mail/trace.h"

static void write_time(char dst[40], int64_t when)
{
	time_t clock = (time_t)when;
	struct tm tm;

	if (gmtime_r(&clock, &tm) == NULL || strftime(dst, 40, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		dst[0] = '\0';
}

// What follows the type in "dns; mx.example".
static const char *after_type(const char *field)
{
	const char *semicolon = strchr(field, ';');

	if (semicolon == NULL)
		return field;
	return semicolon + 1 + strspn(semicolon + 1, " \t");
}

const char *words_speaker(const struct words_input *in)
{
	const char *reporter = after_type(in->mail->reporting_mta);

	if (in->mail->remote_mta[0] != '\0')
		return after_type(in->mail->remote_mta);
	return text_equals_nocase(reporter, in->own_name) ? "" : reporter;
}

// "3 seconds", "2 minutes": what people say of a time on the way. "" where it is not known, or
// where clocks disagree. Two to four have a form of their own in Czech and its relatives.
static const char *say_span(struct words_tree *tree, int64_t from, int64_t to)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	struct phrase_facts facts = tree->facts;
	char text[24];
	size_t i = 0;
	int64_t n;

	if (from <= 0 || to < from)
		return "";
	while (units[i].seconds > 1 && to - from < 2 * units[i].seconds)
		i++;
	n = (to - from) / units[i].seconds;
	snprintf(text, sizeof(text), "%lld", (long long)n);
	facts.n = text;
	return words_say(tree, "unit", units[i].unit,
			 n == 1             ? "one"
			 : n >= 2 && n <= 4 ? "few"
					    : "many",
			 &facts);
}

static void add_dkim(struct words_tree *tree, const struct trace *trace)
{
	char dkim[TRACE_DKIM_MAX * (TRACE_NAME_SIZE + 16)] = "";
	size_t len = 0;

	for (size_t i = 0; i < trace->n_dkim; i++)
		len += (size_t)snprintf(dkim + len, sizeof(dkim) - len, "%s%s (%s)",
					i == 0 ? "" : ", ", auth_result_name(trace->dkim[i].result),
					trace->dkim[i].domain);
	words_add(tree, "dkim", words_stranger(tree, dkim));
}

// What the milter saw. Without it the name that Postfix found stands for the confirmed one, and of
// TLS and DKIM nothing is said.
static void add_trace(struct words_tree *tree)
{
	const struct store_mail *mail = tree->in->mail;
	struct trace trace;
	const bool has_trace = trace_parse(mail->trace, strlen(mail->trace), &trace) == NULL;
	const bool has_name = strcmp(mail->client_hostname, "unknown") != 0;
	char tls[2 * TRACE_WORD_SIZE + 4];
	const char *name;

	if (!has_trace)
		trace = (struct trace){0};
	name = trace.fcrdns == AUTH_PASS ? trace.ptr
	       : has_trace || !has_name  ? ""
					 : mail->client_hostname;
	snprintf(tls, sizeof(tls), trace.cipher[0] != '\0' ? "%s (%s)" : "%s%s", trace.tls,
		 trace.cipher);
	words_add_flag(tree, "has_trace", has_trace);
	words_add(tree, "client_name", words_stranger(tree, name));
	words_add(tree, "client_wrong_name",
		  words_stranger(tree, trace.fcrdns == AUTH_FAIL ? trace.ptr : ""));
	words_add(tree, "tls", words_stranger(tree, tls));
	add_dkim(tree, &trace);
}

static void add_stranger(struct words_tree *tree, const char *name, const char *text)
{
	words_add(tree, name, words_stranger(tree, text));
}

static void add_request(struct words_tree *tree)
{
	const struct store_mail *mail = tree->in->mail;
	const bool over_v6 = strchr(mail->client_address, ':') != NULL;
	char date[40], hops[24];

	write_time(date, mail->arrived);
	snprintf(hops, sizeof(hops), "%lld", (long long)mail->hops % 1000);
	add_stranger(tree, "requester", mail->requester);
	add_stranger(tree, "requester_domain", tree->facts.domain);
	add_stranger(tree, "recipient", mail->recipient);
	words_add(tree, "request_date", words_keep(tree, date, strlen(date)));
	add_stranger(tree, "request_subject", mail->subject);
	add_stranger(tree, "client_address", mail->client_address);
	words_add(tree, "client_family", over_v6 ? "IPv6" : "IPv4");
	words_add_flag(tree, "is_v6_request", over_v6);
	add_stranger(tree, "client_helo", mail->client_helo);
	add_stranger(tree, "client_protocol", mail->client_protocol);
	words_add_said(tree, "took", say_span(tree, mail->date, mail->arrived));
	words_add_said(tree, "took_servers", say_span(tree, mail->first_received, mail->arrived));
	words_add(tree, "hops", words_keep(tree, hops, strlen(hops)));
	add_trace(tree);
}

static void add_notification(struct words_tree *tree)
{
	const struct store_mail *mail = tree->in->mail;
	char address[DSN_FIELD_MAX + 1];

	dsn_address(address, sizeof(address), mail->final_recipient);
	add_stranger(tree, "action", mail->action);
	add_stranger(tree, "status", mail->status);
	add_stranger(tree, "final_recipient", mail->final_recipient);
	add_stranger(tree, "final_address", address);
	add_stranger(tree, "remote_mta", words_speaker(tree->in));
	add_stranger(tree, "diagnostic_lines", mail->diagnostic);
	add_stranger(tree, "tried_at", mail->last_attempt);
	add_stranger(tree, "give_up_at", mail->will_retry_until);
	add_stranger(tree, "class", mail->class);
	words_add_flag(tree, "was_accepted",
		       mail->was_accepted ||
			       dsn_is_by_other(mail->reporting_mta, tree->in->own_name));
}

static void add_site(struct words_tree *tree)
{
	const struct config_site *site = tree->in->site;
	char tester[ADDR_TEXT_SIZE + DOMAIN_MAX], contact[ADDR_TEXT_SIZE + DOMAIN_MAX];
	char id[TOKEN_ID_SIZE];

	snprintf(tester, sizeof(tester), "test@%s", site->v6_domain.text);
	snprintf(contact, sizeof(contact), "%s@%s", site->contact, site->dual_domain.text);
	token_id_text(id, kind_request(tree->in->mail->id));
	words_add(tree, "site_name", site->title);
	words_add(tree, "v6_domain", site->v6_domain.text);
	words_add(tree, "dual_domain", site->dual_domain.text);
	words_add(tree, "tester", words_keep(tree, tester, strlen(tester)));
	words_add(tree, "contact", words_keep(tree, contact, strlen(contact)));
	words_add(tree, "token_id", words_keep(tree, id, strlen(id)));
}

static void set_facts(struct words_tree *tree)
{
	const struct words_input *in = tree->in;
	const char *at = strrchr(in->mail->requester, '@');

	tree->facts.address = words_stranger(tree, in->mail->requester);
	tree->facts.domain = words_stranger(tree, at == NULL ? "" : at + 1);
	tree->facts.our_domain = in->site->v6_domain.text;
	tree->facts.our_host = in->own_name;
	tree->facts.our_address = in->own_address;
	words_find_host(tree, &tree->facts.host, &tree->facts.host_address);
}

struct words_tree *words_new(const struct words_input *input, size_t max)
{
	struct words_tree *tree = mem_new(1, sizeof(*tree));

	tree->in = input;
	tree->max = max < WORDS_CUT_MAX ? max : WORDS_CUT_MAX;
	tree->values.values = tree->top;
	set_facts(tree);
	add_site(tree);
	add_request(tree);
	add_notification(tree);
	words_add_attempts(tree);
	words_add_found(tree);
	words_add_survey(tree);
	tree->in = NULL;
	return tree;
}

struct words_tree *words_free(struct words_tree *tree)
{
	free(tree);
	return NULL;
}

const struct mustache_values *words_values(const struct words_tree *tree)
{
	return &tree->values;
}

// ---- for trying templates
// -------------------------------------------------------------------------

// A survey with one host, one address and something to note.
static void fill_survey(struct survey *survey)
{
	struct survey_host *host = &survey->hosts[0];

	*survey = (struct survey){.mx = SURVEY_MX_LISTED, .n_hosts_all = 2, .n_hosts = 1};
	host->n_v6 = 1;
	text_cut(host->name, sizeof(host->name), "mx.example");
	text_cut(host->v6[0].text, sizeof(host->v6[0].text), "2001:db8::25");
}

// A row with a word in each text, or with none.
static void fill_mail(struct store_mail *mail, bool is_full)
{
	static char word[] = "x", address[] = "x@example";

	store_mail_blank(mail);
	if (!is_full)
		return;
	mail->requester = address;
	mail->recipient = address;
	mail->client_address = word;
	mail->client_helo = word;
	mail->client_protocol = word;
	mail->subject = word;
	mail->action = word;
	mail->status = word;
	mail->final_recipient = word;
	mail->remote_mta = word;
	mail->diagnostic = word;
	mail->last_attempt = word;
	mail->will_retry_until = word;
	mail->tries = word;
}

struct words_tree *words_sample(const struct words_input *input, bool is_full)
{
	const struct verdict_found found[ABILITIES] = {0};
	struct store_mail mail = {.id = input->mail->id, .kind = input->mail->kind};
	auto_free struct survey *survey = mem_new(1, sizeof(*survey));
	struct words_input sample = *input;

	fill_mail(&mail, is_full);
	fill_survey(survey);
	sample.mail = &mail;
	sample.survey = is_full ? survey : NULL;
	sample.found = is_full ? found : NULL;
	sample.diagnosis = NULL;
	return words_new(&sample, WORDS_CUT_MAX);
}
