// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Open connections by network, in a hash table with one entry for each network that has any: there
// are never more entries than connections, so a bucket that a stranger fills by choice is no longer
// than that either.
#include "adapter/courtesy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUCKETS 256

struct network {
	struct network *next; // in the bucket
	uint64_t number;
	size_t n_open;
};

struct courtesy {
	size_t at_once;
	struct network *buckets[BUCKETS];
};

struct courtesy *courtesy_new(size_t at_once)
{
	struct courtesy *courtesy = mem_new(1, sizeof(*courtesy));

	courtesy->at_once = at_once;
	return courtesy;
}

struct courtesy *courtesy_free(struct courtesy *courtesy)
{
	for (size_t i = 0; courtesy != NULL && i < BUCKETS; i++) {
		for (struct network *at = courtesy->buckets[i], *next; at != NULL; at = next) {
			next = at->next;
			free(at);
		}
	}
	free(courtesy);
	return NULL;
}

// An IPv4 address has the number of a /64 in ::/8, which is reserved (RFC 4291).
uint64_t courtesy_network(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;
	uint64_t number = 0;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr);
	if (inet_pton(AF_INET6, address, &v6) == 1)
		memcpy(&number, &v6, sizeof(number));
	return be64toh(number);
}

// The odd factor carries every bit of the number into the upper ones.
static size_t bucket_of(uint64_t number)
{
	return (number * UINT64_C(0x9e3779b97f4a7c15)) >> 56;
}

static struct network **place_of(struct courtesy *courtesy, uint64_t number)
{
	struct network **at = &courtesy->buckets[bucket_of(number)];

	while (*at != NULL && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

bool courtesy_has_room(struct courtesy *courtesy, uint64_t network)
{
	const struct network *found = *place_of(courtesy, network);

	return found == NULL || found->n_open < courtesy->at_once;
}

void courtesy_enter(struct courtesy *courtesy, uint64_t network)
{
	struct network **at;

	if (courtesy->at_once == 0)
		return;
	at = place_of(courtesy, network);
	if (*at == NULL) {
		*at = mem_new(1, sizeof(**at));
		(*at)->number = network;
	}
	(*at)->n_open++;
	assert((*at)->n_open <= courtesy->at_once);
}

bool courtesy_leave(struct courtesy *courtesy, uint64_t network)
{
	struct network **at, *found;
	bool was_full;

	if (courtesy->at_once == 0)
		return false;
	at = place_of(courtesy, network);
	found = *at;
	assert(found != NULL);
	was_full = found->n_open == courtesy->at_once;
	if (--found->n_open == 0) {
		*at = found->next;
		free(found);
	}
	return was_full;
}
