// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Who brought a request, as far as that is known: our own trace field, believed only where the
// milter is on, and what it proves of the envelope sender.
#pragma once

#include <stdbool.h>

#include "mail/addr.h"
#include "mail/envelope.h"
#include "mail/facts.h"
#include "mail/trace.h"

struct origin {
	bool has_trace; // trace is set
	struct trace trace;
	const char *authenticated; // "dkim", "mx" or "" (static): by what the requester's domain
				   // vouches for it
};

// has_milter: whether postsix-milter stands in front of both instances and deletes what others
// forge; without it no trace is believed. The topmost field counts, and only where it speaks of the
// client that pipe(8) names. requester: NULL where there is none.
void origin_find(const struct facts *facts, const struct envelope *envelope,
		 const struct addr *requester, bool has_milter, struct origin *ret_origin);
