// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The writer knows where it is by the last byte of the buffer: after an opening bracket or a colon
// comes no comma. That is enough, since a text ends in a quote.

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/when.h"

// The code point at text, *ret_len octets long; U+FFFD and 1 for what is not UTF-8.
static uint32_t decode(const unsigned char *text, size_t *ret_len)
{
	size_t len = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t point = len == 1 ? text[0] : text[0] & (0xffU >> (len + 1));

	*ret_len = 1;
	if (len > 1 && (text[0] < 0xc2 || text[0] > 0xf4))
		return 0xfffd;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0xfffd;
		point = point << 6 | (text[i] & 0x3f);
	}
	if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0xfffd;
	*ret_len = len;
	return point;
}

static void add_point(struct buf *buf, uint32_t point)
{
	if (point == '"' || point == '\\')
		buf_addf(buf, "\\%c", (char)point);
	else if (point >= 0x20 && point < 0x7f)
		buf_addc(buf, (char)point);
	else if (point < 0x10000)
		buf_addf(buf, "\\u%04x", point);
	else
		buf_addf(buf, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10), 0xdc00 | (point & 0x3ff));
}

static void add_string(struct buf *buf, const char *text)
{
	buf_addc(buf, '"');
	for (size_t len; *text != '\0'; text += len)
		add_point(buf, decode((const unsigned char *)text, &len));
	buf_addc(buf, '"');
}

static void begin(struct buf *buf, const char *key)
{
	if (buf->len > 0 && strchr("{[:\n", buf->data[buf->len - 1]) == NULL)
		buf_addc(buf, ',');
	if (key == NULL)
		return;
	add_string(buf, key);
	buf_addc(buf, ':');
}

void json_open(struct buf *buf, const char *key, char bracket)
{
	begin(buf, key);
	buf_addc(buf, bracket);
}

void json_close(struct buf *buf, char bracket)
{
	buf_addc(buf, bracket);
}

void json_text(struct buf *buf, const char *key, const char *text)
{
	begin(buf, key);
	add_string(buf, text);
}

void json_number(struct buf *buf, const char *key, int64_t number)
{
	begin(buf, key);
	buf_addf(buf, "%" PRId64, number);
}

void json_flag(struct buf *buf, const char *key, bool value)
{
	json_raw(buf, key, value ? "true" : "false");
}

void json_none(struct buf *buf, const char *key)
{
	json_raw(buf, key, "null");
}

void json_raw(struct buf *buf, const char *key, const char *json)
{
	begin(buf, key);
	buf_adds(buf, json);
}

void json_time(struct buf *buf, const char *key, int64_t time)
{
	char text[WHEN_SIZE];

	when_text(text, time);
	if (strcmp(text, "-") == 0)
		json_none(buf, key);
	else
		json_text(buf, key, text);
}
