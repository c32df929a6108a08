// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Rows in, verdicts out: the input of mail/verdict.h is put together as daemon/finding.c does it,
// but from the outcome there is now.

#include "cli/judge.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/arrival.h"
#include "adapter/diagnose_file.h"
#include "adapter/survey_json.h"
#include "base/mem.h"
#include "mail/comment.h"
#include "mail/dsn.h"

struct judge {
	const struct config *config;
	struct diagnose_table *table; // NULL where it cannot be read
};

struct judge *judge_new(const struct config *config)
{
	struct judge *judge = mem_new(1, sizeof(*judge));

	judge->config = config;
	judge->table = diagnose_file_read(config->diagnose_table, config->diagnose_local, stderr);
	return judge;
}

struct judge *judge_free(struct judge *judge)
{
	if (judge == NULL)
		return NULL;
	diagnose_table_free(judge->table);
	free(judge);
	return NULL;
}

static bool is_to_v6_domain(const struct config *config, const char *site, const char *recipient)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (strcmp(config->sites[i].name, site) == 0)
			return arrival_is_v6_only(&config->sites[i], recipient);
	return false;
}

static struct status read_status(const char *field)
{
	struct status status = {0};
	char text[DSN_FIELD_MAX + 1];

	comment_strip(text, sizeof(text), field);
	return status_parse(text, &status) ? status : (struct status){0};
}

void judge_status(const char *field, char dst[STATUS_TEXT_SIZE])
{
	status_text(dst, read_status(field));
}

static void find_reason(const struct judge *judge, const struct history_row *row,
			struct judgement *judgement)
{
	struct diagnose_input input = {.diagnostic = history_text(row, "diagnostic"),
				       .remote_mta = history_text(row, "remote_mta"),
				       .text = history_text(row, "report_text"),
				       .reporting_mta = history_text(row, "reporting_mta")};
	const char *class = history_text(row, "class");

	judgement->is_diagnosed = class[0] != '\0';
	if (!judgement->is_diagnosed)
		return;
	input.status = read_status(history_text(row, "status"));
	if (judge->table != NULL)
		diagnose(judge->table, &input, &judgement->diagnosis);
	if (!class_find(class, &judgement->diagnosis.class))
		judgement->diagnosis.class = CLASS_OTHER;
}

void judge_find(const struct judge *judge, const struct history_row *row,
		struct judgement *ret_judgement)
{
	const char *survey = history_text(row, "survey");
	struct verdict_input input = {
		.family = arrival_family(judge->config, history_text(row, "client_address")),
		.to_v6_domain = is_to_v6_domain(judge->config, history_text(row, "site"),
						history_text(row, "recipient")),
		.was_accepted = history_number(row, "accepted_at") != 0 ||
				dsn_is_by_other(history_text(row, "reporting_mta"),
						judge->config->v6.hostname),
	};
	struct judgement *judgement = ret_judgement;

	memset(judgement, 0, sizeof(*judgement));
	if (!outcome_find(history_text(row, "outcome"), &input.outcome))
		input.outcome = OUTCOME_PENDING;
	input.never_sent = input.outcome == OUTCOME_UNKNOWN &&
			   strcmp(history_text(row, "state"), "given-up") == 0;
	judgement->has_survey = survey[0] != '\0' &&
				survey_json_read(survey, strlen(survey), &judgement->survey) == 0;
	find_reason(judge, row, judgement);
	input.survey = judgement->has_survey ? &judgement->survey : NULL;
	input.diagnosis = judgement->is_diagnosed ? &judgement->diagnosis : NULL;
	verdict_find(&input, judgement->found);
}
