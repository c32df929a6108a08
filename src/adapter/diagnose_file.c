// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Reads what mail/diagnose_table parses. Rows are named after the file without its folder, faults
// with it.
#include "adapter/diagnose_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"

// 0, or a negative errno where nothing could be read, or -EINVAL for a fault in a line, after a
// line to errors about it.
static int read_file(struct diagnose_table *table, const char *path, FILE *errors)
{
	auto_buf struct buf text = buf_make(DIAGNOSE_FILE_MAX);
	const char *slash = strrchr(path, '/'), *wrong;
	unsigned line = 0;
	int r = file_read_at(AT_FDCWD, path, &text);

	if (r < 0)
		return r;
	wrong = diagnose_table_read(table, slash != NULL ? slash + 1 : path, buf_string(&text),
				    text.len, &line);
	if (wrong == NULL)
		return 0;
	fprintf(errors, "%s:%u: %s\n", path, line, wrong);
	return -EINVAL;
}

struct diagnose_table *diagnose_file_read(const char *path, const char *local, FILE *errors)
{
	struct diagnose_table *table = diagnose_table_new();
	const char *at = local;
	int r = *local == '\0' ? 0 : read_file(table, local, errors);

	if (r == -ENOENT)
		r = 0;
	if (r >= 0) {
		at = path;
		r = read_file(table, path, errors);
	}
	if (r >= 0) {
		diagnose_table_finish(table);
		return table;
	}
	if (r != -EINVAL)
		fprintf(errors, "%s: %s\n", at, strerror(-r));
	return diagnose_table_free(table);
}
