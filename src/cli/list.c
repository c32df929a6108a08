// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix list: a line for each request, the newest first. Each line is a question of its own to
// the database, so that a pager that nobody reads holds nothing up.

#include <stdlib.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/when.h"
#include "cli/ask.h"
#include "cli/verbs.h"

#define LIMIT 50

static const struct options_row rows[] = {{ASK_CONFIG},  {ASK_SINCE}, {ASK_UNTIL},    {ASK_SITE},
					  {ASK_OUTCOME}, {ASK_CLASS}, {ASK_DECISION}, {ASK_LIMIT},
					  {ASK_JSON},    {0}};

static const char help[] =
	"usage: postsix list [OPTION]…\n\n"
	"A line for each request, the newest first: when it came, its name, the site,\n"
	"what was decided, the probe's outcome and why it failed, and whose it is.\n\n"
	"      --since TIME     came at or after: YYYY-MM-DD, YYYY-MM-DDTHH:MM, 7d, 24h\n"
	"      --until TIME     came before\n"
	"      --site NAME      of that site\n"
	"      --outcome WORD   pending, accepted, delayed, failed, unknown\n"
	"      --class WORD     failed for that reason: no-aaaa, timeout …\n"
	"      --decision WORD  answer, or the name of what refused it\n"
	"      --limit N        so many lines (50; 0: all)\n"
	"      --json           one object a line\n"
	"  -c, --config FILE    instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help           this text\n\n"
	"Times are UTC. Exit status: 66 where the database cannot be read.\n";

static const struct options options = {"postsix list", help, rows, 0, 0};

struct listing {
	bool json;
	struct buf out;
};

static void on_json(struct buf *out, const struct history_row *row)
{
	json_open(out, NULL, '{');
	json_number(out, "v", 1);
	json_text(out, "id", ask_id(history_number(row, "id")));
	json_time(out, "arrived", history_number(row, "arrived"));
	json_text(out, "site", history_text(row, "site"));
	json_text(out, "decision", history_text(row, "decision"));
	json_text(out, "requester", history_text(row, "requester"));
	json_flag(out, "hashed", history_number(row, "aged") != 0);
	json_text(out, "client", history_text(row, "client_address"));
	json_text(out, "outcome", history_text(row, "outcome"));
	json_text(out, "class", history_text(row, "class"));
	json_close(out, '}');
	buf_addc(out, '\n');
}

static void on_row(void *arg, const struct history_row *row)
{
	struct listing *listing = arg;
	const char *class = history_text(row, "class");
	char time[WHEN_SIZE];

	if (listing->json) {
		on_json(&listing->out, row);
		return;
	}
	buf_addf(&listing->out, "%s %s %-6s %-9s %-9s %-13s %s\n",
		 when_text(time, history_number(row, "arrived")), ask_id(history_number(row, "id")),
		 ask_clean(history_text(row, "site"), 16),
		 ask_clean(history_text(row, "decision"), 24),
		 ask_clean(history_text(row, "outcome"), 12), ask_clean(class, 16),
		 ask_clean(history_text(row, "requester"), 254));
}

static int print(const struct ask *ask, const int64_t *ids, int64_t n)
{
	struct listing listing = {.json = ask->json, .out = buf_make(65536)};
	int64_t r = 0;

	for (int64_t i = 0; i < n && r >= 0; i++) {
		struct history_filter one = {.id = ids[i]};

		r = history_ask(ask->history, HISTORY_LINE, &one, on_row, &listing);
		if (r >= 0 && !ask_write(&listing.out))
			break;
	}
	buf_free(&listing.out);
	return r < 0 ? ask_failed(ask, r) : ask_finish(ask);
}

int verb_list(int argc, char **argv)
{
	struct ask ask;
	int64_t *ids = NULL, n;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	if (!ask.has_limit)
		ask.filter.limit = LIMIT;
	status = ask_open(&ask);
	if (status != EX_OK)
		return status;
	n = history_ids(ask.history, &ask.filter, &ids);
	status = n < 0 ? ask_failed(&ask, n) : print(&ask, ids, n);
	free(ids);
	ask_close(&ask);
	return status;
}
