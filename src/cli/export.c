// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix export: a request a line, for people who study what mail does, without the people whose
// mail it was: their addresses become keyed hashes, and no text of a message leaves.
//
// What servers say may name a person ("550 <joe@…> unknown"), so of a refusal only the class, the
// status and the code go out, never the words.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/pseudonym.h"
#include "adapter/survey_json.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/judge.h"
#include "cli/story.h"
#include "cli/verbs.h"

static const struct options_row rows[] = {{ASK_CONFIG}, {ASK_SINCE},    {ASK_UNTIL},
					  {ASK_SITE},   {ASK_KEY_FILE}, {0}};

static const char help[] =
	"usage: postsix export [OPTION]…\n\n"
	"For research: an object a line (JSON) for each answered request, the newest\n"
	"first. Addresses are keyed hashes; no subject, no Message-ID, no text of a\n"
	"message or of a server's answer. Domains and their mail hosts are given by\n"
	"name. The schema is doc/export.schema.json in the sources.\n\n"
	"      --key-file FILE  the key of the hashes, 16 octets at least: the same\n"
	"                       address has the same hash in every export; else it is\n"
	"                       random, and nobody can connect two exports\n"
	"      --since TIME     requests that came at or after: YYYY-MM-DD, 7d, 24h\n"
	"      --until TIME     that came before\n"
	"      --site NAME      of that site\n"
	"  -c, --config FILE    instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help           this text\n\n"
	"Exit status: 66 where the database or FILE cannot be read.\n";

static const struct options options = {"postsix export", help, rows, 0, 0};

struct export
{
	const struct ask *ask;
	const struct judge *judge;
	const struct pseudonym *own;    // that aged rows have; NULL for none
	const struct pseudonym *theirs; // of this export
	struct judgement judgement;
	struct buf out;
};

// The client is a hash of its address: a server may be one person's.
static void add_client(struct export *export, const char *address)
{
	char tag[20];

	snprintf(tag, sizeof(tag), "%016llx",
		 (unsigned long long)pseudonym_tag(export->theirs, "ip", address));
	json_number(&export->out, "client_family",
		    strchr(address, ':') != NULL   ? 6
		    : strchr(address, '.') != NULL ? 4
						   : 0);
	json_text(&export->out, "client", address[0] == '\0' ? "" : tag);
}

static void on_request(void *arg, const struct history_row *row)
{
	struct export *export = arg;
	struct buf *out = &export->out;
	char aged[ADDR_TEXT_SIZE], tag[20];
	const char *requester = history_text(row, "requester"), *at = strrchr(requester, '@');

	// hashed as it will be once it is old, so that it is the same before and after
	if (export->own != NULL) {
		pseudonym_address(export->own, requester, aged);
		requester = aged;
	}
	snprintf(tag, sizeof(tag), "%016llx",
		 (unsigned long long)pseudonym_tag(export->theirs, "address", requester));
	json_time(out, "arrived", history_number(row, "arrived"));
	json_text(out, "site", history_text(row, "site"));
	json_text(out, "address", tag);
	json_text(out, "domain", at == NULL ? "" : at + 1);
	json_text(out, "instance", history_text(row, "instance"));
	add_client(export, history_text(row, "client_address"));
	json_text(out, "protocol", history_text(row, "client_protocol"));
	json_text(out, "authenticated", history_text(row, "authenticated"));
	json_number(out, "hops", history_number(row, "hops"));
	json_number(out, "size", history_number(row, "size"));
}

static void on_mail(void *arg, const struct history_row *row)
{
	struct export *export = arg;

	if (history_text(row, "outcome")[0] == '\0')
		return;
	json_text(&export->out, "outcome", history_text(row, "outcome"));
	json_time(&export->out, "sent", history_number(row, "sent"));
	json_time(&export->out, "outcome_at", history_number(row, "outcome_at"));
	json_flag(&export->out, "was_accepted", history_number(row, "accepted_at") != 0);
}

static void on_attempt(void *arg, const struct history_row *row)
{
	struct export *export = arg;

	json_open(&export->out, NULL, '{');
	json_time(&export->out, "at", history_number(row, "at"));
	json_text(&export->out, "relay", history_text(row, "relay"));
	json_text(&export->out, "result", history_text(row, "result"));
	json_text(&export->out, "status", history_text(row, "status"));
	json_close(&export->out, '}');
}

static void drop_banners(struct survey_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		addresses[i].banner[0] = '\0';
}

