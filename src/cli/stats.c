// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix stats: the talk's tables, of this host or, merged, of several.

#include <getopt.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/figures_json.h"
#include "base/file.h"
#include "cli/gather.h"
#include "cli/verbs.h"

static const struct options_row rows[] = {{ASK_CONFIG}, {ASK_SINCE}, {ASK_UNTIL}, {ASK_SITE},
					  {ASK_JSON},   {ASK_CSV},   {ASK_MERGE}, {0}};

static const char help[] =
	"usage: postsix stats [OPTION]…\n"
	"       postsix stats --merge [--json|--csv] FILE…\n\n"
	"Counts what came and what became of it: messages, different addresses and\n"
	"domains, bounces by class and status, abilities, mail hosts and their addresses.\n\n"
	"      --since TIME   requests that came at or after: YYYY-MM-DD, 7d, 24h\n"
	"      --until TIME   that came before\n"
	"      --site NAME    of that site\n"
	"      --json         one object, which --merge reads\n"
	"      --csv          name, value, and whether the value is exact\n"
	"      --merge        adds up what --json said on several hosts. What is counted\n"
	"                     as different is exact where all have the same\n"
	"                     retention.key; else it is a sum, and marked\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help         this text\n\n"
	"Times are UTC. Exit status: 65 where a FILE is none of ours, 66 where one or the\n"
	"database cannot be read.\n";

static const struct options options = {"postsix stats", help, rows, 0, -1};

static int print(const struct ask *ask, const struct figures *figures)
{
	struct buf out = buf_make(FIGURES_JSON_MAX);

	if (ask->json)
		figures_json_write(figures, ask->filter.since, ask->filter.until, &out);
	else if (ask->csv)
		gather_csv(figures, &out);
	else
		gather_print(figures, &out);
	(void)ask_write(&out);
	buf_free(&out);
	return ask_finish(ask);
}

// Without the key that old rows were hashed with, an address may count twice, before and after; and
// nobody else has these tags.
static struct pseudonym *open_key(const struct ask *ask, bool *ret_is_shared)
{
	struct pseudonym *pseudonym = NULL;
	char path[4200];
	int r;

	snprintf(path, sizeof(path), "%s/" PSEUDONYM_KEY_FILE, ask->config->state_directory);
	r = pseudonym_open(path, false, &pseudonym);
	*ret_is_shared = r == 0;
	if (r < 0 && r != -ENOENT)
		fprintf(stderr, "postsix stats: %s: %s; addresses may count twice\n", path,
			strerror(-r));
	return r == 0 ? pseudonym : pseudonym_random();
}

static int count(struct ask *ask)
{
	struct figures *figures = NULL;
	struct pseudonym *pseudonym;
	bool is_shared;
	int64_t r;
	int status = ask_open(ask);

	if (status != EX_OK)
		return status;
	pseudonym = open_key(ask, &is_shared);
	r = gather(ask, pseudonym, &figures);
	if (r == 0 && is_shared)
		pseudonym_id(pseudonym, figures->key);
	status = r < 0 ? ask_failed(ask, r) : print(ask, figures);
	figures_free(figures);
	pseudonym_free(pseudonym);
	ask_close(ask);
	return status;
}

// What all files are about together: 0 is no beginning, or no end.
static void widen(struct history_filter *filter, int64_t since, int64_t until, bool is_first)
{
	if (is_first || since < filter->since)
		filter->since = since;
	if (is_first || until == 0 || (filter->until != 0 && until > filter->until))
		filter->until = until;
}

static int read_figures(struct ask *ask, const char *path, bool is_first,
			struct figures **ret_figures)
{
	struct buf text = buf_make(FIGURES_JSON_MAX);
	int64_t since = 0, until = 0;
	int status = EX_OK;
	int r = file_read_at(AT_FDCWD, path, &text);

	if (r < 0) {
		fprintf(stderr, "postsix stats: %s: %s\n", path, strerror(-r));
		status = EX_NOINPUT;
	} else if (figures_json_read(text.data == NULL ? "" : text.data, text.len, &since, &until,
				     ret_figures) < 0) {
		fprintf(stderr, "postsix stats: %s: not what `postsix stats --json` writes\n",
			path);
		status = EX_DATAERR;
	}
	buf_free(&text);
	if (status != EX_OK)
		return status;
	widen(&ask->filter, since, until, is_first);
	return EX_OK;
}

static int merge(struct ask *ask, char *const *paths)
{
	struct figures *all = NULL;
	int status = EX_OK;

	for (; *paths != NULL && status == EX_OK; paths++) {
		struct figures *one = NULL;

		status = read_figures(ask, *paths, all == NULL, &one);
		if (status == EX_OK && all != NULL) {
			figures_merge(all, one);
			figures_free(one);
		} else if (status == EX_OK) {
			all = one;
		}
	}
	if (status == EX_OK)
		status = print(ask, all);
	figures_free(all);
	return status;
}

int verb_stats(int argc, char **argv)
{
	struct ask ask;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	if (ask.merge == (optind == argc))
		return options_misused(&options);
	return ask.merge ? merge(&ask, argv + optind) : count(&ask);
}
