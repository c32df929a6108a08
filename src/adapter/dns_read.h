// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What adapter/dns.c needs of the reader of answers (dns_read() itself stands in adapter/dns.h).
#pragma once

#include <stddef.h>

#include "adapter/dns.h"

// The type's number on the wire.
int dns_wire_type(enum dns_type type);

// As dns_read, for how the library says that a question ended (an ARES_ status); bytes is NULL
// where it has nothing to show.
void dns_read_end(enum dns_type type, int status, const unsigned char *bytes, size_t len,
		  struct dns_answer *ret_answer);
