// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Surveys: who asked, which are under way, until when, and who is told.
//
// A survey waits, is under way, and is finished; all three are found by their domain. A finished
// one is told by a timer's turn of its own, never from inside an answer, and then kept or freed.
// While it is told, somebody may ask for the same domain again, or for so many others that it is no
// longer kept: so a job that is being told is only taken out of the tables, and freed afterwards.
#include "adapter/surveyor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/dns_cache.h"
#include "adapter/inquiry.h"
#include "adapter/knocks.h"
#include "base/mem.h"
#include "base/text.h"

#define BUCKETS    4096
#define TELL_BATCH 32 // surveys told in a row

enum stage {
	WAITING,
	UNDER_WAY,
	FINISHED,
};

struct asker {
	struct asker *next;
	void (*on_survey)(void *arg, const struct survey *survey);
	void *arg;
};

struct job {
	struct surveyor *surveyor;
	struct job *in_bucket;
	struct job *prev, *next; // in the list of its stage
	struct job *in_told;
	enum stage stage;
	bool is_told_next; // stands in the list of those to be told
	bool is_telling;
	bool is_out; // of the tables: freed when it was told
	struct asker *first, **last;
	struct inquiry *inquiry;
	bool is_dns_over;
	struct knocker *knocker; // from the first address on
	struct source *deadline;
	struct survey *survey; // FINISHED, and cut behind its last host
	int64_t asked;
	int64_t expires;
	char domain[];
};

struct list {
	struct job *first, *last;
	size_t n;
};

struct surveyor {
	struct loop *loop;
	struct surveyor_options options;
	struct reach_options knock;
	struct dns *dns;
	struct knocks *knocks;
	struct list lists[FINISHED + 1];
	struct job *buckets[BUCKETS];
	struct job *told_first, **told_last;
	struct source *teller;
	struct survey whole; // what is told: a survey with all its hosts' places
};

// ---- lists and tables
// ----------------------------------------------------------------------------

static int64_t now_ms(const struct surveyor *surveyor)
{
	return (int64_t)(loop_now(surveyor->loop) / 1000);
}

static void list_add(struct list *list, struct job *job)
{
	job->prev = list->last;
	job->next = NULL;
	if (list->last != NULL)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	list->n++;
}

static void list_remove(struct list *list, struct job *job)
{
	if (job->prev != NULL)
		job->prev->next = job->next;
	else
		list->first = job->next;
	if (job->next != NULL)
		job->next->prev = job->prev;
	else
		list->last = job->prev;
	list->n--;
}

static void set_stage(struct job *job, enum stage stage)
{
	list_remove(&job->surveyor->lists[job->stage], job);
	job->stage = stage;
	list_add(&job->surveyor->lists[stage], job);
}

static struct job **place_of(struct surveyor *surveyor, const char *domain)
{
	struct job **at = &surveyor->buckets[dns_cache_hash(DNS_MX, domain) % BUCKETS];

	while (*at != NULL && !text_equals_nocase((*at)->domain, domain))
		at = &(*at)->in_bucket;
	return at;
}

static void job_free(struct job *job)
{
	for (struct asker *asker = job->first, *next; asker != NULL; asker = next) {
		next = asker->next;
		free(asker);
	}
	source_free(job->deadline);
	free(job->survey);
	free(job);
}

// Out of the tables; freed, where nobody has to be told any more.
static void forget(struct job *job)
{
	*place_of(job->surveyor, job->domain) = job->in_bucket;
	list_remove(&job->surveyor->lists[job->stage], job);
	job->is_out = true;
	if (!job->is_told_next && !job->is_telling)
		job_free(job);
}

// ---- the end of a survey
// -------------------------------------------------------------------------

static void tell_next(struct job *job)
{
	struct surveyor *surveyor = job->surveyor;

	if (job->is_told_next)
		return;
	job->is_told_next = true;
	job->in_told = NULL;
	*surveyor->told_last = job;
	surveyor->told_last = &job->in_told;
	source_set_timer(surveyor->teller, 0);
}

// Without the places of the hosts that there are not.
static struct survey *cut(struct survey *survey)
{
	const size_t size =
		offsetof(struct survey, hosts) + survey->n_hosts * sizeof(survey->hosts[0]);

	return mem_grow(survey, 1, size);
}

static void start_waiting(struct surveyor *surveyor);

