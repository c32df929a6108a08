// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A strict little reader of the mail that compose writes, and a message to begin with.
#pragma once

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/compose.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char template_path[] = "/tmp/compose.XXXXXX";
static struct mustache_value values[] = {{.name = "word", .text = "value"},
					 {.name = "word_lines", .text = "one\ntwo"}};
static const struct mustache_values value_list = {values, COUNT(values)};

static void write_template(const char *text)
{
	FILE *file = fopen(template_path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct compose ordinary(void)
{
	return (struct compose){
		.template = template_path,
		.words = &value_list,
		.from_name = "Six Test",
		.from = "help@dual.test",
		.to = "jan@good.test",
		.message_id = "abc@dual.test",
		.in_reply_to = "<m1@good.test>",
		.references = "",
		.request_in_reply_to = "",
		.re_subject = "hello",
		.date = 1700000000,
		.max = COMPOSE_MAX,
	};
}

// ---- the splitter ------------------------------------------------------------------------------

struct parsed {
	struct buf bytes;
	bool utf8;
	char names[400]; // of the fields, a blank after each
	const char *body;
	size_t body_len;
};

// No bare CR or LF, no NUL, no line over 998 octets.
static void check_lines(const struct buf *bytes)
{
	size_t line = 0;

	for (size_t i = 0; i < bytes->len; i++) {
		assert_int_not_equal(bytes->data[i], '\0');
		if (bytes->data[i] == '\r') {
			assert_true(i + 1 < bytes->len && bytes->data[i + 1] == '\n');
		} else if (bytes->data[i] == '\n') {
			assert_true(i > 0 && bytes->data[i - 1] == '\r');
			line = 0;
		} else {
			assert_true(++line <= 998);
		}
	}
}

static void split(struct parsed *parsed)
{
	const char *p = parsed->bytes.data;
	size_t n = 0;

	check_lines(&parsed->bytes);
	while (strncmp(p, "\r\n", 2) != 0) {
		if (*p != ' ' && *p != '\t') {
			size_t len = strcspn(p, ":");

			for (size_t i = 0; i < len; i++)
				assert_true(isalnum((unsigned char)p[i]) || p[i] == '-');
			assert_int_equal(p[len], ':');
			n += (size_t)snprintf(parsed->names + n, sizeof(parsed->names) - n, "%.*s ",
					      (int)len, p);
		}
		p = strstr(p, "\r\n");
		assert_non_null(p);
		p += 2;
	}
	parsed->body = p + 2;
	parsed->body_len = parsed->bytes.len - (size_t)(parsed->body - parsed->bytes.data);
}

static int write_message(const struct compose *compose, struct parsed *parsed)
{
	int error;

	memset(parsed, 0, sizeof(*parsed));
	parsed->bytes = buf_make(100000);
	error = compose_message(compose, &parsed->bytes, &parsed->utf8);
	if (error == 0)
		split(parsed);
	return error;
}

static struct parsed parsed_message(const struct compose *compose)
{
	struct parsed parsed;

	assert_int_equal(write_message(compose, &parsed), 0);
	return parsed;
}

// The field's value as written, folds included, in a static buffer; NULL where there is none.
static const char *field(const struct parsed *parsed, const char *name)
{
	static char value[2000];
	char start[64];
	const char *p, *end;

	snprintf(start, sizeof(start), "\r\n%s: ", name);
	p = strncmp(parsed->bytes.data, start + 2, strlen(start + 2)) == 0
		    ? parsed->bytes.data - 2
		    : strstr(parsed->bytes.data, start);
	if (p == NULL || p > parsed->body)
		return NULL;
	p += strlen(start);
	end = strstr(p, "\r\n");
	while (end[2] == ' ' || end[2] == '\t')
		end = strstr(end + 2, "\r\n");
	snprintf(value, sizeof(value), "%.*s", (int)(end - p), p);
	return value;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what))
		n++;
	return n;
}

#define TEMPLATE "Subject: About {{word}}\n\nBody {{word}}\n{{word_lines}}\n-- \nbye\n"
#define FIELDS                                                                                     \
	"From To Subject Date Message-ID In-Reply-To References Auto-Submitted MIME-Version "      \
	"Content-Type "
#define FIELDS_PLAIN FIELDS "Content-Transfer-Encoding "
