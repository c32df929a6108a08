// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a template may name: the values that one message of ours has to tell. postsix-templates(7)
// lists them for those who write templates.
#pragma once

#include "adapter/config.h"
#include "adapter/store.h"

#define WORDS_CUT_MAX 1024 // octets of a stranger's value; less once the whole is too large

struct diagnosis;
struct mustache_values;
struct phrases;
struct survey;
struct verdict_found;

// What a letter is made from. All borrowed for the call; site until words_free().
struct words_input {
	const struct config_site *site;
	const struct phrases *phrases; // of the letter's language
	const struct store_mail *mail;
	const char *own_name;              // how postfix-v6 names itself
	const char *own_address;           // and its IPv6 address, "" where it is not known
	const struct survey *survey;       // of the requester's domain; NULL for none
	const struct verdict_found *found; // ABILITIES of them; NULL for none
	const struct diagnosis *diagnosis; // why the probe failed; NULL for none
};

struct words_tree;

// The values, lists and all, that templates name. No value that may be a
// stranger's is longer than max octets (WORDS_CUT_MAX at most), and of long lists the rest is
// counted instead of shown; a small max makes a small letter. One allocation of a fixed size; what
// would pass it stays empty.
struct words_tree *words_new(const struct words_input *input, size_t max);
struct words_tree *words_free(struct words_tree *tree);

// What templates take. The tree's.
const struct mustache_values *words_values(const struct words_tree *tree);

// As words_new, but with something in every value and one item in every list, or with nothing in
// any: for trying templates. Of input, mail's id and kind count; survey, found and diagnosis do
// not.
struct words_tree *words_sample(const struct words_input *input, bool is_full);
