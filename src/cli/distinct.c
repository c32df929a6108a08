// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Adaptive sampling (Wegman): a set of hashes that, once it is full, keeps only those whose lowest
// bit is zero, then the lowest two, and so on. What is left, times 2 for each bit, is the count.
//
// The hash is keyed by chance, so that nobody can choose names that collide.
#include "cli/distinct.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"

struct distinct {
	uint64_t key;
	uint64_t *slots; // open addressing; 0: free
	size_t n_slots;  // a power of 2
	size_t n;
	unsigned bits; // that are zero in all that are kept
};

struct distinct *distinct_new(void)
{
	struct distinct *distinct = mem_new(1, sizeof(*distinct));

	if (getrandom(&distinct->key, sizeof(distinct->key), GRND_NONBLOCK) < 0)
		distinct->key = (uintptr_t)distinct; // early at boot: less chance is enough
	distinct->n_slots = 1024;
	distinct->slots = mem_new(distinct->n_slots, sizeof(*distinct->slots));
	return distinct;
}

struct distinct *distinct_free(struct distinct *distinct)
{
	if (distinct == NULL)
		return NULL;
	free(distinct->slots);
	free(distinct);
	return NULL;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

static uint64_t hash(const struct distinct *distinct, const unsigned char *bytes, size_t len)
{
	uint64_t x = mix(distinct->key ^ len);

	for (size_t i = 0; i < len; i++)
		x = mix(x ^ bytes[i]);
	return x != 0 ? x : 1; // 0 is a free slot
}

static bool is_kept(const struct distinct *distinct, uint64_t x)
{
	return (x & ((UINT64_C(1) << distinct->bits) - 1)) == 0;
}

// The upper bits choose the slot: the lower ones are all alike after a while.
static void put(struct distinct *distinct, uint64_t x)
{
	size_t at = (size_t)(x >> 32) & (distinct->n_slots - 1);

	while (distinct->slots[at] != 0 && distinct->slots[at] != x)
		at = (at + 1) & (distinct->n_slots - 1);
	distinct->n += distinct->slots[at] == 0;
	distinct->slots[at] = x;
}

// Twice the room, or half the things.
static void make_room(struct distinct *distinct)
{
	uint64_t *old = distinct->slots;
	size_t n_old = distinct->n_slots;

	if (distinct->n >= DISTINCT_MAX)
		distinct->bits++;
	else
		distinct->n_slots *= 2;
	distinct->slots = mem_new(distinct->n_slots, sizeof(*distinct->slots));
	distinct->n = 0;
	for (size_t i = 0; i < n_old; i++)
		if (old[i] != 0 && is_kept(distinct, old[i]))
			put(distinct, old[i]);
	free(old);
}

void distinct_add(struct distinct *distinct, const void *bytes, size_t len)
{
	uint64_t x = hash(distinct, bytes, len);

	if (!is_kept(distinct, x))
		return;
	put(distinct, x);
	if (distinct->n > DISTINCT_MAX || distinct->n * 2 > distinct->n_slots)
		make_room(distinct);
}

uint64_t distinct_count(const struct distinct *distinct, bool *ret_exact)
{
	*ret_exact = distinct->bits == 0;
	return (uint64_t)distinct->n << distinct->bits;
}
