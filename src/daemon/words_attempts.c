// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The deliveries of the probe that were tried before the letter was made, the last ones of them:
// lines of struct store_mail's tries, apart by tabs. Server names and reasons are strangers' words;
// the reasons are escaped already (mail/maillog.h).

#include <string.h>

#include "adapter/store.h"
#include "base/when.h"
#include "daemon/words_tree.h"

#define SHOWN 6

// The next field of the line, ended where it ends; "" where there is none left.
static char *next_field(char **rest)
{
	char *field = strsep(rest, "\t");

	return field == NULL ? (char *)"" : field;
}

static void append(struct words_tree *tree, struct words_list *list, char *line)
{
	struct words_item item = {0};
	char at[WHEN_SIZE];

	when_text(at, strtoll(next_field(&line), NULL, 10));
	words_put(&item, "attempt_at", words_keep(tree, at, strlen(at)));
	words_put(&item, "attempt_relay", words_stranger(tree, next_field(&line)));
	words_put(&item, "attempt_status", words_stranger(tree, next_field(&line)));
	words_put_said(&item, "attempt_reason", words_stranger(tree, line == NULL ? "" : line));
	words_append(tree, list, &item);
}

static size_t count_lines(const char *text)
{
	size_t n = text[0] != '\0';

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

void words_add_attempts(struct words_tree *tree)
{
	const char *tries = tree->in->mail->tries == NULL ? "" : tree->in->mail->tries;
	auto_free char *copy = strdup(tries);
	size_t n = copy == NULL ? 0 : count_lines(copy), skipped = n > SHOWN ? n - SHOWN : 0;
	struct words_list list = words_list(tree, n - skipped);
	char *rest = copy;

	for (size_t i = 0; i < n; i++) {
		char *line = strsep(&rest, "\n");

		if (i >= skipped && line != NULL)
			append(tree, &list, line);
	}
	words_add_number(tree, "n_attempts", n);
	words_add_list(tree, "attempts", &list);
}
