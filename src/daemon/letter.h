// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What we say: a message of ours, from its row in the database to what SMTP takes.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "adapter/config.h"
#include "adapter/store.h"
#include "mail/smtp.h"
#include "mail/token.h"

struct daemon;

#define LETTER_ID_PURPOSE "message-id" // of the seal in our Message-IDs

struct letter {
	struct smtp_message message; // points into what follows
	struct addr recipient;
	char sender[ADDR_TEXT_SIZE];
	char envelope_id[TOKEN_TEXT_SIZE];
	struct buf text;
};

// Writes the letter. The same row gives the same letter, Message-ID included, whenever it is
// written. NULL on success; else a sentence that says why not. letter_free() in either case.
const char *letter_write(struct letter *letter, const struct daemon *daemon,
			 const struct store_mail *mail) must_check;

void letter_free(struct letter *letter);

// True where every site's language has every template and each can be filled; else a line with the
// file for each that cannot.
bool letter_check_templates(const struct config *config, FILE *errors);
