// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What adapter/journal has of systemd's journal, for journald.py: it opens the journal, says so,
// waits for a line on standard input, and prints the queue id of each attempt that was logged
// meanwhile.
#include <stdio.h>
#include <time.h>

#include "adapter/journal.h"

int main(void)
{
	struct journal *journal = NULL;
	struct maillog log;
	int r = journal_open("journal", "postfix-v6", "", &journal);

	printf("open %d\n", r);
	fflush(stdout);
	if (r < 0 || getchar() == EOF)
		return 1;
	while ((r = journal_next(journal, time(NULL), &log)) == 1)
		if (log.kind == MAILLOG_ATTEMPT)
			puts(log.queue_id);
	journal_free(journal);
	return r < 0;
}