// Without the servers' words.
static void add_survey(struct export *export)
{
	auto_buf struct buf text = buf_make(SURVEY_JSON_MAX);
	struct survey *survey = &export->judgement.survey;

	for (size_t i = 0; i < survey->n_hosts; i++) {
		drop_banners(survey->hosts[i].v4, survey->hosts[i].n_v4);
		drop_banners(survey->hosts[i].v6, survey->hosts[i].n_v6);
	}
	if (export->judgement.has_survey && survey_json_write(survey, &text) == 0)
		json_raw(&export->out, "survey", buf_string(&text));
	else
		json_none(&export->out, "survey");
}

static void on_probe(void *arg, const struct history_row *row)
{
	struct export *export = arg;
	struct judgement *judgement = &export->judgement;
	struct buf *out = &export->out;
	char status[STATUS_TEXT_SIZE];

	judge_find(export->judge, row, judgement);
	judge_status(history_text(row, "status"), status);
	json_text(out, "class", history_text(row, "class"));
	json_text(out, "status", status);
	json_text(out, "phase",
		  judgement->is_diagnosed ? phase_name(judgement->diagnosis.phase) : "");
	json_number(out, "code", judgement->is_diagnosed ? judgement->diagnosis.code : 0);
	add_survey(export);
	json_open(out, "verdicts", '{');
	for (int i = 0; i < ABILITIES; i++) {
		json_open(out, ability_name((enum ability)i), '[');
		json_text(out, NULL, verdict_name(judgement->found[i].verdict));
		json_text(out, NULL, evidence_name(judgement->found[i].evidence));
		json_close(out, ']');
	}
	json_close(out, '}');
}

static int64_t add_request(struct export *export, int64_t id)
{
	const struct history_filter one = {.id = id};
	struct history *history = export->ask->history;
	int64_t r;

	json_open(&export->out, NULL, '{');
	json_number(&export->out, "v", 1);
	r = history_ask(history, HISTORY_REQUEST, &one, on_request, export);
	if (r >= 0)
		r = history_ask(history, HISTORY_MAILS, &one, on_mail, export);
	json_open(&export->out, "attempts", '[');
	if (r >= 0)
		r = history_ask(history, HISTORY_ATTEMPTS, &one, on_attempt, export);
	json_close(&export->out, ']');
	if (r >= 0)
		r = history_ask(history, HISTORY_PROBE, &one, on_probe, export);
	json_close(&export->out, '}');
	buf_addc(&export->out, '\n');
	return r;
}

static int print(struct export *export, const int64_t *ids, int64_t n)
{
	int64_t r = 0;

	for (int64_t i = 0; i < n && r >= 0; i++) {
		r = add_request(export, ids[i]);
		if (r >= 0 && !ask_write(&export->out))
			break;
	}
	return r < 0 ? ask_failed(export->ask, r) : ask_finish(export->ask);
}

static int open_keys(const struct ask *ask, struct pseudonym **ret_own,
		     struct pseudonym **ret_theirs)
{
	char path[4200];
	int r = 0;

	snprintf(path, sizeof(path), "%s/" PSEUDONYM_KEY_FILE, ask->config->state_directory);
	if (pseudonym_open(path, false, ret_own) < 0)
		*ret_own = NULL;
	if (ask->key_file == NULL)
		*ret_theirs = pseudonym_random();
	else
		r = pseudonym_open(ask->key_file, false, ret_theirs);
	if (r < 0)
		fprintf(stderr, "postsix export: %s: %s\n", ask->key_file,
			r == -ENODATA ? "at least 16 octets are wanted" : strerror(-r));
	return r < 0 ? EX_NOINPUT : EX_OK;
}

static int run(const struct ask *ask)
{
	struct export *export = mem_new(1, sizeof(*export));
	struct pseudonym *own = NULL, *theirs = NULL;
	struct judge *judge = judge_new(ask->config);
	int64_t *ids = NULL, n;
	int status = open_keys(ask, &own, &theirs);

	*export = (struct export){.ask = ask,
				  .judge = judge,
				  .own = own,
				  .theirs = theirs,
				  .out = buf_make(STORY_MAX)};
	if (status == EX_OK) {
		n = history_ids(ask->history, &ask->filter, &ids);
		status = n < 0 ? ask_failed(ask, n) : print(export, ids, n);
	}
	free(ids);
	buf_free(&export->out);
	free(export);
	judge_free(judge);
	pseudonym_free(own);
	pseudonym_free(theirs);
	return status;
}

int verb_export(int argc, char **argv)
{
	struct ask ask;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	ask.filter.decision = "answer";
	status = ask_open(&ask);
	if (status != EX_OK)
		return status;
	status = run(&ask);
	ask_close(&ask);
	return status;
}
