// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Many phrases in one pass. The phrases make a tree of their characters; each node has for every
// character the node to go on with, so that a text costs one look-up per character, however many
// phrases there are.
//
// Characters that no phrase holds share column 0, which keeps the table small.
#include "base/finder.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ROOT 0

struct node {
	uint16_t fail;  // the longest other beginning of a phrase that ends here
	uint16_t also;  // the next node on the way along fail that ends a phrase; ROOT for none
	int16_t phrase; // that ends here; -1 for none
};

struct finder {
	uint8_t columns[256]; // of a character; 0: in no phrase
	size_t n_columns;
	size_t n_phrases, phrases_room;
	char **phrases; // folded
	size_t octets;
	size_t n_nodes;
	struct node *nodes;
	uint16_t *next;    // n_nodes rows of n_columns
	uint16_t *lengths; // of the phrases
};

struct finder *finder_new(void)
{
	struct finder *finder = mem_new(1, sizeof(*finder));

	finder->n_columns = 1;
	return finder;
}

struct finder *finder_free(struct finder *finder)
{
	if (finder == NULL)
		return NULL;
	for (size_t i = 0; i < finder->n_phrases; i++)
		free(finder->phrases[i]);
	free(finder->phrases);
	free(finder->nodes);
	free(finder->next);
	free(finder->lengths);
	free(finder);
	return NULL;
}

size_t finder_count(const struct finder *finder)
{
	return finder->n_phrases;
}

// Blanks and controls are a blank.
static char fold(char byte)
{
	if ((unsigned char)byte <= ' ' || byte == 0x7f)
		return ' ';
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 'a' - 'A') : byte;
}

size_t finder_fold(char *dst, const char *text, size_t len)
{
	char last = ' ';
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		const char byte = fold(text[i]);

		if (byte != ' ' || last != ' ')
			dst[used++] = byte;
		last = byte;
	}
	dst[used] = '\0';
	return used;
}

// A character after which no word begins: a phrase in the middle of a host name or an address is
// none.
static bool is_inner(char byte)
{
	static const char inner[256] = {
		['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['.'] = 1, ['_'] = 1,
		['@'] = 1,         ['-'] = 1,         ['/'] = 1, ['='] = 1,
	};

	return inner[(unsigned char)byte];
}

int finder_add(struct finder *finder, const char *phrase)
{
	char folded[FINDER_PHRASE_MAX + 1];
	size_t len = strlen(phrase);

	if (len > FINDER_PHRASE_MAX || finder->octets + len > FINDER_ROOM)
		return -1;
	len = finder_fold(folded, phrase, len);
	if (len > 0 && folded[len - 1] == ' ')
		folded[--len] = '\0';
	if (len == 0)
		return -1;
	for (size_t i = 0; i < finder->n_phrases; i++)
		if (strcmp(finder->phrases[i], folded) == 0)
			return (int)i;
	if (finder->n_phrases == finder->phrases_room) {
		finder->phrases_room = finder->phrases_room * 2 + 64;
		finder->phrases =
			mem_grow(finder->phrases, finder->phrases_room, sizeof(*finder->phrases));
	}
	finder->phrases[finder->n_phrases] = mem_strndup(folded, len);
	finder->octets += len;
	return (int)finder->n_phrases++;
}

static void give_columns(struct finder *finder)
{
	for (size_t i = 0; i < finder->n_phrases; i++)
		for (const char *at = finder->phrases[i]; *at != '\0'; at++)
			if (finder->columns[(unsigned char)*at] == 0)
				finder->columns[(unsigned char)*at] = (uint8_t)finder->n_columns++;
}

static uint16_t *step(const struct finder *finder, size_t node, char byte)
{
	return &finder->next[node * finder->n_columns + finder->columns[(unsigned char)byte]];
}

static void grow_tree(struct finder *finder)
{
	for (size_t i = 0; i < finder->n_phrases; i++) {
		const char *phrase = finder->phrases[i];
		uint16_t node = ROOT;

		finder->lengths[i] = (uint16_t)strlen(phrase);
		for (; *phrase != '\0'; phrase++) {
			uint16_t *next = step(finder, node, *phrase);

			if (*next == ROOT) {
				*next = (uint16_t)finder->n_nodes++;
				finder->nodes[*next].phrase = -1;
			}
			node = *next;
		}
		finder->nodes[node].phrase = (int16_t)i;
	}
}

// Fills what the tree leaves open, nearest nodes first: where a beginning cannot go on, the longest
// other one that can does.
static void join_tree(struct finder *finder)
{
	uint16_t *queue = mem_new(finder->n_nodes, sizeof(*queue));
	size_t head = 0, tail = 0;

	queue[tail++] = ROOT;
	while (head < tail) {
		const uint16_t at = queue[head++], fail = finder->nodes[at].fail;

		for (size_t c = 0; c < finder->n_columns; c++) {
			uint16_t *next = &finder->next[at * finder->n_columns + c];
			const uint16_t other =
				at == ROOT ? ROOT : finder->next[fail * finder->n_columns + c];
			struct node *node = &finder->nodes[*next];

			if (*next == ROOT) {
				*next = other;
				continue;
			}
			node->fail = other;
			node->also = finder->nodes[other].phrase >= 0 ? other
								      : finder->nodes[other].also;
			queue[tail++] = *next;
		}
	}
	free(queue);
}

void finder_compile(struct finder *finder)
{
	give_columns(finder);
	finder->nodes = mem_new(finder->octets + 1, sizeof(*finder->nodes));
	finder->next = mem_new((finder->octets + 1) * finder->n_columns, sizeof(*finder->next));
	finder->lengths = mem_new(finder->n_phrases + 1, sizeof(*finder->lengths));
	finder->nodes[ROOT].phrase = -1;
	finder->n_nodes = 1;
	grow_tree(finder);
	join_tree(finder);
}

// The phrases that end with the character before end.
static void note(const struct finder *finder, uint16_t at, const char *folded, size_t end,
		 struct finder_hit *hits)
{
	for (; at != ROOT; at = finder->nodes[at].also) {
		const int phrase = finder->nodes[at].phrase;
		size_t start;

		if (phrase < 0)
			continue;
		start = end - finder->lengths[phrase];
		if (start > 0 && is_inner(folded[start - 1]))
			continue;
		if (hits[phrase].last_start_1 == 0)
			hits[phrase].first_end = (uint32_t)end;
		hits[phrase].last_start_1 = (uint32_t)start + 1;
	}
}

void finder_find(const struct finder *finder, const char *folded, size_t len,
		 struct finder_hit *hits)
{
	uint16_t at = ROOT;

	for (size_t i = 0; i < len; i++) {
		at = *step(finder, at, folded[i]);
		if (finder->nodes[at].phrase >= 0 || finder->nodes[at].also != ROOT)
			note(finder, at, folded, i + 1, hits);
	}
}
