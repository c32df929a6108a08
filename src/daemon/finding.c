// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A finding is made when a letter is written, not when its facts came: a row is all that is kept.
//
// deliver-v6 is judged by the first hop. Where the message was handed from one of our own instances
// to the other, its client is ourselves, which says nothing.

#include "daemon/finding.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/config.h"
#include "adapter/store.h"
#include "adapter/survey_json.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "mail/dsn.h"
#include "mail/survey.h"

static bool is_same_address(const char *a, const char *b, size_t b_len)
{
	unsigned char one[sizeof(struct in6_addr)] = {0}, two[sizeof(one)] = {0};
	int family = strchr(a, ':') == NULL ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (b_len >= sizeof(text))
		return false;
	memcpy(text, b, b_len);
	text[b_len] = '\0';
	return inet_pton(family, a, one) == 1 && inet_pton(family, text, two) == 1 &&
	       memcmp(one, two, sizeof(one)) == 0;
}

// listen: addresses, blanks between them.
static bool is_one_of(const char *address, const char *listen)
{
	while (*listen != '\0') {
		size_t len = strcspn(listen, " \t");

		if (is_same_address(address, listen, len))
			return true;
		listen += len + strspn(listen + len, " \t");
	}
	return false;
}

static int family_of(const struct config *config, const char *address)
{
	if (is_one_of(address, config->dual.listen) || is_one_of(address, config->v6.listen) ||
	    strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0)
		return 0;
	if (survey_kind_of(address) == SURVEY_KIND_MAPPED)
		return 4;
	return strchr(address, ':') != NULL ? 6 : strchr(address, '.') != NULL ? 4 : 0;
}

static bool is_to_v6_domain(const struct config_site *site, const char *recipient)
{
	struct addr addr;

	return addr_parse(recipient, strlen(recipient), &addr) == NULL &&
	       domain_equals(&addr.domain, &site->v6_domain);
}

static struct survey *read_survey(const char *json)
{
	struct survey *survey;

	if (json[0] == '\0')
		return NULL;
	survey = mem_new(1, sizeof(*survey));
	if (survey_json_read(json, strlen(json), survey) == 0)
		return survey;
	free(survey); // a newer version's
	return NULL;
}

static enum outcome outcome_of(const struct store_mail *mail)
{
	if (mail->kind == KIND_DELAY)
		return OUTCOME_DELAYED;
	if (mail->kind != KIND_BOUNCE)
		return OUTCOME_PENDING;
	return mail->action[0] == '\0' ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

static void find_reason(struct finding *finding, const struct daemon *daemon,
			const struct store_mail *mail)
{
	struct diagnose_input input = {.diagnostic = mail->diagnostic,
				       .remote_mta = mail->remote_mta,
				       .text = mail->report_text,
				       .reporting_mta = mail->reporting_mta};

	finding->is_diagnosed = mail->class[0] != '\0';
	if (!finding->is_diagnosed)
		return;
	if (!status_parse(mail->status, &input.status))
		input.status = (struct status){0};
	diagnose(daemon->diagnose_table, &input, &finding->diagnosis);
}

void finding_make(struct finding *finding, const struct daemon *daemon,
		  const struct config_site *site, const struct store_mail *mail)
{
	struct verdict_input input = {
		.family = family_of(daemon->config, mail->client_address),
		.to_v6_domain = is_to_v6_domain(site, mail->recipient),
		.outcome = outcome_of(mail),
		.was_accepted = mail->was_accepted ||
				dsn_is_by_other(mail->reporting_mta, daemon->config->v6.hostname),
		.own_records = daemon->own_records};

	*finding = (struct finding){.survey = read_survey(mail->survey)};
	finding->has_trace = trace_parse(mail->trace, strlen(mail->trace), &finding->trace) == NULL;
	find_reason(finding, daemon, mail);
	input.never_sent = input.outcome == OUTCOME_UNKNOWN;
	input.survey = finding->survey;
	input.diagnosis = finding->is_diagnosed ? &finding->diagnosis : NULL;
	verdict_find(&input, finding->found);
}

void finding_free(struct finding *finding)
{
	free(finding->survey);
	finding->survey = NULL;
}
