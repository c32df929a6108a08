// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Enhanced status codes (RFC 3463 section 2). Remote servers put them anywhere and malformed: "553
// Exceeded", "5.1.1.2"; what is not wholly a code is none at all, for a guess here would end as a
// wrong verdict.
#include "mail/status.h"

#include <stdio.h>

// Reads one to three digits; *cursor is moved behind them. -1 where there are none or more.
static int number_parse(const char **cursor)
{
	int value = 0;
	int n = 0;

	for (; **cursor >= '0' && **cursor <= '9' && n < 4; n++)
		value = value * 10 + (*(*cursor)++ - '0');
	return n >= 1 && n <= 3 ? value : -1;
}

bool status_parse(const char *text, struct status *ret_status)
{
	struct status status;

	while (*text == ' ' || *text == '\t')
		text++;
	if ((*text != '2' && *text != '4' && *text != '5') || text[1] != '.')
		return false;
	status.class = *text - '0';
	text += 2;
	status.subject = number_parse(&text);
	if (status.subject < 0 || *text++ != '.')
		return false;
	status.detail = number_parse(&text);
	if (status.detail < 0 || *text == '.')
		return false;
	*ret_status = status;
	return true;
}

char *status_text(char dst[STATUS_TEXT_SIZE], struct status status)
{
	dst[0] = '\0';
	if (status.class != 0)
		snprintf(dst, STATUS_TEXT_SIZE, "%d.%d.%d", status.class, status.subject,
			 status.detail);
	return dst;
}
