// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// An explanation, written for people or for machines. Runs in the confined process.
#pragma once

#include <stdbool.h>

#include "adapter/phrases.h"
#include "base/buf.h"
#include "cli/explain_judge.h"

struct explain_source {
	const char *name; // the file's
	unsigned number;  // of the message in it, from 1
};

// Sentences and advice, at most 76 columns; phrases NULL for no advice.
void explain_print_text(const struct explain_source *source, const struct explained *explained,
			const struct phrases *phrases, struct buf *out);

// One object for each recipient, a line each: see postsix(8).
void explain_print_json(const struct explain_source *source, const struct explained *explained,
			const struct phrases *phrases, struct buf *out);
