// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// As words.c was before letters were Mustache; it goes with its last caller.

#include "daemon/words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "mail/diagnose.h"

static void add_value(struct words *words, const char *name, const char *value)
{
	words->list[words->n++] = (struct template_value){name, value};
}

static void add_flag(struct words *words, const char *name, bool is_so)
{
	add_value(words, name, is_so ? "yes" : "");
}

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

// "3 seconds", "2 minutes": what people say of a time on the way. "" where it is not known, or
// where clocks disagree.
static void write_span(char dst[40], int64_t from, int64_t to)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	size_t i = 0;
	int64_t n;

	dst[0] = '\0';
	if (from <= 0 || to < from)
		return;
	while (units[i].seconds > 1 && to - from < 2 * units[i].seconds)
		i++;
	n = (to - from) / units[i].seconds;
	snprintf(dst, 40, "%lld %s%s", (long long)n, units[i].unit, n == 1 ? "" : "s");
}

static void write_dkim(struct words *words)
{
	const struct trace *trace = &words->trace;
	size_t len = 0;

	words->dkim[0] = '\0';
	for (size_t i = 0; i < trace->n_dkim; i++)
		len += (size_t)snprintf(words->dkim + len, sizeof(words->dkim) - len, "%s%s (%s)",
					i == 0 ? "" : ", ", auth_result_name(trace->dkim[i].result),
					trace->dkim[i].domain);
}

// What the milter saw. Without it the name that Postfix found stands for the confirmed one, and of
// TLS and DKIM nothing is said.
static void add_trace(struct words *words, const struct store_mail *mail)
{
	struct trace *trace = &words->trace;
	bool has_trace = trace_parse(mail->trace, strlen(mail->trace), trace) == NULL;
	bool has_name = strcmp(mail->client_hostname, "unknown") != 0;

	if (!has_trace)
		*trace = (struct trace){0};
	snprintf(words->tls, sizeof(words->tls), trace->cipher[0] != '\0' ? "%s (%s)" : "%s%s",
		 trace->tls, trace->cipher);
	write_dkim(words);
	add_flag(words, "has_trace", has_trace);
	add_value(words, "client_name",
		  trace->fcrdns == AUTH_PASS ? trace->ptr
		  : has_trace || !has_name   ? ""
					     : mail->client_hostname);
	add_value(words, "client_wrong_name", trace->fcrdns == AUTH_FAIL ? trace->ptr : "");
	add_value(words, "tls", words->tls);
	add_value(words, "dkim", words->dkim);
}

static void add_request(struct words *words, const struct store_mail *mail)
{
	bool over_v6 = strchr(mail->client_address, ':') != NULL;

	write_time(words->date, mail->arrived);
	write_span(words->took, mail->date, mail->arrived);
	write_span(words->took_servers, mail->first_received, mail->arrived);
	snprintf(words->hops, sizeof(words->hops), "%lld", (long long)mail->hops % 1000);
	add_value(words, "requester", mail->requester);
	add_value(words, "recipient", mail->recipient);
	add_value(words, "request_date", words->date);
	add_value(words, "request_subject", mail->subject);
	add_value(words, "client_address", mail->client_address);
	add_value(words, "client_family", over_v6 ? "IPv6" : "IPv4");
	add_value(words, "client_helo", mail->client_helo);
	add_value(words, "client_protocol", mail->client_protocol);
	add_value(words, "took", words->took);
	add_value(words, "took_servers", words->took_servers);
	add_value(words, "hops", words->hops);
	add_flag(words, "is_v6_request", over_v6);
}

// Whose words the diagnostic is: the server's that answered ours; else, where another than ours
// reports, that one's (RFC 3464 section 2.3.6); else "", our own.
static const char *speaker(const struct store_mail *mail, const char *own_name)
{
	const char *reporter = after_type(mail->reporting_mta);

	if (mail->remote_mta[0] != '\0')
		return after_type(mail->remote_mta);
	return text_equals_nocase(reporter, own_name) ? "" : reporter;
}

static void add_notification(struct words *words, const struct store_mail *mail,
			     const char *own_name)
{
	dsn_address(words->final_recipient, sizeof(words->final_recipient), mail->final_recipient);
	text_cut(words->remote_mta, sizeof(words->remote_mta), speaker(mail, own_name));
	add_value(words, "action", mail->action);
	add_value(words, "status", mail->status);
	add_value(words, "final_recipient", mail->final_recipient);
	add_value(words, "final_address", words->final_recipient);
	add_value(words, "remote_mta", words->remote_mta);
	add_value(words, "diagnostic_lines", mail->diagnostic);
	add_value(words, "tried_at", mail->last_attempt);
	add_value(words, "give_up_at", mail->will_retry_until);
}

// At most one of these flags is set; the template's words hang on them.
static void add_problem(struct words *words, const struct store_mail *mail)
{
	enum class class = CLASS_OTHER;
	bool is_ours = mail->kind == KIND_BOUNCE && mail->action[0] == '\0';
	bool is_known = class_find(mail->class, &class);
	enum problem problem = class_problem(class);

	is_known = is_known && !is_ours;
	add_flag(words, "is_ours", is_ours);
	add_flag(words, "is_ipv6_problem", is_known && problem == PROBLEM_IPV6);
	add_flag(words, "is_address_problem", is_known && problem == PROBLEM_ADDRESS);
	add_flag(words, "is_mailbox_problem", is_known && problem == PROBLEM_MAILBOX);
	add_flag(words, "is_sender_problem", is_known && problem == PROBLEM_SENDER);
	add_flag(words, "is_policy_problem", is_known && problem == PROBLEM_POLICY);
	add_flag(words, "is_other_problem", !is_ours && (!is_known || problem == PROBLEM_OTHER));
	add_flag(words, "was_accepted", mail->was_accepted);
	add_value(words, "class", mail->class);
}

static void add_site(struct words *words, const struct config_site *site, uint64_t id)
{
	snprintf(words->tester, sizeof(words->tester), "test@%s", site->v6_domain.text);
	snprintf(words->contact, sizeof(words->contact), "%s@%s", site->contact,
		 site->dual_domain.text);
	token_id_text(words->id, kind_request(id));
	add_value(words, "site_name", site->title);
	add_value(words, "v6_domain", site->v6_domain.text);
	add_value(words, "dual_domain", site->dual_domain.text);
	add_value(words, "tester", words->tester);
	add_value(words, "contact", words->contact);
	add_value(words, "token_id", words->id);
	words->n_own = words->n;
}

void words_fill(struct words *words, const struct config_site *site, const struct store_mail *mail,
		const char *own_name)
{
	words->n = 0;
	add_site(words, site, mail->id);
	add_request(words, mail);
	add_trace(words, mail);
	add_notification(words, mail, own_name);
	add_problem(words, mail);
}

void words_cut(struct words *words, size_t max)
{
	for (size_t i = words->n_own; i < words->n; i++)
		if (strlen(words->list[i].value) > max) {
			// (what is cut again lies in its place already)
			size_t len = text_utf8_cut(words->list[i].value,
						   strlen(words->list[i].value), max);

			memmove(words->cut[i], words->list[i].value, len);
			words->cut[i][len] = '\0';
			words->list[i].value = words->cut[i];
		}
}
