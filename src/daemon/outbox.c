// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A job is one message between its claim and the commit of its fate. "Sending" is committed before
// a byte goes out, "sent" after the instance's 250: a crash in between sends the message once more,
// with the same Message-ID.

#include "daemon/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/submit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "daemon/diary.h"
#include "daemon/letter.h"
#include "daemon/steady.h"

#define SECOND    UINT64_C(1000000)
#define PAUSE_MAX 60   // seconds between attempts to reach an instance that is away
#define RETRY_MAX 300  // seconds between attempts at a message it would not take just now
#define SILENCE   3600 // seconds past v6.give_up_after until a probe is unknown
#define SOME      16   // rows of a kind that a turn deals with: the next one finds the others

enum job_state {
	JOB_CLAIMED,   // in this turn
	JOB_UNDER_WAY, // submitted
	JOB_ANSWERED,  // its fate is known
	JOB_RECORDED,  // and written, in this turn
};

struct job {
	struct job *next;
	struct outbox *outbox;
	enum job_state state;
	struct store_mail *mail;
	struct letter letter;
	struct smtp_result result;
};

struct outbox {
	struct daemon *daemon;
	bool over_v6;
	struct submit *submit;
	struct job *jobs;
	size_t n_jobs;
	int64_t pause;        // seconds, doubled while the instance is away; 0 while it is there
	int64_t paused_until; // daemon_uptime()
	struct steady steady;
};

struct outbox *outbox_new(struct daemon *daemon, bool over_v6)
{
	const struct config *config = daemon->config;
	const struct config_instance *instance = over_v6 ? &config->v6 : &config->dual;
	struct outbox *outbox = mem_new(1, sizeof(*outbox));

	outbox->daemon = daemon;
	outbox->over_v6 = over_v6;
	outbox->submit = submit_new(daemon->loop, instance->inject, (size_t)config->submit_sessions,
				    "localhost");
	return outbox;
}

static void job_free(struct job *job)
{
	letter_free(&job->letter);
	store_mail_free(job->mail);
	free(job);
}

// Frees the jobs in that state.
static void drop_jobs(struct outbox *outbox, enum job_state state)
{
	struct job **link = &outbox->jobs;

	while (*link != NULL) {
		struct job *job = *link;

		if (job->state != state) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		outbox->n_jobs--;
		job_free(job);
	}
}

struct outbox *outbox_free(struct outbox *outbox)
{
	if (outbox == NULL)
		return NULL;
	submit_free(outbox->submit); // first: it borrows from the jobs
	for (enum job_state state = JOB_CLAIMED; state <= JOB_RECORDED; state++)
		drop_jobs(outbox, state);
	free(outbox);
	return NULL;
}

size_t outbox_count(const struct outbox *outbox)
{
	return outbox->n_jobs;
}

bool outbox_is_idle(const struct outbox *outbox)
{
	return outbox->n_jobs == 0;
}

static const char *instance_name(const struct outbox *outbox)
{
	return outbox->over_v6 ? "v6" : "dual";
}

// ---- recording ----------------------------------------------------------------------------------

// A probe that has an outcome was handed over once, before a crash, and this was its repeat.
static int tell_of_probe(struct daemon *daemon, uint64_t id, int64_t now)
{
	struct store_probe probe;
	int r = store_find_probe(daemon->store, id, &probe);

	if (r <= 0)
		return r;
	free(probe.requester);
	if (probe.outcome != OUTCOME_PENDING)
		return 0;
	r = store_set_outcome(daemon->store, id, OUTCOME_UNKNOWN, 0, now);
	if (r >= 0)
		r = store_add_mail(daemon->store, kind_request(id), KIND_BOUNCE, now, now, 0);
	return r == -EEXIST ? 0 : r;
}

// What a message that never left us means: a probe's outcome is then unknown, and its requester is
// told.
static int give_up(struct outbox *outbox, uint64_t id, const char *reply)
{
	struct daemon *daemon = outbox->daemon;
	int64_t now = daemon_now();
	int r = store_mail_given_up(daemon->store, id, now, reply);

	diary_event(daemon->diary, LOG_ERR, id, "mail=%s, instance=%s, status=given-up, reply=%s",
		    kind_row((enum kind)(id & KIND_MASK))->name, instance_name(outbox),
		    log_value(reply));
	return r < 0 || !outbox->over_v6 ? r : tell_of_probe(daemon, id, now);
}

