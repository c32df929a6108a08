// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The memory behind a letter's values. It does not grow: what comes when it is used up is empty,
// which a letter survives, and the sizes are such that only hostile input gets there.

#include "daemon/words_tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SAID_MAX 4096 // octets of one phrase, filled

// size octets; NULL where there is no room.
static void *take(struct words_tree *tree, size_t size)
{
	const size_t step = _Alignof(max_align_t);
	const size_t room = (size + step - 1) / step * step;
	void *taken = (char *)tree->room + tree->used;

	if (room > sizeof(tree->room) - tree->used)
		return NULL;
	tree->used += room;
	return taken;
}

const char *words_keep(struct words_tree *tree, const char *text, size_t len)
{
	char *copy = len == 0 ? NULL : take(tree, len + 1);

	if (copy == NULL)
		return "";
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

const char *words_stranger(struct words_tree *tree, const char *text)
{
	static const char mark[] = "...";
	const size_t len = strlen(text);
	char copy[WORDS_CUT_MAX + 1];
	size_t cut;

	if (len <= tree->max)
		return words_keep(tree, text, len);
	cut = text_utf8_cut(text, len, tree->max - (sizeof(mark) - 1));
	memcpy(copy, text, cut);
	memcpy(copy + cut, mark, sizeof(mark));
	return words_keep(tree, copy, strlen(copy));
}

const char *words_say(struct words_tree *tree, const char *kind, const char *name, const char *key,
		      const struct phrase_facts *facts)
{
	auto_buf struct buf said = buf_make(SAID_MAX);

	phrases_say(tree->in->phrases, kind, name, key, facts, &said);
	return words_keep(tree, buf_string(&said), said.len);
}

static void add(struct words_tree *tree, struct mustache_value value)
{
	assert(tree->values.n < WORDS_TOP_MAX);
	tree->top[tree->values.n++] = value;
}

void words_add(struct words_tree *tree, const char *name, const char *text)
{
	add(tree, (struct mustache_value){.name = name, .text = text});
}

void words_add_flag(struct words_tree *tree, const char *name, bool is_so)
{
	words_add(tree, name, is_so ? "yes" : "");
}

void words_add_said(struct words_tree *tree, const char *name, const char *said)
{
	add(tree, (struct mustache_value){.name = name, .text = said, .is_rendered = true});
}

void words_add_number(struct words_tree *tree, const char *name, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	words_add(tree, name, n == 0 ? "" : words_keep(tree, text, strlen(text)));
}

void words_add_list(struct words_tree *tree, const char *name, const struct words_list *list)
{
	add(tree, (struct mustache_value){.name = name, .items = list->items, .n_items = list->n});
}

static void put(struct words_item *item, struct mustache_value value)
{
	assert(item->n < WORDS_ITEM_MAX);
	item->values[item->n++] = value;
}

void words_put(struct words_item *item, const char *name, const char *text)
{
	put(item, (struct mustache_value){.name = name, .text = text});
}

void words_put_flag(struct words_item *item, const char *name, bool is_so)
{
	words_put(item, name, is_so ? "yes" : "");
}

void words_put_said(struct words_item *item, const char *name, const char *said)
{
	put(item, (struct mustache_value){.name = name, .text = said, .is_rendered = true});
}

void words_put_list(struct words_item *item, const char *name, const struct words_list *list)
{
	put(item, (struct mustache_value){.name = name, .items = list->items, .n_items = list->n});
}

struct words_list words_list(struct words_tree *tree, size_t max)
{
	struct words_list list = {.max = max};

	list.items = take(tree, max * sizeof(*list.items));
	if (list.items == NULL)
		list.max = 0;
	return list;
}

void words_append(struct words_tree *tree, struct words_list *list, const struct words_item *item)
{
	struct mustache_value *values;

	if (list->n == list->max)
		return;
	values = take(tree, item->n * sizeof(*values));
	if (values == NULL)
		return;
	memcpy(values, item->values, item->n * sizeof(*values));
	list->items[list->n++] = (struct mustache_values){values, item->n};
}
