// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The C library's time functions with a zone would read files and the environment; timegm() and
// gmtime_r() do not.

#include "base/when.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/value.h"

#define DAY INT64_C(86400)

char *when_text(char dst[WHEN_SIZE], int64_t time)
{
	struct tm tm;

	if (time <= 0 || time >= INT64_C(253402300800) || gmtime_r(&time, &tm) == NULL ||
	    strftime(dst, WHEN_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		strcpy(dst, "-");
	return dst;
}

// True where the text is the format, whole: d for each digit.
static bool has_form(const char *text, const char *form)
{
	for (; *form != '\0'; form++, text++)
		if (*form == 'd' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return *text == '\0' || strcmp(text, "Z") == 0;
}

static bool read_date(const char *text, struct tm *tm)
{
	int n = has_form(text, "dddd-dd-dd")            ? 3
		: has_form(text, "dddd-dd-ddTdd:dd")    ? 5
		: has_form(text, "dddd-dd-ddTdd:dd:dd") ? 6
							: 0;

	return n > 0 && sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm->tm_year, &tm->tm_mon,
			       &tm->tm_mday, &tm->tm_hour, &tm->tm_min, &tm->tm_sec) >= n;
}

const char *when_parse(const char *text, int64_t now, int64_t *ret_time)
{
	struct tm tm = {0}, back;
	int64_t time = 0;

	if (value_duration(text, &time) == NULL && strspn(text, "0123456789") != strlen(text)) {
		*ret_time = time < now ? now - time : 0;
		return NULL;
	}
	if (!read_date(text, &tm))
		return "YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS, or 7d, 24h is wanted";
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	time = timegm(&back);
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
	    back.tm_min != tm.tm_min || time < 0)
		return "there is no such date";
	*ret_time = time;
	return NULL;
}

char *when_age(char dst[WHEN_SIZE], int64_t seconds)
{
	if (seconds < 120)
		snprintf(dst, WHEN_SIZE, "%" PRId64 " s", seconds < 0 ? 0 : seconds);
	else if (seconds < 7200)
		snprintf(dst, WHEN_SIZE, "%" PRId64 " min", seconds / 60);
	else if (seconds < 2 * DAY)
		snprintf(dst, WHEN_SIZE, "%" PRId64 " h", seconds / 3600);
	else
		snprintf(dst, WHEN_SIZE, "%" PRId64 " d", seconds / DAY);
	return dst;
}
