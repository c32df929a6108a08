// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Rows of the database, and the letters that they become.
#pragma once

#include "mail/kind.h"
#include "unit/daemon/house.h"

#define REQUEST UINT64_C(0x123456789abcde0)
#define LAST    KIND_BOUNCE

// Every text of a struct store_mail: they stand in a row.
#define EACH_TEXT(text, mail) for (char **text = &(mail)->site; text <= &(mail)->survey; text++)

#define TEXT(text) ((char *)(uintptr_t)(text))

// A row of that kind; nothing in it is to be freed.
static inline struct store_mail row_of(enum kind kind)
{
	struct store_mail mail = {.id = kind_id(REQUEST, kind),
				  .kind = kind,
				  .created = NOW,
				  .attempts = 1,
				  .arrived = NOW - 5};

	EACH_TEXT(text, &mail)
	*text = TEXT("");
	mail.site = TEXT("one");
	mail.requester = TEXT("a@good.test");
	mail.recipient = TEXT("test@six.test");
	mail.client_address = TEXT("2001:db8:100::25");
	mail.client_hostname = TEXT("unknown");
	mail.client_protocol = TEXT("ESMTP");
	mail.message_id = TEXT("<m@good.test>");
	mail.references = TEXT("<r1@good.test> <r2@good.test>");
	mail.in_reply_to = TEXT("<i@good.test>");
	mail.subject = TEXT("Is it \xc3\xa9ven?");
	if (kind == KIND_DELAY || kind == KIND_BOUNCE) {
		mail.action = TEXT(kind == KIND_DELAY ? "delayed" : "failed");
		mail.status = TEXT("5.4.4");
		mail.final_recipient = TEXT("rfc822; a@good.test");
		mail.diagnostic = TEXT("X-Postfix; connect to mx.good.test: refused");
		mail.class = TEXT("refused");
		mail.will_retry_until = TEXT("Tue, 1 Jan 2030 00:00:00 +0000");
		mail.status_part = TEXT("Final-Recipient: rfc822; a@good.test\nAction: failed\n");
		mail.returned = TEXT("Subject: six\n");
	}
	return mail;
}

static inline struct letter *write_letter(const struct store_mail *mail)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	assert_null(letter_write(letter, house, mail));
	assert_non_null(letter->message.text);
	assert_int_equal(strlen(letter->message.text), letter->message.text_len);
	return letter;
}

static inline void drop(struct letter *letter)
{
	letter_free(letter);
	free(letter);
}
