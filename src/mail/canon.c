// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Relaxed header fields. libopendkim does this for the signatures it makes itself; this is for the
// one it cannot make without a leak (see adapter/dkim_sign.c).
#include "mail/canon.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX 64 // of a header of ours, and names in an h=

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void canon_field(struct buf *out, const char *field, size_t len)
{
	const char *colon = memchr(field, ':', len), *end = field + len;
	bool blank = false, any = false;

	for (const char *c = field; c < colon && !is_blank(*c); c++)
		buf_addc(out, *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c);
	buf_addc(out, ':');
	for (const char *c = colon == NULL ? end : colon + 1; c < end; c++) {
		if (is_blank(*c)) {
			blank = any;
		} else if (*c != '\r' && *c != '\n') {
			if (blank)
				buf_addc(out, ' ');
			buf_addc(out, *c);
			blank = false;
			any = true;
		}
	}
}

size_t canon_field_len(const char *start)
{
	const char *end = strstr(start, "\r\n");

	while (end != NULL && is_blank(end[2]))
		end = strstr(end + 2, "\r\n");
	return end == NULL ? 0 : (size_t)(end - start);
}

static bool has_name(const char *field, const char *name, size_t len)
{
	return strncasecmp(field, name, len) == 0 && field[len + strspn(field + len, " \t")] == ':';
}

void canon_header(struct buf *out, const char *message, const char *names, size_t names_len)
{
	const char *fields[FIELDS_MAX], *end = names + names_len;
	size_t n = 0, len;
	bool taken[FIELDS_MAX] = {false};

	for (const char *at = message; n < FIELDS_MAX && (len = canon_field_len(at)) > 0;
	     at += len + 2)
		fields[n++] = at;
	for (const char *name = names; name < end; name += len + 1) {
		size_t i = n;

		name += strspn(name, " \t\r\n");
		len = strcspn(name, ": \t\r\n;");
		while (i > 0 && (taken[i - 1] || !has_name(fields[i - 1], name, len)))
			i--;
		if (i > 0) {
			taken[i - 1] = true;
			canon_field(out, fields[i - 1], canon_field_len(fields[i - 1]));
			buf_adds(out, "\r\n");
		}
	}
}
