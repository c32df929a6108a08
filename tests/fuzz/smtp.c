// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/smtp on any bytes, twice. As a message's text: the wire holds no bare CR or LF and CRLF.CRLF
// once, at its end. As a server's replies, in two chunkings: the same fate, printable words, and
// never a text that was not asked for by a 3xx (RFC 5321 section 4.3.2: the first digit counts).
// Reached: a server that had a word of its own about the message.

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "mail/smtp.h"
#include "mail/smtp_write.h"

#define TEXT "Subject: x\r\n\r\n.hello"

static void check_wire(const uint8_t *data, size_t size)
{
	struct buf wire = buf_make(2 * size + 5);

	smtp_write_text(&wire, (const char *)data, size);
	assert(!buf_failed(&wire) && wire.len >= 3);
	for (size_t i = 0; i < wire.len; i++) {
		assert(wire.data[i] != '\n' || (i > 0 && wire.data[i - 1] == '\r'));
		assert(wire.data[i] != '\r' || (i + 1 < wire.len && wire.data[i + 1] == '\n'));
		// The first dot of a line is followed by another, but for the very last line.
		if (wire.data[i] == '.' && (i == 0 || wire.data[i - 1] == '\n') &&
		    wire.data[i + 1] != '.')
			assert(i + 3 == wire.len);
		else if (wire.data[i] == '.' && (i == 0 || wire.data[i - 1] == '\n'))
			i++;
	}
	buf_free(&wire);
}

static void check_result(const struct smtp_result *result)
{
	assert(result->code == 0 || (result->code >= 200 && result->code <= 599));
	assert(result->fate != SMTP_SENT || result->code / 100 == 2);
	for (const char *p = result->reply; *p != '\0'; p++)
		assert(*p >= ' ' && *p <= '~');
	assert(strchr(result->queue_id, ' ') == NULL);
	fuzz_reached += result->code != 0;
}

// Plays the server; stores the last result.
static void play(const uint8_t *data, size_t size, size_t chunk, struct smtp_result *ret_result)
{
	static const char address[] = "a@good.test";
	struct smtp_message message = {.sender = "", .text = TEXT, .text_len = sizeof(TEXT) - 1};
	struct smtp *smtp = smtp_new("me.test");
	enum smtp_event event = SMTP_WAIT;
	struct addr to;

	assert(addr_parse(address, sizeof(address) - 1, &to) == NULL);
	message.recipient = &to;
	for (size_t at = 0; event != SMTP_CLOSED; at += chunk) {
		size_t n = at >= size ? 0 : size - at < chunk ? size - at : chunk;

		event = smtp_push(smtp, n > 0 ? (const char *)data + at : "", n);
		while (event == SMTP_READY || event == SMTP_DONE) {
			bool usable = event == SMTP_READY || smtp_result(smtp)->usable;

			if (event == SMTP_DONE)
				check_result(smtp_result(smtp));
			event = usable ? smtp_send(smtp, &message) : SMTP_WAIT;
			if (event == SMTP_WAIT)
				event = smtp_push(smtp, NULL, 0);
		}
		assert(memchr(data, '3', size) != NULL ||
		       strstr(buf_string(smtp_out(smtp)), "hello") == NULL);
		buf_clear(smtp_out(smtp));
	}
	*ret_result = *smtp_result(smtp);
	smtp_free(smtp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_result one, other;

	if (size > 60000) // more at once than a session reads
		return 0;
	check_wire(data, size);
	play(data, size, size + 1, &one);
	play(data, size, 1 + size % 7, &other);
	assert(one.fate == other.fate && one.code == other.code);
	assert(strcmp(one.reply, other.reply) == 0);
	return 0;
}
