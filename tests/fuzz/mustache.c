// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/mustache.h on any template, and on any value in a good one: mistakes are told with their
// line, a value adds no control character, no line and no markup. The input is split at its first
// NUL: the template before it, a value behind it. Reached: the template was rendered.

#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "base/text.h"
#include "mail/mustache.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const char *render(const char *template, enum mustache_context context, const char *value,
			  struct buf *out)
{
	const struct mustache_value item[] = {{.name = "a", .text = "inner"},
					      {.name = "d", .text = value}};
	const struct mustache_values items[] = {{item, LEN(item)}, {item, LEN(item)}};
	const struct mustache_value list[] = {
		{.name = "a", .text = value},
		{.name = "b_lines", .text = value},
		{.name = "c", .text = ""},
		{.name = "l", .items = items, .n_items = LEN(items)},
		{.name = "n"},
		{.name = "r", .text = value, .is_rendered = true},
	};
	const struct mustache_values values = {list, LEN(list)};

	return mustache_render(template, context, &values, out);
}

static void check_value(enum mustache_context context, const char *template, const char *value)
{
	auto_buf struct buf out = buf_make(1 << 20);

	assert(render(template, context, value, &out) == NULL);
	assert(text_is_printable(buf_string(&out), out.len));
	assert(context == MUSTACHE_TEXT || strpbrk(buf_string(&out), "<>\"'") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *input = mem_strndup((const char *)data, size);
	const char *value = strlen(input) < size ? input + strlen(input) + 1 : "value";

	for (enum mustache_context context = MUSTACHE_TEXT; context <= MUSTACHE_HTML; context++) {
		auto_buf struct buf out = buf_make(1 << 20);
		const char *wrong = render(input, context, value, &out);

		assert(wrong == NULL || (strncmp(wrong, "line ", 5) == 0 && strlen(wrong) < 160));
		assert(strstr(input, "{{") != NULL || strcmp(buf_string(&out), input) == 0);
		fuzz_reached += wrong == NULL && strstr(input, "{{") != NULL;
		check_value(context, "{{a}}", value);
		check_value(context, "{{#l}}{{d}}{{/l}}{{r}}", value);
	}
	return 0;
}
