// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A message is authenticated where a domain that it is signed by is its envelope sender's, or one
// above that (RFC 7489 section 3.1.1 would ask for the organizational domain; without a list of
// public suffixes "above" is as near as we come, and no public suffix signs mail), or else where
// the client is a host that takes that very domain's mail. The trace names the domain that the
// milter asked for, so nothing is lost where it read the sender in another way than Postfix.

#include "mail/origin.h"

#include <string.h>

static bool is_signed(const struct trace *trace, const struct domain *sender)
{
	struct domain signer;

	for (size_t i = 0; i < trace->n_dkim; i++) {
		const char *name = trace->dkim[i].domain;

		if (trace->dkim[i].result == AUTH_PASS && strchr(name, '.') != NULL &&
		    domain_parse(name, strlen(name), &signer) == NULL &&
		    domain_is_below(sender, &signer))
			return true;
	}
	return false;
}

static bool is_from_its_host(const struct trace *trace, const struct domain *sender)
{
	const char *name = trace->mx.domain;
	struct domain asked;

	return trace->mx.result == AUTH_PASS && domain_parse(name, strlen(name), &asked) == NULL &&
	       domain_equals(&asked, sender);
}

static const char *authenticate(const struct trace *trace, const struct domain *sender)
{
	if (is_signed(trace, sender))
		return "dkim";
	return is_from_its_host(trace, sender) ? "mx" : "";
}

void origin_find(const struct facts *facts, const struct envelope *envelope,
		 const struct addr *requester, bool has_milter, struct origin *ret_origin)
{
	const char *value = has_milter ? facts_field(facts, TRACE_FIELD, 0) : NULL;

	*ret_origin = (struct origin){.authenticated = ""};
	if (value == NULL || trace_parse(value, strlen(value), &ret_origin->trace) != NULL ||
	    strcmp(ret_origin->trace.client, envelope->client_address) != 0)
		return;
	ret_origin->has_trace = true;
	if (requester != NULL)
		ret_origin->authenticated = authenticate(&ret_origin->trace, &requester->domain);
}
