// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/diagnose_table on any bytes, and diagnose() with what came of it: a table is read or its
// fault has a line; the row that is found is one of the table's. Reached: a row that fits.

#include <string.h>

#include "fuzz.h"

#include "mail/diagnose_table.h"

// The bytes themselves as what a server says: rows find their own words in them.
static void ask(const struct diagnose_table *table, const char *words)
{
	const struct diagnose_input input = {.status = {5, 7, 25},
					     .diagnostic = words,
					     .remote_mta = "dns; mx.google.com",
					     .text = words};
	struct diagnosis found;

	diagnose(table, &input, &found);
	assert(found.class < CLASSES && found.phase < PHASES);
	assert(found.code == 0 || (found.code >= 400 && found.code <= 599));
	if (*found.row != '\0')
		fuzz_reached++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diagnose_table *table = diagnose_table_new();
	unsigned line = 0;
	const char *wrong = diagnose_table_read(table, "t", (const char *)data, size, &line);
	char words[2000];

	assert((wrong == NULL) == (line == 0));
	if (wrong == NULL) {
		size = size < sizeof(words) - 1 ? size : sizeof(words) - 1;
		memcpy(words, data, size);
		words[size] = '\0';
		diagnose_table_finish(table);
		ask(table, words);
		ask(table, "");
	}
	diagnose_table_free(table);
	return 0;
}
