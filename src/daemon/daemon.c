// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsixd's life, and the turn: everything there is to record since the last one goes into one
// transaction, and what the world must see of it happens after the commit. Many requests at once
// share one fsync that way; a single one waits for nobody.

#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <time.h>

#include "adapter/diagnose_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/attempts.h"
#include "daemon/diary.h"
#include "daemon/gate.h"
#include "daemon/gauge.h"
#include "daemon/ingest.h"
#include "daemon/languages.h"
#include "daemon/limits.h"
#include "daemon/outbox.h"
#include "daemon/retention.h"
#include "daemon/own.h"
#include "daemon/reload.h"
#include "daemon/signing.h"
#include "daemon/spent.h"
#include "daemon/surveys.h"
#include "daemon/tally.h"

#define SECOND       UINT64_C(1000000)
#define SWEEP        (5 * SECOND)  // a hint may be lost; the folder is the truth
#define TROUBLE_WAIT (2 * SECOND)  // until the next try after the database said no
#define STOP_WAIT    (10 * SECOND) // for messages under way when asked to stop
#define TOKENS       8192          // token addresses that messages are counted for at once

int64_t daemon_now(void)
{
	return time(NULL);
}

int64_t daemon_uptime(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_BOOTTIME, &now); // fails for a clock that does not exist, and this does
	return now.tv_sec;
}

void daemon_want_turn(struct daemon *daemon)
{
	source_set_idle(daemon->turn);
}

// The steps of a turn that go into its transaction.
static int record_turn(struct daemon *daemon)
{
	int r = store_begin(daemon->store);

	if (r >= 0)
		r = outbox_record_fates(daemon->dual);
	if (r >= 0)
		r = outbox_record_fates(daemon->v6);
	if (r >= 0)
		r = surveys_record(daemon->surveys);
	if (r >= 0)
		r = own_record(daemon->own); // after the surveys, which release bounces
	if (r >= 0)
		r = attempts_record(daemon->attempts);
	if (r >= 0 && !daemon->stopping)
		r = ingest_take_entries(daemon->ingest);
	if (r >= 0 && !daemon->stopping)
		r = outbox_claim(daemon->dual);
	if (r >= 0 && !daemon->stopping)
		r = outbox_claim(daemon->v6);
	if (r >= 0 && !daemon->stopping)
		r = retention_step(daemon->retention);
	if (r >= 0)
		r = store_commit(daemon->store);
	return r;
}

// The next turn: when a message is due, and soon enough to find what no hint told of.
static void set_clock(struct daemon *daemon)
{
	int64_t now = daemon_now(), due = INT64_MAX;
	uint64_t wait = SWEEP;

	if (store_next_due(daemon->store, &due) == 0 && due < now + (int64_t)(SWEEP / SECOND))
		wait = due > now ? (uint64_t)(due - now) * SECOND : SECOND;
	source_set_timer(daemon->clock, wait);
}

static void on_turn(void *arg)
{
	struct daemon *daemon = arg;
	int r = record_turn(daemon);

	if (r < 0) {
		store_rollback(daemon->store);
		diary_forget(daemon->diary);
		limits_roll_back(daemon->limits);
		ingest_forget(daemon->ingest);
		surveys_roll_back(daemon->surveys);
		attempts_roll_back(daemon->attempts);
		gauge_roll_back(daemon->gauge);
		outbox_roll_back(daemon->dual);
		outbox_roll_back(daemon->v6);
		log_note(LOG_ERR, "database=%s/postsix.db, error=%s, will retry",
			 daemon->config->state_directory, strerror(-r));
		gauge_set_trouble(daemon->gauge, strerror(-r));
		gauge_tell(daemon->gauge);
		source_set_timer(daemon->clock, TROUBLE_WAIT);
		return;
	}

	// The mail is safe in the database from here on.
	diary_write(daemon->diary);
	limits_commit(daemon->limits, daemon_uptime());
	gauge_commit(daemon->gauge);
	ingest_remove_entries(daemon->ingest);
	surveys_ask(daemon->surveys);
	own_commit(daemon->own);
	retention_commit(daemon->retention);
	outbox_hand_over(daemon->dual);
	outbox_hand_over(daemon->v6);
	gauge_set_trouble(daemon->gauge, NULL);
	gauge_tell(daemon->gauge);
	if (!daemon->stopping)
		set_clock(daemon);
	if (daemon->stopping && outbox_is_idle(daemon->dual) && outbox_is_idle(daemon->v6))
		loop_stop(daemon->loop, EX_OK);
}

