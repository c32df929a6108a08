// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A message as it comes out of Postfix: its beginning, its size, and a hash of its body.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "mail/facts.h"

struct message {
	struct buf head; // the first MIME_INPUT_MAX octets: all that anybody looks at
	uint64_t size;   // octets in all
	char body_hash[FACTS_HASH_SIZE];
};

// Reads the descriptor to its end, whatever the size, in memory that does not grow with it. 0, or a
// negative errno; either way message_free() it.
int message_read(int fd, struct message *ret_message) must_check;
void message_free(struct message *message);
