// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The process that parses for `postsix explain`. It has the table, the phrases and one socket, and
// nothing else, behind a filter of system calls; should a message kill it, the next one gets a new
// one.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "adapter/phrases.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "mail/diagnose.h"

struct explain_worker;

// What it was, as the exit status sees it.
enum explain_verdict {
	EXPLAIN_CLASSED,
	EXPLAIN_NO_MAIL,
	EXPLAIN_DIED, // of this message
};

struct explain_setting {
	const struct diagnose_table *table;
	const struct phrases *phrases; // NULL: no advice
	bool is_json;
};

// Starts no process yet. setting is borrowed. explain_worker_free() ends it. A negative errno where
// there can be no filter.
int explain_worker_new(const struct explain_setting *setting,
		       struct explain_worker **ret_worker) must_check;
struct explain_worker *explain_worker_free(struct explain_worker *worker);

// Explains a message: appends what is to be printed to out. number is the message's in the file
// called name. A negative errno where no process could be started.
int explain_worker_ask(struct explain_worker *worker, const char *name, unsigned number,
		       const char *bytes, size_t len, struct buf *out,
		       enum explain_verdict *ret_verdict) must_check;