static void on_clock(void *arg)
{
	struct daemon *daemon = arg;

	if (daemon->stopping) {
		log_note(LOG_WARNING,
			 "stopping with messages under way, will retry at the next start");
		loop_stop(daemon->loop, EX_OK);
		return;
	}
	daemon_want_turn(daemon);
}

static void on_hint(void *arg)
{
	daemon_want_turn(arg);
}

static void on_stop(void *arg)
{
	struct daemon *daemon = arg;

	loop_notify("STOPPING=1");
	daemon->stopping = true;
	daemon->gate = gate_free(daemon->gate);
	source_set_timer(daemon->clock, STOP_WAIT);
	daemon_want_turn(daemon);
}

static void on_reload(void *arg)
{
	struct daemon *daemon = arg;

	if (!daemon->stopping)
		reload(daemon);
	daemon_want_turn(daemon);
}

// ---- opening ------------------------------------------------------------------------------------

static int open_lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static bool open_state(struct daemon *daemon, FILE *errors, int *ret_status)
{
	const char *folder = daemon->config->state_directory;
	char path[4096];
	const char *fault;
	int error = 0;

	daemon->lock = open_lock(folder);
	if (daemon->lock < 0) {
		*ret_status = daemon->lock == -EWOULDBLOCK ? EX_TEMPFAIL : EX_CONFIG;
		fprintf(errors, "%s: %s\n", folder,
			daemon->lock == -EWOULDBLOCK ? "another postsixd serves it"
						     : strerror(-daemon->lock));
		return false;
	}
	snprintf(path, sizeof(path), "%s/postsix.db", folder);
	fault = store_open(path, &daemon->store, &error);
	if (fault != NULL) {
		// only what may pass by itself is tried again by the service manager
		*ret_status = error == -EAGAIN || error == -ENOSPC || error == -EIO ? EX_TEMPFAIL
										    : EX_DATAERR;
		fprintf(errors, "%s: %s\n", path, fault);
		return false;
	}
	return true;
}

static void on_failed(void *arg, uint64_t id)
{
	spent_add(arg, id);
}

// What the session is asked for, out of the database.
static int load_memory(struct daemon *daemon)
{
	static const int64_t lives[] = {LIMITS_RESERVED, LIMITS_DAY};
	const struct config *config = daemon->config;
	int64_t now = daemon_now();
	int r;

	daemon->limits = limits_new(config);
	daemon->spent = spent_new();
	daemon->tokens = tally_new(TOKENS, lives);
	r = limits_load(daemon->limits, daemon->store, daemon_uptime(), now);
	if (r == 0)
		r = store_each_failed(daemon->store, now - config->token_lifetime - SEAL_GRACE,
				      on_failed, daemon->spent);
	return r;
}

static bool open_gate(struct daemon *daemon, FILE *errors, int *ret_status)
{
	int r = load_memory(daemon);

	if (r < 0) {
		*ret_status = EX_TEMPFAIL;
		fprintf(errors, "%s/postsix.db: %s\n", daemon->config->state_directory,
			strerror(-r));
		return false;
	}
	r = gate_open(daemon, &daemon->gate);
	if (r < 0) {
		*ret_status = EX_CONFIG;
		fprintf(errors, "%s: %s\n", daemon->config->policy_socket, strerror(-r));
	}
	return r == 0;
}

static bool open_rest(struct daemon *daemon, FILE *errors, int *ret_status)
{
	const struct config *config = daemon->config;
	int r;

	*ret_status = EX_CONFIG;
	r = seal_open(config->token_secret_file, &daemon->seal);
	if (r < 0) {
		fprintf(errors, "%s: %s\n", config->token_secret_file, seal_fault(r));
		return false;
	}
	r = spool_open(config->spool_directory, &daemon->spool);
	if (r < 0) {
		fprintf(errors, "%s: %s\n", config->spool_directory, strerror(-r));
		return false;
	}
	daemon->surveys = surveys_new(daemon, &r);
	if (daemon->surveys == NULL) {
		fprintf(errors, "the system's DNS configuration: %s\n", strerror(-r));
		return false;
	}
	daemon->own = own_new(daemon);
	daemon->diary = diary_new();
	daemon->attempts = attempts_new(daemon);
	daemon->retention = retention_new(daemon);
	daemon->gauge = gauge_new(daemon);
	daemon->ingest = ingest_new(daemon);
	daemon->dual = outbox_new(daemon, false);
	daemon->v6 = outbox_new(daemon, true);
	return true;
}

