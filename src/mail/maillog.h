// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A line of Postfix's log about a delivery: which instance and queue id, to whom, by which server,
// and what came of it. Servers' answers stand in it: strangers' words.
//
//   Nov 23 18:54:39 mx postfix-v6/smtp[10805]: 4jYFVR0dzszmsCm: to=<me@full.test>,
//     relay=mx.full.test[2001:db8:100::1]:25, delay=0.1, delays=…, dsn=4.2.2, status=deferred (…)
//   Nov 23 18:54:39 mx postfix-v6/qmgr[10665]: 4jYFVR0dzszmsCm: from=<bounce+…@six.test>, …
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define MAILLOG_LINE_MAX   2000 // octets; what is beyond is not looked at
#define MAILLOG_QUEUE_SIZE 40
#define MAILLOG_RELAY_SIZE 300
#define MAILLOG_REASON_MAX 600

enum maillog_kind {
	MAILLOG_NONE,    // anything else
	MAILLOG_FROM,    // qmgr: a message becomes active, with its envelope sender
	MAILLOG_ATTEMPT, // a delivery agent tried it
};

struct maillog {
	enum maillog_kind kind;
	int64_t at; // seconds since 1970; 0 where the line has no time
	char queue_id[MAILLOG_QUEUE_SIZE];
	char sender[320];                    // of MAILLOG_FROM
	char relay[MAILLOG_RELAY_SIZE];      // "" for none
	char status[16];                     // "4.2.2"
	char result[12];                     // "deferred", "bounced", "sent"
	char reason[MAILLOG_REASON_MAX + 1]; // escaped by text_escape
};

// Reads the line of a program whose syslog name begins with instance ("postfix-v6"). now gives the
// year that the old kind of time lacks, offset is what local time is ahead of UTC, in seconds. Any
// bytes.
void maillog_read(const char *line, size_t len, const char *instance, int64_t now, int64_t offset,
		  struct maillog *ret_log);

// The same for a line without its time, host and program, as the journal has it: program is
// "postfix-v6/smtp", at its time.
void maillog_read_text(const char *text, size_t len, const char *program, const char *instance,
		       int64_t at, struct maillog *ret_log);
