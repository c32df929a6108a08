// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How often each of many keys was seen within a time, in bounded memory. An event has several keys
// and is first reserved, for a short time, then final, for a long one.
//
// It reads no clock: times are seconds of one that does not jump, and never go back (an earlier one
// counts as the latest seen).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define TALLY_KEYS 4

enum tally_state {
	TALLY_RESERVED,
	TALLY_FINAL,
	N_TALLY_STATES,
};

struct tally;

// Remembers at most room events; beyond that the oldest final one goes, or the oldest reserved one.
// lives: seconds, by state.
struct tally *tally_new(size_t room, const int64_t lives[N_TALLY_STATES]);
struct tally *tally_free(struct tally *tally);

// Forgets what is too old. Call it before asking.
void tally_expire(struct tally *tally, int64_t now);

// Adds an event. A key of 0 is not counted.
void tally_add(struct tally *tally, const uint64_t keys[TALLY_KEYS], enum tally_state state,
	       int64_t now);

// Makes the oldest reservation with the first key final; where there is none, adds a final event.
void tally_settle(struct tally *tally, const uint64_t keys[TALLY_KEYS], int64_t now);

// How many events of that state the key has.
size_t tally_count(const struct tally *tally, uint64_t key, enum tally_state state);

// When the n-th oldest of them (from 0) was, or INT64_MIN where there are not so many.
int64_t tally_time(const struct tally *tally, uint64_t key, enum tally_state state, size_t n);
