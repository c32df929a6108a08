// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SMTP replies, line by line. A line ends in LF; a CR before it is dropped, a missing one forgiven,
// because what is dangerous in what we send is harmless in what we read. What is not a reply, mixes
// codes or passes a limit breaks the stream for good: after that no line can be trusted to answer
// the command we think it answers.
#include "mail/smtp_reply.h"

#include <string.h>

#define IN_MAX (64 * 1024) // bytes not looked at yet

struct smtp_reply smtp_reply_make(void)
{
	return (struct smtp_reply){.in = buf_make(IN_MAX)};
}

void smtp_reply_free(struct smtp_reply *reply)
{
	buf_free(&reply->in);
}

void smtp_reply_push(struct smtp_reply *reply, const char *data, size_t len)
{
	buf_add(&reply->in, data, len);
}

// "250" as a number; 0 where the line does not begin with a code and a blank, a hyphen or its end.
static int line_code(const char *line, size_t len)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '9' ||
	    line[2] < '0' || line[2] > '9')
		return 0;
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static void keep_text(struct smtp_reply *reply, const char *text, size_t len)
{
	size_t n = len < sizeof(reply->text) ? len : sizeof(reply->text) - 1;

	for (size_t i = 0; i < n; i++)
		reply->text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	reply->text[n] = '\0';
}

static enum smtp_read take_line(struct smtp_reply *reply, const char *line, size_t len)
{
	int code = line_code(line, len);
	bool goes_on = len > 3 && line[3] == '-';

	if (code == 0 || len > SMTP_REPLY_LINE || reply->lines >= SMTP_REPLY_LINES)
		return SMTP_READ_BROKEN;
	if (reply->lines > 0 && code != reply->code)
		return SMTP_READ_BROKEN;
	reply->code = code;
	keep_text(reply, len > 4 ? line + 4 : "", len > 4 ? len - 4 : 0);
	reply->lines = goes_on ? reply->lines + 1 : 0;
	return goes_on ? SMTP_READ_LINE : SMTP_READ_REPLY;
}

enum smtp_read smtp_reply_next(struct smtp_reply *reply)
{
	const char *end = NULL;
	size_t len;
	enum smtp_read read;

	if (buf_failed(&reply->in))
		return SMTP_READ_BROKEN;
	if (reply->in.len > 0)
		end = memchr(reply->in.data, '\n', reply->in.len);
	if (end == NULL)
		return reply->in.len > SMTP_REPLY_LINE ? SMTP_READ_BROKEN : SMTP_READ_MORE;
	len = (size_t)(end - reply->in.data);
	read = take_line(reply, reply->in.data,
			 len > 0 && reply->in.data[len - 1] == '\r' ? len - 1 : len);
	if (read != SMTP_READ_BROKEN) // a broken line stays, and stays broken
		buf_shift(&reply->in, len + 1);
	return read;
}