// The knocks end before the survey is taken, which they write into.
static void finish(struct job *job, bool is_complete)
{
	struct surveyor *surveyor = job->surveyor;
	const bool has_knocked = job->knocker != NULL && knocker_has_knocked(job->knocker);
	struct survey *survey = NULL;

	job->knocker = knocker_free(job->knocker);
	if (job->inquiry != NULL)
		survey = inquiry_end(job->inquiry);
	job->inquiry = NULL;
	if (survey == NULL) {
		survey = mem_new(1, sizeof(*survey));
		text_cut(survey->domain, sizeof(survey->domain), job->domain);
	}
	survey->is_complete = is_complete;
	survey->tried_reach = has_knocked;
	survey->took_ms = (int32_t)(now_ms(surveyor) - job->asked);
	job->survey = cut(survey);
	job->deadline = source_free(job->deadline);
	job->expires = is_complete && job->survey->mx != SURVEY_MX_UNKNOWN
			       ? now_ms(surveyor) + surveyor->options.reuse_ms
			       : 0;
	set_stage(job, FINISHED);
	tell_next(job);
	start_waiting(surveyor);
}

static void on_deadline(void *arg)
{
	finish(arg, false);
}

// Those who asked until now; who asks meanwhile has a turn of his own.
static void tell(struct surveyor *surveyor, struct job *job)
{
	struct survey *whole = &surveyor->whole;
	struct asker *asker = job->first, *next;

	job->first = NULL;
	job->last = &job->first;
	memset(whole, 0, sizeof(*whole));
	memcpy(whole, job->survey,
	       offsetof(struct survey, hosts) + job->survey->n_hosts * sizeof(whole->hosts[0]));
	for (; asker != NULL; asker = next) {
		next = asker->next;
		asker->on_survey(asker->arg, whole);
		free(asker);
	}
}

static bool is_fresh(const struct job *job)
{
	return job->stage != FINISHED || job->expires > now_ms(job->surveyor);
}

// What is not fresh is out before it is told, so that who asks again asks anew.
static void tell_one(struct surveyor *surveyor)
{
	struct job *job = surveyor->told_first;

	surveyor->told_first = job->in_told;
	if (surveyor->told_first == NULL)
		surveyor->told_last = &surveyor->told_first;
	if (!job->is_out && !is_fresh(job))
		forget(job);
	job->is_told_next = false;
	job->is_telling = true;
	tell(surveyor, job);
	job->is_telling = false;
	if (job->is_out && !job->is_told_next)
		job_free(job);
}

static void on_teller(void *arg)
{
	struct surveyor *surveyor = arg;
	const struct list *kept = &surveyor->lists[FINISHED];

	for (int i = 0; i < TELL_BATCH && surveyor->told_first != NULL; i++)
		tell_one(surveyor);
	while (kept->n > (size_t)surveyor->options.reuse_max && !kept->first->is_told_next)
		forget(kept->first);
	if (surveyor->told_first != NULL)
		source_set_timer(surveyor->teller, 0);
}

// ---- a survey under way
// --------------------------------------------------------------------------

static void on_knocks_end(void *arg)
{
	struct job *job = arg;

	if (job->is_dns_over)
		finish(job, true);
}

static void on_inquiry_end(void *arg)
{
	struct job *job = arg;

	job->is_dns_over = true;
	if (job->knocker == NULL || !knocker_is_busy(job->knocker))
		finish(job, true);
}

static void on_address(void *arg, struct survey_address *address)
{
	struct job *job = arg;
	const struct surveyor_options *options = &job->surveyor->options;
	const bool is_v4 = address->kind == SURVEY_KIND_IPV4;

	if (!options->reach || (is_v4 && !options->reach_v4 && !options->reach_v4_only) ||
	    (!is_v4 && options->reach_v4_only))
		return;
	if (job->knocker == NULL)
		job->knocker = knocker_new(job->surveyor->knocks, on_knocks_end, job);
	knocker_add(job->knocker, address);
}

static void start_waiting(struct surveyor *surveyor)
{
	struct list *lists = surveyor->lists;

	while (lists[WAITING].n > 0 && lists[UNDER_WAY].n < (size_t)surveyor->options.at_once) {
		struct job *job = lists[WAITING].first;
		const struct inquiry_watch watch = {on_address, on_inquiry_end, job};

		set_stage(job, UNDER_WAY);
		job->inquiry = inquiry_start(surveyor->dns, job->domain, &watch);
	}
}

// ---- asking
// --------------------------------------------------------------------------------------

static struct job *job_new(struct surveyor *surveyor, const char *domain)
{
	struct job *job = mem_new(1, sizeof(*job) + strlen(domain) + 1);

	job->surveyor = surveyor;
	memcpy(job->domain, domain, strlen(domain) + 1);
	job->last = &job->first;
	job->asked = now_ms(surveyor);
	job->deadline = loop_add_timer(
		surveyor->loop, (uint64_t)surveyor->options.deadline_ms * 1000, on_deadline, job);
	*place_of(surveyor, domain) = job;
	list_add(&surveyor->lists[WAITING], job);
	return job;
}

