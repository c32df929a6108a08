// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Whether resolv.conf(5) is still the file that it was. A resolver lives as long as a daemon, and
// the machine may be given other name servers meanwhile.
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct dns_file {
	const char *path;
	struct stat seen; // of no file: zeros
};

// Looks at it: what is_changed() compares with.
void dns_file_open(struct dns_file *file, const char *path);

// Since it was last asked, or opened. A file that is gone is another one, too.
bool dns_file_is_changed(struct dns_file *file) must_check;
