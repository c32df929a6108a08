// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Every event stands in one list for each of its keys, and in one of all events of its state; as
// times never go back, lists are in order of age, so counting is a look, and forgetting begins at
// the front. Places are indices, 0 for none. Memory is taken once and touched as it fills.

#include "daemon/tally.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

#define LISTS (TALLY_KEYS + 1) // the last is that of all events

struct list {
	uint32_t first, last, count;
};

struct event {
	int64_t time;
	enum tally_state state;
	uint32_t slots[LISTS];
	uint32_t next[LISTS], previous[LISTS]; // next[0] chains the free ones
};

// What is known of one key.
struct slot {
	uint64_t key;
	uint32_t next; // with the same hash, or free
	struct list lists[N_TALLY_STATES];
};

struct tally {
	int64_t lives[N_TALLY_STATES];
	int64_t latest;
	size_t room;
	struct event *events;
	struct slot *slots; // [1] is for all events
	uint32_t *buckets;
	uint32_t n_buckets;
	uint32_t free_event, free_slot; // given back
	uint32_t used_events, used_slots;
};

#define ALL 1

struct tally *tally_new(size_t room, const int64_t lives[N_TALLY_STATES])
{
	struct tally *tally = mem_new(1, sizeof(*tally));

	assert(room > 0 && room <= UINT32_MAX / (TALLY_KEYS + 1));
	tally->lives[TALLY_RESERVED] = lives[TALLY_RESERVED];
	tally->lives[TALLY_FINAL] = lives[TALLY_FINAL];
	tally->latest = INT64_MIN;
	tally->room = room;
	tally->events = mem_new(room + 1, sizeof(*tally->events));
	tally->slots = mem_new(TALLY_KEYS * room + 2, sizeof(*tally->slots));
	tally->n_buckets = (uint32_t)room;
	tally->buckets = mem_new(room, sizeof(*tally->buckets));
	tally->used_slots = ALL;
	return tally;
}

struct tally *tally_free(struct tally *tally)
{
	if (tally == NULL)
		return NULL;
	free(tally->events);
	free(tally->slots);
	free(tally->buckets);
	free(tally);
	return NULL;
}

// ---- keys ---------------------------------------------------------------------------------------

static uint32_t *bucket_of(const struct tally *tally, uint64_t key)
{
	return &tally->buckets[key % tally->n_buckets];
}

static uint32_t find_slot(const struct tally *tally, uint64_t key)
{
	uint32_t i = *bucket_of(tally, key);

	while (i != 0 && tally->slots[i].key != key)
		i = tally->slots[i].next;
	return i;
}

static uint32_t make_slot(struct tally *tally, uint64_t key)
{
	uint32_t i = find_slot(tally, key);
	uint32_t *bucket = bucket_of(tally, key);

	if (i != 0)
		return i;
	i = tally->free_slot;
	if (i != 0)
		tally->free_slot = tally->slots[i].next;
	else
		i = ++tally->used_slots;
	tally->slots[i] = (struct slot){.key = key, .next = *bucket};
	*bucket = i;
	return i;
}

static void drop_slot(struct tally *tally, uint32_t i)
{
	uint32_t *link = bucket_of(tally, tally->slots[i].key);

	while (*link != i)
		link = &tally->slots[*link].next;
	*link = tally->slots[i].next;
	tally->slots[i].next = tally->free_slot;
	tally->free_slot = i;
}

// ---- events -------------------------------------------------------------------------------------

static void append(struct tally *tally, uint32_t e, int k)
{
	struct event *event = &tally->events[e];
	struct list *list = &tally->slots[event->slots[k]].lists[event->state];

	event->next[k] = 0;
	event->previous[k] = list->last;
	*(list->last == 0 ? &list->first : &tally->events[list->last].next[k]) = e;
	list->last = e;
	list->count++;
}

static void take_out(struct tally *tally, uint32_t e, int k)
{
	struct event *event = &tally->events[e];
	struct list *list = &tally->slots[event->slots[k]].lists[event->state];
	uint32_t next = event->next[k], previous = event->previous[k];

	*(previous == 0 ? &list->first : &tally->events[previous].next[k]) = next;
	*(next == 0 ? &list->last : &tally->events[next].previous[k]) = previous;
	list->count--;
}

