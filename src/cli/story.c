// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The story for people. Each row gives one or more events with their times; they are sorted, and
// what came in the same second stays in the order in which it was told, outcomes last.

#include "cli/story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/when.h"

#define WIDTH  400  // of a stranger's text
#define EVENTS 1000 // 100 attempts and a handful of others are what there can be

struct event {
	int64_t time;
	size_t number;
	char *text;
};

struct story {
	struct event events[EVENTS];
	size_t n;
	bool is_outcome; // what is told is so: in its second it comes behind what it was made of
};

static void printf_like(3, 4) add(struct story *story, int64_t time, const char *format, ...)
{
	struct event *event = &story->events[story->n];
	va_list values;

	if (story->n == EVENTS)
		return;
	event->time = time;
	event->number = story->n++ + (story->is_outcome ? EVENTS : 0);
	va_start(values, format);
	if (vasprintf(&event->text, format, values) < 0)
		abort();
	va_end(values);
}

static const char *clean(const struct history_row *row, const char *name)
{
	return ask_clean(history_text(row, name), WIDTH);
}

// A field's value as it came, each tab of its folding a blank.
static const char *unfolded(const struct history_row *row, const char *name)
{
	char text[2 * WIDTH];

	text_cut(text, sizeof(text), history_text(row, name));
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\t')
			*at = ' ';
	return ask_clean(text, WIDTH);
}

static void on_request(void *arg, const struct history_row *row)
{
	struct story *story = arg;
	int64_t arrived = history_number(row, "arrived");
	bool is_answered = strcmp(history_text(row, "decision"), "answer") == 0;

	add(story, arrived, "came from <%s>%s to <%s> by %s, queue id %s", clean(row, "requester"),
	    history_number(row, "aged") != 0 ? " (hashed)" : "", clean(row, "recipient"),
	    clean(row, "instance"), clean(row, "queue_id"));
	add(story, arrived, "client %s (%s), HELO %s, %s", clean(row, "client_address"),
	    clean(row, "client_hostname"), clean(row, "client_helo"),
	    clean(row, "client_protocol"));
	add(story, arrived, "Message-ID %s, Subject %s", clean(row, "message_id"),
	    unfolded(row, "subject"));
	if (history_text(row, "trace")[0] != '\0')
		add(story, arrived, "trace %s", unfolded(row, "trace"));
	if (history_text(row, "authenticated")[0] != '\0')
		add(story, arrived, "vouched for by %s", clean(row, "authenticated"));
	add(story, arrived, "%s%s",
	    is_answered ? "answered" : "not answered: ", is_answered ? "" : clean(row, "decision"));
}

static void on_mail(void *arg, const struct history_row *row)
{
	struct story *story = arg;
	const char *kind = clean(row, "kind"), *state = history_text(row, "state");
	const char *outcome = history_text(row, "outcome");
	int64_t outcome_at = history_number(row, "outcome_at");
	char due[WHEN_SIZE];

	if (strcmp(state, "sent") == 0)
		add(story, history_number(row, "sent"), "%s %s handed to postfix-%s as %s", kind,
		    ask_id(history_number(row, "id")), clean(row, "instance"),
		    clean(row, "queue_id"));
	else if (strcmp(state, "given-up") == 0)
		add(story, history_number(row, "sent"), "%s given up: %s", kind,
		    clean(row, "reply"));
	else
		add(story, history_number(row, "created"), "%s %s for postfix-%s, due %s%s%s", kind,
		    clean(row, "state"), clean(row, "instance"),
		    when_text(due, history_number(row, "due")),
		    history_text(row, "reply")[0] != '\0' ? ": " : "",
		    history_text(row, "reply")[0] != '\0' ? clean(row, "reply") : "");
	story->is_outcome = true;
	if (history_number(row, "accepted_at") != 0 && strcmp(outcome, "accepted") != 0)
		add(story, history_number(row, "accepted_at"), "outcome accepted");
	if (outcome_at != 0)
		add(story, outcome_at, "outcome %s", ask_clean(outcome, 20));
	story->is_outcome = false;
}

