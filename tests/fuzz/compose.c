// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/compose on strangers' values: the input, cut at its NULs, is the request's fields, a
// template value and the attachments; the same go into report.json. Whatever they hold, the fields
// are ours, the lines are whole and short, the octets are 7-bit but for an address that is not, and
// the size is bounded. Reached: a message with all attachments.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "adapter/compose.h"
#include "adapter/report_json.h"

#define VALUES 8
#define TEMPLATE                                                                                   \
	"Subject: About {{word}}\n\nBody {{word}}\nDiagnostic-Code: {{word_lines}}\n-- \nbye\n"

#define HTML "<p>{{word}}</p><pre>{{word_lines}}</pre>\n"

static const char *file_path(char path[40], const char *text)
{
	int fd;

	if (path[0] != '\0')
		return path;
	fd = memfd_create("template", 0);
	assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return path;
}

static bool is_ours(const char *line)
{
	static const char *const names[] = {
		"From: ",
		"To: ",
		"Subject: ",
		"Date: ",
		"Message-ID: ",
		"In-Reply-To: ",
		"References: ",
		"Auto-Submitted: ",
		"MIME-Version: ",
		"Content-Type: ",
		"Content-Transfer-Encoding: ",
		" ",
		"\t",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void check_message(const struct buf *out, bool utf8)
{
	const char *p = out->data;

	assert(out->len <= COMPOSE_REPORT_MAX && strlen(out->data) == out->len);
	for (; strncmp(p, "\r\n", 2) != 0; p = strstr(p, "\r\n") + 2)
		assert(is_ours(p));
	for (; *p != '\0'; p = strstr(p, "\r\n") + 2)
		assert(strcspn(p, "\r") <= 998);
	for (size_t i = 0; i < out->len; i++) {
		assert(utf8 || ((unsigned char)out->data[i] < 0x7f));
		assert(out->data[i] != '\r' || out->data[i + 1] == '\n');
		assert(out->data[i] != '\n' || (i > 0 && out->data[i - 1] == '\r'));
	}
	fuzz_reached += strstr(out->data, "application/json") != NULL &&
			strstr(out->data, "message/delivery-status") != NULL &&
			strstr(out->data, "text/rfc822-headers") != NULL;
}

static void write_json(struct buf *out, char *const value[VALUES])
{
	struct report_json report = {
		.kind = "bounce",
		.id = value[0],
		.requester = value[1],
		.client_helo = value[2],
		.class = value[4],
		.diagnostic = value[5],
		.survey = value[6],
	};

	assert(report_json_write(&report, REPORT_JSON_MAX, out) == 0 && !buf_failed(out));
	for (size_t i = 0; i < out->len; i++)
		assert((out->data[i] >= ' ' && out->data[i] <= '~') || out->data[i] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + VALUES + 1), *value[VALUES];
	struct buf out = buf_make(COMPOSE_REPORT_MAX), json = buf_make(REPORT_JSON_MAX);
	static char text_path[40], html_path[40];
	bool utf8 = false;
	size_t at = 0;

	memcpy(copy, data, size);
	memset(copy + size, 0, VALUES + 1);
	for (size_t i = 0; i < VALUES; i++) {
		value[i] = copy + at;
		at += strlen(value[i]) + (at < size + VALUES);
	}
	struct mustache_value values[] = {{.name = "word", .text = value[4]},
					  {.name = "word_lines", .text = value[4]}};
	struct mustache_values list = {values, 2};
	struct compose compose = {
		.template = file_path(text_path, TEMPLATE),
		.template_html = file_path(html_path, HTML),
		.words = &list,
		.from_name = "Six",
		.from = "help@dual.test",
		.to = *value[7] != '\0' ? value[7] : "jan@good.test",
		.message_id = "abc@dual.test",
		.re_subject = value[0],
		.in_reply_to = value[1],
		.references = value[2],
		.request_in_reply_to = value[3],
		.date = 1700000000,
		.status_part = value[5],
		.returned = value[6],
		.max = COMPOSE_REPORT_MAX,
	};

	write_json(&json, value);
	compose.json = buf_string(&json);
	if (compose_message(&compose, &out, &utf8) == 0)
		check_message(&out, utf8);
	else
		assert(out.len == 0);
	buf_free(&out);
	buf_free(&json);
	free(copy);
	return 0;
}
