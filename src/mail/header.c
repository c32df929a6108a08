// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The header of a message or of a MIME part, field by field.
//
// The one thing to know: a limit never moves the body. What is over one is left out of the values,
// but the header still ends at its empty line, so the length of a line decides nothing but that
// line.
#include "mail/header.h"

#include <string.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

// Most mail has nothing to change, and memchr(3) sees that ten times as fast.
static size_t skip_canonical(const char *bytes, size_t len)
{
	const char *cr = memchr(bytes, '\r', len), *nul;

	if (cr != NULL)
		len = (size_t)(cr - bytes);
	nul = memchr(bytes, '\0', len);
	return nul != NULL ? (size_t)(nul - bytes) : len;
}

size_t header_canonicalise(char *bytes, size_t len)
{
	const size_t start = len > 0 ? skip_canonical(bytes, len) : 0;
	size_t used = start;

	for (size_t i = start; i < len; i++) {
		if (bytes[i] == '\0')
			continue;
		if (bytes[i] == '\n')
			while (used > 0 && bytes[used - 1] == '\r')
				used--;
		bytes[used++] = bytes[i];
	}
	for (size_t i = start; i < used; i++)
		if (bytes[i] == '\r')
			bytes[i] = '\n';
	return used;
}

// Just behind the line end that begins at position i, as header_canonicalise sees line ends.
static size_t behind_line_end(const char *bytes, size_t len, size_t i)
{
	size_t next = i;

	while (next < len && (bytes[next] == '\r' || bytes[next] == '\0'))
		next++;
	return next < len && bytes[next] == '\n' ? next + 1 : i + 1;
}

size_t header_length(const char *bytes, size_t len)
{
	bool line_is_empty = true;
	size_t i = 0;

	while (i < len) {
		bool ends_line = bytes[i] == '\r' || bytes[i] == '\n';

		if (ends_line && line_is_empty)
			return behind_line_end(bytes, len, i);
		if (bytes[i] != '\0')
			line_is_empty = ends_line;
		i = ends_line ? behind_line_end(bytes, len, i) : i + 1;
	}
	return len;
}

void header_start(struct header *header, const char *bytes, size_t len)
{
	*header = (struct header){.value = buf_make(HEADER_FIELD_MAX),
				  .start = bytes,
				  .at = bytes,
				  .end = bytes + len};
}

// The end of the line at `at`: its line feed, or the end of all.
static const char *line_end(const struct header *header, const char *at)
{
	const char *end = memchr(at, '\n', (size_t)(header->end - at));

	return end != NULL ? end : header->end;
}

static bool at_continuation(const struct header *header)
{
	return header->at < header->end && is_blank(*header->at);
}

// Takes the name in front of a colon; returns the byte behind it, or NULL where the line is no
// field.
static const char *take_name(struct header *header, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	size_t len;

	if (colon == NULL)
		return NULL;
	for (len = (size_t)(colon - line); len > 0 && is_blank(line[len - 1]); len--)
		;
	if (len == 0 || len > HEADER_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (line[i] < 33 ||
		    line[i] > 126) // RFC 5322 section 3.6.8; char may be signed, which is fine here
			return NULL;
	memcpy(header->name, line, len);
	header->name[len] = '\0';
	return colon + 1;
}

static void add_cut(struct header *header, const char *bytes, size_t len)
{
	size_t room = header->value.max - header->value.len;

	if (len > room) {
		header->cut = true;
		len = room;
	}
	buf_add(&header->value, bytes, len);
}

static void add_line(struct header *header, const char *from, const char *end)
{
	size_t len = (size_t)(end - from);

	if (len > HEADER_LINE_MAX) {
		header->cut = true;
		len = HEADER_LINE_MAX;
	}
	add_cut(header, from, len);
}

static void trim(struct buf *value)
{
	size_t front = 0;

	while (value->len > 0 && is_blank(value->data[value->len - 1]))
		value->data[--value->len] = '\0';
	while (front < value->len && is_blank(value->data[front]))
		front++;
	buf_shift(value, front);
}

// Reads the line at `at` and its continuations; false where it was no field.
static bool take_field(struct header *header)
{
	const char *end = line_end(header, header->at);
	const char *value = is_blank(*header->at) ? NULL : take_name(header, header->at, end);

	buf_clear(&header->value);
	if (value != NULL)
		add_line(header, value, end);
	header->at = end < header->end ? end + 1 : end;
	while (at_continuation(header)) {
		end = line_end(header, header->at);
		if (value != NULL)
			add_line(header, header->at, end);
		header->at = end < header->end ? end + 1 : end;
	}
	trim(&header->value);
	return value != NULL;
}

bool header_next(struct header *header)
{
	while (header->at < header->end && *header->at != '\n') {
		if (header->n_fields == HEADER_FIELDS_MAX ||
		    header->at - header->start >= HEADER_MAX) {
			header->cut = true;
			return false;
		}
		if (take_field(header)) {
			header->n_fields++;
			return true;
		}
	}
	return false;
}

const char *header_body(const struct header *header)
{
	const char *at = header->start;

	while (at < header->end && *at != '\n') {
		const char *end = line_end(header, at);

		at = end < header->end ? end + 1 : end;
	}
	return at < header->end ? at + 1 : at;
}

void header_free(struct header *header)
{
	buf_free(&header->value);
}
