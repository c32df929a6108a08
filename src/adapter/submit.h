// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Hands messages to one Postfix instance: SMTP over its inject socket, a few sessions at a time,
// each used for several messages. Does not log; the caller learns each message's fate once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/loop.h"
#include "mail/smtp.h"

struct submit;

// Patience, in microseconds.
struct submit_limits {
	uint64_t silence_usec; // a server that says nothing for so long is given up: 60 s
	uint64_t idle_usec;    // a session without work says QUIT after this: 5 s
};

// socket_path: the unix socket of the instance's `inject` smtpd. max_sessions: how many at once.
// helo: our name.
struct submit *submit_new(struct loop *loop, const char *socket_path, size_t max_sessions,
			  const char *helo);

// Cancels everything under way without calling back: their fate is then unknown (they count as in
// flight in the database).
struct submit *submit_free(struct submit *submit);

// Instead of the defaults above; for sessions from now on.
void submit_set_limits(struct submit *submit, struct submit_limits limits);

// True while another message may be given. (max_sessions messages at most are under way.)
bool submit_has_room(const struct submit *submit);

// Takes one message; message and what it points to must live until on_fate, which is called once,
// never from inside this function. A connection that cannot be made, breaks, or is silent for 60 s
// is SMTP_TRY_AGAIN with code 0; a greeting or EHLO that refuses is SMTP_TRY_AGAIN with its code. A
// message that was sent over an idle session which the server had closed meanwhile starts over on a
// new one by itself. Only while submit_has_room(). on_fate may call any function here.
void submit_message(struct submit *submit, const struct smtp_message *message,
		    void (*on_fate)(void *arg, const struct smtp_result *result), void *arg);
