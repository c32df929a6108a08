// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SMTP replies quoted in prose: "host mx.example said: 550-5.1.1 no such 550 5.1.1 user".
#pragma once

#include <stddef.h>

#include "mail/status.h"

struct reply {
	int code;             // 421 to 599; 0 for none
	struct status status; // class 0 for none
};

// Joins a reply of several lines (RFC 5321 section 4.2.1) that was written as one: the code that
// each line repeats goes, with its status, so that a sentence across them is a sentence. In place,
// in folded text (base/finder.h); returns the new length.
size_t reply_join(char *folded, size_t len);

// The first code 4xx or 5xx that stands where a reply begins, and the status behind it; where none
// stands there, one in the manner of "(#5.1.1)" or "'5.2.2 …'". What is not found stays as it was.
void reply_find(const char *folded, struct reply *reply);
