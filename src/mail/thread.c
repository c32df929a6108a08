// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Threading fields out of strangers' ids. No list of ids is ever built: they are walked twice, once
// to measure and once to write, so 200,000 of them cost time in proportion and no memory.
#include "mail/thread.h"

#include <stddef.h>
#include <string.h>

struct id {
	const char *text; // from its '<' on
	size_t len;
};

static bool id_fits(const char *id, size_t len)
{
	const char *at = memchr(id, '@', len);

	if (len < 5 || len > THREAD_ID_MAX || at == NULL || at == id + 1 || at == id + len - 2)
		return false;
	for (size_t i = 1; i < len - 1; i++) {
		if (id[i] <= ' ' || id[i] > '~' || id[i] == '<' || id[i] == '>')
			return false;
	}
	return true;
}

bool thread_id_fits(const char *id)
{
	struct buf text = buf_make(THREAD_ID_MAX + 1);
	bool fits;

	buf_addf(&text, "<%s>", id);
	fits = !buf_failed(&text) && id_fits(text.data, text.len);
	buf_free(&text);
	return fits;
}

// The next good id in a field, or false at its end.
static bool next_id(const char **field, struct id *ret_id)
{
	const char *open = strchr(*field, '<');

	while (open != NULL) {
		size_t len = 1 + strcspn(open + 1, "<>");

		*field = open + len;
		if (open[len] == '>' && id_fits(open, len + 1)) {
			*ret_id = (struct id){open, len + 1};
			return true;
		}
		open = strchr(*field, '<');
	}
	return false;
}

static size_t count_ids(const char *field)
{
	struct id id;
	size_t n = 0;

	while (next_id(&field, &id))
		n++;
	return n;
}

void thread_in_reply_to(struct buf *out, const char *message_id)
{
	struct id id;

	if (next_id(&message_id, &id))
		buf_add(out, id.text, id.len);
}

// The ancestors' ids, then the parent's one.
static bool next_reference(const char **ancestors, const char **parent, struct id *ret_id)
{
	if (next_id(ancestors, ret_id))
		return true;
	if (!next_id(parent, ret_id))
		return false;
	*parent = ""; // a second Message-ID would be somebody's mistake
	return true;
}

static size_t references_size(const char *ancestors, const char *parent)
{
	struct id id;
	size_t size = 0;

	while (next_reference(&ancestors, &parent, &id))
		size += id.len + 1;
	return size;
}

void thread_references(struct buf *out, const char *message_id, const char *references,
		       const char *in_reply_to)
{
	const char *ancestors = references;
	struct id id;
	size_t size;
	bool first = true;

	if (count_ids(references) == 0 && count_ids(in_reply_to) == 1)
		ancestors = in_reply_to;
	size = references_size(ancestors, message_id);
	while (next_reference(&ancestors, &message_id, &id)) {
		if (!first && size > THREAD_REFERENCES_MAX) {
			size -= id.len + 1;
			continue;
		}
		buf_adds(out, first ? "" : " ");
		buf_add(out, id.text, id.len);
		first = false;
	}
}
