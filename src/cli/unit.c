// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the instances' units are called. systemctl(1) is asked, not a file read, since an
// administrator's own template goes before the distribution's.

#include "cli/unit.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/process.h"

#define SECONDS 10

const char *unit_prefix(void)
{
	static const char *const argv[] = {"systemctl", "cat", "postfix@.service", NULL};
	auto_buf struct buf out = buf_make(65536), errors = buf_make(65536);

	if (process_run(argv, SECONDS, &out, &errors) == 0 &&
	    strstr(buf_string(&out), "MAIL_CONFIG=/etc/postfix-%I") != NULL)
		return UNIT_PREFIX_FOLDER;
	return UNIT_PREFIX_NAME;
}