static int record_sent(struct outbox *outbox, const struct job *job)
{
	const struct store_mail *mail = job->mail;
	struct daemon *daemon = outbox->daemon;

	outbox->pause = 0;
	diary_event(daemon->diary, LOG_INFO, mail->id,
		    "mail=%s, to=<%s>, instance=%s, status=sent, queue_id=%s, attempts=%lld",
		    kind_row(mail->kind)->name, log_value(mail->requester), instance_name(outbox),
		    log_value(job->result.queue_id), (long long)mail->attempts);
	return store_mail_sent(daemon->store, mail->id, daemon_now(), job->result.queue_id);
}

// The instance is away: no message's fault. The outbox waits, and every message keeps its place.
// Returns for how long.
static int64_t wait_for_instance(struct outbox *outbox, int64_t uptime)
{
	if (uptime < outbox->paused_until)
		return outbox->paused_until - uptime; // another session found the same
	outbox->pause = outbox->pause == 0 ? 1 : outbox->pause * 2;
	if (outbox->pause > PAUSE_MAX)
		outbox->pause = PAUSE_MAX;
	outbox->paused_until = uptime + outbox->pause;
	return outbox->pause;
}

static int record_retry(struct outbox *outbox, const struct job *job)
{
	const struct store_mail *mail = job->mail;
	struct daemon *daemon = outbox->daemon;
	int64_t wait = mail->attempts < 8 ? INT64_C(2) << mail->attempts : RETRY_MAX;

	if (wait > RETRY_MAX)
		wait = RETRY_MAX;
	if (job->result.code == 0)
		wait = wait_for_instance(outbox, daemon_uptime());
	diary_event(
		daemon->diary, LOG_WARNING, mail->id,
		"mail=%s, to=<%s>, instance=%s, status=deferred, command=%s, code=%d, reply=%s, "
		"will retry in %llds",
		kind_row(mail->kind)->name, log_value(mail->requester), instance_name(outbox),
		log_value(job->result.command), job->result.code, log_value(job->result.reply),
		(long long)wait);
	return store_mail_retry(daemon->store, mail->id, daemon_now() + wait, job->result.reply);
}

// A refusal of this message (its recipient or its text) is final; one of any other kind may be our
// own misconfiguration, which somebody mends.
static bool is_final(const struct smtp_result *result)
{
	return result->fate == SMTP_REFUSED &&
	       (strcmp(result->command, "RCPT") == 0 || strcmp(result->command, ".") == 0 ||
		result->status.subject == 6);
}

static int record_fate(struct outbox *outbox, struct job *job)
{
	int r;

	if (job->result.fate == SMTP_SENT)
		r = record_sent(outbox, job);
	else if (is_final(&job->result))
		r = give_up(outbox, job->mail->id, job->result.reply);
	else
		r = record_retry(outbox, job);
	if (r >= 0)
		job->state = JOB_RECORDED;
	return r;
}

// Seconds, as they are configured just now.
static int64_t patience(const struct outbox *outbox)
{
	const struct config *config = outbox->daemon->config;

	return outbox->over_v6 ? config->probe_patience : config->report_patience;
}

// Messages that waited too long for the instance.
static int give_up_stale(struct outbox *outbox, int64_t now)
{
	uint64_t id;
	int error, r = 1;

	for (int i = 0; i < SOME && r == 1; i++) {
		r = store_find_stale(outbox->daemon->store, outbox->over_v6, now - patience(outbox),
				     now + STEADY_AHEAD, &id);
		if (r != 1)
			break;
		error = give_up(outbox, id, "the instance could not be reached in time");
		r = error < 0 ? error : 1;
	}
	return r;
}

