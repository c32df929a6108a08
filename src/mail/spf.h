// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Does a domain's SPF record let an address send (RFC 7208)? Only as far as our own records need
// it: ip4, ip6, a, mx, include, redirect, all. What would take more (macros, exists, ptr) is
// "cannot tell", never a guess.
#pragma once

#include "mail/lookups.h"

#define SPF_LOOKUPS_MAX 10 // terms that ask the DNS (RFC 7208 section 4.6.4)

enum spf_answer {
	SPF_WAITS, // for the DNS: ask again when lookups has more
	SPF_PASS,
	SPF_NO_PASS, // fail, softfail or neutral
	SPF_NONE,    // there is no such record
	SPF_BROKEN,  // permerror: several records, bad syntax, too many look-ups
	SPF_UNKNOWN, // the DNS did not say, or it takes more than we evaluate
};

// address: inet_ntop(3)'s form.
enum spf_answer spf_ask(struct lookups *lookups, const char *domain,
			const char *address) must_check;

// "pass", "no pass", … Static.
const char *spf_answer_name(enum spf_answer answer);
