// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Whether the client is one of the hosts that take a domain's mail (RFC 5321 section 5.1).
#pragma once

#include "adapter/dns.h"
#include "mail/authres.h"

#define MX_HOSTS_MAX 10 // hosts that are looked up, the preferred ones

// One such question, while it is open.
struct mx {
	struct dns *dns;
	const char *domain; // borrowed
	int family;
	unsigned char address[16];
	// With all answers: pass, fail, temperror; none where there is nothing to compare with: no
	// domain or address was given, or the domain does not exist or takes no mail (RFC 7505).
	enum auth_result result;
};

// Asks for the domain's MX, and then for its hosts' addresses of the client's family; or where it
// has no MX, for its own. domain by authres_is_domain, and address, may be "": nothing is asked. mx
// and domain must stay until dns_run() has returned.
void mx_ask(struct mx *mx, struct dns *dns, const char *domain, const char *address);
