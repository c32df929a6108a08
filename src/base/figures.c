// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// There are dozens of names, so they are looked for in a row; members are many, so they are sorted
// once at the end.

#include "base/figures.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct figures *figures_new(void)
{
	return mem_new(1, sizeof(struct figures));
}

struct figures *figures_free(struct figures *figures)
{
	if (figures == NULL)
		return NULL;
	for (size_t i = 0; i < figures->n_sets; i++)
		free(figures->sets[i].tags);
	free(figures);
	return NULL;
}

static size_t find_count(const struct figures *figures, const char *name)
{
	size_t i = 0;

	while (i < figures->n_counts && strcmp(figures->counts[i].name, name) != 0)
		i++;
	return i;
}

// Files of other hosts may say any number.
static int64_t sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

void figures_count(struct figures *figures, const char *name, int64_t n)
{
	char cut[FIGURES_NAME_SIZE];
	size_t i;

	text_cut(cut, sizeof(cut), name);
	if (figures->n_counts >= FIGURES_COUNTS - 1 &&
	    find_count(figures, cut) == figures->n_counts)
		strcpy(cut, "other");
	i = find_count(figures, cut);
	if (i == figures->n_counts) {
		strcpy(figures->counts[i].name, cut);
		figures->counts[i].count = 0;
		figures->n_counts++;
	}
	figures->counts[i].count = sum(figures->counts[i].count, n);
}

int64_t figures_get(const struct figures *figures, const char *name)
{
	size_t i = find_count(figures, name);

	return i < figures->n_counts ? figures->counts[i].count : 0;
}

struct figures_set *figures_set(struct figures *figures, const char *name)
{
	size_t i = 0;

	while (i < figures->n_sets && strcmp(figures->sets[i].name, name) != 0)
		i++;
	if (i == FIGURES_SETS)
		return NULL;
	if (i == figures->n_sets) {
		text_cut(figures->sets[i].name, FIGURES_NAME_SIZE, name);
		figures->n_sets++;
	}
	return &figures->sets[i];
}

int64_t figures_size(const struct figures_set *set)
{
	return sum((int64_t)set->n, set->more);
}

void figures_member(struct figures *figures, const char *set, uint64_t tag)
{
	struct figures_set *found = figures_set(figures, set);

	if (found == NULL)
		return;
	if (found->n == found->room) {
		found->room = found->room == 0 ? 64 : found->room * 2;
		found->tags = mem_grow(found->tags, found->room, sizeof(*found->tags));
	}
	found->tags[found->n++] = tag;
}

static int compare_tags(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

	return one < two ? -1 : one > two;
}

static int compare_counts(const void *a, const void *b)
{
	return strcmp(((const struct figures_count *)a)->name,
		      ((const struct figures_count *)b)->name);
}

void figures_finish(struct figures *figures)
{
	qsort(figures->counts, figures->n_counts, sizeof(figures->counts[0]), compare_counts);
	for (size_t i = 0; i < figures->n_sets; i++) {
		struct figures_set *set = &figures->sets[i];
		size_t n = 0;

		if (set->n > 0)
			qsort(set->tags, set->n, sizeof(*set->tags), compare_tags);
		for (size_t k = 0; k < set->n; k++)
			if (n == 0 || set->tags[k] != set->tags[n - 1])
				set->tags[n++] = set->tags[k];
		set->n = n;
	}
}

void figures_merge(struct figures *figures, const struct figures *other)
{
	bool is_same = figures->key[0] != '\0' && strcmp(figures->key, other->key) == 0;

	for (size_t i = 0; i < other->n_counts; i++)
		figures_count(figures, other->counts[i].name, other->counts[i].count);
	for (size_t i = 0; i < other->n_sets; i++) {
		const struct figures_set *from = &other->sets[i];
		struct figures_set *to = figures_set(figures, from->name);

		if (to == NULL)
			continue;
		for (size_t k = 0; is_same && k < from->n; k++)
			figures_member(figures, from->name, from->tags[k]);
		to->more = sum(to->more, is_same ? from->more : figures_size(from));
		to->is_sum = to->is_sum || from->is_sum || !is_same;
	}
	figures_finish(figures);
}
