// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// From the spool into the database: entries become requests or notifications.
#pragma once

#include "base/cleanup.h"

struct daemon;
struct ingest;

// The daemon is borrowed, and must have its spool and its store when entries are taken.
struct ingest *ingest_new(struct daemon *daemon);
struct ingest *ingest_free(struct ingest *ingest);

// Inside a turn's transaction: takes a batch of entries. Where more are waiting, asks for another
// turn. A negative errno is the database's; the entries then stay where they are.
int ingest_take_entries(struct ingest *ingest) must_check;

// After the commit: the files of the batch have done their work.
void ingest_remove_entries(struct ingest *ingest);

// After a rollback: nothing was taken.
void ingest_forget(struct ingest *ingest);
