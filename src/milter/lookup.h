// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// All that one message asks of the DNS: the client's reverse name with its confirmation, whether
// the client is a mail host of the sender's domain, and the keys of its signatures; at once, and
// under one deadline.
#pragma once

#include "adapter/dkim.h"
#include "adapter/dns.h"
#include "mail/authres.h"
#include "mail/domain.h"

#define LOOKUP_NAMES_MAX 5 // reverse names of an address that are looked up

// The client's name (RFC 8601 section 2.7.3): permerror where the address has none.
struct reverse {
	enum auth_result iprev;
	char name[DOMAIN_MAX + 1]; // the confirmed one, else the first that is a domain, else ""
};

struct lookup_key {
	const char *name; // borrowed
	struct dns_answer answer;
};

// What is asked; all of it stays the caller's.
struct lookup_wanted {
	const char *address;     // the client's, "" for none: of it nothing is asked then
	struct reverse *reverse; // is set; NULL: not asked
	const char *domain;      // the envelope sender's, by authres_is_domain; "": not asked
	size_t n_keys;
	const char *const *keys; // names
};

struct lookup {
	enum auth_result mx; // as struct trace has it
	size_t n_keys;
	struct lookup_key key[VERIFY_SIGNATURES_MAX];
};

// Asks, and waits no longer than until `deadline` (dns_now). What has no answer by then is a
// temperror. Sets *wanted->reverse, and *ret_lookup, which is to be freed.
void lookup_all(struct dns *dns, int64_t deadline, const struct lookup_wanted *wanted,
		struct lookup *ret_lookup);

// What became of one of those keys, as verify_finish() asks for it; arg is the lookup.
enum verify_key lookup_key(void *arg, const char *name, char record[VERIFY_RECORD_SIZE]);

void lookup_free(struct lookup *lookup);
