// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/mime.h on any bytes, and the way its facts go: whatever a message holds, the facts are
// within their limits, are UTF-8, and make an entry that entry_read takes, unless the line is over
// intake's limit. Reached: a delivery-status part was found.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "adapter/entry.h"
#include "adapter/mime.h"
#include "base/text.h"

#define LINE_MAX_OCTETS (256 * 1024) // PARSE_LINE_MAX

static void check_text(const char *text, size_t max)
{
	assert(text != NULL && strlen(text) <= max && text_is_utf8(text, strlen(text)));
}

static void check_facts(const struct facts *facts)
{
	assert(facts->n_fields <= FACTS_FIELDS_MAX);
	for (size_t i = 0; i < facts->n_fields; i++) {
		assert(facts_wants(facts->fields[i].name));
		check_text(facts->fields[i].value, FACTS_VALUE_MAX);
	}
	check_text(facts->subject, FACTS_VALUE_MAX);
	check_text(facts->report_text, FACTS_TEXT_MAX);
	check_text(facts->status_part, FACTS_TEXT_MAX);
	check_text(facts->returned, FACTS_TEXT_MAX);
	check_text(facts->returned_id, FACTS_VALUE_MAX);
	assert(!facts->has_dsn || facts->is_report);
	fuzz_reached += facts->has_dsn;
}

static void check_entry(const struct facts *facts)
{
	struct buf file = buf_make(ENTRY_MAX), line = buf_make(LINE_MAX_OCTETS);
	struct envelope envelope = {0};
	struct entry entry;

	assert(envelope_set(&envelope, "instance", "v6") == NULL);
	assert(envelope_set(&envelope, "queue_id", "4X") == NULL);
	assert(envelope_set(&envelope, "recipient", "test@six.test") == NULL);
	assert(envelope_finish(&envelope) == NULL);
	entry_write_envelope(&file, &envelope, 1);
	entry_write_facts(&line, facts);
	if (!buf_failed(&line)) {
		buf_add(&file, line.data, line.len);
		assert(entry_read(file.data, file.len, &entry) == NULL);
		assert(entry.facts.n_fields == facts->n_fields);
		assert(entry.facts.has_dsn == facts->has_dsn);
		entry_free(&entry);
	}
	envelope_free(&envelope);
	buf_free(&file);
	buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;
	size_t len = size < MIME_INPUT_MAX ? size : MIME_INPUT_MAX;
	char *copy = malloc(len + (len == 0));
	struct facts facts;

	if (!is_ready)
		mime_init();
	is_ready = true;
	memcpy(copy, data, len);
	assert(header_length(copy, len) <= len);
	mime_read(copy, len, &facts);
	check_facts(&facts);
	check_entry(&facts);
	facts_free(&facts);
	free(copy);
	return 0;
}
