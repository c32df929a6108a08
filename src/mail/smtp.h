// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The client side of one SMTP connection (RFC 5321; PIPELINING RFC 2920, DSN RFC 3461, SMTPUTF8 RFC
// 6531), as a machine without a socket: bytes from the server go in by smtp_push, bytes for it come
// out in `out`.
//
// Guarantee: whatever the message text holds, the wire gets CRLF line ends only, no other CR or LF,
// no NUL changed in meaning, every line-leading dot doubled, and CRLF.CRLF exactly once (SMTP
// smuggling).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "mail/addr.h"
#include "mail/status.h"

#define SMTP_TEXT_MAX (1024 * 1024) // octets of one message's text; ours are a few kilobytes

enum smtp_notify {
	SMTP_NOTIFY_NEVER = 0,
	SMTP_NOTIFY_SUCCESS = 1,
	SMTP_NOTIFY_FAILURE = 2,
	SMTP_NOTIFY_DELAY = 4,
};

struct smtp_message {
	const char *sender; // local@domain, or "" for <>; no blanks in it
	const struct addr *recipient;
	unsigned notify;         // enum smtp_notify bits; 0 is NEVER
	const char *envelope_id; // ENVID, at most 100 octets, or NULL; sent as xtext
	const char *text;        // header and body; any line ends
	size_t text_len;
	bool utf8; // needs SMTPUTF8 (an address beyond ASCII in envelope or header)
};

enum smtp_event {
	SMTP_WAIT,  // nothing to report: send `out`, read on
	SMTP_READY, // greeted: smtp_send may be called
	SMTP_DONE,  // the message's fate is in smtp_result; when `usable`, smtp_send may be called
		    // again
	SMTP_CLOSED // the session is over
};

enum smtp_fate {
	SMTP_SENT,      // 2xx after the final dot: it is the server's now
	SMTP_TRY_AGAIN, // 4xx, or the session broke before the final dot's answer
	SMTP_REFUSED,   // 5xx
};

struct smtp_result {
	enum smtp_fate fate;
	int code; // the SMTP reply code; 0 where the session broke, or nothing was asked
	struct status status; // the enhanced one; where the reply held none, its class alone: 5.0.0
	char command[12];     // "greeting", "EHLO", "MAIL", "RCPT", "DATA", "."
	char reply[513];      // the last reply line's text, printable ASCII; or why there is none
	char queue_id[32];    // out of "queued as X", "" for none
	bool usable;          // the session can carry another message
};

struct smtp;

// helo names us in EHLO. HELO and LMTP are not spoken: the server is our own Postfix.
struct smtp *smtp_new(const char *helo);
struct smtp *smtp_free(struct smtp *smtp);

// Starts one transaction; only after SMTP_READY, or SMTP_DONE with a usable session. The message is
// borrowed until its SMTP_DONE. Where the server lacks DSN, its parameters are left out; where it
// lacks SMTPUTF8 and the message needs it, the result is SMTP_REFUSED 5.6.7 without a word to the
// server (5.3.4 for a text over SMTP_TEXT_MAX, 5.1.7 for an impossible sender): then this returns
// SMTP_DONE, else SMTP_WAIT.
enum smtp_event smtp_send(struct smtp *smtp, const struct smtp_message *message);

// Bytes from the server (data not NULL and len 0: it closed the connection). Reply lines are capped
// at 2048 octets, of which 512 are kept, a reply at 100 lines; more is a broken session. One push
// reports at most one event; call again with no bytes (data NULL) until SMTP_WAIT or SMTP_CLOSED.
// Where a session is closed before it was ready, smtp_result says why.
enum smtp_event smtp_push(struct smtp *smtp, const char *data, size_t len);

// The caller gives the session up, for the reason why (it becomes the result's reply): SMTP_DONE
// where a message was under way, else SMTP_CLOSED.
enum smtp_event smtp_give_up(struct smtp *smtp, const char *why);

// Ends the session politely: QUIT goes to `out`.
void smtp_quit(struct smtp *smtp);

// What to write to the server next; the caller shifts it by what it wrote.
struct buf *smtp_out(struct smtp *smtp);

// Of the latest SMTP_DONE, or of the SMTP_CLOSED before SMTP_READY; good until the next call of any
// of these.
const struct smtp_result *smtp_result(const struct smtp *smtp);
