// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What is known of the DNS, for pure code that has questions: it asks this table, which answers or
// takes the question down. Whoever has a resolver (adapter/prove.h) asks what was taken down and
// runs the code again, until nothing waits any more.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define LOOKUPS_MAX 512 // questions in all

enum lookup_type {
	LOOKUP_A,
	LOOKUP_AAAA,
	LOOKUP_MX,
	LOOKUP_PTR,
	LOOKUP_TXT,
	LOOKUP_NS,
	LOOKUP_TYPES,
};

enum lookup_status {
	LOOKUP_WAITING,
	LOOKUP_FOUND,
	LOOKUP_NOTHING, // no such record, or no such name
	LOOKUP_UNKNOWN, // no answer, or one that cannot be read
};

// Values are texts as in adapter/dns.h: addresses in inet_ntop(3)'s form, names without a final
// dot, the strings of a TXT record joined.
struct lookup {
	enum lookup_status status;
	bool is_alias; // the name that was asked for is a CNAME
	size_t n;
	char **values;
};

struct lookups;

// Nothing is known, and nothing is asked. lookups_free() it.
struct lookups *lookups_new(void);
struct lookups *lookups_free(struct lookups *lookups);

// What is known; LOOKUP_WAITING, and taken down, where nothing is yet. Beyond LOOKUPS_MAX it is
// LOOKUP_UNKNOWN. Never NULL; good until the next call of any function here.
const struct lookup *lookups_ask(struct lookups *lookups, enum lookup_type type, const char *name);

// The next question that was taken down and not given out yet; false where there is none.
// *ret_number names it, *ret_name is borrowed until the next lookups_ask().
bool lookups_next(struct lookups *lookups, size_t *ret_number, enum lookup_type *ret_type,
		  const char **ret_name) must_check;

// Its answer; the values are copied.
void lookups_fill(struct lookups *lookups, size_t number, const struct lookup *lookup);

// "A", "AAAA", … Static.
const char *lookup_type_name(enum lookup_type type);
