// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The DNS records that a deployment must have, worked out from its configuration; and whether what
// the DNS says is as good. `postsix dns` prints them, `postsix check` and postsixd compare.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/domain.h"
#include "mail/lookups.h"

#define RECORDS_KEYS_MAX 2
#define RECORDS_TEXT_MAX 512 // octets of a finding's sentence

enum record_role {
	RECORD_MX,       // value: the host that must be among them
	RECORD_MX_ALONE, // of a token domain; value: the host that must be the only one
	RECORD_ADDRESS,  // A or AAAA of a mail host; value: the address
	RECORD_NO_A,     // no mail host of the IPv6-only domain may have an A record
	RECORD_NS_NO_A,  // nor its name servers, for who is strict
	RECORD_SPF,      // TXT at a site's domain
	RECORD_HELO_SPF, // TXT at a host's name, which stands for MAIL FROM:<> (RFC 7208
			 // section 2.4)
	RECORD_DKIM,     // TXT; value: that of the key we sign with
	RECORD_DMARC,    // TXT
	RECORD_PTR,      // of an address that we send from; value: the host's name
	RECORD_ROLES,
};

struct record {
	enum record_role role;
	enum lookup_type type;
	char *site;      // its name; "" for what all sites share
	char *name;      // absolute, without the final dot
	char *value;     // as struct lookup has it; "" where none is to be
	char *addresses; // with blanks between them: who must pass (SPF), whose it is (PTR),
			 // who listens under the name (ADDRESS)
	const char *why; // one sentence, static
	bool is_common;  // of all hosts behind the site's domains: it stands beside theirs
};

struct records {
	struct record *rows;
	size_t n;
};

struct records_key {
	const char *selector;
	char *text; // "v=DKIM1; k=…; p=…"
};

struct records_site {
	const char *name;
	const struct domain *v6_domain;
	const struct domain *dual_domain;
	const struct domain *token_domain; // this host's own; NULL: it has the domains alone
	struct records_key keys[RECORDS_KEYS_MAX];
	size_t n_keys;
};

struct records_host {
	const char *name;
	const char *listen; // addresses, blanks between them; the first of each family sends
};

// Works them out, site by site, then what the sites share. records_free() the result.
struct records *records_make(const struct records_site *sites, size_t n_sites,
			     const struct records_host *dual, const struct records_host *v6);
struct records *records_free(struct records *records);

// "mx", "ptr", … Static.
const char *record_role_name(enum record_role role);

enum record_level {
	RECORD_WAITS, // for the DNS
	RECORD_GOOD,
	RECORD_DOUBTFUL, // works, but is not as it should be
	RECORD_WRONG,
	RECORD_UNKNOWN, // the DNS did not say
	RECORD_LEVELS,
};

struct record_finding {
	enum record_level level;
	char text[RECORDS_TEXT_MAX]; // what was found; printable, though a stranger wrote it
};

// Compares one with what is known; asks lookups for what is not. (mail/records_judge.c)
void record_judge(const struct record *record, struct lookups *lookups,
		  struct record_finding *ret_finding);

// The level of a list of findings: the worst; RECORD_UNKNOWN is better than RECORD_WRONG.
enum record_level record_worse(enum record_level a, enum record_level b);
