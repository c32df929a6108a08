// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/spf on any answers of the DNS: each question gets the next line of the input, as many values
// as it has words between tabs. It ends, within the look-ups that RFC 7208 allows. Reached: passed.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "mail/spf.h"

#define VALUES_MAX 12

static void answer(struct lookups *lookups, size_t number, char *line)
{
	char *values[VALUES_MAX];
	struct lookup lookup = {.status = LOOKUP_NOTHING, .values = values};

	for (char *word; lookup.n < VALUES_MAX && (word = strsep(&line, "\t")) != NULL;)
		values[lookup.n++] = word;
	if (lookup.n > 0)
		lookup.status = values[0][0] == '?' ? LOOKUP_UNKNOWN : LOOKUP_FOUND;
	lookups_fill(lookups, number, &lookup);
}

static enum spf_answer ask(const char *text, const char *address)
{
	auto_free char *copy = mem_strdup(text);
	struct lookups *lookups = lookups_new();
	enum spf_answer found;
	char *rest = copy;
	size_t questions = 0;

	while ((found = spf_ask(lookups, "a.test", address)) == SPF_WAITS) {
		enum lookup_type type;
		const char *name;
		size_t number;

		while (lookups_next(lookups, &number, &type, &name)) {
			answer(lookups, number, strsep(&rest, "\n"));
			questions++;
		}
		assert(questions <= LOOKUPS_MAX);
	}
	assert(spf_answer_name(found)[0] != '\0');
	lookups_free(lookups);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);

	fuzz_reached += ask(text, "192.0.2.25") == SPF_PASS;
	fuzz_reached += ask(text, "2001:db8:25::6") == SPF_PASS;
	return 0;
}
