// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Lines into rows. Every column is checked here, so that diagnose() can trust a row; every phrase
// goes into one finder, so that many rows cost a text no more than few.
#include "mail/diagnose_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/diagnose_own.h"

#define COLUMNS    6 // before the words
#define COLUMN_MAX 200
#define GAP        "..."

static const char *const voices[] = {
	[VOICE_ANY] = "*", [VOICE_REPORTER] = "reporter", [VOICE_REMOTE] = "remote"};

struct diagnose_table *diagnose_table_new(void)
{
	struct diagnose_table *table = mem_new(1, sizeof(*table));

	table->finder = finder_new();
	table->own = mem_new(diagnose_own_count, sizeof(*table->own));
	for (size_t i = 0; i < diagnose_own_count; i++)
		table->own[i] = finder_add(table->finder, diagnose_own_phrase(i));
	return table;
}

struct diagnose_table *diagnose_table_free(struct diagnose_table *table)
{
	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < table->n_rows; i++) {
		free(table->rows[i].provider);
		free(table->rows[i].words);
		free(table->rows[i].name);
	}
	free(table->rows);
	free(table->own);
	finder_free(table->finder);
	free(table);
	return NULL;
}

void diagnose_table_finish(struct diagnose_table *table)
{
	finder_compile(table->finder);
}

// ---- the columns
// ---------------------------------------------------------------------------------------

static bool is_any(const char *text)
{
	return strcmp(text, "*") == 0;
}

static const char *read_class(struct diagnose_row *row, char *text)
{
	return class_find(text, &row->class) ? NULL : "there is no such class";
}

static const char *read_voice(struct diagnose_row *row, char *text)
{
	for (size_t i = 0; i < sizeof(voices) / sizeof(voices[0]); i++)
		if (strcmp(text, voices[i]) == 0) {
			row->voice = (enum diagnose_voice)i;
			return NULL;
		}
	return "the voice is *, reporter or remote";
}

static const char *read_phase(struct diagnose_row *row, char *text)
{
	enum phase phase;

	if (is_any(text))
		return NULL;
	for (char *word, *rest = text; (word = strsep(&rest, ",")) != NULL;) {
		if (!phase_find(word, &phase))
			return "there is no such phase";
		row->phases |= 1U << phase;
	}
	return NULL;
}

static const char *read_code(struct diagnose_row *row, char *text)
{
	for (size_t i = 0; i < 3; i++)
		row->code[i] = DIAGNOSE_ANY;
	if (is_any(text))
		return NULL;
	if (strlen(text) != 3 || strchr("245", text[0]) == NULL || strspn(text, "0123456789x") != 3)
		return "the SMTP code is * or three digits, x for any: 550, 45x, 4xx";
	for (size_t i = 0; i < 3; i++)
		row->code[i] = text[i] == 'x' ? DIAGNOSE_ANY : text[i] - '0';
	return NULL;
}

// A number of at most three digits, or "x"; false for anything else, or where it does not end in
// stop. Moves on behind it.
static bool read_number(char **at, char stop, int *ret_number)
{
	char *end = *at;

	*ret_number = DIAGNOSE_ANY;
	if (*end == 'x') {
		end++;
	} else {
		const size_t digits = strspn(end, "0123456789");

		if (digits == 0 || digits > 3)
			return false;
		*ret_number = atoi(end);
		end += digits;
	}
	if (*end != stop)
		return false;
	*at = end + 1;
	return true;
}

static const char *read_status(struct diagnose_row *row, char *text)
{
	row->status_class = row->subject = row->detail = DIAGNOSE_ANY;
	if (is_any(text))
		return NULL;
	if (!read_number(&text, '.', &row->status_class) ||
	    !read_number(&text, '.', &row->subject) || !read_number(&text, '\0', &row->detail))
		return "the status is * or class.subject.detail, x for any: 5.7.25, x.1.x";
	return NULL;
}

static const char *read_provider(struct diagnose_row *row, char *text)
{
	row->provider = mem_strdup(is_any(text) ? "" : text);
	text_lower(row->provider);
	return strspn(row->provider, "abcdefghijklmnopqrstuvwxyz0123456789.-,") ==
			       strlen(row->provider)
		       ? NULL
		       : "the provider is * or domains, apart by commas";
}

