// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes one message. take_message() reads as the list of steps; the order is what keeps mail from
// being lost: nothing is answered with 2.0.0 before spool_put() has returned, and whatever fails
// before leaves the mail to Postfix.
#include "intake/take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapter/entry.h"
#include "base/log.h"
#include "intake/message.h"
#include "intake/parse.h"
#include "intake/request.h"

struct take {
	struct request request;
	struct message message;
	struct parse parse;
	struct buf entry;
	char name[ENTRY_NAME_MAX + 1];
	const char *kept; // the copy in quarantine: "yes", or why not; NULL for none wanted
};

// Postfix shall try again: says so to it and to the operator.
static void defer(int socket, const struct take *take, const char *code, const char *what,
		  int error)
{
	const char *id = take->request.envelope.queue_id;
	char status[200];

	snprintf(status, sizeof(status), "%s %s%s%s", code, what, error != 0 ? ": " : "",
		 error != 0 ? strerror(-error) : "");
	log_event(LOG_WARNING, id != NULL ? log_value(id) : "NOQUEUE",
		  "deferred, status=%s, will retry", log_value(status));
	request_answer(socket, status);
}

static const char *storage_code(int error)
{
	return error == -ENOSPC || error == -EDQUOT ? "4.3.1" : "4.3.0";
}

// Writes the entry's two lines; a message that cannot be read makes an entry too, and leaves a
// copy.
static int make_entry(struct take *take, struct spool *spool, uint64_t limit)
{
	int error;

	entry_name(take->name, &take->request.envelope);
	entry_write_envelope(&take->entry, &take->request.envelope, (int64_t)time(NULL));
	if (take->message.size > limit + TAKE_SLACK) {
		strcpy(take->parse.why, "too large");
		parse_give_up(take->parse.why, &take->entry);
		return 0;
	}
	error = parse_message(&take->message, &take->entry, &take->parse);
	if (error != 0 || take->parse.is_done)
		return error;
	parse_give_up(take->parse.why, &take->entry);
	error = spool_quarantine(spool, take->name, buf_string(&take->message.head),
				 take->message.head.len);
	take->kept = error == 0 ? "yes" : strerror(-error);
	return 0;
}

static void log_taken(const struct take *take)
{
	const struct envelope *envelope = &take->request.envelope;
	char rest[300] = "";

	if (!take->parse.is_done)
		snprintf(rest, sizeof(rest), ", unparsable=%s%s%s", take->parse.why,
			 take->kept != NULL ? ", quarantine=" : "",
			 take->kept != NULL ? take->kept : "");
	log_event(take->parse.is_done ? LOG_INFO : LOG_WARNING, log_value(envelope->queue_id),
		  "entry=%s, instance=%s, size=%llu, parser_ms=%ld, parser_kb=%ld%s", take->name,
		  log_value(envelope->instance), (unsigned long long)take->message.size,
		  take->parse.ms, take->parse.kb, rest);
}

// With a request at hand: the steps to the entry.
static void take_request(int socket, struct take *take, struct spool *spool, uint64_t limit)
{
	int error = message_read(take->request.message_fd, &take->message);

	if (error != 0) {
		defer(socket, take, "4.3.0", "reading the message", error);
		return;
	}
	error = make_entry(take, spool, limit);
	if (error != 0) {
		defer(socket, take, "4.3.0", "starting the parser", error);
		return;
	}
	if (!request_is_wanted(socket)) {
		// pipe(8) gave up: what was read may be half a message
		defer(socket, take, "4.3.0", "nobody waits for the answer", 0);
		return;
	}
	error = spool_put(spool, take->name, take->entry.data, take->entry.len);
	if (error != 0) {
		defer(socket, take, storage_code(error), "storing the entry", error);
		return;
	}
	// From here on the mail is safe in the spool; before, it was in Postfix's queue.
	request_answer(socket, "2.0.0");
	log_taken(take);
}

void take_message(int socket, struct spool *spool, uint64_t limit)
{
	struct take take = {.request = {.message_fd = -1}, .entry = buf_make(ENTRY_MAX)};
	const char *wrong = request_read(socket, &take.request);

	if (wrong == NULL)
		take_request(socket, &take, spool, limit);
	else if (*wrong != '\0')
		defer(socket, &take, "4.3.5", wrong, 0);
	request_free(&take.request);
	message_free(&take.message);
	buf_free(&take.entry);
}
