// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// deliver-v6 is judged by the first hop. Addresses are compared as addresses: the configuration's
// are written by people.

#include "adapter/arrival.h"

#include <arpa/inet.h>
#include <string.h>

#include "mail/addr.h"
#include "mail/survey.h"

static bool is_same_address(const char *a, const char *b, size_t b_len)
{
	unsigned char one[sizeof(struct in6_addr)] = {0}, two[sizeof(one)] = {0};
	int family = strchr(a, ':') == NULL ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (b_len >= sizeof(text))
		return false;
	memcpy(text, b, b_len);
	text[b_len] = '\0';
	return inet_pton(family, a, one) == 1 && inet_pton(family, text, two) == 1 &&
	       memcmp(one, two, sizeof(one)) == 0;
}

// listen: addresses, blanks between them.
static bool is_one_of(const char *address, const char *listen)
{
	while (*listen != '\0') {
		size_t len = strcspn(listen, " \t");

		if (is_same_address(address, listen, len))
			return true;
		listen += len + strspn(listen + len, " \t");
	}
	return false;
}

int arrival_family(const struct config *config, const char *address)
{
	if (is_one_of(address, config->dual.listen) || is_one_of(address, config->v6.listen) ||
	    strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0)
		return 0;
	if (survey_kind_of(address) == SURVEY_KIND_MAPPED)
		return 4;
	return strchr(address, ':') != NULL ? 6 : strchr(address, '.') != NULL ? 4 : 0;
}

bool arrival_is_v6_only(const struct config_site *site, const char *recipient)
{
	struct addr addr;

	return addr_parse(recipient, strlen(recipient), &addr) == NULL &&
	       domain_equals(&addr.domain, &site->v6_domain);
}
