// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Ids are random, so their own bits spread them over small places, each a queue of eight. The low
// four bits tell the kind of a message, which is the same for all probes.

#include "daemon/spent.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PLACES 32768
#define DEPTH  8

struct spent {
	uint64_t ids[PLACES][DEPTH]; // the newest first; 0: none
};

struct spent *spent_new(void)
{
	return mem_new(1, sizeof(struct spent));
}

struct spent *spent_free(struct spent *spent)
{
	free(spent);
	return NULL;
}

static size_t place_of(uint64_t id)
{
	return (id >> 4) % PLACES;
}

void spent_add(struct spent *spent, uint64_t id)
{
	uint64_t *place = spent->ids[place_of(id)];

	if (spent_has(spent, id))
		return;
	memmove(place + 1, place, (DEPTH - 1) * sizeof(*place));
	place[0] = id;
}

bool spent_has(const struct spent *spent, uint64_t id)
{
	const uint64_t *place = spent->ids[place_of(id)];

	for (size_t i = 0; i < DEPTH; i++)
		if (place[i] == id && id != 0)
			return true;
	return false;
}
