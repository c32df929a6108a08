// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Surveys of domains: the DNS, then (where wanted) a knock at port 25 of each address, under one
// deadline each. Many are under way at once on the event loop; those that wait for a silent server
// cost the others nothing. Does not log.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/dns.h"
#include "adapter/loop.h"
#include "adapter/reach.h"
#include "mail/survey.h"

// Where a value is 0, the default in brackets stands.
struct surveyor_options {
	struct dns_options dns;     // the resolver and its cache
	int deadline_ms;            // of a survey, from the moment it is asked for (10000)
	int at_once;                // surveys under way (1000); others wait in order
	int waiting;                // surveys asked for and not finished, those under way included
				    // (20000)
	int reuse_ms;               // for so long a finished survey answers again (0: not at all)
	int reuse_max;              // finished surveys kept for that (500)
	bool reach;                 // knock at all
	bool reach_v4;              // at the IPv4 addresses, too
	bool reach_v4_only;         // at them and no others
	int domain_connections;     // at once, for one survey (4)
	int connections;            // at once, for all of them (256)
	int network_at_once;        // for all, at one IPv6 /64 or IPv4 address (0: no limit)
	struct reach_options knock; // its texts are copied
};

struct surveyor;

// Opens a resolver of its own. NULL, and a negative errno in *ret_error, where the system's DNS
// configuration cannot be read. dns_init() comes before.
struct surveyor *surveyor_new(struct loop *loop, const struct surveyor_options *options,
			      int *ret_error) must_check;

// Surveys the domain (no final dot). on_survey is called exactly once, from the loop, never from
// inside this function, and not later than the deadline and a moment: then with what is known by
// then, is_complete false. The struct is borrowed for the call. on_survey may ask again, but must
// not free the surveyor. Questions for the same domain share a survey, and its deadline.
// 0; -EINVAL where that is no name in ASCII of the DNS (an address literal, a U-label): on_survey
// is not called then; -EBUSY where options.waiting is reached: nor then.
int surveyor_ask(struct surveyor *surveyor, const char *domain,
		 void (*on_survey)(void *arg, const struct survey *survey), void *arg) must_check;

// Surveys that were asked for and are not finished.
size_t surveyor_open(const struct surveyor *surveyor);

// Nobody is called any more.
struct surveyor *surveyor_free(struct surveyor *surveyor);
