// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A look into the database that changes nothing and stands in nobody's way: for `postsix check`,
// beside the one process that writes it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define INSPECT_WORD 80

// NULL where it opens, is ours, of this version, and sound; else a sentence (static).
// *ret_version is its schema's, 0 where that is not known.
const char *inspect_database(const char *path, int64_t *ret_version) must_check;

// How far a request has come. Words are the database's, "" where there is no row yet.
struct inspect_request {
	char decision[INSPECT_WORD]; // "answer", or what refused it
	char report[INSPECT_WORD];   // the state of each message
	char six[INSPECT_WORD];
	char six_queue_id[INSPECT_WORD]; // at postfix-v6
	char outcome[INSPECT_WORD];      // of the probe
	char class[INSPECT_WORD];        // why it failed
};

// The request with that Message-ID. 1 and *ret_request set, 0 where there is none yet, or a
// negative errno.
int inspect_request(const char *path, const char *message_id,
		    struct inspect_request *ret_request) must_check;
