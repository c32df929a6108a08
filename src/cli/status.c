// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix status: one screen that tells whether all is well.

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/ask.h"
#include "cli/condition.h"
#include "cli/verbs.h"

#define DAY    86400
#define NEAR   80 // hundredths of a limit that are nearly all of it
#define LIMITS 4

static const struct options_row rows[] = {{ASK_CONFIG}, {ASK_JSON}, {0}};

static const char help[] =
	"usage: postsix status [-c FILE] [--json]\n\n"
	"Says on one screen how the service is: what answers and since when, the last\n"
	"request, requests today and in seven days, mail of ours that waits, outcomes of\n"
	"probes, entries in spool and quarantine, the database's size, and limits of\n"
	"which 80 hundredths are used.\n\n"
	"      --json         one object\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help         this text\n\n"
	"Exit status: 0; 66 where the database cannot be read; 69 where a part does not\n"
	"answer; 77 where this user may not ask one, and the others answer.\n";

static const struct options options = {"postsix status", help, rows, 0, 0};

struct waiting {
	int64_t count, oldest;
};

struct status {
	struct condition condition;
	int64_t now, last, requests, today, answered_today, week, answered_week, size;
	struct waiting dual, v6;
	struct buf outcomes; // JSON members, or lines
	struct {
		char name[20], value[260];
		int64_t count, limit;
	} limits[LIMITS];
	size_t n_limits;
	bool json;
	const struct config *config;
};

static void on_latest(void *arg, const struct history_row *row)
{
	((struct status *)arg)->last = history_number(row, "arrived");
}

static void on_today(void *arg, const struct history_row *row)
{
	struct status *status = arg;

	status->today = history_number(row, "requests");
	status->answered_today = history_number(row, "answered");
}

static void on_week(void *arg, const struct history_row *row)
{
	struct status *status = arg;

	status->week = history_number(row, "requests");
	status->answered_week = history_number(row, "answered");
}

static void on_waiting(void *arg, const struct history_row *row)
{
	struct status *status = arg;
	struct waiting *waiting =
		strcmp(history_text(row, "instance"), "v6") == 0 ? &status->v6 : &status->dual;

	waiting->count = history_number(row, "count");
	waiting->oldest = history_number(row, "oldest");
}

static void on_count(void *arg, const struct history_row *row)
{
	struct status *status = arg;
	const char *name = history_text(row, "name");

	if (strncmp(name, "outcome ", 8) != 0)
		return;
	if (status->json)
		json_number(&status->outcomes, name + 8, history_number(row, "count"));
	else
		buf_addf(&status->outcomes, " %s %" PRId64, ask_clean(name + 8, 20),
			 history_number(row, "count"));
}

static int64_t limit_of(const struct config *config, const char *name)
{
	char option[40];
	const char *value;

	snprintf(option, sizeof(option), "postsix.%s", name);
	value = config_get(config, option);
	return value == NULL ? 0 : strtoll(value, NULL, 10);
}

static void on_busiest(void *arg, const struct history_row *row)
{
	struct status *status = arg;
	int64_t limit = limit_of(status->config, history_text(row, "name"));
	int64_t count = history_number(row, "count");

	if (limit <= 0 || count * 100 < limit * NEAR || status->n_limits == LIMITS)
		return;
	snprintf(status->limits[status->n_limits].name, sizeof(status->limits[0].name), "%s",
		 history_text(row, "name"));
	snprintf(status->limits[status->n_limits].value, sizeof(status->limits[0].value), "%s",
		 history_text(row, "value"));
	status->limits[status->n_limits].count = count;
	status->limits[status->n_limits++].limit = limit;
}

static int64_t find(const struct ask *ask, struct status *status)
{
	const struct history_filter today = {.since = ask->now - ask->now % DAY},
				    day = {.since = ask->now - DAY},
				    week = {.since = ask->now - 7 * DAY};
	const struct {
		enum history_query query;
		const struct history_filter *filter;
		history_on_row *on_row;
	} questions[] = {
		{HISTORY_LATEST, NULL, on_latest}, {HISTORY_SINCE, &today, on_today},
		{HISTORY_SINCE, &week, on_week},   {HISTORY_WAITING, NULL, on_waiting},
		{HISTORY_COUNTS, NULL, on_count},  {HISTORY_BUSIEST, &day, on_busiest},
	};
	int64_t r = 0;

	condition_find(ask->config, &status->condition);
	status->size = history_size(ask->database);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && r >= 0; i++)
		r = history_ask(ask->history, questions[i].query, questions[i].filter,
				questions[i].on_row, status);
	return r < 0 ? r : 0;
}

// ---- for people ---------------------------------------------------------------------------------

static void add_waiting(const char *name, const struct waiting *waiting, int64_t now,
			struct buf *out)
{
	char age[WHEN_SIZE];

	buf_addf(out, "%-14s %" PRId64, name, waiting->count);
	if (waiting->count > 0)
		buf_addf(out, ", the oldest for %s", when_age(age, now - waiting->oldest));
	buf_addc(out, '\n');
}

static void add_parts(const struct condition *condition, struct buf *out)
{
	char since[WHEN_SIZE];

	for (size_t i = 0; i < CONDITION_PARTS; i++) {
		const struct condition_part *part = &condition->parts[i];

		buf_addf(out, "%-14s ", part->name);
		if (part->error == -EACCES)
			buf_adds(out, "cannot be asked by this user");
		else if (part->error != 0)
			buf_addf(out, "does NOT answer: %s", strerror(-part->error));
		else
			buf_adds(out, "answers");
		if (part->since > 0)
			buf_addf(out, ", started %s", when_text(since, part->since));
		buf_addc(out, '\n');
	}
}

