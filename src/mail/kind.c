// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table of our kinds of mail. A new kind needs a row here, a template in each language, and a
// look at the promise of four messages at most for one.

#include "mail/kind.h"

#include <string.h>

static const struct kind_row rows[] = {
	{KIND_REPORT, "report", "report.txt", "report.html", false, false},
	{KIND_SIX, "six", "six.txt", NULL, true, true},
	{KIND_DELAY, "delay", "delay.txt", NULL, false, false},
	{KIND_BOUNCE, "bounce", "bounce.txt", "bounce.html", false, false},
};

const struct kind_row *kind_row(enum kind kind)
{
	return &rows[kind - KIND_REPORT];
}

const struct kind_row *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}
