// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The milter protocol (libmilter): Postfix tells a session and its messages, step by step; at a
// message's end the filter may change its header.
//
// libmilter owns the process: it makes a thread for each session, takes SIGTERM, SIGINT and SIGHUP
// (each stops it), and can be run once. A session's steps come one at a time; different sessions'
// at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

// Postfix's side of a session: good inside the step it is given to.
struct milter_peer;

enum milter_answer {
	MILTER_GO_ON,
	MILTER_TEMPFAIL, // 451: this message, or where it comes before one, the session's mail
	MILTER_REJECT,   // 550, with the words of milter_set_words() if there are any
};

// All but on_connect get what that returned. Strings are good for the step only.
struct milter_filter {
	const char *name;
	void *arg;

	// address: in inet_ntop(3)'s form, "" for a client that has none. NULL refuses the session
	// for now.
	void *(*on_connect)(void *arg, struct milter_peer *peer, const char *address);
	void (*on_helo)(void *session, struct milter_peer *peer, const char *name);
	// MAIL FROM: a message begins, whatever was before it. sender: as the client wrote it, with
	// angle brackets.
	void (*on_message)(void *session, struct milter_peer *peer, const char *sender);
	// The value from behind the colon on, blanks included; a fold is an LF.
	void (*on_field)(void *session, const char *name, const char *value);
	void (*on_body_start)(void *session);
	void (*on_body)(void *session, const void *bytes, size_t len);
	// The one step that is answered, and where the header may be changed.
	enum milter_answer (*on_end)(void *session, struct milter_peer *peer);
	void (*on_close)(void *session);
};

// A macro that Postfix sent ("j", "{daemon_name}"), borrowed; "" for none.
const char *milter_macro(struct milter_peer *peer, const char *name);

// Takes the nth field of that name away, from 1 as on_field told them. Begin with the last one:
// each deletion renumbers the ones behind it. 0, or -EIO.
int milter_delete_field(struct milter_peer *peer, const char *name, unsigned nth) must_check;

// Puts a field above all others. value: LF at its folds. 0, or -EIO.
int milter_insert_field(struct milter_peer *peer, const char *name, const char *value) must_check;

// What MILTER_REJECT says: an RFC 3463 code and words. 0, or -EIO.
int milter_set_words(struct milter_peer *peer, const char *code, const char *words) must_check;

// Listens at socket ("unix:/path", "inet6:port@host"), where a unix socket of that name is
// replaced. 0, or -EIO; libmilter says why in the system's log.
int milter_open(const struct milter_filter *filter, const char *socket) must_check;

// Serves until a signal. 0, or -EIO.
int milter_run(void) must_check;
