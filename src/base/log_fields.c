// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The fields come out of the finished text, so that there is one grammar and no second place where
// a value could differ. What the line says in words (“will retry”) is in MESSAGE alone.
#include "base/log_fields.h"

#include <ctype.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

// The length of the key that a piece begins with; 0 where it is no key=value.
static size_t key_length(const char *piece)
{
	size_t len = strspn(piece, LETTERS "0123456789_-");

	return piece[len] == '=' && strchr(LETTERS, piece[0]) != NULL ? len : 0;
}

static size_t piece_length(const char *piece)
{
	const char *end = strstr(piece, ", ");

	return end != NULL ? (size_t)(end - piece) : strlen(piece);
}

static void add_pair(struct buf *out, const char *piece, size_t key, size_t len)
{
	buf_adds(out, "POSTSIX_");
	for (size_t i = 0; i < key; i++)
		buf_addc(out, piece[i] == '-' ? '_' : (char)toupper((unsigned char)piece[i]));
	buf_add(out, piece + key, len - key);
	buf_addc(out, '\n');
}

static void add_id(struct buf *out, const struct log_line *line)
{
	static const char *const none[] = {"NOTOKEN", "NOQUEUE", "-"};
	const int len = (int)line->token;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (strlen(none[i]) == line->token && memcmp(line->text, none[i], line->token) == 0)
			return;
	if (len > 0)
		buf_addf(out, "POSTSIX_ID=%.*s\n", len, line->text);
}

void log_fields_journal(struct buf *out, const struct log_line *line)
{
	const char *text = line->text + (line->token > 0 ? line->token + 2 : 0);
	size_t event = key_length(text);

	if (event == 0)
		event = strcspn(text, " ,:");
	buf_addf(out,
		 "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n"
		 "SYSLOG_PID=%d\nPOSTSIX_EVENT=%.*s\n",
		 line->text, line->level, LOG_FAC(LOG_MAIL), line->program, (int)getpid(),
		 (int)event, text);
	add_id(out, line);
	while (*text != '\0') {
		size_t len = piece_length(text), key = key_length(text);

		if (key > 0)
			add_pair(out, text, key, len);
		text += len;
		text += strspn(text, ", ");
	}
}

void log_fields_syslog(struct buf *out, const struct log_line *line)
{
	char stamp[32] = "";
	struct tm tm;

	if (localtime_r(&line->time, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	buf_addf(out, "<%d>%s %s[%d]: %s", LOG_MAKEPRI(LOG_MAIL, line->level), stamp, line->program,
		 (int)getpid(), line->text);
}
