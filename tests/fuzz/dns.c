// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dns_read of adapter/dns.h: the first octet says which type was asked, the rest is the answer as
// it came. Whatever it is, the result keeps the header's promises; what was found is bounded, and
// an address or none. Reached: a value was found.

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

#include "adapter/dns.h"

static bool is_address(enum dns_type type, const char *text)
{
	unsigned char bytes[16];

	return inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, bytes) == 1;
}

static void check(enum dns_type type, const struct dns_answer *answer)
{
	assert(answer->n <= DNS_VALUES_MAX && answer->n <= answer->n_all);
	assert((answer->status == DNS_FOUND) == (answer->n > 0));
	assert(answer->status != DNS_FOUND || answer->values != NULL);
	assert(answer->ttl <= INT32_MAX && (answer->status <= DNS_NO_NAME || answer->ttl == 0));
	for (size_t i = 0; i < answer->n; i++) {
		assert(strlen(answer->values[i]) <= DNS_VALUE_MAX);
		assert((type != DNS_A && type != DNS_AAAA) || is_address(type, answer->values[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer answer;
	enum dns_type type;

	if (size < 1)
		return 0;
	type = data[0] % DNS_TYPES;
	dns_read(type, data + 1, size - 1, &answer);
	check(type, &answer);
	fuzz_reached += answer.n > 0;
	dns_answer_free(&answer);
	return 0;
}
