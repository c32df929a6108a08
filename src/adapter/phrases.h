// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What we say of classes, evidence and servers, in one language: DIRECTORY/LANGUAGE/phrases.ini,
// read by inih. A section is "[KIND NAME]", such as [class no-aaaa]; each of its texts is Mustache
// (mail/mustache.h) over the facts below and may go on in lines that begin with a blank. So that
// nobody gets half an explanation, a file is taken whole or not at all: everything that phrases.c's
// table names must be there, and nothing else.
//
//	class     every class_name()                subject, happened, means, who, send
//	ours      handover, records                 the same: the fault is ours
//	explain   every class_name()                happened, means, who, send: of any bounce from
//	                                            anywhere (postsix explain), over IPv6 or not
//	mender    what who of [explain …] may be    text
//	title     happened, means, who, send        text: what stands before one of [explain …]
//	evidence  every evidence of mail/verdict.h  text
//	ability   every ability                     title, about
//	verdict   pass, fail, unknown               text
//	mx        every survey_mx_name()            text
//	kind      every survey_kind_name()          text (in a table; may be empty), note (likewise)
//	reach     every survey_reach_name()         text
//	step      every survey_step_name()          text
//	note      see the table                     text
//	who       you, provider, nobody, us         text
//	provider  google, microsoft                 hint
//	unit      day, hour, minute, second         one, few, many
//	word      server                            text: {{server}}, where no host is known
//
// A class's who is one of the names of [who …]; its send is a paragraph for the provider's support,
// empty where nobody can do anything.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct phrases;

// What a text may name; NULL and "" are empty. {{server}} is the host, or where none is known
// [word server], so that "The mail server {{server}} has …" reads well either way.
struct phrase_facts {
	const char *address;      // the person's: the one that mail did not reach
	const char *domain;       // of that address
	const char *host;         // the mail server in question; escaped (text_escape)
	const char *host_address; // and its address
	const char *answer;       // that server's words, one line
	const char *our_domain;   // the IPv6-only domain that a refused message of ours came from
	const char *our_host;     // the name of our server that speaks IPv6 only
	const char *our_address;  // its IPv6 address
	bool is_v6;               // host_address is known, and an IPv6 one (in [explain …])
	const char *code;         // of SMTP, in [reach …]
	const char *step;         // [step …]'s text, in [reach …]
	const char *n;            // a number, where the text counts
};

// Reads and checks the language's file. NULL on failure, after a "file:line: subject: sentence"
// line to errors for every fault found (line 0: of the whole file).
struct phrases *phrases_read(const char *directory, const char *language, FILE *errors) must_check;
struct phrases *phrases_free(struct phrases *phrases);

// The text as it stands in the file, not filled: for who. "" where it is empty. The name must be
// one of the table's: all others are a bug. Borrowed.
const char *phrases_get(const struct phrases *phrases, const char *kind, const char *name,
			const char *key);

// Appends the text, filled for plain text (MUSTACHE_TEXT): in one line, no control byte in it.
// Nothing where it is empty.
void phrases_say(const struct phrases *phrases, const char *kind, const char *name, const char *key,
		 const struct phrase_facts *facts, struct buf *out);