static void on_attempt(void *arg, const struct history_row *row)
{
	add(arg, history_number(row, "at"), "attempt %s, relay %s, %s: %s", clean(row, "result"),
	    clean(row, "relay"), clean(row, "status"),
	    ask_escaped(history_text(row, "reason"), WIDTH));
}

static void on_dsn(void *arg, const struct history_row *row)
{
	struct story *story = arg;
	bool is_used = strcmp(history_text(row, "decision"), "used") == 0;
	const char *class = history_text(row, "class");

	add(story, history_number(row, "arrived"), "notification %s %s%s%s, remote %s: %s",
	    clean(row, "action"), clean(row, "status"), class[0] != '\0' ? ", class " : "",
	    class[0] != '\0' ? ask_clean(class, 20) : "", clean(row, "remote_mta"),
	    clean(row, "diagnostic"));
	if (!is_used)
		add(story, history_number(row, "arrived"), "which was ignored: %s",
		    clean(row, "decision"));
}

static void on_survey(void *arg, const struct history_row *row)
{
	add(arg, history_number(row, "made"), "survey of the requester's domain");
}

static int compare(const void *a, const void *b)
{
	const struct event *one = a, *two = b;

	if (one->time != two->time)
		return one->time < two->time ? -1 : 1;
	return one->number < two->number ? -1 : one->number > two->number;
}

static void on_probe(void *arg, const struct history_row *row)
{
	void **args = arg;
	const struct judge *judge = args[0];
	struct buf *out = args[1];
	struct judgement *judgement = mem_new(1, sizeof(*judgement));
	const struct survey *survey = &judgement->survey;

	judge_find(judge, row, judgement);
	for (size_t i = 0; judgement->has_survey && i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		buf_addf(out, "%-21s %s\n", i == 0 ? "mail hosts" : "",
			 ask_escaped(host->name, 60));
		for (size_t k = 0; k < host->n_v6; k++)
			buf_addf(out, "%-23s %s %s %s\n", "", host->v6[k].text,
				 survey_kind_name(host->v6[k].kind),
				 survey_reach_name(host->v6[k].reach));
		if (host->n_v6 == 0)
			buf_addf(out, "%-23s no IPv6 address known\n", "");
	}
	if (history_text(row, "outcome")[0] != '\0')
		for (int i = 0; i < ABILITIES; i++)
			buf_addf(out, "%-21s %s (%s)\n", ability_name((enum ability)i),
				 verdict_name(judgement->found[i].verdict),
				 evidence_name(judgement->found[i].evidence));
	free(judgement);
}

static void print_events(struct story *story, struct buf *out)
{
	char time[WHEN_SIZE];

	qsort(story->events, story->n, sizeof(story->events[0]), compare);
	for (size_t i = 0; i < story->n; i++) {
		buf_addf(out, "%-21s %s\n", when_text(time, story->events[i].time),
			 story->events[i].text);
		free(story->events[i].text);
	}
	if (story->n == EVENTS)
		buf_addf(out, "%-21s there may be more, which --json tells\n", "");
}

int64_t story_print(const struct ask *ask, const struct judge *judge, int64_t id, struct buf *out)
{
	static const struct {
		enum history_query query;
		history_on_row *on_row;
	} parts[] = {
		{HISTORY_MAILS, on_mail},
		{HISTORY_ATTEMPTS, on_attempt},
		{HISTORY_SURVEY, on_survey},
		{HISTORY_DSNS, on_dsn},
	};
	auto_free struct story *story = mem_new(1, sizeof(*story));
	const struct history_filter filter = {.id = id};
	const void *args[] = {judge, out};
	int64_t r = history_ask(ask->history, HISTORY_REQUEST, &filter, on_request, story);

	if (r == 0)
		return -ENOENT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && r >= 0; i++)
		r = history_ask(ask->history, parts[i].query, &filter, parts[i].on_row, story);
	buf_addf(out, "request %s\n", ask_id(id));
	print_events(story, out);
	if (r >= 0)
		r = history_ask(ask->history, HISTORY_PROBE, &filter, on_probe, args);
	return r < 0 ? r : 0;
}
