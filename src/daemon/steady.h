// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How far a time that was written down can be believed. Rows have the wall clock's time, which
// somebody may set, also while we are down; so an age by that clock counts only as far as we saw it
// go: whoever waits begins anew when it jumps, and when we start.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STEADY_JUMP  60    // seconds from one look to the next that are no jump yet
#define STEADY_AHEAD 86400 // seconds ahead of the clock from which a time is wrong

// All zero at the start.
struct steady {
	bool is_known;
	int64_t offset; // of the wall clock to the one that nobody sets
	int64_t since;  // by that one
};

// Looks at both clocks: since 1970, and daemon_uptime(). Returns the seconds since the wall clock
// jumped, or since the first look. Look often: what is set by little at a time is no jump.
int64_t steady_look(struct steady *steady, int64_t now, int64_t uptime);
