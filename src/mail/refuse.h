// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Whether a message may be answered at all (RFC 3834 section 2). Policy is a table of rows; the log
// names the row.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/addr.h"
#include "mail/envelope.h"
#include "mail/facts.h"

struct refuse_input {
	const struct envelope *envelope;
	const struct facts *facts;
	const struct domain *own; // our own domains: every site's, both
	size_t n_own;
	// True for a genuine Message-ID of ours (given without brackets); may be NULL.
	bool (*is_own_message_id)(void *arg, const char *id);
	void *arg;
};

// Received fields: as Postfix's hopcount_limit; RFC 5321 section 6.3 would wait for 100.
#define REFUSE_HOPS_MAX 50

struct refuse_check; // refuse.c's own

struct refuse_row {
	const char *name;                                      // as logged: reason=null-sender
	const char *section;                                   // "RFC 3834 2"
	const char *(*sees)(const struct refuse_check *check); // what it saw, or NULL
	// What a person is told in the SMTP session; NULL where the message decides, not the
	// envelope alone.
	const char *words;
};

// NULL where the message may be answered; *ret_requester is then the one address to answer,
// *ret_detail "". Else the first row that refuses it, *ret_requester untouched, and *ret_detail
// says what it saw: a sentence, or the words of the stranger that decided (so escape them). It is
// borrowed from the input and lives as long.
const struct refuse_row *refuse_find(const struct refuse_input *input, struct addr *ret_requester,
				     const char **ret_detail);

// The same before there is a message: asks only the rows that have words. input->facts may be NULL.
const struct refuse_row *refuse_find_in_session(const struct refuse_input *input,
						struct addr *ret_requester,
						const char **ret_detail);

// All rows, in the order they are asked, ended by one with a NULL name: for the documentation's
// test.
const struct refuse_row *refuse_rows(void);
