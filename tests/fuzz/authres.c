// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/authres on any bytes: a field of ours never has more results or lines than it was given, and
// claims to be ours. The same bytes as a stranger's field: a fold in front changes nothing, and
// what claims an id goes on doing so in other case. Reached: a stranger's field was taken for ours.

#include <ctype.h>
#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "mail/authres.h"

static const char id[] = "mx.six.test";

static size_t count(const char *text, char byte)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == byte;
	return n;
}

static void check_ours(const char *text)
{
	auto_buf struct buf out = buf_make(10000);
	const struct authres_dkim dkim = {AUTH_FAIL, text, text, text, "words"};

	authres_write(&out, &(struct authres){id, text, AUTH_PASS, 1, &dkim});
	assert(!buf_failed(&out));
	assert(count(buf_string(&out), ';') == 1U + (text[0] != '\0'));
	assert(count(buf_string(&out), '\n') == 1U + (text[0] != '\0'));
	assert(count(buf_string(&out), '"') % 2 == 0);
	assert(authres_claims(buf_string(&out), id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	auto_free char *prefixed = mem_new(strlen(text) + 20, 1);

	check_ours(text);
	if (!authres_claims(text, id))
		return 0;
	strcpy(prefixed, " \r\n\t");
	strcat(prefixed, text);
	assert(authres_claims(prefixed, id));
	for (char *c = text; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	assert(authres_claims(text, id));
	fuzz_reached++;
	return 0;
}
