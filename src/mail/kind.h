// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The kinds of mail we send. At most one of each for a request, so at most four messages out for
// one in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
	KIND_REPORT = 1, // how your message reached us
	KIND_SIX = 2,    // the six probe
	KIND_DELAY = 3,  // still trying
	KIND_BOUNCE = 4, // the processed bounce
};

#define KIND_MASK UINT64_C(15) // an id's low bits hold the kind; a request's own are 0

struct kind_row {
	enum kind kind;
	const char *name;     // in the database and in logs: mail=six
	const char *template; // file below the language's folder
	const char *html;     // likewise, of the same as HTML; NULL where there is none
	bool over_v6; // by postfix-v6 from the IPv6-only domain; else by postfix-dual from its twin
	bool is_probe; // its fate is a measurement: sent from its token address; else from <>
};

// What there is to know of a kind. Static.
const struct kind_row *kind_row(enum kind kind);

// The row of that name, or NULL.
const struct kind_row *kind_find(const char *name);

// The id of a request's message of that kind: ids of one request share their first 12 letters.
static inline uint64_t kind_id(uint64_t request, enum kind kind)
{
	return (request & ~KIND_MASK) | (uint64_t)kind;
}

static inline uint64_t kind_request(uint64_t id)
{
	return id & ~KIND_MASK;
}
