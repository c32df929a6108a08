// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// An item is one request's survey, from the turn that wants it to the turn that has recorded it.
// How many there are is the surveyor's to bound: an item that it does not take is found at once,
// with nothing in it.

#include "daemon/surveys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "adapter/dns.h"
#include "adapter/survey_json.h"
#include "adapter/surveyor.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "daemon/diary.h"
#include "mail/survey.h"

#define A_TURN          64    // recorded in one
#define WAITING         50    // times survey_at_once may be asked for and not finished
#define REUSE_MS        30000 // a domain's survey serves who asks so soon after
#define REUSE_N         100
#define NETWORK_AT_ONCE 4 // knocks at one network, however many domains name it

struct item {
	TAILQ_ENTRY(item) next;
	struct surveys *surveys;
	uint64_t request;
	char domain[DOMAIN_MAX + 1];
	char *json;         // "" where there is no survey
	const char *reason; // why there is none
	char line[200];     // what the log says of it
};

TAILQ_HEAD(items, item);

struct surveys {
	struct daemon *daemon;
	struct surveyor *surveyor; // NULL: no surveys
	struct items wanted;       // in this turn
	struct items asked;
	struct items found;
	struct items recorded; // in this turn
	size_t n;
};

struct surveys *surveys_new(struct daemon *daemon, int *ret_error)
{
	const struct config *config = daemon->config;
	struct surveys *surveys = mem_new(1, sizeof(*surveys));
	struct surveyor_options options = {
		.deadline_ms = (int)config->survey_deadline * 1000,
		.at_once = (int)config->survey_at_once,
		.waiting = (int)config->survey_at_once * WAITING,
		.reuse_ms = REUSE_MS,
		.reuse_max = REUSE_N,
		.network_at_once = NETWORK_AT_ONCE,
		.reach = config->survey_reach != 0,
		.knock = {.helo = config->v6.hostname, .source_v6 = daemon->own_address},
	};
	int r = 0;

	surveys->daemon = daemon;
	TAILQ_INIT(&surveys->wanted);
	TAILQ_INIT(&surveys->asked);
	TAILQ_INIT(&surveys->found);
	TAILQ_INIT(&surveys->recorded);
	if (config->survey_deadline == 0)
		return surveys;
	r = dns_init();
	if (r == 0)
		surveys->surveyor = surveyor_new(daemon->loop, &options, &r);
	if (surveys->surveyor == NULL) {
		*ret_error = r;
		return surveys_free(surveys);
	}
	return surveys;
}

static void drop_all(struct surveys *surveys, struct items *items)
{
	for (struct item *item; (item = TAILQ_FIRST(items)) != NULL;) {
		TAILQ_REMOVE(items, item, next);
		free(item->json);
		free(item);
		surveys->n--;
	}
}

struct surveys *surveys_free(struct surveys *surveys)
{
	if (surveys == NULL)
		return NULL;
	surveyor_free(surveys->surveyor); // first: it knows the items
	drop_all(surveys, &surveys->wanted);
	drop_all(surveys, &surveys->asked);
	drop_all(surveys, &surveys->found);
	drop_all(surveys, &surveys->recorded);
	free(surveys);
	return NULL;
}

size_t surveys_open(const struct surveys *surveys)
{
	return surveys->n;
}

int64_t surveys_want(struct surveys *surveys, uint64_t request, const char *domain, int64_t now)
{
	struct item *item;

	if (surveys->surveyor == NULL)
		return now;
	item = mem_new(1, sizeof(*item));
	item->surveys = surveys;
	item->request = request;
	text_cut(item->domain, sizeof(item->domain), domain);
	TAILQ_INSERT_TAIL(&surveys->wanted, item, next);
	surveys->n++;
	// The survey is asked for after the commit, and its clock knows more than seconds.
	return now + surveys->daemon->config->survey_deadline + 1;
}

// ---- asking -------------------------------------------------------------------------------------

static size_t count_v6(const struct survey *survey)
{
	size_t n = 0;

	for (size_t i = 0; i < survey->n_hosts; i++)
		n += survey->hosts[i].has_v6 == SURVEY_YES;
	return n;
}

static void write_line(struct item *item, const struct survey *survey)
{
	const struct survey_address *best = survey_best_v6(survey);

	snprintf(item->line, sizeof(item->line), "mx=%s, hosts=%zu, v6=%zu, reach=%s, took=%dms",
		 survey_mx_name(survey->mx), survey->n_hosts_all, count_v6(survey),
		 best == NULL || !survey->tried_reach ? "-" : survey_reach_name(best->reach),
		 (int)survey->took_ms);
}

static void find(struct item *item, char *json)
{
	struct surveys *surveys = item->surveys;

	item->json = json;
	TAILQ_INSERT_TAIL(&surveys->found, item, next);
	daemon_want_turn(surveys->daemon);
}

static void on_survey(void *arg, const struct survey *survey)
{
	struct item *item = arg;
	auto_buf struct buf json = buf_make(SURVEY_JSON_MAX);

	TAILQ_REMOVE(&item->surveys->asked, item, next);
	if (survey_json_write(survey, &json) < 0) {
		item->reason = "too-large";
		find(item, mem_strdup(""));
		return;
	}
	item->reason = survey->is_complete ? NULL : "deadline";
	write_line(item, survey);
	find(item, mem_strdup(buf_string(&json)));
}

static void ask(struct surveys *surveys, struct item *item)
{
	int r = surveyor_ask(surveys->surveyor, item->domain, on_survey, item);

	TAILQ_REMOVE(&surveys->wanted, item, next);
	if (r == 0) {
		TAILQ_INSERT_TAIL(&surveys->asked, item, next);
		return;
	}
	item->reason = r == -EBUSY ? "too-many" : "no-domain";
	find(item, mem_strdup(""));
}

void surveys_ask(struct surveys *surveys)
{
	drop_all(surveys, &surveys->recorded);
	for (struct item *item; (item = TAILQ_FIRST(&surveys->wanted)) != NULL;)
		ask(surveys, item);
	if (!TAILQ_EMPTY(&surveys->found))
		daemon_want_turn(surveys->daemon);
}

// ---- recording ----------------------------------------------------------------------------------

static void write_diary(struct diary *diary, const struct item *item)
{
	if (item->json[0] == '\0')
		diary_event(diary, LOG_WARNING, item->request, "survey=none, domain=%s, reason=%s",
			    log_value(item->domain), item->reason);
	else
		diary_event(diary, LOG_INFO, item->request, "survey=%s, domain=%s, %s",
			    item->reason == NULL ? "complete" : "partial", log_value(item->domain),
			    item->line);
}

int surveys_record(struct surveys *surveys)
{
	struct daemon *daemon = surveys->daemon;
	int64_t now = daemon_now();
	int r = 0;

	for (int i = 0; i < A_TURN && r >= 0; i++) {
		struct item *item = TAILQ_FIRST(&surveys->found);

		if (item == NULL)
			break;
		TAILQ_REMOVE(&surveys->found, item, next);
		TAILQ_INSERT_TAIL(&surveys->recorded, item, next);
		write_diary(daemon->diary, item);
		r = store_add_survey(daemon->store, item->request, now, item->json);
	}
	return r;
}

void surveys_roll_back(struct surveys *surveys)
{
	drop_all(surveys, &surveys->wanted);
	TAILQ_CONCAT(&surveys->recorded, &surveys->found, next);
	TAILQ_CONCAT(&surveys->found, &surveys->recorded, next);
}
