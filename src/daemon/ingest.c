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

// Out of the way with what is not an entry: a person must look at it.
static void set_aside(struct ingest *ingest, const char *name, const char *fault)
{
	int r = spool_reject(ingest->daemon->spool, name);

	if (r < 0)
		log_note(LOG_ERR, "entry=%s, error=%s, quarantine=failed: %s, will retry",
			 log_value(name), log_value(fault), strerror(-r));
	else
		log_note(LOG_ERR, "entry=%s, error=%s, quarantine=moved there", log_value(name),
			 log_value(fault));
}

static int record_entry(struct ingest *ingest, const char *name, const struct entry *entry)
{
	struct daemon *daemon = ingest->daemon;
	const char *recipient = entry->envelope.recipient;

	return text_starts_nocase(recipient, BOUNCE_PREFIX) ? bounce_record(daemon, name, entry)
							    : request_record(daemon, name, entry);
}

// 1 where the entry is in the database and its file may go, 0 where it is to be left alone, or the
// database's negative errno.
static int take_entry(struct ingest *ingest, const char *name)
{
	struct spool *spool = ingest->daemon->spool;
	struct entry entry;
	const char *fault;
	int r;

	r = store_has_entry(ingest->daemon->store, name);
	if (r != 0)
		return r; // it was committed, then the file came back or was delivered again

	buf_clear(&ingest->file);
	r = spool_read(spool, name, &ingest->file);
	if (r < 0 && r != -EFBIG && r != -EMEDIUMTYPE) {
		log_note(LOG_ERR, "entry=%s, error=cannot read: %s, will retry", log_value(name),
			 strerror(-r));
		return 0;
	}
	fault = r == -EFBIG ? "it is too large"
		: r == -EMEDIUMTYPE
			? "it is not a regular file"
			: entry_read(buf_string(&ingest->file), ingest->file.len, &entry);
	if (fault != NULL) {
		set_aside(ingest, name, fault);
		return 0;
	}

	r = record_entry(ingest, name, &entry);
	entry_free(&entry);
	return r < 0 ? r : 1;
}

static int on_name(void *arg, const char *name)
{
	struct ingest *ingest = arg;
	int r = take_entry(ingest, name);

	if (r == 1)
		ingest->taken[ingest->n_taken++] = mem_strdup(name);
	return r < 0 ? r : 0;
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
