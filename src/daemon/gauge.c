// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// systemd keeps the last line alone, so it need not be told of every turn: a flood of requests is a
// line a second, and a count of what waits. The clock's turns, every few seconds, tell what was
// left.
#include "daemon/gauge.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/outbox.h"
#include "daemon/surveys.h"

#define SECOND  UINT64_C(1000000)
#define LINE    400
#define TROUBLE 100

struct counts {
	unsigned long answered, ignored;
};

// At the last look.
struct waiting {
	unsigned long entries;
	int64_t mails, probes;
};

struct gauge {
	const struct daemon *daemon;
	struct counts all; // committed
	struct counts now; // in this turn
	struct waiting waiting;
	bool is_refused;
	char trouble[TROUBLE]; // what the database said; "" where it served
	uint64_t told;         // when, on the loop's clock; 0: never
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

void gauge_set_trouble(struct gauge *gauge, const char *error)
{
	if ((error == NULL) == (gauge->trouble[0] == '\0'))
		return;
	snprintf(gauge->trouble, sizeof(gauge->trouble), "%s", error == NULL ? "" : error);
	gauge->told = 0;
}

static void count_entries(const char *folder, unsigned long *ret_count)
{
	auto_dir DIR *dir = opendir(folder);
	unsigned long n = 0;

	if (dir == NULL)
		return;
	for (const struct dirent *item; (item = readdir(dir)) != NULL;)
		n += item->d_name[0] != '.'; // (temporary files, as in spool.c)
	*ret_count = n;
}

// What cannot be counted just now is as it was.
static void look(struct gauge *gauge)
{
	const struct daemon *daemon = gauge->daemon;
	struct waiting *waiting = &gauge->waiting;

	count_entries(spool_watch_path(daemon->spool), &waiting->entries);
	if (gauge->trouble[0] != '\0' ||
	    store_count_waiting(daemon->store, &waiting->mails, &waiting->probes) < 0)
		return; // and it will be said by whoever needs the database
}

static void write_line(const struct gauge *gauge, char line[LINE])
{
	const struct daemon *daemon = gauge->daemon;
	const struct waiting *waiting = &gauge->waiting;
	char trouble[TROUBLE + 40] = "";

	if (gauge->trouble[0] != '\0')
		snprintf(trouble, sizeof(trouble), "The database: %s, will retry. ",
			 gauge->trouble);
	snprintf(line, LINE,
		 "%s%sRequests since the start: %lu answered, %lu ignored. "
		 "Entries in the spool: %lu. Mail waiting: %lld; under way: %zu to dual, %zu to "
		 "v6. Probes pending: %lld. Surveys: %zu.",
		 gauge->is_refused ? "Reload refused, see the log. " : "", trouble,
		 gauge->all.answered, gauge->all.ignored, waiting->entries,
		 (long long)waiting->mails, outbox_count(daemon->dual), outbox_count(daemon->v6),
		 (long long)waiting->probes, surveys_open(daemon->surveys));
}

void gauge_tell(struct gauge *gauge)
{
	uint64_t now = loop_now(gauge->daemon->loop);
	char line[LINE];

	if (gauge->told != 0 && now - gauge->told < SECOND)
		return;
	look(gauge);
	write_line(gauge, line);
	if (strcmp(line, gauge->line) != 0)
		loop_notify_status("%s", line);
	strcpy(gauge->line, line);
	gauge->told = now;
}
