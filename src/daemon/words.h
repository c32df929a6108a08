// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a template may name: the values that one message of ours has to tell. postsix.conf(5) lists
// them for those who write templates.
#pragma once

#include "adapter/config.h"
#include "adapter/store.h"
#include "mail/addr.h"
#include "mail/dsn.h"
#include "mail/template.h"
#include "mail/token.h"
#include "mail/trace.h"

#define WORDS_MAX     48
#define WORDS_CUT_MAX 1024 // octets of a stranger's value; less once the whole is too large

// The values, and the texts that are made for them. Borrows from what words_fill() was given.
struct words {
	struct template_value list[WORDS_MAX];
	size_t n;
	size_t n_own; // the first ones are ours, all others may be a stranger's words
	char cut[WORDS_MAX][WORDS_CUT_MAX + 1];
	char id[TOKEN_ID_SIZE];
	char date[40];
	char tester[ADDR_TEXT_SIZE];
	char contact[ADDR_TEXT_SIZE];
	char final_recipient[DSN_FIELD_MAX + 1];
	char remote_mta[DSN_FIELD_MAX + 1];
	struct trace trace; // of the request; all empty where there is none
	char tls[2 * TRACE_WORD_SIZE + 3];
	char dkim[TRACE_DKIM_MAX * (TRACE_NAME_SIZE + 16)];
	char took[40];
	char took_servers[40];
	char hops[12];
};

// own_name: how postfix-v6 names itself in what it reports.
void words_fill(struct words *words, const struct config_site *site, const struct store_mail *mail,
		const char *own_name);

// Cuts every value that may be a stranger's to max octets, at most WORDS_CUT_MAX.
void words_cut(struct words *words, size_t max);

// ---- what takes the place of the above once letters are written in Mustache; then the above goes

struct diagnosis;
struct mustache_values;
struct phrases;
struct survey;
struct verdict_found;

// What a letter is made from. All borrowed: site, mail, own_name and own_address until
// words_free().
struct words_input {
	const struct config_site *site;
	const struct phrases *phrases; // of the letter's language
	const struct store_mail *mail;
	const char *own_name;              // how postfix-v6 names itself
	const char *own_address;           // and its IPv6 address, "" where it is not known
	const struct survey *survey;       // of the requester's domain; NULL for none
	const struct verdict_found *found; // ABILITIES of them; NULL for none
	const struct diagnosis *diagnosis; // why the probe failed; NULL for none
};

struct words_tree;

// The values, lists and all, that templates name: postsix.conf(5) has them. No value that may be a
// stranger's is longer than max octets (WORDS_CUT_MAX at most), and of long lists the rest is
// counted instead of shown; a small max makes a small letter. One allocation of a fixed size; what
// would pass it stays empty.
struct words_tree *words_new(const struct words_input *input, size_t max);
struct words_tree *words_free(struct words_tree *tree);

const struct mustache_values *words_values(const struct words_tree *tree);

// As words_new, but with something in every value and one item in every list, or with nothing in
// any: for trying templates. Of input, mail's id and kind count; survey, found and diagnosis do
// not.
struct words_tree *words_sample(const struct words_input *input, bool is_full);
