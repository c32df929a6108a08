// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Knocks at port 25 (adapter/reach.h) of many surveys: so many at once for each, so many for all,
// so many at each network (adapter/courtesy.h), in turn. An address that must not be knocked at is
// passed over.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "adapter/reach.h"

struct knocks;
struct knocker; // a survey's

// options, and what it points at, outlive the knocks. max_network 0: no limit of its own. Never
// NULL.
struct knocks *knocks_new(struct loop *loop, const struct reach_options *options, size_t max_each,
			  size_t max_all, size_t max_network);

// on_end is called, from the loop, whenever the knocker has nothing left to do, which may be more
// than once; it may free the knocker.
struct knocker *knocker_new(struct knocks *knocks, void (*on_end)(void *arg), void *arg);

// Knocks at the address, or leaves it as it is where survey_may_knock() forbids; it lives as long
// as the knocker. One that is the same as an earlier one gets that one's result.
void knocker_add(struct knocker *knocker, struct survey_address *address);

// Whether it has something left to do.
bool knocker_is_busy(const struct knocker *knocker);

// Whether there was a knock at all.
bool knocker_has_knocked(const struct knocker *knocker);

// Ends what is under way; the addresses then have what is known.
struct knocker *knocker_free(struct knocker *knocker);

// From now on nobody begins to knock.
void knocks_stop(struct knocks *knocks);

// After all its knockers.
struct knocks *knocks_free(struct knocks *knocks);
