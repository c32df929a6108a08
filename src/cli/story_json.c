// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The story for programs: tables of columns, so that a new one is a row here and one in the schema.

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/story.h"

enum shape {
	TEXT,
	NUMBER,
	TIME,
	FLAG,
	ID,
};

struct column {
	const char *name;
	enum shape shape;
	const char *key; // in JSON; NULL: the same
};

static const struct column request_columns[] = {
	{"id", ID, NULL},
	{"arrived", TIME, NULL},
	{"decision", TEXT, NULL},
	{"site", TEXT, NULL},
	{"requester", TEXT, NULL},
	{"aged", FLAG, "hashed"},
	{"recipient", TEXT, NULL},
	{"instance", TEXT, NULL},
	{"queue_id", TEXT, NULL},
	{"client_address", TEXT, NULL},
	{"client_hostname", TEXT, NULL},
	{"client_helo", TEXT, NULL},
	{"client_protocol", TEXT, NULL},
	{"size", NUMBER, NULL},
	{"message_id", TEXT, NULL},
	{"subject", TEXT, NULL},
	{"date", TIME, NULL},
	{"first_received", TIME, NULL},
	{"hops", NUMBER, NULL},
	{"trace", TEXT, NULL},
	{"authenticated", TEXT, NULL},
	{NULL, TEXT, NULL},
};

static const struct column mail_columns[] = {
	{"id", ID, NULL},
	{"kind", TEXT, NULL},
	{"instance", TEXT, NULL},
	{"state", TEXT, NULL},
	{"created", TIME, NULL},
	{"due", TIME, NULL},
	{"attempts", NUMBER, NULL},
	{"queue_id", TEXT, NULL},
	{"reply", TEXT, NULL},
	{"sent", TIME, NULL},
	{"outcome", TEXT, NULL},
	{"outcome_at", TIME, NULL},
	{"accepted_at", TIME, NULL},
	{NULL, TEXT, NULL},
};

static const struct column dsn_columns[] = {
	{"message", ID, "id"},        {"arrived", TIME, NULL},          {"decision", TEXT, NULL},
	{"action", TEXT, NULL},       {"status", TEXT, NULL},           {"class", TEXT, NULL},
	{"remote_mta", TEXT, NULL},   {"reporting_mta", TEXT, NULL},    {"diagnostic", TEXT, NULL},
	{"last_attempt", TEXT, NULL}, {"will_retry_until", TEXT, NULL}, {NULL, TEXT, NULL},
};

static const struct column attempt_columns[] = {
	{"message", ID, "id"},  {"at", TIME, NULL},     {"relay", TEXT, NULL},
	{"result", TEXT, NULL}, {"status", TEXT, NULL}, {"reason", TEXT, NULL},
	{NULL, TEXT, NULL},
};

static void add_columns(struct buf *out, const struct column *columns,
			const struct history_row *row)
{
	for (; columns->name != NULL; columns++) {
		const char *key = columns->key == NULL ? columns->name : columns->key;
		int64_t number = history_number(row, columns->name);

		if (columns->shape == TEXT)
			json_text(out, key, history_text(row, columns->name));
		else if (columns->shape == NUMBER)
			json_number(out, key, number);
		else if (columns->shape == TIME)
			json_time(out, key, number);
		else if (columns->shape == FLAG)
			json_flag(out, key, number != 0);
		else
			json_text(out, key, ask_id(number));
	}
}

struct part {
	struct buf *out;
	const struct column *columns;
};

static void on_request(void *arg, const struct history_row *row)
{
	add_columns(arg, request_columns, row);
}

static void on_part(void *arg, const struct history_row *row)
{
	struct part *part = arg;

	json_open(part->out, NULL, '{');
	add_columns(part->out, part->columns, row);
	json_close(part->out, '}');
}

static void add_verdicts(struct buf *out, const struct judgement *judgement)
{
	json_open(out, "verdicts", '{');
	for (int i = 0; i < ABILITIES; i++) {
		json_open(out, ability_name((enum ability)i), '{');
		json_text(out, "verdict", verdict_name(judgement->found[i].verdict));
		json_text(out, "evidence", evidence_name(judgement->found[i].evidence));
		json_close(out, '}');
	}
	json_close(out, '}');
}

static void on_probe(void *arg, const struct history_row *row)
{
	void **args = arg;
	struct judgement *judgement = mem_new(1, sizeof(*judgement));
	struct buf *out = args[1];

	judge_find(args[0], row, judgement);
	// only what was read as a survey is one
	if (judgement->has_survey)
		json_raw(out, "survey", history_text(row, "survey"));
	else
		json_none(out, "survey");
	if (history_text(row, "outcome")[0] != '\0')
		add_verdicts(out, judgement);
	else
		json_none(out, "verdicts");
	free(judgement);
}

int64_t story_json(const struct ask *ask, const struct judge *judge, int64_t id, struct buf *out)
{
	static const struct {
		const char *key;
		enum history_query query;
		const struct column *columns;
	} parts[] = {
		{"mails", HISTORY_MAILS, mail_columns},
		{"notifications", HISTORY_DSNS, dsn_columns},
		{"attempts", HISTORY_ATTEMPTS, attempt_columns},
	};
	const struct history_filter filter = {.id = id};
	const void *args[] = {judge, out};
	int64_t r;

	json_open(out, NULL, '{');
	json_number(out, "v", 1);
	r = history_ask(ask->history, HISTORY_REQUEST, &filter, on_request, out);
	if (r == 0)
		return -ENOENT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && r >= 0; i++) {
		struct part part = {out, parts[i].columns};

		json_open(out, parts[i].key, '[');
		r = history_ask(ask->history, parts[i].query, &filter, on_part, &part);
		json_close(out, ']');
	}
	if (r >= 0)
		r = history_ask(ask->history, HISTORY_PROBE, &filter, on_probe, args);
	json_close(out, '}');
	buf_addc(out, '\n');
	return r < 0 ? r : 0;
}
