// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// All is read and checked beside what is in use, and then put in its place at once, between two
// events: no letter is written half by the one and half by the other.
//
// What a newcomer would get wrong: parts of the daemon that live as long as it does have pointers
// into the configuration that it was started with. That one stays to the end (its owner is main),
// and what cannot be reloaded is the same in every later one.
#include "daemon/reload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/credential.h"
#include "adapter/diagnose_file.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/gauge.h"
#include "daemon/languages.h"
#include "daemon/letter.h"
#include "daemon/limits.h"
#include "daemon/signing.h"

#define LINES 20 // of faults, or of notes, that are logged

// What there is of each reloadable thing; NULL where it could not be had.
struct parts {
	struct config *config;
	struct diagnose_table *diagnose_table;
	struct languages *languages;
	struct seal *seal;
	struct signing *signing;
};

static void parts_free(struct parts *parts)
{
	seal_free(parts->seal);
	signing_free(parts->signing);
	languages_free(parts->languages);
	diagnose_table_free(parts->diagnose_table);
	config_free(parts->config);
}

static bool parts_read(struct parts *parts, const struct daemon *daemon, FILE *errors, FILE *notes)
{
	struct config *config = config_read(daemon->config->path, errors);
	int r;

	*parts = (struct parts){.config = config};
	if (config == NULL)
		return false;
	config_keep(config, daemon->config, notes);
	parts->signing = signing_new(config, errors);
	parts->diagnose_table =
		diagnose_file_read(config->diagnose_table, config->diagnose_local, errors);
	parts->languages = languages_read(config, errors);
	r = seal_open(config->token_secret_file, &parts->seal);
	if (r < 0)
		fprintf(errors, "%s: %s\n", config->token_secret_file, seal_fault(r));
	return letter_check_templates(config, errors) && parts->signing != NULL &&
	       parts->diagnose_table != NULL && parts->languages != NULL && parts->seal != NULL;
}

// The daemon has the new ones, parts the old ones. (The configuration of the start is main's.)
static void swap(struct daemon *daemon, struct parts *parts)
{
	struct parts old = {daemon->reloaded, daemon->diagnose_table, daemon->languages,
			    daemon->seal, daemon->signing};

	daemon->config = daemon->reloaded = parts->config;
	daemon->diagnose_table = parts->diagnose_table;
	daemon->languages = parts->languages;
	daemon->seal = parts->seal;
	daemon->signing = parts->signing;
	limits_follow(daemon->limits, daemon->config);
	*parts = old;
}

// A line of the log for each line.
static void log_lines(int level, const char *what, const char *then, char *lines)
{
	char *rest = lines;

	for (int n = 0; n < LINES; n++) {
		const char *line = strtok_r(rest, "\n", &rest);

		if (line == NULL)
			break;
		log_note(level, "reload=%s, error=%s, %s", what, log_value(line), then);
	}
}

static void note_stale(const char *path)
{
	if (path[0] != '\0' && credential_is_stale(path))
		log_note(LOG_WARNING,
			 "reload=done, file=%s, error=changed since the service manager handed "
			 "it over: it wants a restart, ignoring",
			 log_value(path));
}

static void note_all_stale(const struct config *config)
{
	note_stale(config->token_secret_file);
	for (size_t i = 0; i < config->n_sites; i++) {
		note_stale(config->sites[i].dkim_key_file);
		note_stale(config->sites[i].dkim_ed25519_key_file);
	}
}

void reload(struct daemon *daemon)
{
	char *errors = NULL, *notes = NULL;
	size_t errors_len = 0, notes_len = 0;
	FILE *on_error = open_memstream(&errors, &errors_len);
	FILE *on_note = open_memstream(&notes, &notes_len);
	struct parts parts;
	bool is_good;

	loop_notify_reloading();
	is_good = parts_read(&parts, daemon, on_error, on_note);
	fclose(on_error);
	fclose(on_note);
	if (is_good) {
		swap(daemon, &parts);
		log_note(LOG_INFO, "reload=done, sites=%zu, secrets=%zu", daemon->config->n_sites,
			 seal_count(daemon->seal));
		log_lines(LOG_WARNING, "done", "ignoring", notes);
		note_all_stale(daemon->config);
		signing_warn(daemon->signing);
	} else {
		log_lines(LOG_ERR, "refused", "the old configuration stays", errors);
	}
	parts_free(&parts);
	free(errors);
	free(notes);
	gauge_set_refused(daemon->gauge, !is_good);
	gauge_tell(daemon->gauge);
	loop_notify("READY=1");
}
