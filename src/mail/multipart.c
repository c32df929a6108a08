// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes the body of a multipart apart at its boundary lines.
//
// Parts are slices of the body: nothing is copied and nothing is kept per part, so a body of
// 200,000 parts costs one pass and no memory.
#include "mail/multipart.h"

#include <string.h>

enum line {
	LINE_OTHER,
	LINE_DELIMITER,
	LINE_CLOSE,
};

// What the line from at to its end is. Blanks may follow the boundary, nothing else may.
static enum line line_kind(const struct multipart *multipart, const char *at, const char *end)
{
	size_t len = multipart->boundary_len;
	enum line kind = LINE_DELIMITER;

	if ((size_t)(end - at) < len + 2 || memcmp(at, "--", 2) != 0 ||
	    memcmp(at + 2, multipart->boundary, len) != 0)
		return LINE_OTHER;
	at += len + 2;
	if (end - at >= 2 && memcmp(at, "--", 2) == 0) {
		at += 2;
		kind = LINE_CLOSE;
	}
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at == end ? kind : LINE_OTHER;
}

// Skips to behind the next boundary line. Returns where the text in front of it ends, its line end
// left out.
static const char *skip_to_boundary(struct multipart *multipart, enum line *ret_kind)
{
	const char *start = multipart->at, *line = start;

	while (line < multipart->end) {
		const char *end = memchr(line, '\n', (size_t)(multipart->end - line));
		const char *next = end != NULL ? end + 1 : multipart->end;

		*ret_kind = line_kind(multipart, line, end != NULL ? end : multipart->end);
		if (*ret_kind != LINE_OTHER) {
			multipart->at = next;
			return line > start ? line - 1 : line;
		}
		line = next;
	}
	*ret_kind = LINE_CLOSE;
	multipart->at = multipart->end;
	return multipart->end;
}

void multipart_start(struct multipart *multipart, const char *body, size_t len,
		     const char *boundary)
{
	enum line kind;

	*multipart = (struct multipart){.at = body, .end = body + len, .boundary = boundary};
	multipart->boundary_len = strlen(boundary);
	if (multipart->boundary_len == 0 || multipart->boundary_len > MULTIPART_BOUNDARY_MAX) {
		multipart->end = multipart->at;
		return;
	}
	skip_to_boundary(multipart, &kind);
	if (kind == LINE_CLOSE)
		multipart->end = multipart->at;
}

bool multipart_next(struct multipart *multipart, const char **ret_part, size_t *ret_len)
{
	const char *start = multipart->at, *end;
	enum line kind;

	if (start == multipart->end)
		return false;
	end = skip_to_boundary(multipart, &kind);
	if (kind == LINE_CLOSE)
		multipart->end = multipart->at;
	*ret_part = start;
	*ret_len = (size_t)(end - start);
	return true;
}
