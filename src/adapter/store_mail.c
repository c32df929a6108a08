// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The part of adapter/store.h that is one statement each: our mail, what becomes of it, and the
// questions with one answer. store.c has the rows that are read into structs.

#include <errno.h>

#include "adapter/store.h"
#include "adapter/store_sql.h"

int store_has_entry(struct store *store, const char *entry)
{
	return store_run(store, HAS_ENTRY, "s", entry);
}

int store_count_answers(struct store *store, const char *mailbox, int64_t since, int64_t until,
			int64_t *ret_count)
{
	int r = store_number(store, ret_count, COUNT_ANSWERS, "sii", mailbox, since, until);

	return r == 1 ? 0 : r < 0 ? r : -EIO;
}

int store_has_fingerprint(struct store *store, const char *fingerprint, int64_t since)
{
	return store_run(store, HAS_FINGERPRINT, "si", fingerprint, since);
}

int store_add_mail(struct store *store, uint64_t request, enum kind kind, int64_t now, int64_t due,
		   int64_t dsn)
{
	const struct kind_row *row = kind_row(kind);

	return store_run(store, ADD_MAIL, "iissiisii", (int64_t)kind_id(request, kind),
			 (int64_t)request, row->name, row->over_v6 ? "v6" : "dual", now, due,
			 row->is_probe ? outcome_name(OUTCOME_PENDING) : "", dsn,
			 (int64_t)kind_id(request, KIND_REPORT));
}

int store_add_survey(struct store *store, uint64_t request, int64_t now, const char *json)
{
	int64_t id = (int64_t)request;
	int r = json[0] == '\0' ? 0 : store_run(store, ADD_SURVEY, "iis", id, now, json);

	return r < 0 ? r : store_run(store, WAIT_NO_MORE, "ii", id, now);
}

int store_wait_until(struct store *store, uint64_t bounce, int64_t due)
{
	return store_run(store, WAIT_UNTIL, "iii", (int64_t)bounce, due,
			 (int64_t)kind_id(bounce, KIND_REPORT));
}

int store_set_outcome(struct store *store, uint64_t id, enum outcome outcome, int64_t dsn,
		      int64_t now)
{
	return store_run(store, SET_OUTCOME, "isii", (int64_t)id, outcome_name(outcome), now, dsn);
}

int store_find_silent(struct store *store, int64_t before, int64_t after, uint64_t *ret_id)
{
	return store_number(store, (int64_t *)ret_id, FIND_SILENT, "ii", before, after);
}

int store_mail_sent(struct store *store, uint64_t id, int64_t now, const char *queue_id)
{
	return store_run(store, MAIL_SENT, "iis", (int64_t)id, now, queue_id);
}

int store_mail_retry(struct store *store, uint64_t id, int64_t next, const char *reply)
{
	return store_run(store, MAIL_RETRY, "iis", (int64_t)id, next, reply);
}

int store_mail_given_up(struct store *store, uint64_t id, int64_t now, const char *reply)
{
	return store_run(store, MAIL_GIVEN_UP, "iis", (int64_t)id, now, reply);
}

int store_requeue_sending(struct store *store, int64_t now)
{
	int r = store_run(store, REQUEUE, "i", now);

	return r < 0 ? r : store_changes(store);
}

int store_bring_forward(struct store *store, bool over_v6, int64_t now, int64_t latest)
{
	return store_run(store, BRING_FORWARD, "sii", over_v6 ? "v6" : "dual", now, latest);
}

int store_find_stale(struct store *store, bool over_v6, int64_t before, int64_t after,
		     uint64_t *ret_id)
{
	return store_number(store, (int64_t *)ret_id, FIND_STALE, "sii", over_v6 ? "v6" : "dual",
			    before, after);
}

int store_next_due(struct store *store, int64_t *ret_due)
{
	int r = store_number(store, ret_due, NEXT_DUE, "");

	return r == 1 ? 0 : r < 0 ? r : -EIO;
}

int store_count_waiting(struct store *store, int64_t *ret_mails, int64_t *ret_probes)
{
	int64_t mails = 0, probes = 0;
	int r = store_number(store, &mails, COUNT_QUEUED, "");

	if (r >= 0)
		r = store_number(store, &probes, COUNT_PENDING, "");
	if (r < 0)
		return r;
	*ret_mails = mails;
	*ret_probes = probes;
	return 0;
}
