// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A finding is made when a letter is written, not when its facts came: a row is all that is kept.

#include "daemon/finding.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/arrival.h"
#include "adapter/store.h"
#include "adapter/survey_json.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "mail/dsn.h"

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
		.family = arrival_family(daemon->config, mail->client_address),
		.to_v6_domain = arrival_is_v6_only(site, mail->recipient),
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
