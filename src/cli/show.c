// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix show: the whole story of a request. It is named as a log line names it: by the letters of
// a token's beginning, of the request or of any message of ours for it, or by the whole token.

#include <getopt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/story.h"
#include "cli/verbs.h"
#include "mail/kind.h"
#include "mail/token.h"

#define LIMIT 10

static const struct options_row rows[] = {{ASK_CONFIG}, {ASK_SINCE}, {ASK_LIMIT}, {ASK_JSON}, {0}};

static const char help[] =
	"usage: postsix show [OPTION]… TOKEN|ADDRESS\n\n"
	"Tells a request's story in the order of time: how it came and what was decided,\n"
	"our mails with their queue ids, every attempt to deliver the probe,\n"
	"notifications, the outcome, the survey, and the verdicts with their evidence.\n\n"
	"TOKEN is what the log begins its lines with (13 letters), or a whole token.\n"
	"For an ADDRESS its requests are told, the newest first.\n\n"
	"      --since TIME   those that came at or after: YYYY-MM-DD, 7d, 24h\n"
	"      --limit N      so many requests (10; 0: all)\n"
	"      --json         one object a line\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help         this text\n\n"
	"Times are UTC. Exit status: 66 where there is no such request, or no database.\n";

static const struct options options = {"postsix show", help, rows, 1, 1};

// The id of the request that a token's first letters name.
static bool read_token(const char *text, int64_t *ret_id)
{
	unsigned char octets[9];
	char letters[TOKEN_ID_SIZE + 1];
	size_t len = strlen(text);
	uint64_t id = 0;

	if (len != TOKEN_ID_LEN && len != TOKEN_TEXT_LEN)
		return false;
	memcpy(letters, text, TOKEN_ID_LEN);
	letters[TOKEN_ID_LEN] = '\0';
	// a token is its id, encoded, and the rest, encoded
	if (text_unbase32(octets, sizeof(octets), letters, TOKEN_ID_LEN) != 8)
		return false;
	for (size_t i = 0; i < 8; i++)
		id = id << 8 | octets[i];
	*ret_id = (int64_t)kind_request(id);
	return true;
}

static int print_one(const struct ask *ask, const struct judge *judge, int64_t id)
{
	struct buf out = buf_make(STORY_MAX);
	int64_t r =
		ask->json ? story_json(ask, judge, id, &out) : story_print(ask, judge, id, &out);
	int status = EX_OK;

	if (r == -ENOENT) {
		fprintf(stderr, "postsix show: there is no request %s\n", ask_id(id));
		status = EX_NOINPUT;
	} else if (r < 0) {
		status = ask_failed(ask, r);
	} else if (buf_failed(&out)) {
		fprintf(stderr, "postsix show: request %s: there is too much to tell\n",
			ask_id(id));
		status = EX_IOERR;
	} else if (!ask_write(&out)) {
		status = EX_IOERR;
	}
	buf_free(&out);
	return status;
}

static int print_all(const struct ask *ask, const struct judge *judge, const char *address)
{
	struct history_filter filter = ask->filter;
	int64_t *ids = NULL, n;
	int status = EX_OK;

	filter.requester = address;
	n = history_ids(ask->history, &filter, &ids);
	if (n < 0)
		return ask_failed(ask, n);
	if (n == 0) {
		fprintf(stderr, "postsix show: there is no request of %s\n",
			ask_clean(address, 254));
		status = EX_NOINPUT;
	}
	for (int64_t i = 0; i < n && status == EX_OK; i++) {
		if (i > 0 && !ask->json)
			putchar('\n');
		status = print_one(ask, judge, ids[i]);
	}
	free(ids);
	return status;
}

static int run(struct ask *ask, const char *subject)
{
	struct judge *judge;
	int64_t id = 0;
	int status = EX_USAGE;

	if (strchr(subject, '@') == NULL && !read_token(subject, &id)) {
		fprintf(stderr, "postsix show: %s: neither an address nor a token\n",
			ask_clean(subject, 80));
		return EX_USAGE;
	}
	status = ask_open(ask);
	if (status != EX_OK)
		return status;
	judge = judge_new(ask->config);
	status = id != 0 ? print_one(ask, judge, id) : print_all(ask, judge, subject);
	judge_free(judge);
	ask_close(ask);
	return status == EX_OK ? ask_finish(ask) : status;
}

int verb_show(int argc, char **argv)
{
	struct ask ask;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	if (!ask.has_limit)
		ask.filter.limit = LIMIT;
	return run(&ask, argv[optind]);
}
