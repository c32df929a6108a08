// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What many surveys come to, as the talk of 2016 had it: domains, MX hosts, their addresses, and
// how many of those accept a connection on port 25. Hosts and addresses count once, however many
// domains have them.
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "mail/survey.h"

struct totals;

// Never NULL.
struct totals *totals_new(void);
struct totals *totals_free(struct totals *totals);

// Counts one domain, and what of its hosts and addresses is new.
void totals_add(struct totals *totals, const struct survey *survey);

// The summary, some lines of at most 80 columns. v4, v6: which addresses were knocked at.
void totals_print(const struct totals *totals, bool v4, bool v6, struct buf *out);
