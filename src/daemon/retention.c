// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The key of the hashes lies beside the database: who has both can try names; who has the database
// alone, as from a backup without it, cannot. Deleting the key makes all hashes names that nobody
// can ever connect with an address, and the next ones different.

#include "daemon/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/pseudonym.h"
#include "adapter/store_age.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/steady.h"
#include "mail/redact.h"

#define A_TURN   20  // requests; each is a dozen rows
#define PAUSE    600 // seconds from when nothing was old to the next look
#define TEXT_MAX 65536

struct retention {
	struct daemon *daemon;
	struct pseudonym *pseudonym;
	struct steady steady;
	int64_t next;  // by daemon_uptime()
	bool is_dirty; // something was replaced since the log was emptied
	bool has_more; // to be done in the next turn
	bool is_told;
};

struct retention *retention_new(struct daemon *daemon)
{
	struct retention *retention = mem_new(1, sizeof(*retention));

	retention->daemon = daemon;
	return retention;
}

struct retention *retention_free(struct retention *retention)
{
	if (retention == NULL)
		return NULL;
	pseudonym_free(retention->pseudonym);
	free(retention);
	return NULL;
}

static bool has_key(struct retention *retention)
{
	char path[4200];
	int r;

	if (retention->pseudonym != NULL)
		return true;
	snprintf(path, sizeof(path), "%s/" PSEUDONYM_KEY_FILE,
		 retention->daemon->config->state_directory);
	r = pseudonym_open(path, true, &retention->pseudonym);
	if (r < 0 && !retention->is_told)
		log_note(LOG_ERR, "retention=%s, error=%s, will retry", path, strerror(-r));
	retention->is_told = r < 0;
	return r == 0;
}

// ---- replacing ----------------------------------------------------------------------------------

static void replace(char **text, const char *local, const char *with)
{
	struct buf out = buf_make(TEXT_MAX);

	redact(&out, *text, local, with);
	free(*text);
	*text = buf_steal(&out);
}

static void on_texts(void *arg, struct store_texts *texts)
{
	struct retention *retention = arg;
	char hashed[ADDR_TEXT_SIZE], local[ADDR_TEXT_SIZE], with[ADDR_TEXT_SIZE];
	char *at = strrchr(texts->requester, '@');
	size_t len = at == NULL ? strlen(texts->requester) : (size_t)(at - texts->requester);

	snprintf(local, sizeof(local), "%.*s", (int)len, texts->requester);
	pseudonym_address(retention->pseudonym, texts->requester, hashed);
	strcpy(with, hashed[0] != '\0' ? hashed : "hashed");
	with[strcspn(with, "@")] = '\0';
	for (size_t i = 0; i < sizeof(texts->texts) / sizeof(texts->texts[0]); i++)
		replace(&texts->texts[i], local, with);
	free(texts->requester);
	texts->requester = mem_strdup(hashed);
}

static int age(struct retention *retention, int64_t before)
{
	struct store *store = retention->daemon->store;
	int n, r;

	if (!has_key(retention))
		return 0;
	n = store_age_requests(store, before, A_TURN, on_texts, retention);
	r = n < 0 ? n : store_age_dsns(store, before, A_TURN, on_texts, retention);
	return r < 0 ? r : n + r;
}

int retention_step(struct retention *retention)
{
	const struct config *config = retention->daemon->config;
	int64_t now = daemon_now(), uptime = daemon_uptime();
	int n = 0, r = 0;

	if (steady_look(&retention->steady, now, uptime) < RETENTION_STEADY ||
	    uptime < retention->next)
		return 0;
	if (config->keep_requests != 0)
		r = store_forget(retention->daemon->store, now - config->keep_requests, A_TURN);
	n = r;
	if (r >= 0 && config->keep_addresses != 0)
		r = age(retention, now - config->keep_addresses);
	if (r < 0)
		return r;
	n += r;
	retention->has_more = n > 0;
	retention->is_dirty |= n > 0;
	if (n == 0)
		retention->next = uptime + PAUSE;
	return 0;
}

void retention_commit(struct retention *retention)
{
	if (retention->has_more)
		daemon_want_turn(retention->daemon);
	else if (retention->is_dirty && store_empty_log(retention->daemon->store) == 0)
		retention->is_dirty = false; // else after the next turn: somebody reads
	retention->has_more = false;
}
