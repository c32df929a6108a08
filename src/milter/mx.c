// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The client's address against those of a domain's mail hosts.
//
// Answers come in any order, so the result only ever rises: from none, by a host that was asked
// for, to fail, by one that is not known to temperror, by one that has the address to pass.
#include "milter/mx.h"

#include <arpa/inet.h>
#include <string.h>

static size_t address_size(const struct mx *mx)
{
	return mx->family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

// As numbers: an address has more than one text.
static bool has_client(const struct mx *mx, const struct dns_answer *answer)
{
	unsigned char address[16];

	for (size_t i = 0; i < answer->n; i++) {
		if (inet_pton(mx->family, answer->values[i], address) == 1 &&
		    memcmp(address, mx->address, address_size(mx)) == 0)
			return true;
	}
	return false;
}

static void on_host(void *arg, struct dns_answer answer)
{
	struct mx *mx = arg;

	if (has_client(mx, &answer))
		mx->result = AUTH_PASS;
	else if (answer.status == DNS_TEMPERROR && mx->result != AUTH_PASS)
		mx->result = AUTH_TEMPERROR;
	dns_answer_free(&answer);
}

// The answer may come at once.
static void ask_host(struct mx *mx, const char *name)
{
	if (mx->result == AUTH_NONE)
		mx->result = AUTH_FAIL;
	dns_ask(mx->dns, mx->family == AF_INET6 ? DNS_AAAA : DNS_A, name, on_host, mx);
}

static void on_mx(void *arg, struct dns_answer answer)
{
	struct mx *mx = arg;

	if (answer.status == DNS_TEMPERROR)
		mx->result = AUTH_TEMPERROR;
	if (answer.status == DNS_NO_DATA)
		ask_host(mx, mx->domain);
	for (size_t i = 0; i < answer.n && i < MX_HOSTS_MAX; i++) {
		if (authres_is_domain(answer.values[i])) // a null MX has no name
			ask_host(mx, answer.values[i]);
	}
	dns_answer_free(&answer);
}

void mx_ask(struct mx *mx, struct dns *dns, const char *domain, const char *address)
{
	*mx = (struct mx){.dns = dns, .domain = domain, .result = AUTH_NONE};
	mx->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	if (domain[0] != '\0' && inet_pton(mx->family, address, mx->address) == 1)
		dns_ask(dns, DNS_MX, domain, on_mx, mx);
}
