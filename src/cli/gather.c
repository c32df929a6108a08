// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Requests are counted one after the other, from their ids: a question for each, so that no
// snapshot of the database is held for long.

#include "cli/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/judge.h"

struct gathering {
	struct figures *figures;
	const struct pseudonym *pseudonym;
	struct judge *judge;
	struct judgement judgement;
};

static void printf_like(2, 3) count(struct gathering *gathering, const char *format, ...)
{
	char name[FIGURES_NAME_SIZE];
	va_list values;

	va_start(values, format);
	vsnprintf(name, sizeof(name), format, values);
	va_end(values);
	figures_count(gathering->figures, name, 1);
}

static void member(struct gathering *gathering, const char *set, const char *kind, const char *text)
{
	char lower[ADDR_TEXT_SIZE];

	text_cut(lower, sizeof(lower), text);
	text_lower(lower);
	figures_member(gathering->figures, set, pseudonym_tag(gathering->pseudonym, kind, lower));
}

static void add_requester(struct gathering *gathering, const struct history_row *row)
{
	char address[ADDR_TEXT_SIZE];
	const char *at;

	pseudonym_address(gathering->pseudonym, history_text(row, "requester"), address);
	at = strrchr(address, '@');
	if (at == NULL)
		return;
	member(gathering, "addresses", "address", address);
	member(gathering, "domains", "domain", at + 1);
	if (strcmp(history_text(row, "outcome"), "failed") == 0)
		member(gathering, "bounced-addresses", "address", address);
}

static void on_line(void *arg, const struct history_row *row)
{
	struct gathering *gathering = arg;
	const char *decision = history_text(row, "decision");
	const char *outcome = history_text(row, "outcome");

	count(gathering, "requests");
	if (strcmp(decision, "answer") != 0) {
		count(gathering, "refused.%s", decision);
		return;
	}
	count(gathering, "answered");
	add_requester(gathering, row);
	count(gathering, "outcome.%s", outcome);
	if (strcmp(outcome, "failed") == 0) {
		char status[STATUS_TEXT_SIZE];

		judge_status(history_text(row, "status"), status);
		count(gathering, "bounces");
		count(gathering, "class.%s", history_text(row, "class"));
		if (status[0] != '\0')
			count(gathering, "status.%s", status);
	}
}

static void add_addresses(struct gathering *gathering, const char *set, const char *reachable,
			  const struct survey_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		member(gathering, set, "ip", addresses[i].text);
		if (addresses[i].step > SURVEY_STEP_CONNECT)
			member(gathering, reachable, "ip", addresses[i].text);
	}
}

static void on_probe(void *arg, const struct history_row *row)
{
	struct gathering *gathering = arg;
	struct judgement *judgement = &gathering->judgement;

	if (history_text(row, "outcome")[0] == '\0')
		return;
	judge_find(gathering->judge, row, judgement);
	for (int i = 0; i < ABILITIES; i++)
		count(gathering, "ability.%s.%s", ability_name((enum ability)i),
		      verdict_name(judgement->found[i].verdict));
	if (!judgement->has_survey)
		return;
	count(gathering, "surveys");
	for (size_t i = 0; i < judgement->survey.n_hosts; i++) {
		const struct survey_host *host = &judgement->survey.hosts[i];

		member(gathering, "mx-hosts", "host", host->name);
		add_addresses(gathering, "ipv4", "ipv4-reachable", host->v4, host->n_v4);
		add_addresses(gathering, "ipv6", "ipv6-reachable", host->v6, host->n_v6);
	}
}

int64_t gather(const struct ask *ask, const struct pseudonym *pseudonym,
	       struct figures **ret_figures)
{
	static const char *const always[] = {"requests", "answered", "bounces", "surveys"};
	static const char *const sets[] = {"addresses", "domains",       "bounced-addresses",
					   "mx-hosts",  "ipv4",          "ipv4-reachable",
					   "ipv6",      "ipv6-reachable"};
	struct gathering *gathering = mem_new(1, sizeof(*gathering));
	int64_t *ids = NULL;
	int64_t n = history_ids(ask->history, &ask->filter, &ids), r = n;

	gathering->figures = figures_new();
	gathering->pseudonym = pseudonym;
	gathering->judge = judge_new(ask->config);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		figures_count(gathering->figures, always[i], 0);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		(void)figures_set(gathering->figures, sets[i]);
	for (int64_t i = 0; i < n && r >= 0; i++) {
		struct history_filter one = {.id = ids[i]};

		r = history_ask(ask->history, HISTORY_LINE, &one, on_line, gathering);
		if (r >= 0)
			r = history_ask(ask->history, HISTORY_PROBE, &one, on_probe, gathering);
	}
	figures_finish(gathering->figures);
	if (r < 0)
		figures_free(gathering->figures);
	else
		*ret_figures = gathering->figures;
	judge_free(gathering->judge);
	free(gathering);
	free(ids);
	return r < 0 ? r : 0;
}
