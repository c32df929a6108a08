// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Answers of the DNS, kept for their TTL and at most an hour: those that found something and those
// that say there is nothing (RFC 2308), never failures. Bounded in number and octets; what was not
// asked for longest goes first. The clock is the caller's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/dns.h"

#define DNS_CACHE_TTL_MAX   3600 // seconds
#define DNS_CACHE_ENTRY_MAX 1024 // octets an entry may have on the average of a full cache

struct dns_cache;

// Never NULL.
struct dns_cache *dns_cache_new(size_t entries);

// Keeps a copy of the answer, where it has a TTL. now: milliseconds of a monotonic clock.
void dns_cache_put(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
		   const struct dns_answer *answer);

// *ret_answer is the caller's, its TTL what is left of it. False, with *ret_answer untouched, where
// nothing is known (any more).
bool dns_cache_find(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
		    struct dns_answer *ret_answer) must_check;

// How many answers are kept, those included that are too old.
size_t dns_cache_count(const struct dns_cache *cache);

struct dns_cache *dns_cache_free(struct dns_cache *cache);

// FNV-1a over type and name, ASCII letters without case: for tables of questions.
uint32_t dns_cache_hash(enum dns_type type, const char *name);
