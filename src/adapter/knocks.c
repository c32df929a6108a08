// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Who may knock next.
//
// Surveys that want to stand in a row; the first one gets a place, and goes to the end where it may
// have another at once. So one survey with a hundred silent addresses takes its few places and no
// more, however early it came. Who wants only to networks that are full (adapter/courtesy.h) is
// passed over and keeps his place in the row.
#include "adapter/knocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "adapter/courtesy.h"
#include "base/mem.h"

#define ADDRESSES_MAX (SURVEY_HOSTS_MAX * SURVEY_ADDRESSES_MAX * 2)

TAILQ_HEAD(row, knocker);

struct knocks {
	struct loop *loop;
	const struct reach_options *options;
	size_t max_each, max_all;
	size_t n_open;
	struct courtesy *courtesy;
	uint64_t n_freed; // times a full network had room again, and one
	struct row row;   // those that want to and may
};

struct knock {
	struct knocker *knocker;
	struct knock *next;
	struct reach *reach;
	uint64_t network;
};

// An address that was not knocked at yet.
struct wish {
	struct survey_address *address;
	uint64_t network;
};

struct knocker {
	struct knocks *knocks;
	TAILQ_ENTRY(knocker) next; // in the row
	bool is_in_row;
	bool has_knocked;
	void (*on_end)(void *arg);
	void *arg;
	struct knock *open;
	size_t n_open;
	size_t n, n_wishes;
	uint64_t looked; // the n_freed for which all its wishes are in vain, or 0
	struct wish wishes[ADDRESSES_MAX];
	struct survey_address *addresses[ADDRESSES_MAX];
	struct survey_address *same_as[ADDRESSES_MAX]; // or NULL
};

struct knocks *knocks_new(struct loop *loop, const struct reach_options *options, size_t max_each,
			  size_t max_all, size_t max_network)
{
	struct knocks *knocks = mem_new(1, sizeof(*knocks));

	knocks->loop = loop;
	knocks->options = options;
	knocks->max_each = max_each;
	knocks->max_all = max_all;
	knocks->courtesy = courtesy_new(max_network);
	knocks->n_freed = 1;
	TAILQ_INIT(&knocks->row);
	return knocks;
}

struct knocker *knocker_new(struct knocks *knocks, void (*on_end)(void *arg), void *arg)
{
	struct knocker *knocker = mem_new(1, sizeof(*knocker));

	knocker->knocks = knocks;
	knocker->on_end = on_end;
	knocker->arg = arg;
	return knocker;
}

static void join_row(struct knocker *knocker)
{
	struct knocks *knocks = knocker->knocks;

	if (knocker->is_in_row || knocker->n_wishes == 0 || knocker->n_open >= knocks->max_each)
		return;
	knocker->is_in_row = true;
	TAILQ_INSERT_TAIL(&knocks->row, knocker, next);
}

static void leave_row(struct knocker *knocker)
{
	if (knocker->is_in_row)
		TAILQ_REMOVE(&knocker->knocks->row, knocker, next);
	knocker->is_in_row = false;
}

static void drop(struct knock *knock)
{
	struct knocker *knocker = knock->knocker;
	struct knocks *knocks = knocker->knocks;
	struct knock **at = &knocker->open;

	while (*at != knock)
		at = &(*at)->next;
	*at = knock->next;
	knocker->n_open--;
	knocks->n_open--;
	if (courtesy_leave(knocks->courtesy, knock->network))
		knocks->n_freed++;
	reach_free(knock->reach);
	free(knock);
}

static void fill_places(struct knocks *knocks);

static void on_reach(void *arg)
{
	struct knock *knock = arg;
	struct knocker *knocker = knock->knocker;

	drop(knock);
	join_row(knocker);
	fill_places(knocker->knocks);
	if (!knocker_is_busy(knocker))
		knocker->on_end(knocker->arg);
}

