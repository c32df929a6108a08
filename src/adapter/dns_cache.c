// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A hash table of answers, and a ring through all of them in the order in which they were asked for
// last.
//
// The ring's anchor is an entry without a name: before it stands the freshest, behind it the one
// that goes first. Names are strangers' choice, so a chain of the table may be long; it is bounded
// by the number of entries, of which there are few.
#include "adapter/dns_cache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"

#define BUCKETS 1024

struct entry {
	struct entry *next;          // in its bucket
	struct entry *older, *newer; // in the ring
	enum dns_type type;
	int64_t expires;
	size_t size;
	struct dns_answer answer;
	char name[];
};

struct dns_cache {
	struct entry *buckets[BUCKETS];
	struct entry *ring;
	size_t n, n_max;
	size_t size, size_max; // octets
};

uint32_t dns_cache_hash(enum dns_type type, const char *name)
{
	uint32_t hash = (2166136261U ^ (uint32_t)type) * 16777619U;

	for (; *name != '\0'; name++) {
		const char letter = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;

		hash = (hash ^ (unsigned char)letter) * 16777619U;
	}
	return hash;
}

struct dns_cache *dns_cache_new(size_t entries)
{
	struct dns_cache *cache = mem_new(1, sizeof(*cache));

	cache->ring = mem_new(1, sizeof(*cache->ring));
	cache->ring->older = cache->ring->newer = cache->ring;
	cache->n_max = entries;
	cache->size_max = entries * DNS_CACHE_ENTRY_MAX;
	return cache;
}

static struct entry **bucket_of(struct dns_cache *cache, enum dns_type type, const char *name)
{
	return &cache->buckets[dns_cache_hash(type, name) % BUCKETS];
}

static void ring_leave(struct entry *entry)
{
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
}

static void ring_join(struct dns_cache *cache, struct entry *entry)
{
	entry->newer = cache->ring;
	entry->older = cache->ring->older;
	entry->older->newer = entry;
	cache->ring->older = entry;
}

static void drop(struct dns_cache *cache, struct entry *entry)
{
	struct entry **at = bucket_of(cache, entry->type, entry->name);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	ring_leave(entry);
	cache->n--;
	cache->size -= entry->size;
	dns_answer_free(&entry->answer);
	free(entry);
}

static struct entry *find(struct dns_cache *cache, enum dns_type type, const char *name)
{
	for (struct entry *entry = *bucket_of(cache, type, name); entry != NULL;
	     entry = entry->next) {
		if (entry->type == type && text_equals_nocase(entry->name, name))
			return entry;
	}
	return NULL;
}

static size_t size_of(const char *name, const struct dns_answer *answer)
{
	size_t size = sizeof(struct entry) + strlen(name) + 1;

	for (size_t i = 0; i < answer->n; i++)
		size += sizeof(char *) + strlen(answer->values[i]) + 1;
	return size;
}

// A failure is not kept, whatever TTL somebody gave it.
static bool is_worth_keeping(const struct dns_cache *cache, const struct dns_answer *answer,
			     size_t size)
{
	return answer->status <= DNS_NO_NAME && answer->ttl > 0 && size <= cache->size_max;
}

void dns_cache_put(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
		   const struct dns_answer *answer)
{
	const uint32_t ttl = answer->ttl < DNS_CACHE_TTL_MAX ? answer->ttl : DNS_CACHE_TTL_MAX;
	const size_t size = size_of(name, answer);
	struct entry *entry = find(cache, type, name);
	struct entry **bucket = bucket_of(cache, type, name);

	if (entry != NULL)
		drop(cache, entry);
	if (!is_worth_keeping(cache, answer, size))
		return;
	entry = mem_new(1, sizeof(*entry) + strlen(name) + 1);
	*entry = (struct entry){.next = *bucket,
				.type = type,
				.expires = now + (int64_t)ttl * 1000,
				.size = size,
				.answer = dns_answer_copy(answer)};
	memcpy(entry->name, name, strlen(name) + 1);
	*bucket = entry;
	ring_join(cache, entry);
	cache->n++;
	cache->size += size;
	while (cache->n > cache->n_max || cache->size > cache->size_max)
		drop(cache, cache->ring->newer);
}

bool dns_cache_find(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
		    struct dns_answer *ret_answer)
{
	struct entry *entry = find(cache, type, name);

	if (entry == NULL)
		return false;
	if (entry->expires <= now) {
		drop(cache, entry);
		return false;
	}
	ring_leave(entry);
	ring_join(cache, entry);
	*ret_answer = dns_answer_copy(&entry->answer);
	ret_answer->ttl = (uint32_t)((entry->expires - now) / 1000);
	return true;
}

size_t dns_cache_count(const struct dns_cache *cache)
{
	return cache->n;
}

struct dns_cache *dns_cache_free(struct dns_cache *cache)
{
	if (cache == NULL)
		return NULL;
	while (cache->n > 0)
		drop(cache, cache->ring->newer);
	free(cache->ring);
	free(cache);
	return NULL;
}

int64_t dns_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
