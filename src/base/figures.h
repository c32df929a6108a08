// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Counts by name, and sets of which the number of different members counts. Those of several hosts
// can be merged: counts add up, and sets unite where both know their members by the same tags; else
// their sizes add up, too, and the sum says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIGURES_NAME_SIZE 96
#define FIGURES_KEY_SIZE  17
#define FIGURES_COUNTS    2000 // names; what is beyond is counted as "other"
#define FIGURES_SETS      16

struct figures_count {
	char name[FIGURES_NAME_SIZE];
	int64_t count;
};

struct figures_set {
	char name[FIGURES_NAME_SIZE];
	uint64_t *tags; // after figures_finish(): sorted, each once
	size_t n, room;
	int64_t more; // members without a tag, from a host with other tags
	bool is_sum;  // some of them may be the same
};

struct figures {
	char key[FIGURES_KEY_SIZE]; // what the tags were made with; "" where nobody else has that
	size_t n_counts, n_sets;
	struct figures_count counts[FIGURES_COUNTS];
	struct figures_set sets[FIGURES_SETS];
};

// Never NULL.
struct figures *figures_new(void);
struct figures *figures_free(struct figures *figures);

// Adds n, which is not negative, to the count, which is made when new and ends at INT64_MAX. Names
// are cut.
void figures_count(struct figures *figures, const char *name, int64_t n);
int64_t figures_get(const struct figures *figures, const char *name); // 0 for none such

// Adds a member, by a tag of its own, to the set.
void figures_member(struct figures *figures, const char *set, uint64_t tag);

// The set of that name, made when new; NULL where there are FIGURES_SETS others.
struct figures_set *figures_set(struct figures *figures, const char *name);
int64_t figures_size(const struct figures_set *set);

// Sorts counts by name and sets by tag; members that were added twice count once.
void figures_finish(struct figures *figures);

// Adds those of another host, both finished; finishes the result.
void figures_merge(struct figures *figures, const struct figures *other);