static void begin(struct knocker *knocker, size_t i)
{
	struct knocks *knocks = knocker->knocks;
	struct knock *knock = mem_new(1, sizeof(*knock));
	const struct wish wish = knocker->wishes[i];

	knocker->n_wishes--;
	memmove(&knocker->wishes[i], &knocker->wishes[i + 1],
		(knocker->n_wishes - i) * sizeof(wish));
	knock->knocker = knocker;
	knock->network = wish.network;
	knock->next = knocker->open;
	knocker->open = knock;
	knocker->n_open++;
	knocks->n_open++;
	courtesy_enter(knocks->courtesy, wish.network);
	knocker->has_knocked = true;
	knock->reach = reach_start(knocks->loop, knocks->options, wish.address, on_reach, knock);
}

// The first wish whose network has room; n_wishes where none has.
static size_t find_wish(struct knocker *knocker)
{
	struct knocks *knocks = knocker->knocks;
	size_t i = 0;

	if (knocker->looked == knocks->n_freed)
		return knocker->n_wishes;
	while (i < knocker->n_wishes &&
	       !courtesy_has_room(knocks->courtesy, knocker->wishes[i].network))
		i++;
	knocker->looked = i == knocker->n_wishes ? knocks->n_freed : 0;
	return i;
}

// Along the row once, those included who go to its end on the way. Nobody ends meanwhile, so who
// was passed over would be passed over again.
static void fill_places(struct knocks *knocks)
{
	struct knocker *knocker = TAILQ_FIRST(&knocks->row);

	while (knocker != NULL && knocks->n_open < knocks->max_all) {
		struct knocker *next = TAILQ_NEXT(knocker, next);
		const size_t i = find_wish(knocker);

		if (i < knocker->n_wishes) {
			leave_row(knocker);
			begin(knocker, i);
			join_row(knocker);
			if (next == NULL && knocker->is_in_row)
				next = knocker;
		}
		knocker = next;
	}
}

static struct survey_address *find_same(const struct knocker *knocker, const char *text)
{
	for (size_t i = 0; i < knocker->n; i++) {
		if (knocker->same_as[i] == NULL && strcmp(knocker->addresses[i]->text, text) == 0)
			return knocker->addresses[i];
	}
	return NULL;
}

void knocker_add(struct knocker *knocker, struct survey_address *address)
{
	const bool may_knock =
		knocker->knocks->options->is_inside || survey_may_knock(address->text);
	struct survey_address *same_as;

	if (!may_knock || knocker->n == ADDRESSES_MAX)
		return;
	same_as = find_same(knocker, address->text);
	knocker->same_as[knocker->n] = same_as;
	knocker->addresses[knocker->n++] = address;
	if (same_as != NULL)
		return;
	knocker->wishes[knocker->n_wishes++] =
		(struct wish){address, courtesy_network(address->text)};
	knocker->looked = 0;
	join_row(knocker);
	fill_places(knocker->knocks);
}

bool knocker_is_busy(const struct knocker *knocker)
{
	return knocker->n_open > 0 || knocker->n_wishes > 0;
}

bool knocker_has_knocked(const struct knocker *knocker)
{
	return knocker->has_knocked;
}

struct knocker *knocker_free(struct knocker *knocker)
{
	struct knocks *knocks;

	if (knocker == NULL)
		return NULL;
	knocks = knocker->knocks;
	leave_row(knocker);
	while (knocker->open != NULL)
		drop(knocker->open);
	for (size_t i = 0; i < knocker->n; i++) {
		if (knocker->same_as[i] != NULL)
			*knocker->addresses[i] = *knocker->same_as[i];
	}
	free(knocker);
	fill_places(knocks);
	return NULL;
}

void knocks_stop(struct knocks *knocks)
{
	knocks->max_all = 0;
}

struct knocks *knocks_free(struct knocks *knocks)
{
	courtesy_free(knocks->courtesy);
	free(knocks);
	return NULL;
}
