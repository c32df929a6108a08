// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What pipe(8) tells of one delivery: the envelope and where it came from. Strings as given,
// unchecked.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The arguments of postsix-pipe, in this order, are these names as name=value. All may be empty;
// sender is empty for <>. An address is quoted where RFC 5321 asks (pipe flag q).
#define ENVELOPE_FIELDS(X)                                                                         \
	X(instance) /* dual or v6 */                                                               \
	X(queue_id)                                                                                \
	X(sender)                                                                                  \
	X(recipient)          /* after aliases */                                                  \
	X(original_recipient) /* as in RCPT TO */                                                  \
	X(client_address)     /* IPv4 or IPv6, without brackets or prefix */                       \
	X(client_hostname)    /* the verified reverse name, or "unknown" */                        \
	X(client_helo)                                                                             \
	X(client_port)                                                                             \
	X(client_protocol) /* SMTP, ESMTP, … */                                                  \
	X(size)            /* octets, as Postfix counts */

#define ENVELOPE_VALUE_MAX 1000 // octets of one value; more is refused

struct envelope {
#define X(name) char *name;
	ENVELOPE_FIELDS(X)
#undef X
};

// Sets one field by its name (a copy is made). Returns NULL, or a sentence that says what is wrong.
const char *envelope_set(struct envelope *envelope, const char *name, const char *value);

// The first required field that is missing or empty (instance, queue_id, recipient), or NULL. Fills
// every unset one with "". Postfix writes an IPv6 client as "IPv6:2001:db8::1": the tag is dropped.
const char *envelope_finish(struct envelope *envelope);

void envelope_free(struct envelope *envelope);
