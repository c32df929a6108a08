// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table of mail/diagnose, read from its files.
#pragma once

#include <stdio.h>

#include "base/cleanup.h"
#include "mail/diagnose_table.h"

#define DIAGNOSE_PATH_DEFAULT  "/usr/share/postsix/diagnose.tab"
#define DIAGNOSE_LOCAL_DEFAULT "/etc/postsix/diagnose.local"
#define DIAGNOSE_FILE_MAX      (1024 * 1024) // octets

// The rows of local, which need not exist ("" for none), then those of path. NULL on failure, after
// a line to errors: "file:line: sentence". Free it with diagnose_table_free().
struct diagnose_table *diagnose_file_read(const char *path, const char *local,
					  FILE *errors) must_check;
