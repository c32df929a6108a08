// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How the values of a letter are kept: one piece of memory of a fixed size, from which lists and
// texts are taken. For words.c and its two helpers alone.
#pragma once

#include <stddef.h>

#include "adapter/phrases.h"
#include "daemon/words.h"
#include "mail/mustache.h"
#include "mail/survey.h"
#include "mail/verdict.h"

#define WORDS_ROOM     (160 * 1024)
#define WORDS_TOP_MAX  80
#define WORDS_ITEM_MAX 16 // values of one item of a list

struct words_tree {
	const struct words_input *in;
	size_t max; // octets of a stranger's value
	struct phrase_facts facts;
	struct mustache_value top[WORDS_TOP_MAX];
	struct mustache_values values; // top, as templates take it
	size_t used;                   // octets of what everything is taken from
	max_align_t room[WORDS_ROOM / sizeof(max_align_t)];
};

// An item of a list while it is filled.
struct words_item {
	struct mustache_value values[WORDS_ITEM_MAX];
	size_t n;
};

// A list while it is filled, at most max items.
struct words_list {
	struct mustache_values *items;
	size_t n;
	size_t max;
};

// A copy of len octets; "" where the room is used up.
const char *words_keep(struct words_tree *tree, const char *text, size_t len);

// A copy of a stranger's text, cut to what the letter has room for.
const char *words_stranger(struct words_tree *tree, const char *text);

// What phrases say of it, by the tree's facts with the host and its address, where not NULL.
const char *words_say(struct words_tree *tree, const char *kind, const char *name, const char *key,
		      const struct phrase_facts *facts);

// Values of the whole letter.
void words_add(struct words_tree *tree, const char *name, const char *text);
void words_add_flag(struct words_tree *tree, const char *name, bool is_so);
void words_add_said(struct words_tree *tree, const char *name, const char *said);
void words_add_number(struct words_tree *tree, const char *name, size_t n); // "" for 0
void words_add_list(struct words_tree *tree, const char *name, const struct words_list *list);

// Values of an item. text is kept by reference.
void words_put(struct words_item *item, const char *name, const char *text);
void words_put_flag(struct words_item *item, const char *name, bool is_so);
void words_put_said(struct words_item *item, const char *name, const char *said);
void words_put_list(struct words_item *item, const char *name, const struct words_list *list);

// A list of at most max items; where there is no room, of none.
struct words_list words_list(struct words_tree *tree, size_t max);
// What is beyond the list's max is dropped.
void words_append(struct words_tree *tree, struct words_list *list, const struct words_item *item);

// words_found.c: abilities, and of a bounce what happened and who can mend it.
void words_add_found(struct words_tree *tree);

// words_attempts.c: deliveries that were tried.
void words_add_attempts(struct words_tree *tree);

// words_survey.c: the mail servers and what there is to note of them.
void words_add_survey(struct words_tree *tree);

// Whose words the diagnostic is: the server that answered ours; else, where another than ours
// reports, that one (RFC 3464 section 2.3.6); else "", our own.
const char *words_speaker(const struct words_input *in);

// The host and the address that the notification is about, as well as they are known; "" for not.
void words_find_host(struct words_tree *tree, const char **ret_host, const char **ret_address);
