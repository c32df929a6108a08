// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The address in to=<…> may hold anything a quoted local part may hold, and the reason in brackets
// anything a server says. So the line is read from its beginning, each field once and in Postfix's
// order, a quoted local part to its end, and the reason is what is left: nothing in it is looked
// at.

#include "mail/maillog.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define AHEAD (2 * 86400) // seconds a line may be in the future, as clocks differ

// ---- the fields ---------------------------------------------------------------------------------

// What stands from *at up to the end word, copied; *at is then behind it. False, where there is no
// such end or it does not fit.
static bool take(const char **at, const char *end_word, char *dst, size_t size)
{
	const char *end = strstr(*at, end_word);

	if (end == NULL || (size_t)(end - *at) >= size)
		return false;
	memcpy(dst, *at, (size_t)(end - *at));
	dst[end - *at] = '\0';
	*at = end + strlen(end_word);
	return true;
}

static bool skip(const char **at, const char *end_word)
{
	const char *end = strstr(*at, end_word);

	if (end != NULL)
		*at = end + strlen(end_word);
	return end != NULL;
}

static bool begins(const char **at, const char *word)
{
	bool does = strncmp(*at, word, strlen(word)) == 0;

	if (does)
		*at += strlen(word);
	return does;
}

// Over an address and the "> " behind it. Postfix quotes a local part that is no dot-atom
// (postconf(5), info_log_address_format), so that only between quotes may ">, " be a part of it.
static bool skip_address(const char **at)
{
	if (**at == '"') {
		for (++*at; **at != '"'; ++*at) {
			*at += **at == '\\' && (*at)[1] != '\0';
			if (**at == '\0')
				return false;
		}
	}
	return skip(at, ">, ");
}

static bool read_attempt(const char *at, struct maillog *log)
{
	size_t len;

	// to=<ADDRESS>, [orig_to=<…>, ]relay=…, [conn_use=…, ]delay=…, delays=…, dsn=…, status=…
	// (…)
	if (!skip_address(&at) || (begins(&at, "orig_to=<") && !skip_address(&at)) ||
	    !begins(&at, "relay=") || !take(&at, ", ", log->relay, sizeof(log->relay)) ||
	    !skip(&at, "dsn=") || !take(&at, ", ", log->status, sizeof(log->status)) ||
	    !begins(&at, "status=") || !take(&at, " (", log->result, sizeof(log->result)))
		return false;
	if (strcmp(log->relay, "none") == 0)
		log->relay[0] = '\0';
	len = strlen(at);
	len -= len > 0 && at[len - 1] == ')';
	text_escape(log->reason, sizeof(log->reason), at, len);
	return strcmp(log->result, "deferred") == 0 || strcmp(log->result, "bounced") == 0 ||
	       strcmp(log->result, "sent") == 0;
}

// What follows "program[pid]: ".
static void read_text(const char *at, const char *agent, struct maillog *log)
{
	// no vowels in small letters: "warning" is none
	if (!take(&at, ": ", log->queue_id, sizeof(log->queue_id)) ||
	    strspn(log->queue_id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZbcdfghjklmnpqrstvwxyz") !=
		    strlen(log->queue_id))
		return;
	if (strcmp(agent, "qmgr") == 0) {
		if (begins(&at, "from=<") &&
		    take(&at, ">, size=", log->sender, sizeof(log->sender)))
			log->kind = MAILLOG_FROM;
	} else if (strcmp(agent, "smtp") == 0 || strcmp(agent, "error") == 0 ||
		   strcmp(agent, "retry") == 0) {
		if (begins(&at, "to=<") && read_attempt(at, log))
			log->kind = MAILLOG_ATTEMPT;
	}
}

// ---- the time -----------------------------------------------------------------------------------

static int64_t read_new_time(const char *text)
{
	struct tm tm = {0};
	int hours = 0, minutes = 0, at = 0;
	char sign = '+';
	int64_t time;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &at) < 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time = timegm(&tm);
	if (text[at] == '.')
		at += 1 + (int)strspn(text + at + 1, "0123456789");
	if (sscanf(text + at, "%c%2d:%2d", &sign, &hours, &minutes) == 3 &&
	    (sign == '+' || sign == '-'))
		time -= (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return time;
}

// "Nov 23 18:54:39": of this year, or of the last where that is yet to come.
static int64_t read_old_time(const char *text, int64_t now, int64_t offset)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t local = now + offset, time;
	struct tm tm = {0}, today;
	char month[4] = "";
	const char *place;

	if (sscanf(text, "%3s %2d %2d:%2d:%2d", month, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec) < 5 ||
	    strlen(month) != 3 || (place = strstr(months, month)) == NULL ||
	    (place - months) % 3 != 0 || gmtime_r(&local, &today) == NULL)
		return 0;
	tm.tm_mon = (int)((place - months) / 3);
	tm.tm_year = today.tm_year;
	time = timegm(&tm);
	if (time > local + AHEAD) {
		tm.tm_year--;
		time = timegm(&tm);
	}
	return time - offset;
}

// ---- the whole ----------------------------------------------------------------------------------

// The agent of a program's name: "smtp" of "postfix-v6/smtp"; NULL where it is not the instance's.
static const char *agent_of(const char *program, const char *instance)
{
	size_t len = strlen(instance);

	return strncmp(program, instance, len) == 0 && program[len] == '/' ? program + len + 1
									   : NULL;
}

static void copy_line(char dst[MAILLOG_LINE_MAX + 1], const char *line, size_t len)
{
	len = len < MAILLOG_LINE_MAX ? len : MAILLOG_LINE_MAX;
	for (size_t i = 0; i < len; i++)
		dst[i] = line[i] == '\0' ? '?' : line[i];
	dst[len] = '\0';
}

void maillog_read_text(const char *text, size_t len, const char *program, const char *instance,
		       int64_t at, struct maillog *ret_log)
{
	const char *agent = agent_of(program, instance);
	char line[MAILLOG_LINE_MAX + 1];

	memset(ret_log, 0, sizeof(*ret_log));
	copy_line(line, text, len);
	ret_log->at = at;
	if (agent != NULL)
		read_text(line, agent, ret_log);
}

void maillog_read(const char *line, size_t len, const char *instance, int64_t now, int64_t offset,
		  struct maillog *ret_log)
{
	char copy[MAILLOG_LINE_MAX + 1], host[260], program[100];
	const char *agent, *at = copy;

	memset(ret_log, 0, sizeof(*ret_log));
	copy_line(copy, line, len);
	ret_log->at = copy[0] >= '0' && copy[0] <= '9' ? read_new_time(copy)
						       : read_old_time(copy, now, offset);
	if (ret_log->at == 0)
		return;
	// the new kind of time is one word, the old one 15 octets of which one may be a second
	// blank
	at += copy[0] >= '0' && copy[0] <= '9' ? strcspn(copy, " ") : strlen(copy) < 15 ? 0 : 15;
	if (!begins(&at, " ") || !take(&at, " ", host, sizeof(host)) ||
	    !take(&at, "[", program, sizeof(program)) || !skip(&at, "]: "))
		return;
	agent = agent_of(program, instance);
	if (agent != NULL)
		read_text(at, agent, ret_log);
}
