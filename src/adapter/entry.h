// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One spool file: what intake learned from one message. JSON lines (jansson): the envelope, written
// by intake's trusted child, then the facts, written by the parsing grandchild as one opaque line.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/facts.h"

#define ENTRY_MAX      (512 * 1024) // octets of one file
#define ENTRY_NAME_MAX 200          // octets of its name

struct entry {
	int64_t arrived; // when intake took it: seconds since 1970
	struct envelope envelope;
	struct facts facts;
};

// The file name of one delivery: from instance, queue id and recipient, so that a repeat has the
// same name. Safe as a file name whatever the values hold (a digest stands for the recipient). dst
// holds ENTRY_NAME_MAX + 1 bytes.
void entry_name(char *dst, const struct envelope *envelope);

// The two lines, each ended by a newline, appended to out. Values over their limits are cut, bytes
// that are not UTF-8 replaced (scrub.h): a broken address stays broken.
void entry_write_envelope(struct buf *out, const struct envelope *envelope, int64_t arrived);
void entry_write_facts(struct buf *out, const struct facts *facts);

// Reads a whole file. Returns NULL and sets *ret_entry (entry_free it), or a sentence that says
// what is wrong. Strict: an unknown key, a missing one, a wrong type or a value over its limit is
// an error. (The second line was written by the process that had a stranger's mail in its hands.)
const char *entry_read(const char *bytes, size_t len, struct entry *ret_entry) must_check;

void entry_free(struct entry *entry);
