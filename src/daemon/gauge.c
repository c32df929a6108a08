// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// systemd keeps the last line alone, so it need not be told of every turn: a flood of requests is a
// line a second. The clock's turns, every few seconds, tell what was left.
#include "daemon/gauge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/outbox.h"
#include "daemon/surveys.h"

#define SECOND UINT64_C(1000000)
#define LINE   300

struct counts {
	unsigned long answered, ignored;
};

struct gauge {
	const struct daemon *daemon;
	struct counts all; // committed
	struct counts now; // in this turn
	bool is_refused;
	uint64_t told; // when, on the loop's clock; 0: never
	char line[LINE];
};

struct gauge *gauge_new(const struct daemon *daemon)
{
	struct gauge *gauge = mem_new(1, sizeof(*gauge));

	gauge->daemon = daemon;
	return gauge;
}

struct gauge *gauge_free(struct gauge *gauge)
{
	free(gauge);
	return NULL;
}

void gauge_count(struct gauge *gauge, bool is_answered)
{
	if (is_answered)
		gauge->now.answered++;
	else
		gauge->now.ignored++;
}

void gauge_commit(struct gauge *gauge)
{
	gauge->all.answered += gauge->now.answered;
	gauge->all.ignored += gauge->now.ignored;
	gauge->now = (struct counts){0};
}

void gauge_roll_back(struct gauge *gauge)
{
	gauge->now = (struct counts){0};
}

void gauge_set_refused(struct gauge *gauge, bool is_refused)
{
	gauge->is_refused = is_refused;
	gauge->told = 0;
}

void gauge_tell(struct gauge *gauge)
{
	const struct daemon *daemon = gauge->daemon;
	uint64_t now = loop_now(daemon->loop);
	char line[LINE];

	if (gauge->told != 0 && now - gauge->told < SECOND)
		return;
	snprintf(line, sizeof(line),
		 "%sRequests since the start: %lu answered, %lu ignored. "
		 "Under way: %zu to dual, %zu to v6, %zu surveys.",
		 gauge->is_refused ? "Reload refused, see the log. " : "", gauge->all.answered,
		 gauge->all.ignored, outbox_count(daemon->dual), outbox_count(daemon->v6),
		 surveys_open(daemon->surveys));
	if (strcmp(line, gauge->line) != 0)
		loop_notify_status("%s", line);
	strcpy(gauge->line, line);
	gauge->told = now;
}
