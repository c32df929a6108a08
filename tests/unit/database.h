// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A second look at the database, past the code under test.
#pragma once

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// All rows as "a|b\n…", in a static buffer; an error as "error: …".
static inline const char *database_ask(const char *path, const char *sql)
{
	static char answer[20000];
	size_t len = 0;
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	answer[0] = '\0';
	sqlite3_busy_timeout(db, 1000);
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	while (r == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const char *text = (const char *)sqlite3_column_text(statement, i);

			len += (size_t)snprintf(answer + len, sizeof(answer) - len, "%s%s",
						i == 0 ? "" : "|", text == NULL ? "NULL" : text);
			len = len < sizeof(answer) ? len : sizeof(answer) - 1;
		}
		len += (size_t)snprintf(answer + len, sizeof(answer) - len, "\n");
		len = len < sizeof(answer) ? len : sizeof(answer) - 1;
	}
	if (r != SQLITE_OK)
		snprintf(answer, sizeof(answer), "error: %s", sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

// A connection of another program's that has done the statement.
static inline sqlite3 *database_hold(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		    SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
	return db;
}
