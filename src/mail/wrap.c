// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Wraps the lines that a value made too long; the template's own are short and stay byte for byte.
// A column is a character here: wide and combining ones are not measured, so such a line may look
// longer or shorter.
#include "mail/wrap.h"

#include <stdbool.h>
#include <string.h>

#define INDENT_MAX 40 // columns: a deeper line goes on less deep

static bool is_start(char octet)
{
	return ((unsigned char)octet & 0xc0) != 0x80;
}

// Octets of the first max characters of text.
static size_t prefix_size(const char *text, size_t len, size_t max)
{
	size_t size = 0;

	while (size < len && (max > 0 || !is_start(text[size])))
		max -= is_start(text[size++]) ? 1 : 0;
	return size;
}

static size_t blanks(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	return n;
}

// True for "Name: …".
static bool is_field(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[n] > ' ' && line[n] <= '~' && line[n] != ':')
		n++;
	return n > 0 && n < len && line[n] == ':';
}

// Octets of the piece of line, longer than width, that goes on one line; *ret_skip: the blanks to
// drop behind it.
static size_t piece_size(const char *line, size_t len, size_t width, size_t *ret_skip)
{
	size_t size = prefix_size(line, len, width);
	size_t end = size;
	size_t first = blanks(line, len);

	while (end > first && line[end] != ' ' && line[end] != '\t')
		end--;
	if (end <= first) { // one long word
		*ret_skip = 0;
		return size;
	}
	*ret_skip = blanks(line + end, len - end);
	while (line[end - 1] == ' ' || line[end - 1] == '\t') {
		end--;
		++*ret_skip;
	}
	return end;
}

static void wrap_line(struct buf *out, const char *line, size_t len)
{
	size_t indent = blanks(line, len);
	size_t width = WRAP_WIDTH;
	size_t skip;

	indent += is_field(line + indent, len - indent) ? 2 : 0;
	indent = indent < INDENT_MAX ? indent : INDENT_MAX;
	while (prefix_size(line, len, width) < len) {
		size_t size = piece_size(line, len, width, &skip);

		buf_add(out, line, size);
		buf_addc(out, '\n');
		line += size + skip;
		len -= size + skip;
		if (len > 0)
			buf_addf(out, "%*s", (int)indent, "");
		width = WRAP_WIDTH - indent;
		if (len == 0)
			return;
	}
	buf_add(out, line, len);
	buf_addc(out, '\n');
}

void wrap_text(struct buf *out, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;

		wrap_line(out, text, line);
		text += line + (end != NULL ? 1 : 0);
		len -= line + (end != NULL ? 1 : 0);
	}
}
