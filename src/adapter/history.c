// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SQLite behind adapter/history.h. A reader of a database in WAL mode takes part in its shared
// memory, but writes neither the database nor its log; NO_CKPT_ON_CLOSE keeps it from doing so at
// its end, too, where the daemon is away and it is the last one.

#include "adapter/history.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/history_sql.h"
#include "adapter/store_sql.h"
#include "base/mem.h"

#define BUSY_MS 3000 // the daemon holds everyone off only while it migrates or recovers

struct history {
	sqlite3 *db;
	sqlite3_stmt *statements[HISTORY_QUERIES];
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
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	}
	return -EIO;
}

static int read_pragma(sqlite3 *db, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result;
}

static const char *explain(sqlite3 *db, int result)
{
	static char sentence[256];

	if ((result & 0xff) == SQLITE_NOTADB || (result & 0xff) == SQLITE_CORRUPT)
		return "it is not a database, or it is damaged";
	if ((result & 0xff) == SQLITE_BUSY)
		return "it is busy; try again";
	snprintf(sentence, sizeof(sentence), "%s",
		 db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db));
	return sentence;
}

static const char *check_version(sqlite3 *db)
{
	int64_t version = 0, application = 0;
	int result = read_pragma(db, "PRAGMA user_version", &version);

	if (result == SQLITE_ROW)
		result = read_pragma(db, "PRAGMA application_id", &application);
	if (result != SQLITE_ROW)
		return explain(db, result);
	if (application != STORE_APPLICATION_ID)
		return "it is some other program's database";
	if (version > (int64_t)n_store_migrations)
		return "it was written by a newer postsix; upgrade";
	if (version < (int64_t)n_store_migrations)
		return "it was written by an older postsix; start postsixd once, which brings it "
		       "up to date";
	return NULL;
}

static const char *open_database(const char *path, sqlite3 **ret_db)
{
	static char sentence[256];
	FILE *file = fopen(path, "re"); // SQLite says "unable to open" whatever the reason
	int result;

	if (file == NULL) {
		if (errno == ENOENT)
			return "there is none yet: has postsixd ever run?";
		snprintf(sentence, sizeof(sentence), "%s%s", strerror(errno),
			 errno == EACCES ? "; ask as root or as the service's user" : "");
		return sentence;
	}
	fclose(file);
	result = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READONLY, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(*ret_db, BUSY_MS);
	if (result == SQLITE_OK)
		result = sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(*ret_db,
				      "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
				      "PRAGMA cell_size_check = ON",
				      NULL, NULL, NULL);
	return result == SQLITE_OK ? check_version(*ret_db) : explain(*ret_db, result);
}

const char *history_open(const char *path, struct history **ret_history)
{
	struct history *history = mem_new(1, sizeof(*history));
	const char *fault = open_database(path, &history->db);

	if (fault != NULL)
		history_free(history);
	else
		*ret_history = history;
	return fault;
}

struct history *history_free(struct history *history)
{
	if (history == NULL)
		return NULL;
	for (size_t i = 0; i < HISTORY_QUERIES; i++)
		sqlite3_finalize(history->statements[i]);
	sqlite3_close(history->db);
	free(history);
	return NULL;
}

// ---- asking -------------------------------------------------------------------------------------

static void bind_number(sqlite3_stmt *statement, const char *name, int64_t number)
{
	int i = sqlite3_bind_parameter_index(statement, name);

	if (i > 0)
		sqlite3_bind_int64(statement, i, number);
}

static void bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
	int i = sqlite3_bind_parameter_index(statement, name);

	if (i > 0 && text != NULL)
		sqlite3_bind_text(statement, i, text, -1, SQLITE_TRANSIENT);
}

static void bind_filter(sqlite3_stmt *statement, const struct history_filter *filter)
{
	sqlite3_clear_bindings(statement);
	bind_number(statement, ":id", filter->id);
	// from the beginning on: a clock that was wrong may have been before 1970
	bind_number(statement, ":since", filter->since == 0 ? INT64_MIN : filter->since);
	bind_number(statement, ":until", filter->until);
	bind_number(statement, ":limit", filter->limit);
	bind_text(statement, ":site", filter->site);
	bind_text(statement, ":decision", filter->decision);
	bind_text(statement, ":outcome", filter->outcome);
	bind_text(statement, ":class", filter->class);
	bind_text(statement, ":requester", filter->requester);
}

int64_t history_ask(struct history *history, enum history_query query,
		    const struct history_filter *filter, history_on_row *on_row, void *arg)
{
	static const struct history_filter everything;
	sqlite3_stmt **statement = &history->statements[query];
	int64_t n = 0;
	int r = 0;

	if (*statement == NULL)
		r = to_errno(sqlite3_prepare_v3(history->db, history_queries[query], -1,
						SQLITE_PREPARE_PERSISTENT, statement, NULL));
	if (r < 0)
		return r;
	bind_filter(*statement, filter == NULL ? &everything : filter);
	while ((r = to_errno(sqlite3_step(*statement))) == 1) {
		on_row(arg, (const struct history_row *)*statement);
		n++;
	}
	sqlite3_reset(*statement);
	return r < 0 ? r : n;
}

static sqlite3_stmt *statement_of(const struct history_row *row)
{
	return (sqlite3_stmt *)(uintptr_t)row;
}

static int find_column(const struct history_row *row, const char *name)
{
	int n = sqlite3_column_count(statement_of(row));
	int i = 0;

	while (i < n && strcmp(sqlite3_column_name(statement_of(row), i), name) != 0)
		i++;
	return i;
}

const char *history_text(const struct history_row *row, const char *name)
{
	const char *text =
		(const char *)sqlite3_column_text(statement_of(row), find_column(row, name));

	return text == NULL ? "" : text;
}

int64_t history_number(const struct history_row *row, const char *name)
{
	return sqlite3_column_int64(statement_of(row), find_column(row, name));
}

struct ids {
	int64_t *ids;
	size_t n;
};

static void on_id(void *arg, const struct history_row *row)
{
	struct ids *ids = arg;

	if (ids->n % 1024 == 0)
		ids->ids = mem_grow(ids->ids, ids->n + 1024, sizeof(*ids->ids));
	ids->ids[ids->n++] = history_number(row, "id");
}

int64_t history_ids(struct history *history, const struct history_filter *filter, int64_t **ret_ids)
{
	struct ids ids = {0};
	int64_t n = history_ask(history, HISTORY_IDS, filter, on_id, &ids);

	if (n < 0)
		free(ids.ids);
	else
		*ret_ids = ids.ids;
	return n;
}

int64_t history_size(const char *path)
{
	struct stat info;
	char log[4096];
	int64_t size = stat(path, &info) == 0 ? info.st_size : 0;

	snprintf(log, sizeof(log), "%s-wal", path);
	return size + (stat(log, &info) == 0 ? info.st_size : 0);
}
