// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Finds many phrases in a text in one pass over it (Aho and Corasick, 1975), without letter case
// (ASCII's) and with one blank for any run of blanks and line ends.
//
// A phrase begins where a word begins: "ptr" is not found in "mx.ptr.example". It may end anywhere:
// "greylist" is found in "greylisted".
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDER_PHRASE_MAX 200   // octets
#define FINDER_ROOM       60000 // octets of all phrases

struct finder;

// Where a phrase was found in the folded text: the end of its first occurrence and the start of its
// last. last_start + 1 is kept, so that zero is "nowhere".
struct finder_hit {
	uint32_t first_end;
	uint32_t last_start_1;
};

// One without phrases. finder_free() it; NULL is fine there.
struct finder *finder_new(void) __attribute__((returns_nonnull));
struct finder *finder_free(struct finder *finder);

// Adds a phrase of at least one character that is no blank; the same phrase twice has one number.
// Numbers count from 0. -1 where it is too long, or the finder is full. Not after finder_compile().
int finder_add(struct finder *finder, const char *phrase);

// How many phrases there are: what finder_find() wants room for.
size_t finder_count(const struct finder *finder);

// Once, after the last phrase.
void finder_compile(struct finder *finder);

// Text as finder_find() wants it: lower case, a blank for each run of blanks, line ends and other
// control characters, none in front. dst has room for len + 1 octets and is terminated. Returns the
// length.
size_t finder_fold(char *dst, const char *text, size_t len);

// Sets the hit of each phrase that folded text holds; hits has finder_count() of them, all zero.
void finder_find(const struct finder *finder, const char *folded, size_t len,
		 struct finder_hit *hits);
