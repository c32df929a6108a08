// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Attempts and cursors. Both are written in one transaction, so an attempt is recorded once,
// however often the daemon is ended in between.

#include "adapter/store_attempts.h"

#include "adapter/store_sql.h"
#include "base/mem.h"

int store_add_attempt(struct store *store, const struct store_attempt *a)
{
	struct store_probe probe = {0};
	int64_t count = 0;
	int r = store_find_probe(store, a->mail, &probe);

	free(probe.requester);
	if (r == 1)
		r = store_number(store, &count, COUNT_ATTEMPTS, "i", (int64_t)a->mail);
	if (r <= 0 || count >= STORE_ATTEMPTS_MAX)
		return r < 0 ? r : 0;
	r = store_run(store, ADD_ATTEMPT, "iiissss", (int64_t)a->mail, a->at, a->recorded, a->relay,
		      a->result, a->status, a->reason);
	return r < 0 ? r : 1;
}

int store_find_queue_id(struct store *store, bool over_v6, const char *queue_id, uint64_t *ret_id)
{
	return store_number(store, (int64_t *)ret_id, FIND_QUEUE_ID, "ss", queue_id,
			    over_v6 ? "v6" : "dual");
}

static void on_place(void *arg, const struct store_row *row)
{
	char **place = arg;

	free(*place);
	*place = mem_strdup(store_row_text(row, 0));
}

int store_get_cursor(struct store *store, const char *log, char **ret_place)
{
	char *place = NULL;
	int r = store_each(store, GET_CURSOR, on_place, &place, "s", log);

	if (r < 0 || place == NULL) {
		free(place);
		return r < 0 ? r : 0;
	}
	*ret_place = place;
	return 1;
}

int store_set_cursor(struct store *store, const char *log, const char *place)
{
	return store_run(store, SET_CURSOR, "ss", log, place);
}