static void print(const struct status *status, struct buf *out)
{
	const struct condition *condition = &status->condition;
	char last[WHEN_SIZE], age[WHEN_SIZE];

	add_parts(condition, out);
	buf_addf(out, "\nlast request   %s", when_text(last, status->last));
	if (status->last > 0)
		buf_addf(out, ", %s ago", when_age(age, status->now - status->last));
	buf_addf(out, "\ntoday          %" PRId64 ", answered %" PRId64 "\n", status->today,
		 status->answered_today);
	buf_addf(out, "in seven days  %" PRId64 ", answered %" PRId64 "\n", status->week,
		 status->answered_week);
	buf_addf(out, "probes        %s\n",
		 status->outcomes.len > 0 ? buf_string(&status->outcomes) : " none");
	buf_addc(out, '\n');
	add_waiting("waits for dual", &status->dual, status->now, out);
	add_waiting("waits for v6", &status->v6, status->now, out);
	if (condition->spool < 0)
		buf_adds(out, "spool          cannot be read by this user\n");
	else
		buf_addf(out, "spool          %" PRId64 " %s%s%s\n", condition->spool,
			 text_plural((uint64_t)condition->spool, "entry", "entries"),
			 condition->spool > 0 ? ", the oldest for " : "",
			 condition->spool > 0 ? when_age(age, status->now - condition->oldest)
					      : "");
	if (condition->quarantine > 0)
		buf_addf(out, "quarantine     %" PRId64 " %s to look at\n", condition->quarantine,
			 text_plural((uint64_t)condition->quarantine, "file", "files"));
	buf_addf(out, "database       %" PRId64 " kB\n", status->size / 1024);
	for (size_t i = 0; i < status->n_limits; i++)
		buf_addf(out, "limit          %s: %" PRId64 " of %" PRId64 " %s\n",
			 status->limits[i].name, status->limits[i].count, status->limits[i].limit,
			 ask_clean(status->limits[i].value, 254));
}

// ---- for programs -------------------------------------------------------------------------------

static void add_waiting_json(struct buf *out, const char *key, const struct waiting *waiting)
{
	json_open(out, key, '{');
	json_number(out, "count", waiting->count);
	json_time(out, "oldest", waiting->oldest);
	json_close(out, '}');
}

static void print_json(const struct status *status, struct buf *out)
{
	const struct condition *condition = &status->condition;

	json_open(out, NULL, '{');
	json_number(out, "v", 1);
	json_time(out, "now", status->now);
	json_open(out, "parts", '{');
	for (size_t i = 0; i < CONDITION_PARTS; i++) {
		json_open(out, condition->parts[i].name, '{');
		if (condition->parts[i].error == -EACCES)
			json_none(out, "answers");
		else
			json_flag(out, "answers", condition->parts[i].error == 0);
		json_time(out, "since", condition->parts[i].since);
		json_close(out, '}');
	}
	json_close(out, '}');
	json_time(out, "last_request", status->last);
	json_number(out, "today", status->today);
	json_number(out, "answered_today", status->answered_today);
	json_number(out, "seven_days", status->week);
	json_number(out, "answered_seven_days", status->answered_week);
	json_open(out, "probes", '{');
	buf_adds(out, buf_string(&status->outcomes));
	json_close(out, '}');
	json_open(out, "waiting", '{');
	add_waiting_json(out, "dual", &status->dual);
	add_waiting_json(out, "v6", &status->v6);
	json_close(out, '}');
	json_number(out, "spool", condition->spool);
	json_number(out, "quarantine", condition->quarantine);
	json_number(out, "database_octets", status->size);
	json_open(out, "limits", '[');
	for (size_t i = 0; i < status->n_limits; i++) {
		json_open(out, NULL, '{');
		json_text(out, "name", status->limits[i].name);
		json_text(out, "value", status->limits[i].value);
		json_number(out, "count", status->limits[i].count);
		json_number(out, "limit", status->limits[i].limit);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_addc(out, '\n');
}

// Who is down counts more than who could not be asked.
static int judge(const struct condition *condition)
{
	int code = EX_OK;

	for (size_t i = 0; i < CONDITION_PARTS && code != EX_UNAVAILABLE; i++)
		if (condition->parts[i].error == -EACCES)
			code = EX_NOPERM;
		else if (condition->parts[i].error != 0)
			code = EX_UNAVAILABLE;
	return code;
}

static int run(struct ask *ask)
{
	struct status status = {.now = ask->now,
				.json = ask->json,
				.config = ask->config,
				.outcomes = buf_make(4096)};
	struct buf out = buf_make(65536);
	int64_t r = find(ask, &status);
	int code = EX_OK;

	if (r < 0) {
		code = ask_failed(ask, r);
	} else {
		(ask->json ? print_json : print)(&status, &out);
		(void)ask_write(&out);
		code = ask_finish(ask);
		if (code == EX_OK)
			code = judge(&status.condition);
	}
	buf_free(&out);
	buf_free(&status.outcomes);
	return code;
}

int verb_status(int argc, char **argv)
{
	struct ask ask;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	status = ask_open(&ask);
	if (status != EX_OK)
		return status;
	status = run(&ask);
	ask_close(&ask);
	return status;
}
