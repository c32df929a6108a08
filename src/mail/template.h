// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Text with holes: a small subset of Mustache. {{name}} is a value, {{#name}}…{{/name}} stands
// where the value is not empty, {{^name}}…{{/name}} where it is, {{! … }} nowhere. Sections nest. A
// tag other than a value that stands alone on its line takes the line with it.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define TEMPLATE_DEPTH_MAX 8 // sections in sections

struct template_value {
	const char *name;
	const char *value; // NULL and "" are empty
};

struct template_values {
	const struct template_value *values;
	size_t n;
};

// Appends template, filled. Values are put through text_escape (no control character survives;
// newlines do in values whose name ends in "_lines"). Returns NULL, or a sentence with the line:
// "line 3: unknown name
// {{foo}}", "line 5: {{#bar}} is not closed". The sentence is good until the next call; out then
// holds a part. A name must be in values even where its section is not shown.
const char *template_render(const char *template, const struct template_values *values,
			    struct buf *out) must_check;
