// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/maillog on any bytes: a line of a file, and a text of the journal. What is told of an
// attempt is within its bounds, its result one of three, its reason printable. Reached: an attempt.

#include <string.h>

#include "fuzz.h"

#include "base/text.h"
#include "mail/maillog.h"

#define NOW 1795460400

static void check(const struct maillog *log)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "bcdfghjklmnpqrstvwxyz";

	if (log->kind == MAILLOG_NONE)
		return;
	assert(log->queue_id[strspn(log->queue_id, digits)] == '\0');
	assert(log->at != 0);
	if (log->kind == MAILLOG_FROM)
		return;
	assert(strcmp(log->result, "deferred") == 0 || strcmp(log->result, "bounced") == 0 ||
	       strcmp(log->result, "sent") == 0);
	assert(text_is_printable(log->reason, strlen(log->reason)));
	assert(strcmp(log->relay, "none") != 0);
	fuzz_reached++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const programs[] = {"postfix-v6/smtp", "postfix-v6/qmgr", "postfix-v6/",
					       "postfix"};
	struct maillog log;

	maillog_read((const char *)data, size, "postfix-v6", NOW, 3600, &log);
	check(&log);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		maillog_read_text((const char *)data, size, programs[i], "postfix-v6", NOW, &log);
		check(&log);
	}
	return 0;
}
