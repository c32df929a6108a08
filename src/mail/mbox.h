// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes a stream of mail apart: one message, or an mbox (RFC 4155), whose messages begin with a
// "From " line at its start or behind an empty line.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct mbox {
	struct buf message; // what came of the message so far; the rest of a long one is dropped
	bool is_mbox;
	bool has_begun;                                         // a message is under way
	bool is_after_gap;                                      // the last line was empty
	void (*on_message)(void *arg, char *bytes, size_t len); // may change the bytes
	void *arg;
};

// is_mbox: it is one, whatever its first line says. Messages are cut at max octets. on_message
// comes from mbox_line and mbox_end.
void mbox_start(struct mbox *mbox, bool is_mbox, size_t max,
		void (*on_message)(void *arg, char *bytes, size_t len), void *arg);

// The next line, with its line end if it has one. The first decides whether this is an mbox.
void mbox_line(struct mbox *mbox, const char *line, size_t len);

// The stream is at its end. Frees what was kept.
void mbox_end(struct mbox *mbox);
