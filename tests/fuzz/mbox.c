// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/mbox and mail/charsets on any bytes: messages are no longer than asked for, together no
// longer than the stream, and of one message exactly it; the names of character sets are no paths,
// and each is told once. Reached: a second message, or a character set.

#include <string.h>

#include "fuzz.h"

#include "mail/charsets.h"
#include "mail/mbox.h"

#define MESSAGE_MAX 200

static size_t n_messages, total;

static void on_message(void *arg, char *bytes, size_t len)
{
	assert(len <= MESSAGE_MAX);
	total += len;
	n_messages++;
	memset(bytes, 'x', len); // which is allowed
	(void)arg;
}

static void split(const char *bytes, size_t size)
{
	struct mbox mbox;

	n_messages = total = 0;
	mbox_start(&mbox, false, MESSAGE_MAX, on_message, NULL);
	for (size_t at = 0, len; at < size; at += len) {
		const char *eol = memchr(bytes + at, '\n', size - at);

		len = eol != NULL ? (size_t)(eol - bytes) + 1 - at : size - at;
		mbox_line(&mbox, bytes + at, len);
	}
	mbox_end(&mbox);
	assert(total <= size && (n_messages > 0) == (size > 0));
	assert(n_messages != 1 || size > MESSAGE_MAX || total == size ||
	       memcmp(bytes, "From ", 5) == 0);
	fuzz_reached += n_messages > 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct charsets charsets = {.n = 0};

	split((const char *)data, size);
	charsets_find(&charsets, (const char *)data, size);
	assert(charsets.n <= CHARSETS_MESSAGE_MAX);
	for (size_t i = 0; i < charsets.n; i++) {
		const char *name = charsets.names[i];

		assert(name[0] != '\0' && strlen(name) <= CHARSET_NAME_MAX);
		assert(strpbrk(name, "/ \r\n\"'") == NULL);
		for (size_t j = 0; j < i; j++)
			assert(strcmp(name, charsets.names[j]) != 0);
		fuzz_reached++;
	}
	return 0;
}
