// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Names are absolute and values quoted: what our records hold needs no more escapes, as host names,
// addresses and tags of DKIM, SPF and DMARC have neither quotes nor backslashes.
#include "cli/zone_text.h"

#include <string.h>

#define TXT_MAX 255

static void add_strings(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	buf_adds(out, len > TXT_MAX ? "( " : "");
	for (size_t at = 0; at < len; at += TXT_MAX)
		buf_addf(out, "%s\"%.*s\"", at == 0 ? "" : "\n\t", TXT_MAX, text + at);
	buf_adds(out, len > TXT_MAX ? " )" : "");
}

void zone_text_add(struct buf *out, const struct record *record)
{
	if (record->value[0] == '\0')
		return;
	buf_addf(out, "%s. IN %s ", record->name, lookup_type_name(record->type));
	if (record->type == LOOKUP_TXT)
		add_strings(out, record->value);
	else if (record->type == LOOKUP_MX)
		buf_addf(out, "10 %s.", record->value);
	else
		buf_addf(out, "%s%s", record->value, record->type == LOOKUP_PTR ? "." : "");
}
