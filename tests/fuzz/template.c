// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/template.h on any template, and on any value in a good one: mistakes are told with their
// line, a value adds no control character and no line. The input is split at its first NUL: the
// template before it, a value behind it. Reached: the template was rendered.

#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "base/text.h"
#include "mail/template.h"

static const char *render(const char *template, const char *value, struct buf *out)
{
	const struct template_value list[] = {{"a", value}, {"b_lines", value}, {"c", ""}};
	const struct template_values values = {list, 3};

	return template_render(template, &values, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *input = mem_strndup((const char *)data, size);
	const char *value = strlen(input) < size ? input + strlen(input) + 1 : "value";
	auto_buf struct buf out = buf_make(1 << 20);
	auto_buf struct buf one = buf_make(1 << 20);
	const char *wrong = render(input, value, &out);

	assert(wrong == NULL || (strncmp(wrong, "line ", 5) == 0 && strlen(wrong) < 160));
	assert(strstr(input, "{{") != NULL || strcmp(buf_string(&out), input) == 0);
	fuzz_reached += wrong == NULL && strstr(input, "{{") != NULL;
	assert(render("{{a}}", value, &one) == NULL);
	assert(text_is_printable(buf_string(&one), one.len));
	return 0;
}
