// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The lines of one turn, kept as (level, id, text) one behind the other.

#include "daemon/diary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mail/token.h"

#define LINE_MAX 2000 // octets; what is longer is cut, as syslog would

struct line {
	int level;
	uint64_t id;
	char *text;
};

struct diary {
	struct line *lines;
	size_t n;
	size_t room;
};

struct diary *diary_new(void)
{
	return mem_new(1, sizeof(struct diary));
}

void diary_event(struct diary *diary, int level, uint64_t id, const char *format, ...)
{
	char text[LINE_MAX + 1];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	if (diary->n == diary->room) {
		diary->room = diary->room == 0 ? 64 : 2 * diary->room;
		diary->lines = mem_grow(diary->lines, diary->room, sizeof(*diary->lines));
	}
	diary->lines[diary->n++] = (struct line){level, id, mem_strdup(text)};
}

void diary_write(struct diary *diary)
{
	char token[TOKEN_ID_SIZE];

	for (size_t i = 0; i < diary->n; i++) {
		const struct line *line = &diary->lines[i];

		token_id_text(token, line->id);
		log_event(line->level, line->id == 0 ? "NOTOKEN" : token, "%s", line->text);
	}
	diary_forget(diary);
}

void diary_forget(struct diary *diary)
{
	for (size_t i = 0; i < diary->n; i++)
		free(diary->lines[i].text);
	diary->n = 0;
}

struct diary *diary_free(struct diary *diary)
{
	if (diary == NULL)
		return NULL;
	diary_forget(diary);
	free(diary->lines);
	free(diary);
	return NULL;
}
