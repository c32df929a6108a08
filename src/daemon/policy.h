// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What is answered to a recipient in the SMTP session: yes, or no in words that a person can act
// on.
#pragma once

#include <stdint.h>

struct daemon;

// What Postfix says of a RCPT TO, as it says it. Borrowed.
struct policy_question {
	const char *sender; // "" for <>; without the quotes of RFC 5321, like the next
	const char *recipient;
	const char *client_address;
};

struct policy_answer {
	const char *reason; // NULL: it may come in
	const char *option; // of the limit that is reached, or ""
	uint64_t id;        // the probe's, where a genuine token was given
	char action[481];   // "DUNNO", or the reply: "550 5.1.1 …"
};

// Decides without the database, and reserves a place under the limits where the answer is yes.
void policy_decide(struct daemon *daemon, const struct policy_question *question,
		   struct policy_answer *ret_answer);
