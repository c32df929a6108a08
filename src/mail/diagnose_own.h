// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The phrases that mail/diagnose knows itself: how reporters say whose words follow, and at which
// command a server said them. They are grammar, not habit, so they are no rows of the table.
#pragma once

#include <stddef.h>

#include "mail/diagnose.h"

// What a phrase tells.
enum own_sense {
	OWN_QUOTES, // a remote server's words follow
	OWN_PHASE,  // where they were said
};

struct own_phrase {
	enum own_sense sense;
	enum phase phase;
	const char *text;
};

extern const struct own_phrase diagnose_own[];
extern const size_t diagnose_own_count;

static inline const char *diagnose_own_phrase(size_t i)
{
	return diagnose_own[i].text;
}
