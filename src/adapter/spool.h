// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The spool folder: between intake's rename and the daemon's commit it is the one safe place of a
// message.
//
//   new/         entries, one file each, named by entry_name()
//   quarantine/  copies of messages that the parser died on, for a person to look at; at most
//   SPOOL_QUARANTINE_MAX files
//
// All functions return 0 or a negative errno and do not log.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define SPOOL_QUARANTINE_MAX 100

struct spool;

// Opens the folders below path, which must exist, and sweeps up what writers that were killed left
// behind.
int spool_open(const char *path, struct spool **ret_spool) must_check;
struct spool *spool_free(struct spool *spool);

// Puts an entry there for good. From its return of 0 on the mail is safe here. One that is there
// already under that name is replaced: it is the same delivery.
int spool_put(struct spool *spool, const char *name, const void *data, size_t len) must_check;

// Keeps a copy of a message nobody could read. Not durable; -EDQUOT where the folder is full.
int spool_quarantine(struct spool *spool, const char *name, const void *data,
		     size_t len) must_check;

// Calls on_name for at most max entries, in the order of their names, temporary files left out.
// Names begin with the queue id, and long queue ids (enable_long_queue_ids) sort by time: oldest
// first, whatever the instance. A negative return stops the walk and is handed back; else the
// number of names seen.
int spool_each(struct spool *spool, size_t max, int (*on_name)(void *arg, const char *name),
	       void *arg) must_check;

// Reads one entry into buf (-EFBIG past its ceiling; -EMEDIUMTYPE where it is a link, a pipe or a
// socket, which no entry of intake's is).
int spool_read(struct spool *spool, const char *name, struct buf *buf) must_check;

// Removes one entry after its content was committed elsewhere. -ENOENT is 0. Not durable by itself:
// an entry that comes back after a power cut is recognised by its name.
int spool_remove(struct spool *spool, const char *name) must_check;

// Moves an entry that cannot be read as one into quarantine/, however full that is: nothing is
// thrown away.
int spool_reject(struct spool *spool, const char *name) must_check;

// The folder to watch for a hint that something came: the full path of new/. Borrowed.
const char *spool_watch_path(const struct spool *spool);
