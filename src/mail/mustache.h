// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Mustache: of its public specification the comments, the interpolation, the sections and the
// inverted sections. {{name}} is a value, escaped for where it goes; {{#name}}…{{/name}} stands
// once where the value is a text that is not empty, and once for each item where it is a list, the
// item's names before the outer ones; {{^name}}…{{/name}} stands where it is empty; {{! … }}
// nowhere. A tag other than a value that stands alone on its line takes the line with it.
//
// Stricter than the specification, so that a mistake is found on the day it is made: an unknown
// name is one (there: empty), and so is a list as a value. Left out, and told as a mistake:
// {{{name}}} and {{&name}}, since nothing goes in unescaped; partials and changed delimiters, which
// nobody asked for. Dotted names and {{.}} are unknown names: every item has names of its own.
// There are no lambdas.
//
// In HTML no value may stand inside a tag, a comment or a style: so none ever makes an attribute,
// and no link is made from one. An address of the web in a stranger's words stays as it is, as
// those words are evidence: a mail program that makes a link of it by itself shows where it leads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define MUSTACHE_DEPTH_MAX 8 // sections in sections

enum mustache_context {
	MUSTACHE_TEXT, // no control survives (text_escape), and bidirectional marks are shown
	MUSTACHE_HTML, // likewise, and & < > " ' are written as references
};

struct mustache_values;

struct mustache_value {
	const char *name;
	const char *text; // "" is empty; NULL for a list. Newlines live where the name ends in
			  // "_lines"
	const struct mustache_values *items; // of a list
	size_t n_items;
	bool is_rendered; // text came out of MUSTACHE_TEXT, or was escaped by whoever kept it: its
			  // backslashes are not doubled again
};

struct mustache_values {
	const struct mustache_value *values;
	size_t n;
};

// Appends template, filled. Returns NULL, or a sentence with the line: "line 3: unknown name
// {{foo}}", "line 5: {{#bar}} is not closed", good until the next call; out then holds a part. A
// name must be known also where its section is not shown; only inside a list that is empty now
// nothing is asked, so templates are tried with one item of each. Rendering ends where out is full
// (buf_failed), and that too is a sentence. The time is linear in the template and the items shown.
const char *mustache_render(const char *template, enum mustache_context context,
			    const struct mustache_values *values, struct buf *out) must_check;
