// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SQLite behind adapter/store.h. Every step's result is compared with DONE or ROW: BUSY and FULL
// are not success. Statements are prepared once, on first use, and named by the enum next to their
// text.

#include "adapter/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/store_sql.h"
#include "base/cleanup.h"
#include "base/mem.h"

// struct store_mail's texts stand in a row, in LOAD_MAIL's order.
#define FIRST_TEXT         offsetof(struct store_mail, site)
#define N_MAIL_TEXTS       ((offsetof(struct store_mail, tries) - FIRST_TEXT) / sizeof(char *) + 1)
#define mail_text(mail, i) (((char **)((char *)(mail) + FIRST_TEXT))[i])

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[N_QUERIES];
};

static int to_errno(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_ROW:
		return 1;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -EACCES;
	}
	return -EIO;
}

static int bind_text(sqlite3_stmt *statement, int i, const char *text)
{
	return sqlite3_bind_text(statement, i, text == NULL ? "" : text, -1, SQLITE_TRANSIENT);
}

// Binds one argument per letter of types: i an int64_t, s a string, "" for NULL.
static int bind_all(sqlite3_stmt *statement, const char *types, va_list values)
{
	int result = SQLITE_OK;

	for (int i = 1; types[i - 1] != '\0' && result == SQLITE_OK; i++)
		result = types[i - 1] == 'i'
				 ? sqlite3_bind_int64(statement, i, va_arg(values, int64_t))
				 : bind_text(statement, i, va_arg(values, const char *));
	return to_errno(result);
}

// Runs a query up to its first row: 1 and *ret_row to read from (reset it), 0 where it has none.
static int query_values(struct store *store, sqlite3_stmt **ret_row, enum store_query query,
			const char *types, va_list values)
{
	sqlite3_stmt **statement = &store->statements[query];
	int r;

	if (*statement == NULL) {
		r = to_errno(sqlite3_prepare_v3(store->db, store_queries[query], -1,
						SQLITE_PREPARE_PERSISTENT, statement, NULL));
		if (r < 0)
			return r;
	}
	r = bind_all(*statement, types, values);
	if (r == 0)
		r = to_errno(sqlite3_step(*statement));
	if (r == 1)
		*ret_row = *statement;
	else
		sqlite3_reset(*statement);
	return r;
}

static int query_row(struct store *store, sqlite3_stmt **ret_row, enum store_query query,
		     const char *types, ...)
{
	va_list values;
	int r;

	va_start(values, types);
	r = query_values(store, ret_row, query, types, values);
	va_end(values);
	return r;
}

static const char *column_text(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text == NULL ? "" : text;
}

// ---- for store_*.c ------------------------------------------------------------------------------

int store_run(struct store *store, enum store_query query, const char *types, ...)
{
	sqlite3_stmt *row = NULL;
	va_list values;
	int r;

	va_start(values, types);
	r = query_values(store, &row, query, types, values);
	va_end(values);
	if (r == 1)
		sqlite3_reset(row);
	return r;
}

int store_number(struct store *store, int64_t *ret_number, enum store_query query,
		 const char *types, ...)
{
	sqlite3_stmt *row = NULL;
	va_list values;
	int r;

	va_start(values, types);
	r = query_values(store, &row, query, types, values);
	va_end(values);
	if (r == 1) {
		*ret_number = sqlite3_column_int64(row, 0);
		sqlite3_reset(row);
	}
	return r;
}

int store_each(struct store *store, enum store_query query, store_on_row *on_row, void *arg,
	       const char *types, ...)
{
	sqlite3_stmt *row = NULL;
	va_list values;
	int r;

	va_start(values, types);
	r = query_values(store, &row, query, types, values);
	va_end(values);
	for (; r == 1; r = to_errno(sqlite3_step(row)))
		on_row(arg, (const struct store_row *)row);
	sqlite3_reset(row);
	return r;
}

const char *store_row_text(const struct store_row *row, int column)
{
	return column_text((sqlite3_stmt *)(uintptr_t)row, column);
}

int64_t store_row_number(const struct store_row *row, int column)
{
	return sqlite3_column_int64((sqlite3_stmt *)(uintptr_t)row, column);
}

int store_changes(const struct store *store)
{
	return sqlite3_changes(store->db);
}

