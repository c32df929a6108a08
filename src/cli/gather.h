// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The figures of the talk of 2016, out of the database: messages, different addresses and domains;
// why probes came back; abilities; mail hosts and their addresses, and which of these took a
// connection.
//
// Counts: requests, answered, refused.REASON, outcome.WORD, bounces, class.CLASS, status.CODE,
// ability.NAME.VERDICT, surveys. Sets: addresses, domains, bounced-addresses, mx-hosts, ipv4,
// ipv4-reachable, ipv6, ipv6-reachable.
#pragma once

#include "adapter/pseudonym.h"
#include "base/figures.h"
#include "cli/ask.h"

// Those of the requests that the filter of ask is about; free *ret_figures. pseudonym: as rows that
// aged have it, so that an address counts once before and after; never NULL. 0 or a negative errno.
int64_t gather(const struct ask *ask, const struct pseudonym *pseudonym,
	       struct figures **ret_figures);

// For people, and as CSV (RFC 4180: name, value, exact).
void gather_print(const struct figures *figures, struct buf *out);
void gather_csv(const struct figures *figures, struct buf *out);
