// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/entry.h on any bytes: what is taken is within its limits, and writing it gives an entry
// that is taken again and written the same. Reached: an entry was taken.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "adapter/entry.h"

static void write_entry(struct buf *file, const struct entry *entry)
{
	entry_write_envelope(file, &entry->envelope, entry->arrived);
	entry_write_facts(file, &entry->facts);
}

static void check_again(const struct entry *entry)
{
	struct buf file = buf_make(4 * ENTRY_MAX), again = buf_make(4 * ENTRY_MAX);
	struct entry second;
	char name[ENTRY_NAME_MAX + 1];

	entry_name(name, &entry->envelope);
	assert(strlen(name) <= ENTRY_NAME_MAX && strchr(name, '/') == NULL && name[0] != '.');
	write_entry(&file, entry);
	if (file.len <= ENTRY_MAX) {
		assert(entry_read(file.data, file.len, &second) == NULL);
		write_entry(&again, &second);
		assert(again.len == file.len && memcmp(again.data, file.data, file.len) == 0);
		entry_free(&second);
	}
	buf_free(&file);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct entry entry;

	if (entry_read((const char *)data, size, &entry) != NULL)
		return 0;
	assert(entry.facts.n_fields <= FACTS_FIELDS_MAX);
	assert(entry.facts.dsn.n_recipients <= DSN_RECIPIENTS_MAX);
	check_again(&entry);
	entry_free(&entry);
	fuzz_reached++;
	return 0;
}