int store_shrink_log(struct store *store)
{
	return to_errno(
		sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

// ---- opening ------------------------------------------------------------------------------------

static int read_pragma(sqlite3 *db, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int r = to_errno(sqlite3_prepare_v2(db, sql, -1, &statement, NULL));

	if (r == 0)
		r = to_errno(sqlite3_step(statement));
	if (r == 1)
		*ret_value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return r == 1 ? 0 : r < 0 ? r : -EIO;
}

// Whether the last page is in part missing. SQLite reads the rest of it as zeros, and quick_check
// may find nothing wrong with those. With a log (WAL) to recover from, that page may be there.
static bool is_cut(sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct stat file, log;
	int64_t page_size = 0;

	if (read_pragma(db, "PRAGMA page_size", &page_size) < 0 || page_size <= 0 ||
	    stat(path, &file) < 0)
		return true;
	return file.st_size % page_size != 0 &&
	       (stat(sqlite3_filename_wal(path), &log) < 0 || log.st_size == 0);
}

// All missing migrations in one transaction.
static int migrate(sqlite3 *db, size_t version)
{
	char sql[128];
	int result = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

	for (; version < n_store_migrations && result == SQLITE_OK; version++)
		result = sqlite3_exec(db, store_migrations[version], NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu; PRAGMA application_id = %d; COMMIT",
		 version, STORE_APPLICATION_ID);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return to_errno(result);
}

// Only what is damaged is called so: a locked file or a folder without rights must not be moved
// away.
static const char *explain(sqlite3 *db, int r)
{
	static char sentence[256];

	if (r == -EUCLEAN)
		return "it is not a database, or it is damaged; restore it from a backup or move "
		       "it away";
	snprintf(sentence, sizeof(sentence), "%s", sqlite3_errmsg(db));
	return sentence;
}

// (The transaction ends with the connection, undone.)
static const char *explain_migration(sqlite3 *db)
{
	static char sentence[256];

	snprintf(sentence, sizeof(sentence), "its schema cannot be brought up to date: %s",
		 sqlite3_errmsg(db));
	return sentence;
}

static const char *check_version(sqlite3 *db, int *ret_error)
{
	// (with an argument, SQLite 3.46 takes it for the name of a table)
	static const char check[] = "SELECT quick_check = 'ok' FROM pragma_quick_check";
	static const char damaged[] = "it is damaged; restore it from a backup or move it away";
	int64_t version = 0, application = 0, tables = 0, is_sound = 0;
	int r = read_pragma(db, "PRAGMA user_version", &version);

	if (r == 0)
		r = read_pragma(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = read_pragma(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0) {
		*ret_error = r;
		return explain(db, r);
	}
	if (tables > 0 && application != STORE_APPLICATION_ID)
		return "it is some other program's database";
	if (version > (int64_t)n_store_migrations)
		return "it was written by a newer postsix; upgrade, or restore a backup from "
		       "before";
	if (is_cut(db))
		return damaged;
	r = read_pragma(db, check, &is_sound);
	if (r == -EAGAIN) {
		*ret_error = r;
		return explain(db, r);
	}
	if (r < 0 || !is_sound)
		return damaged;
	r = version < (int64_t)n_store_migrations ? migrate(db, (size_t)version) : 0;
	if (r < 0)
		*ret_error = r;
	return r < 0 ? explain_migration(db) : NULL;
}

static const char *open_database(const char *path, sqlite3 **ret_db, int *ret_error)
{
	static char sentence[256];
	// Before a page is read: what is in the file is not trusted yet.
	static const char settings[] = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
				       "PRAGMA secure_delete = ON";
	int result =
		sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	const char *fault;

	*ret_error = -EUCLEAN;
	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(*ret_db, 5000); // somebody else may be reading
	if (result != SQLITE_OK) {
		*ret_error = to_errno(result);
		snprintf(sentence, sizeof(sentence), "%s", sqlite3_errstr(result));
		return sentence;
	}
	if (sqlite3_db_readonly(*ret_db, "main") != 0)
		return "it cannot be written";
	result = sqlite3_exec(*ret_db, settings, NULL, NULL, NULL);
	fault = result == SQLITE_OK ? check_version(*ret_db, ret_error) : NULL;
	if (fault != NULL)
		return fault;
	if (result == SQLITE_OK)
		result = sqlite3_exec(*ret_db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	sqlite3_busy_timeout(*ret_db, 100); // from here on longer would hold up the event loop
	if (result == SQLITE_OK)
		return NULL;
	*ret_error = to_errno(result);
	return explain(*ret_db, *ret_error);
}

const char *store_open(const char *path, struct store **ret_store, int *ret_error)
{
	struct store *store = mem_new(1, sizeof(*store));
	int error = 0;
	const char *fault = open_database(path, &store->db, &error);

	if (fault != NULL)
		store_free(store);
	else
		*ret_store = store;
	if (ret_error != NULL)
		*ret_error = fault != NULL ? error : 0;
	return fault;
}

struct store *store_free(struct store *store)
{
	if (store == NULL)
		return NULL;
	for (size_t i = 0; i < N_QUERIES; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store);
	return NULL;
}

int store_begin(struct store *store)
{
	return store_run(store, BEGIN, "");
}

int store_commit(struct store *store)
{
	return store_run(store, COMMIT, "");
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db)) // SQLite rolls back by itself after some errors
		sqlite3_exec(store->db, store_queries[ROLLBACK], NULL, NULL, NULL);
}

// ---- requests -----------------------------------------------------------------------------------

int store_add_request(struct store *store, const struct store_request *r)
{
	return store_run(store, ADD_REQUEST, "isissssssssssissssiiissssss", (int64_t)r->id,
			 r->entry, r->arrived, r->decision, r->site, r->requester, r->instance,
			 r->queue_id, r->recipient, r->client_address, r->client_hostname,
			 r->client_helo, r->client_protocol, r->size, r->message_id, r->references,
			 r->in_reply_to, r->subject, r->date, r->first_received, r->hops, r->trace,
			 r->authenticated, r->fingerprint, r->mailbox, r->domain, r->network);
}

int store_each_answer(struct store *store, int64_t since, int64_t until, store_on_answer *on_answer,
		      void *arg)
{
	sqlite3_stmt *row = NULL;
	int r = query_row(store, &row, EACH_ANSWER, "ii", since, until);

	for (; r == 1; r = to_errno(sqlite3_step(row)))
		on_answer(arg, column_text(row, 0), column_text(row, 1), column_text(row, 2),
			  sqlite3_column_int64(row, 3));
	sqlite3_reset(row);
	return r;
}

// ---- probes and notifications -------------------------------------------------------------------

int store_add_dsn(struct store *store, const struct store_dsn *d, int64_t *ret_id)
{
	int r = store_run(store, ADD_DSN, "sisissssssssssssss", d->entry, d->arrived, d->decision,
			  (int64_t)d->mail, d->sender, d->client_address, d->action, d->status,
			  d->final_recipient, d->reporting_mta, d->remote_mta, d->diagnostic,
			  d->class, d->last_attempt, d->will_retry_until, d->report_text,
			  d->status_part, d->returned);

	if (r == 0)
		*ret_id = sqlite3_last_insert_rowid(store->db);
	return r;
}

int store_find_probe(struct store *store, uint64_t id, struct store_probe *ret_probe)
{
	sqlite3_stmt *row;
	int r = query_row(store, &row, FIND_PROBE, "i", (int64_t)id);

	if (r != 1)
		return r;
	if (outcome_find(column_text(row, 0), &ret_probe->outcome))
		ret_probe->requester = mem_strdup(column_text(row, 1));
	else
		r = -EUCLEAN;
	sqlite3_reset(row);
	return r;
}

int store_each_failed(struct store *store, int64_t since, void (*on_failed)(void *arg, uint64_t id),
		      void *arg)
{
	sqlite3_stmt *row = NULL;
	int r = query_row(store, &row, EACH_FAILED, "i", since);

	for (; r == 1; r = to_errno(sqlite3_step(row)))
		on_failed(arg, (uint64_t)sqlite3_column_int64(row, 0));
	sqlite3_reset(row);
	return r;
}

// ---- our mail -----------------------------------------------------------------------------------

static struct store_mail *read_mail(sqlite3_stmt *row, uint64_t id)
{
	const struct kind_row *kind = kind_find(column_text(row, 0));
	struct store_mail *mail;

	if (kind == NULL)
		return NULL;
	mail = mem_new(1, sizeof(*mail));
	mail->id = id;
	mail->kind = kind->kind;
	mail->created = sqlite3_column_int64(row, 1);
	mail->attempts = sqlite3_column_int64(row, 2);
	mail->was_accepted = sqlite3_column_int(row, 3) != 0;
	mail->arrived = sqlite3_column_int64(row, 4);
	mail->date = sqlite3_column_int64(row, 5);
	mail->first_received = sqlite3_column_int64(row, 6);
	mail->hops = sqlite3_column_int64(row, 7);
	for (size_t i = 0; i < N_MAIL_TEXTS; i++)
		mail_text(mail, i) = mem_strdup(column_text(row, (int)i + 8));
	return mail;
}

int store_claim_mail(struct store *store, bool over_v6, int64_t now, struct store_mail **ret_mail)
{
	struct store_mail *mail;
	sqlite3_stmt *row;
	uint64_t id;
	int r = query_row(store, &row, CLAIM, "si", over_v6 ? "v6" : "dual", now);

	if (r != 1)
		return r;
	id = (uint64_t)sqlite3_column_int64(row, 0);
	r = to_errno(sqlite3_step(row)); // the update is done when the statement is
	sqlite3_reset(row);
	if (r != 0)
		return r < 0 ? r : -EIO;

	r = query_row(store, &row, LOAD_MAIL, "i", (int64_t)id);
	if (r != 1)
		return r < 0 ? r : -EUCLEAN;
	mail = read_mail(row, id);
	sqlite3_reset(row);
	if (mail == NULL)
		return -EUCLEAN;
	*ret_mail = mail;
	return 1;
}

struct store_mail *store_mail_free(struct store_mail *mail)
{
	if (mail == NULL)
		return NULL;
	for (size_t i = 0; i < N_MAIL_TEXTS; i++)
		free(mail_text(mail, i));
	free(mail);
	return NULL;
}

void store_mail_blank(struct store_mail *mail)
{
	static char empty[1];

	for (size_t i = 0; i < N_MAIL_TEXTS; i++)
		mail_text(mail, i) = empty;
}