// Probes that nothing was ever heard of.
static int expire_silent(struct outbox *outbox, int64_t now, int64_t limit)
{
	struct daemon *daemon = outbox->daemon;
	uint64_t id;
	int error, r = 1;

	for (int i = 0; i < SOME && r == 1; i++) {
		r = store_find_silent(daemon->store, now - limit, now + STEADY_AHEAD, &id);
		if (r != 1)
			break;
		diary_event(daemon->diary, LOG_WARNING, id,
			    "outcome=unknown, reason=no notification");
		error = store_set_outcome(daemon->store, id, OUTCOME_UNKNOWN, 0, now);
		r = error < 0 ? error : 1;
	}
	return r;
}

// What waits longer than it may, by a clock that has gone on as it should for as long: a jump
// expires nothing.
static int expire(struct outbox *outbox)
{
	const int64_t silence = outbox->daemon->config->v6.give_up_after + SILENCE;
	const int64_t now = daemon_now();
	const int64_t seen = steady_look(&outbox->steady, now, daemon_uptime());
	int r = 0;

	if (seen > patience(outbox))
		r = give_up_stale(outbox, now);
	if (r >= 0 && outbox->over_v6 && seen > silence)
		r = expire_silent(outbox, now, silence);
	return r;
}

int outbox_record_fates(struct outbox *outbox)
{
	int r = expire(outbox);

	for (struct job *job = outbox->jobs; job != NULL && r >= 0; job = job->next)
		if (job->state == JOB_ANSWERED)
			r = record_fate(outbox, job);
	return r;
}

void outbox_roll_back(struct outbox *outbox)
{
	drop_jobs(outbox, JOB_CLAIMED);
	for (struct job *job = outbox->jobs; job != NULL; job = job->next)
		if (job->state == JOB_RECORDED)
			job->state = JOB_ANSWERED;
}

// ---- claiming and submitting
// ----------------------------------------------------------------------

static size_t count_busy(const struct outbox *outbox)
{
	size_t n = 0;

	for (const struct job *job = outbox->jobs; job != NULL; job = job->next)
		n += job->state != JOB_RECORDED;
	return n;
}

int outbox_claim(struct outbox *outbox)
{
	size_t room = (size_t)outbox->daemon->config->submit_sessions - count_busy(outbox);
	int64_t now = daemon_now();
	int r;

	if (daemon_uptime() < outbox->paused_until)
		return 0;
	r = store_bring_forward(outbox->daemon->store, outbox->over_v6, now, now + RETRY_MAX);
	if (r == 0)
		r = 1;
	while (r == 1 && room-- > 0) {
		struct store_mail *mail;

		r = store_claim_mail(outbox->daemon->store, outbox->over_v6, now, &mail);
		if (r == 1) {
			struct job *job = mem_new(1, sizeof(*job));

			*job = (struct job){.next = outbox->jobs, .outbox = outbox, .mail = mail};
			outbox->jobs = job;
			outbox->n_jobs++;
		}
	}
	return r < 0 ? r : 0;
}

static void on_fate(void *arg, const struct smtp_result *result)
{
	struct job *job = arg;

	job->result = *result;
	job->state = JOB_ANSWERED;
	daemon_want_turn(job->outbox->daemon);
}

// A letter that cannot be written is a template's fault, which somebody mends: the message waits.
static void answer_unwritten(struct job *job, const char *fault)
{
	struct smtp_result result = {.fate = SMTP_TRY_AGAIN, .code = 451, .command = "none"};

	text_cut(result.reply, sizeof(result.reply), fault);
	on_fate(job, &result);
}

void outbox_hand_over(struct outbox *outbox)
{
	drop_jobs(outbox, JOB_RECORDED);
	for (struct job *job = outbox->jobs; job != NULL; job = job->next) {
		const char *fault;

		if (job->state != JOB_CLAIMED)
			continue;
		fault = letter_write(&job->letter, outbox->daemon, job->mail);
		if (fault != NULL) {
			answer_unwritten(job, fault);
			continue;
		}
		job->state = JOB_UNDER_WAY;
		// From the instance's 250 on, the message is safe in its queue.
		submit_message(outbox->submit, &job->letter.message, on_fate, job);
	}
}
