// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What is made of a stranger's fields and texts in memory: mail/comment, mail/thread, mail/redact,
// mail/wrap. A comment's removal never lengthens; our References are one line of ids; no name is
// left; a wrapped text has its letters, in lines that are short enough. Reached: References.

#include <string.h>

#include "fuzz.h"

#include "base/mem.h"
#include "mail/comment.h"
#include "mail/redact.h"
#include "mail/thread.h"
#include "mail/wrap.h"

static void check_comment(const char *text)
{
	auto_free char *stripped = mem_new(strlen(text) + 1, 1);
	char small[8];

	assert(strlen(comment_strip(stripped, strlen(text) + 1, text)) <= strlen(text));
	assert(strlen(comment_strip(small, sizeof(small), text)) < sizeof(small));
	assert(strchr(comment_keyword(stripped, strlen(text) + 1, text), ';') == NULL);
}

static void check_thread(const char *text)
{
	auto_buf struct buf out = buf_make(10000), to = buf_make(10000);

	thread_references(&out, text, text, text);
	thread_in_reply_to(&to, text);
	assert(!buf_failed(&out) && out.len <= THREAD_REFERENCES_MAX);
	assert(to.len <= THREAD_ID_MAX);
	for (size_t i = 0; i < out.len; i++)
		assert(out.data[i] >= ' ' && out.data[i] <= '~');
	assert(out.len == 0 || (out.data[0] == '<' && out.data[out.len - 1] == '>'));
	fuzz_reached += out.len > 0;
}

static void check_redact(const char *text)
{
	auto_buf struct buf out = buf_make(4 * strlen(text) + 100), again = buf_make(out.max * 4);

	redact(&out, text, "someone", "h-0");
	assert(!buf_failed(&out));
	redact(&again, buf_string(&out), "someone", "h-0");
	assert(strcmp(buf_string(&again), buf_string(&out)) == 0);
}

static size_t count_letters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] != ' ' && text[i] != '\t' && text[i] != '\n';
	return n;
}

static void check_wrap(const char *text, size_t len)
{
	auto_buf struct buf out = buf_make(100 + len * 50);
	size_t column = 0;

	wrap_text(&out, text, len);
	assert(!buf_failed(&out) && (out.len == 0 || out.data[out.len - 1] == '\n'));
	assert(count_letters(out.data, out.len) == count_letters(text, len));
	for (size_t i = 0; i < out.len; i++) {
		column += (out.data[i] & 0xc0) != 0x80;
		column = out.data[i] == '\n' ? 0 : column;
		assert(column <= WRAP_WIDTH);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);

	check_comment(text);
	check_thread(text);
	check_redact(text);
	check_wrap(text, strlen(text));
	return 0;
}
