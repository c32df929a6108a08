// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How many of our connections are open at one network: an IPv6 /64, or an IPv4 address. What
// strangers' DNS says must not gather all of them at one victim.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct courtesy;

// So many at once at each network; 0: any number, and nothing is counted. Never NULL.
struct courtesy *courtesy_new(size_t at_once) must_check;

// NULL is fine.
struct courtesy *courtesy_free(struct courtesy *courtesy);

// The network of an address in inet_ntop(3)'s form; 0 where the text is none.
uint64_t courtesy_network(const char *address);

// Whether one more may be opened there.
bool courtesy_has_room(struct courtesy *courtesy, uint64_t network);

// Where there is room.
void courtesy_enter(struct courtesy *courtesy, uint64_t network);

// After courtesy_enter(). Whether the network was full until now.
bool courtesy_leave(struct courtesy *courtesy, uint64_t network);
