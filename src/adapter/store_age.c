// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Rows are read into memory first, then changed: a statement must not read a table that another one
// is changing. What is overwritten or deleted is overwritten in the file, too (secure_delete).

#include "adapter/store_age.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/store_sql.h"
#include "base/mem.h"

#define ROWS_MAX 256

struct aged_row {
	int64_t id;
	struct store_texts texts;
};

struct rows {
	struct aged_row rows[ROWS_MAX];
	size_t n;
	int n_texts;
};

static void on_row(void *arg, const struct store_row *row)
{
	struct rows *rows = arg;
	struct aged_row *to = &rows->rows[rows->n];

	if (rows->n == ROWS_MAX)
		return;
	rows->n++;
	to->id = store_row_number(row, 0);
	to->texts.requester = mem_strdup(store_row_text(row, 1));
	for (int i = 0; i < 4; i++)
		to->texts.texts[i] =
			mem_strdup(i < rows->n_texts ? store_row_text(row, i + 2) : "");
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->rows[i].texts.requester);
		for (int k = 0; k < 4; k++)
			free(rows->rows[i].texts.texts[k]);
	}
	free(rows);
}

static struct rows *new_rows(int n_texts)
{
	struct rows *rows = mem_new(1, sizeof(*rows));

	rows->n_texts = n_texts;
	return rows;
}

// Notifications are about the address of the request, which stands in their texts, too; it is given
// as requester, where the row has another sender.
static int age_dsns(struct store *store, struct rows *rows, const char *requester,
		    store_on_texts *on_texts, void *arg)
{
	int r = 0;

	for (size_t i = 0; i < rows->n && r >= 0; i++) {
		struct store_texts *t = &rows->rows[i].texts;

		if (requester != NULL) {
			struct store_texts about = {
				mem_strdup(requester),
				{t->texts[0], t->texts[1], mem_strdup(""), mem_strdup("")}};

			on_texts(arg, &about);
			t->texts[0] = about.texts[0];
			t->texts[1] = about.texts[1];
			free(about.requester);
			free(about.texts[2]);
			free(about.texts[3]);
		}
		on_texts(arg, t);
		r = store_run(store, AGE_DSN, "isss", rows->rows[i].id, t->requester, t->texts[0],
			      t->texts[1]);
	}
	return r;
}

static int age_dsns_of(struct store *store, int64_t id, const char *requester,
		       store_on_texts *on_texts, void *arg)
{
	struct rows *rows = new_rows(2);
	int r = store_each(store, REQUEST_DSNS, on_row, rows, "i", id);

	if (r >= 0)
		r = age_dsns(store, rows, requester, on_texts, arg);
	free_rows(rows);
	return r;
}

static void on_reason(void *arg, const struct store_row *row)
{
	struct rows *rows = arg;

	if (rows->n == ROWS_MAX)
		return;
	rows->rows[rows->n].id = store_row_number(row, 0);
	rows->rows[rows->n].texts.requester = mem_strdup("");
	for (int i = 0; i < 4; i++)
		rows->rows[rows->n].texts.texts[i] =
			mem_strdup(i == 0 ? store_row_text(row, 1) : "");
	rows->n++;
}

static int age_reasons(struct store *store, int64_t id, const char *requester,
		       store_on_texts *on_texts, void *arg)
{
	struct rows *rows = new_rows(1);
	int r = store_each(store, EACH_REASON, on_reason, rows, "i", id);

	for (size_t i = 0; i < rows->n && r >= 0; i++) {
		struct store_texts *texts = &rows->rows[i].texts;

		free(texts->requester);
		texts->requester = mem_strdup(requester);
		on_texts(arg, texts);
		r = store_run(store, SET_REASON, "is", rows->rows[i].id, texts->texts[0]);
	}
	free_rows(rows);
	return r;
}

static int age_request(struct store *store, struct aged_row *row, store_on_texts *on_texts,
		       void *arg)
{
	struct store_texts *t = &row->texts;
	int r = age_dsns_of(store, row->id, t->requester, on_texts, arg);

	if (r >= 0)
		r = age_reasons(store, row->id, t->requester, on_texts, arg);
	if (r >= 0)
		r = store_run(store, CLEAR_REPLIES, "i", row->id);
	if (r < 0)
		return r;
	on_texts(arg, t);
	return store_run(store, AGE_REQUEST, "isssss", row->id, t->requester, t->texts[0],
			 t->texts[1], t->texts[2], t->texts[3]);
}

int store_age_requests(struct store *store, int64_t before, int max, store_on_texts *on_texts,
		       void *arg)
{
	struct rows *rows = new_rows(4);
	int r = store_each(store, OLD_REQUESTS, on_row, rows, "ii", before,
			   (int64_t)(max < ROWS_MAX ? max : ROWS_MAX));
	int n = (int)rows->n;

	for (int i = 0; i < n && r >= 0; i++)
		r = age_request(store, &rows->rows[i], on_texts, arg);
	free_rows(rows);
	return r < 0 ? r : n;
}

int store_age_dsns(struct store *store, int64_t before, int max, store_on_texts *on_texts,
		   void *arg)
{
	struct rows *rows = new_rows(2);
	int r = store_each(store, OLD_DSNS, on_row, rows, "ii", before,
			   (int64_t)(max < ROWS_MAX ? max : ROWS_MAX));
	int n = (int)rows->n;

	if (r >= 0)
		r = age_dsns(store, rows, NULL, on_texts, arg);
	free_rows(rows);
	return r < 0 ? r : n;
}

// ---- deleting -----------------------------------------------------------------------------------

struct ids {
	int64_t ids[ROWS_MAX];
	int n;
};

static void on_id(void *arg, const struct store_row *row)
{
	struct ids *ids = arg;

	if (ids->n < ROWS_MAX)
		ids->ids[ids->n++] = store_row_number(row, 0);
}

static int forget(struct store *store, enum store_query find, const enum store_query *steps,
		  size_t n_steps, int64_t before, int max)
{
	struct ids ids = {.n = 0};
	int r = store_each(store, find, on_id, &ids, "ii", before,
			   (int64_t)(max < ROWS_MAX ? max : ROWS_MAX));

	for (int i = 0; i < ids.n && r >= 0; i++)
		for (size_t k = 0; k < n_steps && r >= 0; k++)
			r = store_run(store, steps[k], "i", ids.ids[i]);
	return r < 0 ? r : ids.n;
}

int store_forget(struct store *store, int64_t before, int max)
{
	static const enum store_query of_requests[] = {
		FORGET_COUNTS, FORGET_SURVEY, FORGET_ATTEMPTS, UNLINK_DSNS,
		FORGET_DSNS,   FORGET_MAIL,   FORGET_REQUEST,
	};
	static const enum store_query of_dsns[] = {COUNT_DSN, FORGET_DSN};
	int n = forget(store, GONE_REQUESTS, of_requests,
		       sizeof(of_requests) / sizeof(of_requests[0]), before, max);
	int r = n < 0 ? n
		      : forget(store, GONE_DSNS, of_dsns, sizeof(of_dsns) / sizeof(of_dsns[0]),
			       before, max);

	return r < 0 ? r : n + r;
}

int store_empty_log(struct store *store)
{
	return store_shrink_log(store);
}
