// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our own DNS records: those that the configuration and its keys ask for, and the proof that the
// DNS has them. Rules are mail/records.h's; this has the key files and the resolver.
#pragma once

#include <stdio.h>

#include "adapter/config.h"
#include "adapter/dns.h"
#include "adapter/loop.h"
#include "mail/records.h"

// Those of all sites, or of the one of that name. NULL where a key file cannot be read, or there is
// no such site, after a line to errors. records_free() it.
struct records *prove_records(const struct config *config, const char *site, FILE *errors);

struct prove;

// Asks the DNS about every one of records. on_end is called once, from the loop, with a finding for
// each row of records, in their order, none of them RECORD_WAITS: what is not known when
// deadline_ms are over is RECORD_UNKNOWN. prove_free() is due after it, and may be called in it.
// dns is one on the loop.
struct prove *prove_start(struct loop *loop, struct dns *dns, const struct records *records,
			  int deadline_ms,
			  void (*on_end)(void *arg, const struct record_finding *findings),
			  void *arg);

// Ends it without calling back. The rest of the memory goes with the last answer of dns. NULL is
// fine.
struct prove *prove_free(struct prove *prove);