static void link_event(struct tally *tally, uint32_t e, enum tally_state state, int64_t now)
{
	struct event *event = &tally->events[e];

	if (now > tally->latest)
		tally->latest = now;
	event->time = tally->latest;
	event->state = state;
	for (int k = 0; k < LISTS; k++)
		if (event->slots[k] != 0)
			append(tally, e, k);
}

static void unlink_event(struct tally *tally, uint32_t e)
{
	for (int k = 0; k < LISTS; k++)
		if (tally->events[e].slots[k] != 0)
			take_out(tally, e, k);
}

static void drop_event(struct tally *tally, uint32_t e)
{
	struct event *event = &tally->events[e];

	unlink_event(tally, e);
	for (int k = 0; k < TALLY_KEYS; k++) {
		const struct slot *slot = &tally->slots[event->slots[k]];

		if (event->slots[k] != 0 && slot->lists[TALLY_RESERVED].count == 0 &&
		    slot->lists[TALLY_FINAL].count == 0)
			drop_slot(tally, event->slots[k]);
	}
	event->next[0] = tally->free_event;
	tally->free_event = e;
}

static uint32_t make_event(struct tally *tally)
{
	const struct list *lists = tally->slots[ALL].lists;
	uint32_t e;

	if (tally->free_event == 0 && tally->used_events == tally->room)
		drop_event(tally, lists[TALLY_FINAL].count > 0 ? lists[TALLY_FINAL].first
							       : lists[TALLY_RESERVED].first);
	e = tally->free_event;
	if (e != 0)
		tally->free_event = tally->events[e].next[0];
	else
		e = ++tally->used_events;
	return e;
}

// ---- what the header promises -------------------------------------------------------------------

void tally_expire(struct tally *tally, int64_t now)
{
	if (now > tally->latest)
		tally->latest = now;
	for (enum tally_state state = 0; state < N_TALLY_STATES; state++) {
		const struct list *list = &tally->slots[ALL].lists[state];

		while (list->count > 0 &&
		       tally->latest - tally->events[list->first].time >= tally->lives[state])
			drop_event(tally, list->first);
	}
}

void tally_add(struct tally *tally, const uint64_t keys[TALLY_KEYS], enum tally_state state,
	       int64_t now)
{
	uint32_t e = make_event(tally);

	for (int k = 0; k < TALLY_KEYS; k++)
		tally->events[e].slots[k] = keys[k] == 0 ? 0 : make_slot(tally, keys[k]);
	tally->events[e].slots[TALLY_KEYS] = ALL;
	link_event(tally, e, state, now);
}

void tally_settle(struct tally *tally, const uint64_t keys[TALLY_KEYS], int64_t now)
{
	uint32_t slot = find_slot(tally, keys[0]);
	uint32_t e = slot == 0 ? 0 : tally->slots[slot].lists[TALLY_RESERVED].first;

	if (e == 0) {
		tally_add(tally, keys, TALLY_FINAL, now);
		return;
	}
	unlink_event(tally, e);
	link_event(tally, e, TALLY_FINAL, now);
}

size_t tally_count(const struct tally *tally, uint64_t key, enum tally_state state)
{
	uint32_t slot = find_slot(tally, key);

	return slot == 0 ? 0 : tally->slots[slot].lists[state].count;
}

int64_t tally_time(const struct tally *tally, uint64_t key, enum tally_state state, size_t n)
{
	uint32_t slot = find_slot(tally, key);
	uint32_t e = slot == 0 ? 0 : tally->slots[slot].lists[state].first;

	// the event has this key in one place only, and the same one in all of the list
	for (int k = 0; e != 0 && n > 0; n--) {
		while (tally->events[e].slots[k] != slot)
			k++;
		e = tally->events[e].next[k];
	}
	return e == 0 ? INT64_MIN : tally->events[e].time;
}
