// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Read-only SQLite connections, opened for one look and closed again: a reader that stayed would
// keep the writer's log from being shortened.
#include "adapter/inspect.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "adapter/store_sql.h"
#include "base/text.h"

#define BUSY_MS 5000

static int open_database(const char *path, sqlite3 **ret_db)
{
	int result = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READONLY, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(*ret_db, BUSY_MS);
	// What is in the file is not trusted: root reads it, and its owner is not root.
	if (result == SQLITE_OK)
		result = sqlite3_exec(*ret_db,
				      "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
				      "PRAGMA cell_size_check = ON",
				      NULL, NULL, NULL);
	return result;
}

// The first column of the first row; false where there is none.
static bool read_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	bool found = sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
		     sqlite3_step(statement) == SQLITE_ROW;

	if (found)
		*ret_value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return found;
}

static const char *look(sqlite3 *db, int64_t *ret_version)
{
	int64_t application = 0, is_sound = 0;

	if (!read_number(db, "PRAGMA user_version", ret_version) ||
	    !read_number(db, "PRAGMA application_id", &application))
		return "it cannot be read";
	if (application != STORE_APPLICATION_ID)
		return "it is not a database of postsix";
	if (*ret_version > (int64_t)n_store_migrations)
		return "it is of a newer version than this program";
	if (*ret_version < (int64_t)n_store_migrations)
		return "it is of an older version: postsixd has not been started since the upgrade";
	if (!read_number(db, "SELECT quick_check = 'ok' FROM pragma_quick_check", &is_sound) ||
	    is_sound != 1)
		return "it is corrupt";
	return NULL;
}

const char *inspect_database(const char *path, int64_t *ret_version)
{
	sqlite3 *db = NULL;
	const char *fault = "it cannot be opened";

	*ret_version = 0;
	if (open_database(path, &db) == SQLITE_OK)
		fault = look(db, ret_version);
	sqlite3_close(db);
	return fault;
}

int inspect_request(const char *path, const char *message_id, struct inspect_request *ret_request)
{
	static const char sql[] =
		"SELECT r.decision, ifnull(a.state, ''), ifnull(b.state, ''),"
		" ifnull(b.queue_id, ''), ifnull(b.outcome, ''),"
		" ifnull((SELECT d.class FROM dsn d WHERE d.id = b.outcome_dsn), '')"
		" FROM request r"
		" LEFT JOIN message a ON a.request = r.id AND a.kind = 'report'"
		" LEFT JOIN message b ON b.request = r.id AND b.kind = 'six'"
		" WHERE r.message_id = ?1 ORDER BY r.arrived DESC LIMIT 1";
	struct inspect_request found;
	char *const words[] = {found.decision,     found.report,  found.six,
			       found.six_queue_id, found.outcome, found.class};
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	int result = open_database(path, &db);

	if (result == SQLITE_OK)
		result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(statement, 1, message_id, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	for (int i = 0; result == SQLITE_ROW && i < 6; i++)
		text_cut(words[i], INSPECT_WORD, (const char *)sqlite3_column_text(statement, i));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	if (result == SQLITE_ROW)
		*ret_request = found;
	return result == SQLITE_ROW ? 1 : result == SQLITE_DONE ? 0 : -EIO;
}