static void add_sources(struct daemon *daemon)
{
	daemon->turn = loop_add_idle(daemon->loop, on_turn, daemon);
	daemon->clock = loop_add_timer(daemon->loop, SWEEP, on_clock, daemon);
	daemon->watch =
		loop_add_watch(daemon->loop, spool_watch_path(daemon->spool), on_hint, daemon);
	if (daemon->watch == NULL) // the sweep finds all the same
		log_note(LOG_WARNING, "spool=%s, error=cannot watch: %s, ignoring",
			 daemon->config->spool_directory, strerror(errno));
	daemon->sigterm = loop_add_signal(daemon->loop, SIGTERM, on_stop, daemon);
	daemon->sigint = loop_add_signal(daemon->loop, SIGINT, on_stop, daemon);
	daemon->sighup = loop_add_signal(daemon->loop, SIGHUP, on_reload, daemon);
}

static void find_address(char dst[SURVEY_ADDRESS_SIZE], const char *listen)
{
	dst[0] = '\0';
	while (*listen != '\0' && dst[0] == '\0') {
		size_t len = strcspn(listen, " \t");

		if (memchr(listen, ':', len) != NULL && len < SURVEY_ADDRESS_SIZE) {
			memcpy(dst, listen, len);
			dst[len] = '\0';
		}
		listen += len + strspn(listen + len, " \t");
	}
}

struct daemon *daemon_new(const struct config *config, FILE *errors, int *ret_status)
{
	struct daemon *daemon = mem_new(1, sizeof(*daemon));

	daemon->config = config;
	daemon->lock = -1;
	find_address(daemon->own_address, config->v6.listen);
	daemon->loop = loop_new();
	*ret_status = EX_CONFIG;
	daemon->signing = signing_new(config, errors);
	daemon->diagnose_table =
		diagnose_file_read(config->diagnose_table, config->diagnose_local, errors);
	daemon->languages = languages_read(config, errors);
	if (daemon->signing == NULL || daemon->diagnose_table == NULL || daemon->languages == NULL)
		return daemon_free(daemon);
	if (!open_state(daemon, errors, ret_status) || !open_rest(daemon, errors, ret_status) ||
	    !open_gate(daemon, errors, ret_status))
		return daemon_free(daemon);
	add_sources(daemon);
	return daemon;
}

struct daemon *daemon_free(struct daemon *daemon)
{
	if (daemon == NULL)
		return NULL;
	gate_free(daemon->gate);
	outbox_free(daemon->dual);
	outbox_free(daemon->v6);
	surveys_free(daemon->surveys);
	own_free(daemon->own);
	attempts_free(daemon->attempts);
	retention_free(daemon->retention);
	ingest_free(daemon->ingest);
	diary_free(daemon->diary);
	gauge_free(daemon->gauge);
	limits_free(daemon->limits);
	spent_free(daemon->spent);
	tally_free(daemon->tokens);
	source_free(daemon->turn);
	source_free(daemon->clock);
	source_free(daemon->watch);
	source_free(daemon->sigterm);
	source_free(daemon->sigint);
	source_free(daemon->sighup);
	spool_free(daemon->spool);
	seal_free(daemon->seal);
	signing_free(daemon->signing);
	diagnose_table_free(daemon->diagnose_table);
	languages_free(daemon->languages);
	store_free(daemon->store);
	loop_free(daemon->loop);
	config_free(daemon->reloaded);
	if (daemon->lock >= 0)
		close(daemon->lock);
	free(daemon);
	return NULL;
}

int daemon_run(struct daemon *daemon)
{
	int r = store_requeue_sending(daemon->store, daemon_now());

	if (r < 0) {
		log_note(LOG_ERR, "database=%s/postsix.db, error=%s",
			 daemon->config->state_directory, strerror(-r));
		return EX_TEMPFAIL;
	}
	signing_warn(daemon->signing);
	log_note(LOG_INFO, "started, version=" POSTSIX_VERSION ", sites=%zu, resumed=%d",
		 daemon->config->n_sites, r);
	loop_notify("READY=1");
	daemon_want_turn(daemon);
	r = loop_run(daemon->loop);
	log_note(LOG_INFO, "stopped");
	return r < 0 ? EX_OSERR : r;
}
