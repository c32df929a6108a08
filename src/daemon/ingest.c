// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A batch of entries per turn. An entry is read, told apart by its recipient, and recorded; its
// file goes only after the commit, so a crash in between brings it back and its name tells that it
// was here.

#include "daemon/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/entry.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/request.h"

#define BATCH 64

struct ingest {
	struct daemon *daemon;
	struct buf file;
	char *taken[BATCH]; // names of this turn's entries
	size_t n_taken;
};

struct ingest *ingest_new(struct daemon *daemon)
{
	struct ingest *ingest = mem_new(1, sizeof(*ingest));

	ingest->daemon = daemon;
	ingest->file = buf_make(ENTRY_MAX);
	return ingest;
}

struct ingest *ingest_free(struct ingest *ingest)
{
	if (ingest == NULL)
		return NULL;
	ingest_forget(ingest);
	buf_free(&ingest->file);
	free(ingest);
	return NULL;
}

// Out of the way with what is not an entry: a person must look at it, and the next ones are
// waiting.
static int set_aside(struct ingest *ingest, const char *name, const char *fault)
{
	int r = spool_reject(ingest->daemon->spool, name);

	log_note(LOG_ERR, "entry=%s, error=%s, moved to quarantine%s%s", log_value(name),
		 log_value(fault), r < 0 ? ", which failed: " : "", r < 0 ? strerror(-r) : "");
	return 0;
}

static int record_entry(struct ingest *ingest, const char *name, const struct entry *entry)
{
	struct daemon *daemon = ingest->daemon;
	const char *recipient = entry->envelope.recipient;

	return text_starts_nocase(recipient, BOUNCE_PREFIX) ? bounce_record(daemon, name, entry)
							    : request_record(daemon, name, entry);
}

static int take_entry(struct ingest *ingest, const char *name)
{
	struct spool *spool = ingest->daemon->spool;
	struct entry entry;
	const char *fault;
	int r;

	r = store_has_entry(ingest->daemon->store, name);
	if (r != 0)
		return r; // 1: it was committed, then the file came back or was delivered again

	buf_clear(&ingest->file);
	r = spool_read(spool, name, &ingest->file);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return set_aside(ingest, name, strerror(-r));
	fault = entry_read(buf_string(&ingest->file), ingest->file.len, &entry);
	if (fault != NULL)
		return set_aside(ingest, name, fault);

	r = record_entry(ingest, name, &entry);
	entry_free(&entry);
	return r;
}

static int on_name(void *arg, const char *name)
{
	struct ingest *ingest = arg;
	int r = take_entry(ingest, name);

	if (r < 0)
		return r;
	ingest->taken[ingest->n_taken++] = mem_strdup(name);
	return 0;
}

int ingest_take_entries(struct ingest *ingest)
{
	int r = spool_each(ingest->daemon->spool, BATCH, on_name, ingest);

	if (r == BATCH)
		daemon_want_turn(ingest->daemon);
	return r < 0 ? r : 0;
}

void ingest_remove_entries(struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->n_taken; i++) {
		int r = spool_remove(ingest->daemon->spool, ingest->taken[i]);

		if (r < 0)
			log_note(LOG_ERR, "entry=%s, error=cannot remove: %s, will retry",
				 log_value(ingest->taken[i]), strerror(-r));
	}
	ingest_forget(ingest);
}

void ingest_forget(struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->n_taken; i++)
		free(ingest->taken[i]);
	ingest->n_taken = 0;
}
