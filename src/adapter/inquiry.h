// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The DNS's part of a survey: mail hosts, their addresses, the name servers of their zones.
#pragma once

#include "adapter/dns.h"
#include "mail/survey.h"

struct inquiry;

// What is told, always from the loop.
struct inquiry_watch {
	// The survey has an address more, which stays where it is until inquiry_end().
	void (*on_address)(void *arg, struct survey_address *address);
	// Every question has its answer. inquiry_end() may be called in it.
	void (*on_end)(void *arg);
	void *arg;
};

// Asks about the domain, a name in ASCII. dns is one on the loop.
struct inquiry *inquiry_start(struct dns *dns, const char *domain,
			      const struct inquiry_watch *watch);

// No more is told. Returns what is known, for the caller to free: domain, mx, a_only and hosts are
// filled. NULL where not even the answer about the MX records is there. The rest of the memory goes
// with the last answer.
struct survey *inquiry_end(struct inquiry *inquiry);