// One way to say it: phrases apart by "...".
static const char *read_way(struct diagnose_table *table, struct diagnose_words *words, char *text)
{
	for (char *part = text, *gap; part != NULL; part = gap) {
		gap = strstr(part, GAP);
		if (gap != NULL) {
			*gap = '\0';
			gap += strlen(GAP);
		}
		if (words->n_parts == DIAGNOSE_PARTS_MAX)
			return "too many phrases in a row";
		words->parts[words->n_parts] = finder_add(table->finder, part);
		if (words->parts[words->n_parts++] < 0)
			return "a phrase is empty or too long, or there are too many";
	}
	return NULL;
}

static const char *read_words(struct diagnose_table *table, struct diagnose_row *row, char *text)
{
	const char *wrong = NULL;

	if (is_any(text))
		return NULL;
	for (char *way, *rest = text; wrong == NULL && (way = strsep(&rest, "|")) != NULL;) {
		row->words = mem_grow(row->words, row->n_words + 1, sizeof(*row->words));
		row->words[row->n_words] = (struct diagnose_words){0};
		wrong = read_way(table, &row->words[row->n_words++], way);
	}
	return wrong;
}

// ---- lines
// ---------------------------------------------------------------------------------------------

static const char *const columns[COLUMNS] = {"class",     "voice",  "phase",
					     "SMTP code", "status", "provider"};

static const char *(*const readers[COLUMNS])(struct diagnose_row *row, char *text) = {
	read_class, read_voice, read_phase, read_code, read_status, read_provider};

// Says of which column a fault is.
static const char *blame(size_t column, const char *wrong)
{
	static char sentence[200];

	if (wrong == NULL)
		return NULL;
	snprintf(sentence, sizeof(sentence), "column %zu, %s: %s", column + 1,
		 column < COLUMNS ? columns[column] : "words", wrong);
	return sentence;
}

static const char *read_row(struct diagnose_table *table, struct diagnose_row *row, char *line)
{
	const char *wrong;
	char *rest = line;

	for (size_t i = 0; i < COLUMNS; i++) {
		char *column = rest + strspn(rest, " \t");
		const size_t len = strcspn(column, " \t");

		if (len == 0 || len > COLUMN_MAX)
			return blame(i, "it is missing or too long");
		rest = column + len + (column[len] != '\0');
		column[len] = '\0';
		wrong = blame(i, readers[i](row, column));
		if (wrong != NULL)
			return wrong;
	}
	rest += strspn(rest, " \t");
	if (*rest == '\0')
		return blame(COLUMNS, "they are missing; * for any");
	return blame(COLUMNS, read_words(table, row, rest));
}

static struct diagnose_row *add_row(struct diagnose_table *table, const char *name, unsigned line)
{
	struct diagnose_row *row;
	char text[COLUMN_MAX];

	if (table->n_rows == table->rows_room) {
		table->rows_room = table->rows_room * 2 + 64;
		table->rows = mem_grow(table->rows, table->rows_room, sizeof(*table->rows));
	}
	row = &table->rows[table->n_rows++];
	*row = (struct diagnose_row){0};
	snprintf(text, sizeof(text), "%s:%u", name, line);
	row->name = mem_strdup(text);
	return row;
}

static const char *read_line(struct diagnose_table *table, const char *name, unsigned number,
			     char *line, bool *is_last)
{
	struct diagnose_row *row;

	if (line[0] == '\0' || line[0] == '#')
		return NULL;
	if (strcmp(line, "otherwise") == 0) {
		*is_last = true;
		return NULL;
	}
	if (table->n_rows == DIAGNOSE_ROWS_MAX)
		return "there are too many rows";
	row = add_row(table, name, number);
	row->is_last = *is_last;
	return read_row(table, row, line);
}

const char *diagnose_table_read(struct diagnose_table *table, const char *name, const char *text,
				size_t len, unsigned *ret_line)
{
	const char *const end = text + len, *wrong = NULL, *eol;
	char line[DIAGNOSE_LINE_MAX + 1];
	bool is_last = false;
	unsigned number = 0;

	for (const char *at = text; at < end && wrong == NULL; at = eol + 1) {
		size_t n;

		eol = memchr(at, '\n', (size_t)(end - at));
		if (eol == NULL)
			eol = end;
		n = (size_t)(eol - at);
		number++;
		if (n > DIAGNOSE_LINE_MAX || memchr(at, '\0', n) != NULL) {
			wrong = "the line is too long, or no text";
			break;
		}
		while (n > 0 && strchr(" \t\r", at[n - 1]) != NULL)
			n--;
		memcpy(line, at, n);
		line[n] = '\0';
		wrong = read_line(table, name, number, line + strspn(line, " \t"), &is_last);
	}
	if (wrong != NULL)
		*ret_line = number;
	return wrong;
}
