// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/bounce_text and mail/reply on any text: within bounds, addresses with an "@" and nothing
// that ends one, each told once. Reached: a recipient of whom something is said.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "base/finder.h"
#include "mail/bounce_text.h"
#include "mail/reply.h"

static void check_recipient(const struct bounce_text *bounce, size_t i)
{
	const struct bounce_text_recipient *recipient = &bounce->recipients[i];

	assert(strchr(recipient->address, '@') != NULL);
	assert(strpbrk(recipient->address, " <>()\r\n") == NULL);
	assert(recipient->words.len <= BOUNCE_TEXT_WORDS_MAX);
	assert(bounce_text_find(bounce, recipient->address) == recipient);
	if (recipient->has_more)
		fuzz_reached++;
}

static void check_reply(const char *text, size_t len)
{
	char *folded = malloc(len + 1);
	struct reply reply = {0};
	size_t folded_len;

	assert(folded != NULL);
	folded_len = finder_fold(folded, text, len);
	assert(folded_len <= len);
	assert(reply_join(folded, folded_len) <= folded_len);
	reply_find(folded, &reply);
	assert(reply.code == 0 || (reply.code >= 400 && reply.code <= 579));
	free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bounce_text bounce;
	char *text = malloc(size + 1);
	size_t len;

	assert(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	len = strlen(text);
	bounce_text_read(text, len, &bounce);
	assert(bounce.n_recipients <= BOUNCE_TEXT_RECIPIENTS_MAX);
	assert(bounce.len <= len && bounce.preamble <= bounce.len);
	for (size_t i = 0; i < bounce.n_recipients; i++)
		check_recipient(&bounce, i);
	bounce_text_free(&bounce);
	check_reply(text, len);
	free(text);
	return 0;
}
