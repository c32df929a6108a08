// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Where a reply stands in a conversation: In-Reply-To and References (RFC 5322 section 3.6.4, RFC
// 3834 section 3.1.6), made from what a stranger wrote.
//
// An id counts where it is "<…@…>" of printable ASCII without blanks, at most THREAD_ID_MAX octets;
// all else in those fields (words, comments, broken ids) is left out. The results are safe header
// values.
#pragma once

#include <stdbool.h>

#include "base/buf.h"

#define THREAD_ID_MAX         250 // octets, brackets included
#define THREAD_REFERENCES_MAX 900 // octets of our References, blanks between the ids included

// True where id, without brackets, is fit for a Message-ID of ours.
bool thread_id_fits(const char *id);

// Appends the request's id as our In-Reply-To; nothing where it has none. message_id: the field as
// it was written.
void thread_in_reply_to(struct buf *out, const char *message_id);

// Appends our References: the request's own, or where it has none the one id of its In-Reply-To,
// and then its Message-ID. What passes THREAD_REFERENCES_MAX goes from the second on: the first id
// and the last ones stay. Each argument is the field as it was written, or "".
void thread_references(struct buf *out, const char *message_id, const char *references,
		       const char *in_reply_to);
