// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The questions of a survey. Every answer may cause more; what is asked together is under way
// together.
//
// A question cannot be called back, so the inquiry lives on until the last answer, though nobody
// may be interested any more. The survey, which is large, is there from the answer about the MX
// records on: one that waits for a silent server is small.
#include "adapter/inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define SERVERS_MAX 4  // name servers of a zone that are looked at
#define CLIMB_MAX   16 // labels up from a host to its zone

// Whether a zone's name servers have IPv6 addresses, while it is asked.
struct zone {
	size_t n_open;
	bool is_unsure; // some could not be asked, or there are more than are looked at
};

struct inquiry {
	struct dns *dns;
	struct inquiry_watch watch;
	struct survey *survey;
	size_t n_open;
	bool is_over;
	struct zone zones[SURVEY_HOSTS_MAX];
	char domain[DOMAIN_MAX + 1];
};

// A question, and what to do with its answer.
struct look {
	struct inquiry *inquiry;
	void (*on_answer)(struct look *look, const struct dns_answer *answer);
	size_t host;
	size_t at;    // where in the host's name the zone is looked for
	size_t climb; // how many labels up that is
};

// ---- asking
// --------------------------------------------------------------------------------------

static void on_answer(void *arg, struct dns_answer answer)
{
	struct look *look = arg;
	struct inquiry *inquiry = look->inquiry;

	if (!inquiry->is_over)
		look->on_answer(look, &answer);
	dns_answer_free(&answer);
	free(look);
	if (--inquiry->n_open > 0)
		return;
	if (inquiry->is_over)
		free(inquiry);
	else
		inquiry->watch.on_end(inquiry->watch.arg);
}

static void ask(const struct look *wanted, enum dns_type type, const char *name)
{
	struct look *look = mem_new(1, sizeof(*look));

	*look = *wanted;
	look->inquiry->n_open++;
	dns_ask(look->inquiry->dns, type, name, on_answer, look);
}

static enum survey_answer answer_of(const struct dns_answer *answer)
{
	if (answer->status == DNS_FOUND)
		return SURVEY_YES;
	if (answer->status == DNS_NO_NAME)
		return SURVEY_NO;
	return answer->status == DNS_NO_DATA && !answer->is_loop ? SURVEY_NO : SURVEY_UNKNOWN;
}

static struct survey_host *host_of(const struct look *look)
{
	return &look->inquiry->survey->hosts[look->host];
}

// ---- the zone's name servers
// ---------------------------------------------------------------------

static void on_server(struct look *look, const struct dns_answer *answer)
{
	struct zone *zone = &look->inquiry->zones[look->host];
	struct survey_host *host = host_of(look);
	const enum survey_answer has_v6 = answer_of(answer);

	zone->n_open--;
	if (has_v6 == SURVEY_YES)
		host->ns_v6 = SURVEY_YES;
	zone->is_unsure = zone->is_unsure || has_v6 == SURVEY_UNKNOWN;
	if (zone->n_open == 0 && host->ns_v6 != SURVEY_YES && !zone->is_unsure)
		host->ns_v6 = SURVEY_NO;
}

static void ask_servers(const struct look *look, const struct dns_answer *answer)
{
	struct zone *zone = &look->inquiry->zones[look->host];
	struct look wanted = *look;

	wanted.on_answer = on_server;
	zone->is_unsure = answer->n_all > SERVERS_MAX;
	for (size_t i = 0; i < answer->n && i < SERVERS_MAX; i++) {
		zone->n_open++;
		ask(&wanted, DNS_AAAA, answer->values[i]);
	}
}

// Where the name has no name servers, the zone begins higher up, at last at the root, which is "".
static void on_zone(struct look *look, const struct dns_answer *answer)
{
	const char *name = host_of(look)->name + look->at;
	const char *dot = strchr(name, '.');

	if (answer->status == DNS_FOUND) {
		ask_servers(look, answer);
	} else if (answer_of(answer) == SURVEY_NO && *name != '\0' && look->climb < CLIMB_MAX) {
		struct look higher = *look;

		higher.at += dot != NULL ? (size_t)(dot - name) + 1 : strlen(name);
		higher.climb++;
		ask(&higher, DNS_NS, host_of(look)->name + higher.at);
	}
}

// ---- a host's addresses
// --------------------------------------------------------------------------

static size_t add_addresses(const struct look *look, const struct dns_answer *answer,
			    struct survey_address addresses[SURVEY_ADDRESSES_MAX])
{
	const struct inquiry_watch *watch = &look->inquiry->watch;
	size_t n = 0;

	for (size_t i = 0; i < answer->n && n < SURVEY_ADDRESSES_MAX; i++) {
		if (!text_copy(addresses[n].text, sizeof(addresses[n].text), answer->values[i]))
			continue;
		addresses[n].kind = survey_kind_of(addresses[n].text);
		for (int step = 0; step < SURVEY_STEPS; step++)
			addresses[n].step_ms[step] = -1;
		watch->on_address(watch->arg, &addresses[n++]);
	}
	return n;
}

