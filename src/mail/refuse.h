// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Whether a message may be answered at all (RFC 3834 section 2). Policy is a table of rows; the log names the row.
#pragma once

#include <stdint.h>

#include "mail/addr.h"
#include "mail/envelope.h"
#include "mail/facts.h"

struct refuse_input {
	const struct envelope *envelope;
	const struct facts *facts;
	const struct domain *own; // our own domains: every site's, both
	size_t n_own;
	bool (*is_own_message_id)(void *arg, const char *id); // genuine Message-IDs of ours (without brackets); may be NULL
	void *arg;
};

struct refuse_row {
	const char *name;    // as logged: reason=null-sender
	const char *section; // "RFC 3834 2"
};

// NULL where the message may be answered; *ret_requester is then the one address to answer. Else
// the first row that refuses it, *ret_requester untouched.
const struct refuse_row *refuse_find(const struct refuse_input *input, struct addr *ret_requester);

// All rows, ended by one with a NULL name: for the documentation's test.
const struct refuse_row *refuse_rows(void);
