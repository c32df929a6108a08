// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Mustache (its public specification: comments, interpolation, sections, inverted sections, dotted
// names not): {{name}} is a value, escaped for where it goes; {{#name}}…{{/name}} stands once where
// the value is a text that is not empty, and once for each item where it is a list, the item's
// names before the outer ones; {{^name}}…{{/name}} stands where it is empty; {{! … }} nowhere. A
// tag other than a value that stands alone on its line takes the line with it. There is no way to
// have a value in unescaped.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define MUSTACHE_DEPTH_MAX 8 // sections in sections

enum mustache_context {
	MUSTACHE_TEXT, // no control survives (text_escape), and bidirectional marks are shown
	MUSTACHE_HTML, // likewise, and markup is inert, in text and in quoted attributes
};

struct mustache_values;

struct mustache_value {
	const char *name;
	const char *text; // NULL and "" are empty. Newlines live where the name ends in "_lines"
	const struct mustache_values *items; // a list instead: text is NULL
	size_t n_items;
};

struct mustache_values {
	const struct mustache_value *values;
	size_t n;
};

// Appends template, filled. Returns NULL, or a sentence with the line: "line 3: unknown name
// {{foo}}", "line 5: {{#bar}} is not closed", good until the next call; out then holds a part. A
// name must be known wherever its section may be shown; inside a list that is empty now nothing is
// asked, so templates are tried with one item of each.
const char *mustache_render(const char *template, enum mustache_context context,
			    const struct mustache_values *values, struct buf *out) must_check;