// An implicit host may be an alias (RFC 5321 section 5.1: the resulting name is the domain then).
static void note_alias(const struct look *look, const struct dns_answer *answer)
{
	if (look->inquiry->survey->mx == SURVEY_MX_LISTED && answer->is_alias)
		host_of(look)->is_cname = true;
}

static void on_a(struct look *look, const struct dns_answer *answer)
{
	struct survey_host *host = host_of(look);

	note_alias(look, answer);
	host->has_v4 = answer_of(answer);
	host->n_v4 = add_addresses(look, answer, host->v4);
}

static void on_aaaa(struct look *look, const struct dns_answer *answer)
{
	struct survey_host *host = host_of(look);

	note_alias(look, answer);
	host->has_v6 = answer_of(answer);
	host->n_v6 = add_addresses(look, answer, host->v6);
}

static void ask_host(struct inquiry *inquiry, size_t i)
{
	struct look wanted = {.inquiry = inquiry, .host = i};
	const char *name = inquiry->survey->hosts[i].name;

	wanted.on_answer = on_aaaa;
	ask(&wanted, DNS_AAAA, name);
	wanted.on_answer = on_a;
	ask(&wanted, DNS_A, name);
	wanted.on_answer = on_zone;
	ask(&wanted, DNS_NS, name);
}

// ---- the mail hosts
// ------------------------------------------------------------------------------

static bool is_listed(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->n_hosts; i++) {
		if (text_equals_nocase(survey->hosts[i].name, name))
			return true;
	}
	return false;
}

// An address in a host's place has neither A nor AAAA records, and what is no name at all is not
// asked for.
static void add_host(struct inquiry *inquiry, const char *name, int32_t preference)
{
	struct survey *survey = inquiry->survey;
	struct survey_host *host = &survey->hosts[survey->n_hosts];
	struct domain domain = {.text = ""};
	const bool is_name = domain_parse(name, strlen(name), &domain) == NULL;

	if (survey->n_hosts == SURVEY_HOSTS_MAX || is_listed(survey, name))
		return;
	survey->n_hosts++;
	text_escape_rest(host->name, sizeof(host->name), name, strlen(name));
	host->preference = preference;
	host->is_literal = domain.literal || survey_kind_of(name) != SURVEY_KIND_UNKNOWN;
	if (host->is_literal)
		host->has_v4 = host->has_v6 = SURVEY_NO;
	else if (is_name && !domain.utf8)
		ask_host(inquiry, survey->n_hosts - 1);
}

// RFC 7505 section 3: a null MX is one where it stands alone.
static void add_hosts(struct inquiry *inquiry, const struct dns_answer *answer)
{
	struct survey *survey = inquiry->survey;

	survey->mx = SURVEY_MX_LISTED;
	survey->n_hosts_all = answer->n_all;
	for (size_t i = 0; i < answer->n; i++) {
		if (answer->values[i][0] != '\0')
			add_host(inquiry, answer->values[i], answer->preferences[i]);
	}
	if (survey->n_hosts == 0)
		survey->mx = SURVEY_MX_NULL;
}

static void on_mx(struct look *look, const struct dns_answer *answer)
{
	struct inquiry *inquiry = look->inquiry;
	struct survey *survey = mem_new(1, sizeof(*survey));

	inquiry->survey = survey;
	memcpy(survey->domain, inquiry->domain, sizeof(survey->domain));
	if (answer->status == DNS_FOUND) {
		add_hosts(inquiry, answer);
	} else if (answer->status == DNS_NO_NAME) {
		survey->mx = SURVEY_MX_NO_DOMAIN;
	} else if (answer_of(answer) == SURVEY_NO) {
		survey->mx = SURVEY_MX_IMPLICIT;
		add_host(inquiry, inquiry->domain, 0);
	}
}

// ---- the whole
// -----------------------------------------------------------------------------------

struct inquiry *inquiry_start(struct dns *dns, const char *domain,
			      const struct inquiry_watch *watch)
{
	struct inquiry *inquiry = mem_new(1, sizeof(*inquiry));
	const struct look wanted = {.inquiry = inquiry, .on_answer = on_mx};

	inquiry->dns = dns;
	inquiry->watch = *watch;
	text_cut(inquiry->domain, sizeof(inquiry->domain), domain);
	ask(&wanted, DNS_MX, inquiry->domain);
	return inquiry;
}

// What the addresses of an implicit host say of the domain.
static void conclude_implicit(struct survey *survey)
{
	const struct survey_host *host = &survey->hosts[0];

	survey->a_only = host->has_v4 == SURVEY_YES && host->has_v6 == SURVEY_NO;
	if (host->has_v4 != SURVEY_NO || host->has_v6 != SURVEY_NO)
		return;
	survey->mx = SURVEY_MX_NONE;
	survey->n_hosts = 0;
	memset(survey->hosts, 0, sizeof(survey->hosts[0]));
}

struct survey *inquiry_end(struct inquiry *inquiry)
{
	struct survey *survey = inquiry->survey;

	if (survey != NULL && survey->mx == SURVEY_MX_IMPLICIT)
		conclude_implicit(survey);
	inquiry->survey = NULL;
	inquiry->is_over = true;
	if (inquiry->n_open == 0)
		free(inquiry);
	return survey;
}
