// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What one message says of a failure: each recipient with its class. Runs in the confined process.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/diagnose.h"
#include "mail/dsn.h"

#define EXPLAINED_ADDRESS_SIZE 46

struct explained_recipient {
	char *address; // "" where the bounce names nobody
	enum dsn_action action;
	bool is_classed; // it failed or waits; else only diagnosis.status is set
	struct diagnosis diagnosis;
	char *host; // the server that spoke; "" for none
	// The server's address, where it was not reached and the reporter says so; "" for none.
	char host_address[EXPLAINED_ADDRESS_SIZE];
	bool is_v6;  // and that is an IPv6 one
	char *words; // what was said, as UTF-8; "" for nothing
};

struct explained {
	bool is_mail;
	bool is_bounce;
	size_t n_recipients; // of a bounce at least one
	struct explained_recipient *recipients;
};

// Reads a message; bytes are made canonical in place. explained_free() the result.
void explain_judge(const struct diagnose_table *table, char *bytes, size_t len,
		   struct explained *ret_explained);
void explained_free(struct explained *explained);
