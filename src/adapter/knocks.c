// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Who may knock next.
//
// Surveys that want to stand in a row; the first one gets a place, and goes to the end where it may
// have another at once. So one survey with a hundred silent addresses takes its few places and no
// more, however early it came.
#include "adapter/knocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ADDRESSES_MAX (SURVEY_HOSTS_MAX * SURVEY_ADDRESSES_MAX * 2)

struct knocks {
	struct loop *loop;
	const struct reach_options *options;
	size_t max_each, max_all;
	size_t n_open;
	struct knocker *first, **last; // those that want to and may
};

struct knock {
	struct knocker *knocker;
	struct knock *next;
	struct reach *reach;
};

struct knocker {
	struct knocks *knocks;
	struct knocker *next; // in the row
	bool is_in_row;
	bool has_knocked;
	void (*on_end)(void *arg);
	void *arg;
	struct knock *open;
	size_t n_open;
	size_t n, n_begun;
	struct survey_address *addresses[ADDRESSES_MAX];
	struct survey_address *same_as[ADDRESSES_MAX]; // or NULL
};

struct knocks *knocks_new(struct loop *loop, const struct reach_options *options, size_t max_each,
			  size_t max_all)
{
	struct knocks *knocks = mem_new(1, sizeof(*knocks));

	*knocks = (struct knocks){loop, options, max_each, max_all, 0, NULL, NULL};
	knocks->last = &knocks->first;
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

static void skip_same(struct knocker *knocker)
{
	while (knocker->n_begun < knocker->n && knocker->same_as[knocker->n_begun] != NULL)
		knocker->n_begun++;
}

static void join_row(struct knocker *knocker)
{
	struct knocks *knocks = knocker->knocks;

	if (knocker->is_in_row || knocker->n_begun == knocker->n ||
	    knocker->n_open >= knocks->max_each)
		return;
	knocker->is_in_row = true;
	knocker->next = NULL;
	*knocks->last = knocker;
	knocks->last = &knocker->next;
}

static void leave_row(struct knocker *knocker)
{
	struct knocks *knocks = knocker->knocks;
	struct knocker **at = &knocks->first;

	if (!knocker->is_in_row)
		return;
	while (*at != knocker)
		at = &(*at)->next;
	*at = knocker->next;
	if (knocks->last == &knocker->next)
		knocks->last = at;
	knocker->is_in_row = false;
}

static void drop(struct knock *knock)
{
	struct knocker *knocker = knock->knocker;
	struct knock **at = &knocker->open;

	while (*at != knock)
		at = &(*at)->next;
	*at = knock->next;
	knocker->n_open--;
	knocker->knocks->n_open--;
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

static void begin(struct knocker *knocker)
{
	struct knocks *knocks = knocker->knocks;
	struct knock *knock = mem_new(1, sizeof(*knock));

	knock->knocker = knocker;
	knock->next = knocker->open;
	knocker->open = knock;
	knocker->n_open++;
	knocks->n_open++;
	knocker->has_knocked = true;
	knock->reach = reach_start(knocks->loop, knocks->options,
				   knocker->addresses[knocker->n_begun++], on_reach, knock);
	skip_same(knocker);
}

static void fill_places(struct knocks *knocks)
{
	while (knocks->first != NULL && knocks->n_open < knocks->max_all) {
		struct knocker *knocker = knocks->first;

		leave_row(knocker);
		begin(knocker);
		join_row(knocker);
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

	if (!may_knock || knocker->n == ADDRESSES_MAX)
		return;
	knocker->same_as[knocker->n] = find_same(knocker, address->text);
	knocker->addresses[knocker->n++] = address;
	skip_same(knocker);
	join_row(knocker);
	fill_places(knocker->knocks);
}

bool knocker_is_busy(const struct knocker *knocker)
{
	return knocker->n_open > 0 || knocker->n_begun < knocker->n;
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
	free(knocks);
	return NULL;
}