static void add_asker(struct job *job, void (*on_survey)(void *arg, const struct survey *survey),
		      void *arg)
{
	struct asker *asker = mem_new(1, sizeof(*asker));

	asker->on_survey = on_survey;
	asker->arg = arg;
	*job->last = asker;
	job->last = &asker->next;
}

size_t surveyor_open(const struct surveyor *surveyor)
{
	return surveyor->lists[WAITING].n + surveyor->lists[UNDER_WAY].n;
}

int surveyor_ask(struct surveyor *surveyor, const char *domain,
		 void (*on_survey)(void *arg, const struct survey *survey), void *arg)
{
	struct domain name;
	struct job *job;

	if (domain_parse(domain, strlen(domain), &name) != NULL || name.literal || name.utf8)
		return -EINVAL;
	job = *place_of(surveyor, domain);
	if (job != NULL && !is_fresh(job)) {
		forget(job);
		job = NULL;
	}
	if (job == NULL && surveyor_open(surveyor) >= (size_t)surveyor->options.waiting)
		return -EBUSY;
	if (job == NULL)
		job = job_new(surveyor, domain);
	add_asker(job, on_survey, arg);
	if (job->stage == FINISHED)
		tell_next(job);
	start_waiting(surveyor);
	return 0;
}

// ---- the surveyor
// --------------------------------------------------------------------------------

static void set_default(int *value, int usual)
{
	if (*value <= 0)
		*value = usual;
}

static struct surveyor_options with_defaults(const struct surveyor_options *options)
{
	struct surveyor_options whole = *options;

	set_default(&whole.deadline_ms, 10000);
	set_default(&whole.at_once, 1000);
	set_default(&whole.waiting, 20000);
	set_default(&whole.reuse_max, 500);
	set_default(&whole.domain_connections, 4);
	set_default(&whole.connections, 256);
	return whole;
}

static struct reach_options with_own_texts(struct reach_options knock)
{
	knock.helo = mem_strdup(knock.helo != NULL ? knock.helo : "");
	knock.source_v4 = mem_strdup(knock.source_v4 != NULL ? knock.source_v4 : "");
	knock.source_v6 = mem_strdup(knock.source_v6 != NULL ? knock.source_v6 : "");
	return knock;
}

struct surveyor *surveyor_new(struct loop *loop, const struct surveyor_options *options,
			      int *ret_error)
{
	struct dns *dns;
	struct surveyor *surveyor;
	const int error = dns_open_loop(loop, &options->dns, &dns);

	if (error < 0) {
		*ret_error = error;
		return NULL;
	}
	surveyor = mem_new(1, sizeof(*surveyor));
	surveyor->loop = loop;
	surveyor->options = with_defaults(options);
	surveyor->knock = with_own_texts(options->knock);
	surveyor->dns = dns;
	surveyor->knocks = knocks_new(
		loop, &surveyor->knock, (size_t)surveyor->options.domain_connections,
		(size_t)surveyor->options.connections, (size_t)surveyor->options.network_at_once);
	surveyor->told_last = &surveyor->told_first;
	surveyor->teller = loop_add_timer(loop, UINT64_MAX, on_teller, surveyor);
	return surveyor;
}

static void abandon(struct job *job)
{
	job->knocker = knocker_free(job->knocker);
	if (job->inquiry != NULL)
		free(inquiry_end(job->inquiry));
	job->is_told_next = false;
	forget(job);
}

// Those that are out of the tables and were not told.
static void abandon_told(struct surveyor *surveyor)
{
	for (struct job *job = surveyor->told_first, *next; job != NULL; job = next) {
		next = job->in_told;
		if (job->is_out)
			job_free(job);
	}
}

// The resolver goes after the inquiries, whose last memory its answers free.
struct surveyor *surveyor_free(struct surveyor *surveyor)
{
	if (surveyor == NULL)
		return NULL;
	knocks_stop(surveyor->knocks);
	abandon_told(surveyor);
	for (int stage = WAITING; stage <= FINISHED; stage++) {
		while (surveyor->lists[stage].n > 0)
			abandon(surveyor->lists[stage].first);
	}
	dns_close(surveyor->dns);
	knocks_free(surveyor->knocks);
	source_free(surveyor->teller);
	free((char *)surveyor->knock.helo);
	free((char *)surveyor->knock.source_v4);
	free((char *)surveyor->knock.source_v6);
	free(surveyor);
	return NULL;
}
