// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/refuse on any envelope and header. The input is lines: the sender, the recipient, then
// fields. The answer is always one of the table's rows or an address that is not ours. Reached: it
// was answered.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "mail/refuse.h"

static const char own_name[] = "six.test";

static bool is_own_message_id(void *arg, const char *id)
{
	(void)arg;
	assert(strpbrk(id, "<>") == NULL);
	return strcmp(id, "1@six.test") == 0;
}

// Cuts the next line off the text; "" at its end.
static char *line_take(char **text)
{
	static char none[1];
	char *line = strsep(text, "\n");

	return line != NULL ? line : none;
}

static void field_add(struct facts *facts, char *line)
{
	char *value = strchr(line, ':');

	if (value == NULL || facts->n_fields == FACTS_FIELDS_MAX || strlen(value) > FACTS_VALUE_MAX)
		return;
	facts->fields[facts->n_fields].name = mem_strndup(line, (size_t)(value - line));
	facts->fields[facts->n_fields++].value = mem_strdup(value + 1);
}

static void check(const struct refuse_input *input)
{
	const struct refuse_row *row;
	const char *detail = NULL;
	struct addr requester;

	row = refuse_find(input, &requester, &detail);
	assert(detail != NULL);
	if (row != NULL) {
		assert(row >= refuse_rows() && row->name != NULL);
		return;
	}
	assert(requester.local[0] != '\0');
	assert(!domain_is_below(&requester.domain, input->own));
	assert(facts_field(input->facts, "List-Id", 0) == NULL);
	fuzz_reached++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), *rest = text;
	struct facts facts = {.fields = mem_new(FACTS_FIELDS_MAX, sizeof *facts.fields)};
	struct envelope envelope = {0};
	struct domain own;
	struct refuse_input input = {.envelope = &envelope,
				     .facts = &facts,
				     .own = &own,
				     .n_own = 1,
				     .is_own_message_id = is_own_message_id};

	if (domain_parse(own_name, strlen(own_name), &own) != NULL)
		abort();
	envelope.sender = line_take(&rest);
	envelope.recipient = line_take(&rest);
	envelope.original_recipient = envelope.recipient;
	while (rest != NULL)
		field_add(&facts, line_take(&rest));
	check(&input);
	facts_free(&facts);
	free(text);
	return 0;
}
